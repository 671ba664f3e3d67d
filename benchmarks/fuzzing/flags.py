"""Flags of process, range, sampler and output."""

from __future__ import annotations

import io
import json

import numpy as np

from fuzzing.dice import WILD, Case, Dice, anything, mutated

PROCESSES = ("ve", "ve", "ve", "vp_linear", "vp_cosine", "flow", "table")
TABLES = ("scaled_linear:0.00085,0.012,1000", "linear:0.0001,0.02,100", "squaredcos_cap_v2:50", "sigmoid:0.0001,0.02,60",
          "scaled_linear:0.00085,0.012,100:zero_snr", "t.json", "t.npy")  # fmt: skip
BAD_TABLES = ("linear:0.1,0.2,1e9", "cubic:1", "linear:1,2", "squaredcos_cap_v2:0", "")
SOLVERS = ("euler", "heun", "ddim", "dpmpp_2m", "euler_ancestral", "dpmpp_2m_sde", "unipc", "rk4", "euler_maruyama",
           "edm_stochastic", "dpmpp_3m")  # fmt: skip
SCHEDULES = ("karras", "exponential", "uniform_t", "karras:rho=5", "flow_shift:3", "sgm_uniform", "beta", "simple",
             "kl_optimal",
             "linear_quadratic")  # fmt: skip

BAD_SCHEDULES = ("nope", "karras:rho=x", "karras:x=1", "")


def process_flags(r: Dice, case: Case) -> tuple[list[str], str]:
    """Flags of the process, and its name."""
    name = r.choice(PROCESSES)
    words = [] if name == "ve" else ["--process", name]
    if name == "table":
        rule = r.pick(TABLES, BAD_TABLES, 0.2)
        if rule.startswith("t."):
            table = np.cumprod(1 - np.linspace(1e-4, 0.05, 40))
            table = r.pick((table, np.append(table, 0)), (1 - table, table[::-1], np.append(1.0, table)))
            buffer = io.BytesIO()
            np.save(buffer, table)
            text = json.dumps({"alphas_cumprod": table.tolist()}).encode()
            case.files[rule] = mutated(text if rule == "t.json" else buffer.getvalue(), r, 0.1)
            words += ["--alphas-cumprod", rule]
        else:
            words += ["--betas", rule]
        if r.random() < 0.15:
            config = {"_class_name": r.choice(("DDIMScheduler", "FlowMatchEulerDiscreteScheduler", "EDMEulerScheduler")),
                      "beta_schedule": r.pick(("linear", "scaled_linear"), ("x",)), "num_train_timesteps": 50}  # fmt: skip
            if r.wild(0.7):
                config[r.choice((*config, "trained_betas", "beta_start", "snr_shift_scale"))] = anything(r)
            case.files["scheduler_config.json"] = json.dumps(config).encode()
            words = ["--scheduler-config", r.choice(("scheduler_config.json", "."))]
    if name == "vp_linear" and r.random() < 0.3:
        words += ["--beta-max", r.pick(("12", "30"), WILD)]
    return words, name


def range_flags(r: Dice, process: str) -> list[str]:
    """Ends of the range, start and end."""
    words: list[str] = []
    tops, bottoms = ("10", "14", "5", "80"), ("0.05", "0.01", "0.1", "0")
    if r.random() < 0.3:
        words += ["--sigma-max", r.pick(tops, WILD, 0.2)]
    if r.random() < 0.3:
        words += ["--sigma-min", r.pick(bottoms, WILD, 0.2)]
    if process in ("vp_linear", "flow") and r.random() < 0.15:
        words += [r.choice(("--t-max", "--t-min")), r.pick(("0.9", "0.1", "1", "0"), WILD)]
    if r.random() < 0.2:
        words += ["--end", r.pick(("zero", "sigma_min"), ("x",), 0.1)]
    if r.random() < 0.2:
        words += ["--start", r.pick(("exact", "sigma", "unit"), ("x",), 0.1)]
    return words


def sampler_flags(r: Dice) -> list[str]:
    """Solver, steps and its options."""
    words = ["-s", r.pick(SOLVERS, ("nothing", "", "hen"), 0.05)] if r.random() < 0.7 else []
    if r.random() < 0.08:
        words += ["--eta", r.pick(("0", "0.5", "1"), WILD)]
    if r.random() < 0.05:
        words += ["--clock", r.pick(("sigma", "variance", "logsnr", "time"), ("x",), 0.1)]
    if r.wild(0.08):
        words += [r.choice(("--s-churn", "--s-noise", "-O")), r.choice(("1", "s_churn=2", "s_churn=x", "x=1", *WILD))]
    return words


def steps(r: Dice) -> list[str]:
    """Number of steps."""
    return ["-n", r.pick(("1", "2", "3", "4", "5"), WILD, 0.15)]


def output_flags(r: Dice) -> list[str]:
    """Form, target, quiet."""
    words = []
    if r.random() < 0.35:
        words += ["--format", r.pick(("json", "table", "csv", "markdown"), ("x", "lines"), 0.2)]
    elif r.random() < 0.2:
        words += ["-o", r.pick(("o.json", "o.csv", "o.md", "-"), ("none/o.json", ".", "o/", "e.txt", "o.x", "y" * 300))]
    return words + ["-q"] * (r.random() < 0.2)
