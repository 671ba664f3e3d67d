"""Seeded fuzzing of files, flags and schedule documents, in process through the command line's own entry.

Run with `python benchmarks/fuzz.py --count 10000 --seed 1`; `--only NUMBER` repeats one input. Every input must end
with a documented exit code, without a traceback or a warning, within 20 seconds of CPU; on failure standard output is
empty and no file is left; a result is never worse than the baselines printed beside it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffopt.cli.main import main

#: Seconds of CPU and gigabytes that an input may take, and the part of the inputs that goes through a real process.
SECONDS, GIGABYTES, PROCESS_EVERY = 20.0, 1.0, 500
CODES = (0, 2, 3)
#: A result may be this much worse than a baseline: rounding of the printed numbers.
ROUNDING = 1e-6


@dataclass
class Case:
    """Words of the command line and the files they speak of."""

    words: list[str]
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Outcome:
    """What a run did."""

    code: int
    out: str
    err: str
    seconds: float
    faults: list[str]


class Dice(random.Random):
    """Random numbers, and how wild an input is: half of them are mostly sensible."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.chaos = 1.0 if self.random() < 0.5 else 0.08

    def wild(self, chance: float) -> bool:
        """Whether something odd is done here."""
        return self.random() < chance * self.chaos

    def pick(self, good, bad, chance: float = 0.3):
        """One of the good ones, or with some chance of the bad ones."""
        return self.choice(bad if self.wild(chance) else good)


# --- pieces -------------------------------------------------------------------------------------------

WILD = (
    "0", "-1", "1e-320", "1e308", "1e999", "nan", "inf", "1_0", "x", "", "0x10", "1e-9", "80", "½", "1,5", " 3 ", "--", "[/x]",
)  # fmt: skip
NAMES = (
    "e.txt", "e.json", "e.csv", "e.npy", "e.npz", "e.tsv", "e.csv.gz", "e", "e.JSON", "[x].json", "a b.txt", "=1.csv", "$x$.npz",
)  # fmt: skip


def eigenvalues(r: Dice) -> list[float]:
    """A plausible spectrum most of the time."""
    size = r.choice((1, 2, 3, 4, 5, 8, 20, 60))
    kind = r.random() * (0.3 + 0.7 * r.chaos)
    if kind < 0.6:
        power = r.uniform(0.2, 3)
        return [r.uniform(0.5, 30) * (i + 1) ** -power for i in range(size)]
    if kind < 0.75:
        return [r.choice((0.0, 1e-12, 1e-3, 1.0, 4.0, 100.0)) for _ in range(size)]
    if kind < 0.85:
        return [10 ** r.uniform(-8, 6) for _ in range(size)]
    return [r.choice((-1e-9, -1.0, 1e-300, 1e130, 1e300, 1e308, float("nan"), 1.0)) for _ in range(size)]


def text_of(values: list[float], r: Dice) -> bytes:
    """A list as people write it, sometimes damaged."""
    mark = r.pick(".", ",", 0.25)
    words = [repr(v).replace(".", mark) for v in values]
    separator = r.pick(("\n", "\r\n", ";"), (",", ", ", ";", " ", "\t", "; ", ",\n"), 0.7)
    body = separator.join(words)
    body = r.pick(("", "# note\n"), ("eigenvalue\n", "eig;weight\n", ",0\n", "[", "sigma\n", "lambda,w\n")) + body
    body += r.pick(("", "\n", "\n\n", " # end"), (",", "]", ";"))
    return body.encode(r.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")))


def weighted_of(values: list[float], r: Dice) -> bytes:
    """Two columns with a header."""
    names = ["eigenvalue", "weight"]
    rows = [[repr(v), str(r.pick((1, 2, 3, 0.5), (0, -1, ""), 0.05))] for v in values]
    if r.random() < 0.5:
        names, rows = names[::-1], [row[::-1] for row in rows]
    separator = r.choice((",", ";", "\t", " "))
    return "\n".join(separator.join(row) for row in [names, *rows]).encode()


def json_of(values: list[float], r: Dice) -> bytes:
    """A list or an object, sometimes with values of other kinds."""
    kind = r.random()
    if kind < 0.4:
        return json.dumps(values).encode()
    content: dict = {"eigenvalues": values, "weights": [r.choice((1, 2, 1.5)) for _ in values], "mean": None}
    if kind < 0.6:
        content["mean"] = [r.gauss(0, 1) for _ in values]
    if kind < 0.7:
        content |= {"schema": "diffopt.spectrum/1", "source": r.choice(("x", "[/x]", "\x1b[0m", "=1", "$a$")), "samples": 5}
    if r.wild(0.3):
        content[r.choice(list(content))] = anything(r)
    return mutated(json.dumps(content).encode(), r, 0.1)


def anything(r: Dice, depth: int = 0):
    """Any JSON value."""
    kinds = [None, True, False, 0, -1, 1, 3.5, 1e308, 10**400, "", "x", "3", [], {}, [1, 2], ["a"], {"a": 1}, [[1]], float("nan")]
    if depth < 2 and r.random() < 0.2:
        return [anything(r, depth + 1) for _ in range(r.randrange(4))]
    return r.choice(kinds)


def npy_of(values: list[float], r: Dice) -> bytes:
    """An array: eigenvalues or a covariance."""
    buffer = io.BytesIO()
    array = np.array(values)
    if r.random() < 0.3 and len(values) < 30 and np.all(np.isfinite(array)):
        turn = np.linalg.qr(np.random.default_rng(r.randrange(99)).normal(size=(len(values),) * 2))[0]
        with np.errstate(all="ignore"):
            array = turn @ np.diag(array) @ turn.T
    with np.errstate(all="ignore"):
        small = np.all(np.abs(array) < 1e9)
        np.save(buffer, array.astype(r.pick(("f8", ">f8"), ("f4", "i4", "c16", "S3")) if small else "f8"))
    return mutated(buffer.getvalue(), r, 0.15)


def npz_of(values: list[float], r: Dice) -> bytes:
    """An archive with one of the known names, or others."""
    buffer = io.BytesIO()
    arrays = {r.pick(("eigenvalues", "eig", "evals", "sigmas"), ("x", "cov", "alphas_cumprod")): np.array(values)}
    if r.random() < 0.3:
        arrays["weights"] = np.ones(len(values))
    if r.random() < 0.1:
        arrays["facts"] = np.array(r.choice(("{}", "[1]", "{", '{"source": "[/x]"}', '{"samples": NaN}')))
    (np.savez_compressed if r.random() < 0.5 else np.savez)(buffer, **arrays)
    return mutated(buffer.getvalue(), r, 0.25)


def mutated(data: bytes, r: Dice, chance: float) -> bytes:
    """The bytes, or with a part flipped, cut, doubled or replaced."""
    if not r.wild(chance) or not data:
        return data
    kind, place = r.randrange(5), r.randrange(len(data))
    if kind == 0:
        changed = bytearray(data)
        changed[place] ^= 1 << r.randrange(8)
        return bytes(changed)
    if kind == 1:
        return data[:place]
    if kind == 2:
        return data[:place] + data[place:][:40] + data[place:]
    if kind == 3:
        return data[:place] + r.randbytes(r.randrange(1, 30)) + data[place:]
    return r.choice((b"", b"\0" * 100, b"[" * 5000, b"PK\x03\x04", b"\x93NUMPY", b"\xff\xfe", b"{" * 3000))


def spectrum(r: Dice, case: Case) -> str:
    """A SPECTRUM argument and its file."""
    if r.wild(0.1):
        return r.choice(("builtin:power2", "builtin:nothing", "none.npy", "-", ".", "x" * 300, "a\ud800b"[:1]))
    values, name = eigenvalues(r), r.choice(NAMES)
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    writers = {".json": json_of, ".npy": npy_of, ".npz": npz_of}
    write = writers.get(suffix, text_of if r.random() < 0.75 else weighted_of)
    data = write(values, r)
    if name.endswith(".gz"):
        import gzip

        data = mutated(gzip.compress(data), r, 0.2)
    case.files[name] = data
    return name


def grid(r: Dice, process: str) -> list[float]:
    """A list of noise ratios, mostly decreasing."""
    size, top = r.randrange(2, 8), 14.0 if process == "table" else 80.0
    values = sorted((top * 10 ** -r.uniform(0, 2.5) for _ in range(size)), reverse=True)
    values += [0.0] * (r.random() < 0.7)
    if r.wild(0.2):
        r.shuffle(values)
    if r.wild(0.1):
        values[r.randrange(len(values))] = r.choice((-1.0, float("nan"), float("inf"), 1e308, 1e-320))
    return values


def document(r: Dice, process: str) -> bytes:
    """A schedule file, whole, bare or with values of other kinds."""
    values = grid(r, process)
    content: dict = {"sigmas": [v if np.isfinite(v) else None for v in values], "steps": len(values) - 1}
    content |= {"solver": r.pick(("euler", "heun", "ddim", "dpmpp_2m"), ("nothing",), 0.1), "start": "exact", "end": "zero"}
    content["process"] = {"name": process if process != "table" else "ve", "sigma_max": values[0], "sigma_min": 0.002}
    if r.random() < 0.4:
        content["eta"] = [r.random() for _ in values[1:]]
    if r.wild(0.5):
        content[r.choice((*content, "solver_options", "clock", "spectrum"))] = anything(r)
    if r.wild(0.2):
        key = r.choice(("beta_min", "beta_max", "offset", "betas", "name"))
        content["process"] = {"name": "vp_linear", key: anything(r)}
    kind = r.random()
    if kind < 0.15:
        return text_of(values, r)
    return mutated(json.dumps(content if kind < 0.85 else content["sigmas"]).encode(), r, 0.1)


PROCESSES = ("ve", "ve", "ve", "vp_linear", "vp_cosine", "flow", "table")
TABLES = ("scaled_linear:0.00085,0.012,1000", "linear:0.0001,0.02,100", "squaredcos_cap_v2:50", "sigmoid:0.0001,0.02,60",
          "scaled_linear:0.00085,0.012,100:zero_snr", "t.json", "t.npy")  # fmt: skip
BAD_TABLES = ("linear:0.1,0.2,1e9", "cubic:1", "linear:1,2", "squaredcos_cap_v2:0", "")
SOLVERS = ("euler", "heun", "ddim", "dpmpp_2m", "euler_ancestral", "dpmpp_2m_sde", "unipc", "rk4", "euler_maruyama",
           "edm_stochastic", "dpmpp_3m")  # fmt: skip
SCHEDULES = ("karras", "exponential", "uniform_t", "karras:rho=5", "flow_shift:3", "sgm_uniform", "beta", "simple", "kl_optimal",
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


# --- commands -----------------------------------------------------------------------------------------


def optimize(r: Dice) -> Case:
    """`optimize`."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    case.words = ["optimize", data, *steps(r), *process, *range_flags(r, name), *sampler_flags(r), *output_flags(r)]
    if r.random() < 0.2:
        case.words += ["--objective", r.pick(("frechet", "kl", "robust", "path_kl"), ("x",), 0.1)]
    if r.random() < 0.15:
        case.words += ["--free", r.pick(("grid",), ("eta", "grid,eta", "eta_per_step", "family", "x"), 0.8)]
    if r.random() < 0.15:
        case.words += ["--schedule", r.pick(SCHEDULES, BAD_SCHEDULES, 0.1)]
    return case


def evaluate(r: Dice) -> Case:
    """`evaluate` of a name, a list or a file."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    words = ["evaluate", data]
    kind = r.random()
    if kind < 0.35:
        words += ["--schedule", r.pick(SCHEDULES, BAD_SCHEDULES, 0.1), *steps(r), *range_flags(r, name)]
    elif kind < 0.6:
        listed = r.choice((",", " ", ";", ", ")).join(map(repr, grid(r, name)))
        damaged = mutated(listed.encode(), r, 0.1).decode("utf-8", "replace").replace("\0", "")
        words += [r.pick(("--sigmas",), ("--times",)), damaged]
    else:
        file = r.pick(("g.json", "g.npy", "g"), ("g.csv", "g.txt", "g.md", "none.json"))
        case.files[file] = npy_of(grid(r, name), r) if file == "g.npy" else document(r, name)
        words += [file] if r.random() < 0.8 else ["--sigmas", file]
    case.words = [*words, *process, *sampler_flags(r), *output_flags(r)]
    return case


def compare(r: Dice) -> Case:
    """`compare-schedules`, small."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    case.words = ["compare-schedules", data, *steps(r), *process, *range_flags(r, name), *output_flags(r)]
    case.words += ["--only", r.pick(("karras", "karras,uniform_t", "exponential,beta", "k*", "karras:rho=5"), ("nope",), 0.1)]
    if r.random() < 0.5:
        case.words += ["-s", r.pick(("euler", "heun", "euler,ddim", "dpmpp_2m"), ("x", "euler,euler"), 0.1)]
    if r.random() < 0.3:
        case.files["g.json"] = document(r, name)
        listed = ",".join(map(repr, grid(r, name)))
        case.words += ["--add", r.pick(("g.json", listed), ("none.json", "times:1,0.5,0", "x" * 300))]
    if r.random() < 0.2:
        case.words += ["--sort", r.pick(("frechet", "-robust"), ("x",)), "--top", r.pick(("1", "2"), ("0", "x"))]
    return case


def show(r: Dice) -> Case:
    """`spectrum show` and `convert`."""
    case = Case([])
    data = spectrum(r, case)
    kind = r.choice(("show", "convert"))
    case.words = ["spectrum", kind, data]
    if r.random() < 0.5:
        case.words += ["--format", r.pick(("json", "table"), ("csv", "npz", "npy", "x"), 0.6)]
    if kind == "convert" and r.random() < 0.5:
        case.words += ["-o", r.pick(("o.json", "o.npz", "o.csv"), ("o.npy", "o.x", "-", "none/x.json"))]
    return case


def posterior(r: Dice) -> Case:
    """`spectrum posterior`."""
    case = Case([])
    field = r.random() < 0.5
    data = r.pick(("power:2", "power:1"), ("power:nan", "power:1e9", "power:x")) if field else spectrum(r, case)
    operator = r.pick(("inpainting:0.5", "blur:1.5", "super_resolution:2", "compressed_sensing:3", "diagonal:1"),
                      ("inpainting:0.5:box", "diagonal:x", "blur:1e300",
                       "x:1", "blur:nan", "matrix:m.npy", "compressed_sensing:1e9"))  # fmt: skip
    case.words = ["spectrum", "posterior", data, "--operator", operator, "--noise", r.pick(("0.1", "1", "0.01"), WILD)]
    if field or r.wild(0.2):
        case.words += ["--shape", r.pick(("4,4", "8,8", "16"), ("3,5", "1000000,1000000", "0,1", "x", "64,64"))]
    if operator.startswith("matrix"):
        case.files["m.npy"] = npy_of([1.0, 2.0, 3.0], r)
    return case


def samples(r: Dice, case: Case) -> str:
    """A file of samples: rows of numbers in some form, sometimes damaged."""
    rows, width = r.pick((12, 30), (1, 2, 3), 0.2), r.choice((1, 2, 3, 5))
    scale = r.pick((1.0, 5.0), (1e-200, 1e120, 1e30), 0.2)
    values = [[r.gauss(0, 1) * scale + 3 for _ in range(width)] for _ in range(rows)]
    if r.wild(0.3):
        values[r.randrange(rows)][r.randrange(width)] = r.choice((float("nan"), -9999.0, 1e20, float("inf"), 0.0))
    name = r.choice(("x.csv", "x.npy", "x.npz", "x.tsv", "x.csv.gz", "x.txt"))
    if name.endswith(("npy", "npz")):
        buffer = io.BytesIO()
        with np.errstate(all="ignore"):
            array = np.array(values).astype(r.pick(("f8", "f4"), ("f2", "i2", "u1", "c16", "S3", "?"), 0.3))
        np.save(buffer, array) if name.endswith("npy") else np.savez(buffer, **{r.choice(("x", "mu", "latents")): array})
        case.files[name] = mutated(buffer.getvalue(), r, 0.2)
        return name
    separator = r.choice((",", ";", " ", "\t"))
    cells = [[repr(v) for v in row] for row in values]
    if r.random() < 0.3:
        cells = [[r.pick((str(i), f"{i}.0", str(7 * i)), ("x", ""), 0.1), *row] for i, row in enumerate(cells)]
    if r.random() < 0.3:
        cells = [[r.choice(("id", "a", "", "time", "label", "0")), *(f"c{i}" for i in range(len(cells[0]) - 1))], *cells]
    text = "\n".join(separator.join(row) for row in cells)
    if r.random() < 0.2:
        text = text.replace(".", ",")
    data = text.encode(r.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))
    if name.endswith("gz"):
        import gzip

        data = gzip.compress(data)
    case.files[name] = mutated(data, r, 0.1)
    return name


def estimate(r: Dice) -> Case:
    """`spectrum estimate`."""
    case = Case([])
    case.words = ["spectrum", "estimate", samples(r, case)]
    for flag, good, bad in (
        ("--method", ("pca", "auto"), ("lanczos", "fourier", "x")),
        ("--shrinkage", ("none", "oas", "ledoit_wolf"), ("analytical", "population", "x")),
        ("--scale", ("1", "0.5"), WILD), ("--range", ("0,255:-1,1",), ("0,0:1,2", "x")), ("--standardize", ("0.5",), WILD),
        ("--columns", ("all", "1-2"), ("9", "x", "-", "")), ("--header", ("auto", "no"), ("yes", "x")),
        ("--missing", ("none", "-9999"), ("x", "0", "nan")), ("--clusters", ("2",), ("0", "99")), ("--block", ("1", "7"), WILD),
        ("--channels", ("auto", "none"), ("first", "7")), ("--key", ("x",), ("nope",)), ("--seed", ("1",), WILD),
    ):  # fmt: skip
        if r.random() < 0.08:
            case.words += [flag, r.pick(good, bad)]
    case.words += ["--skip-bad"] * (r.random() < 0.15) + output_flags(r)
    return case


def others(r: Dice) -> Case:
    """Budgets, shifts, recommendations, spectra from losses."""
    case = Case([])
    kind = r.choice(("error-budget", "shift", "recommend", "from-loss"))
    if kind == "from-loss":
        sigma = sorted(10 ** r.uniform(-2, 2) for _ in range(r.choice((6, 20, 30))))
        loss = [sum(e * s * s / (e + s * s) for e in (4.0, 1.0, 0.1)) * (1 + 0.01 * r.random()) for s in sigma]
        text = "sigma,mse\n" + "\n".join(f"{s!r},{m!r}" for s, m in zip(sigma, loss, strict=True))
        case.files["curve.csv"] = mutated(text.encode(), r, 0.3)
        case.words = ["spectrum", "from-loss", "curve.csv", "--dim", r.pick(("3",), WILD), *output_flags(r)[:2]]
        return case
    data = spectrum(r, case)
    if kind == "error-budget":
        case.words = [kind, data, "--samples", r.pick(("100", "50000"), WILD), *steps(r), *sampler_flags(r), *output_flags(r)]
    elif kind == "shift":
        case.words = [kind, data, *steps(r), "--tokens", r.pick(("256", "4096"), WILD), *output_flags(r)]
    else:
        case.words = [kind, data, "--calls", r.pick(("2", "3"), WILD), *output_flags(r)]
    return case


def listing(r: Dice) -> Case:
    """`list` and `schema`."""
    if r.random() < 0.3:
        return Case(["schema", *r.choice(([], ["diffopt.schedule/1"], ["x"]))])
    return Case(["list", r.choice(("solvers", "schedules", "objectives", "processes", "x", "solver")), *output_flags(r)[:2]])


def config(r: Dice) -> Case:
    """Settings from a file."""
    case = evaluate(r) if r.random() < 0.5 else optimize(r)
    lines = [f"{r.choice(KEYS)} = {r.choice(VALUES)}" for _ in range(r.randrange(3))]
    case.files["c.toml"] = mutated(r.choice(("", "\ufeff")).encode() + "\n".join(lines).encode(), r, 0.15)
    case.words += ["--config", r.pick(("c.toml",), ("none.toml", "."), 0.2)]
    return case


KEYS: tuple[str, ...] = ("solver", "steps", "sigma-max", "sigma_max", "eta", "process", "nothing", "quiet", "betas")
VALUES = ("1", "3", "true", '"heun"', '"3"', "[1, 2]", "nan", "1e400", "{a = 1}", '"ve"', "0.5")
#: Makers of inputs and how often each is drawn.
MAKERS = {optimize: 20, evaluate: 30, compare: 6, show: 16, posterior: 8, estimate: 12, others: 4, listing: 3, config: 6}


def make(seed: int, number: int) -> Case:
    """Input of a number; the same on every machine."""
    r = Dice(f"{seed}/{number}")
    return r.choices(list(MAKERS), list(MAKERS.values()))[0](r)


# --- running ------------------------------------------------------------------------------------------


class Captured(io.TextIOWrapper):
    """A stream in memory, text above bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """What was written."""
        self.flush()
        return self.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def inside(words: list[str]) -> tuple[int, str, str]:
    """Run in this process: exit code, stdout, stderr; a traceback counts as exit 1 and stands on stderr."""
    out, err = Captured(), Captured()
    stdin = io.TextIOWrapper(io.BytesIO(b"4 1 0.25"), encoding="utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("error")
        old, sys.stdin = sys.stdin, stdin
        try:
            code = main(words)
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 1
        except Exception:
            code = 1
            err.write(traceback.format_exc())
        finally:
            sys.stdin = old
    return code, out.text(), err.text()


def outside(words: list[str]) -> tuple[int, str, str]:
    """Run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "diffopt", *words], input=b"4 1 0.25", capture_output=True, check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def run(case: Case, process: bool = False) -> Outcome:
    """Run an input in an empty folder and judge it."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, data in case.files.items():
                Path(name).write_bytes(data)
            started = time.process_time()
            code, out, err = (outside if process else inside)(case.words)
            seconds = time.process_time() - started
            left = {p.name: p for p in Path(folder).iterdir() if p.name not in case.files}
            faults = list(judged(code, out, err, seconds, left))
        finally:
            os.chdir(here)
    return Outcome(code, out, err, seconds, faults)


def judged(code: int, out: str, err: str, seconds: float, left: dict[str, Path]):
    """Faults of an outcome, one sentence each."""
    if "Traceback" in err or "Warning" in err:
        yield (err.strip().splitlines() or ["?"])[-1][:200]
    elif code not in CODES:
        yield f"exit code {code}: {err.strip()[:200]}"
    if seconds > SECONDS:
        yield f"{seconds:.1f} s of CPU"
    if code == 2 and out:
        yield f"output on failure: {out[:60]!r}"
    if code == 2 and left:
        yield f"a file is left on failure: {sorted(left)[:2]}"
    if code == 2 and err.count("error:") != 1:
        yield f"{err.count('error:')} lines of error: {err[:200]!r}"
    if any(name.endswith(".part") for name in left):
        yield "a torn file is left"
    if code in (0, 3):
        text = out or next((p.read_text("utf-8", "replace") for p in left.values() if p.suffix == ".json"), "")
        if text.startswith("{"):
            yield from document_faults(text)


def document_faults(text: str):
    """Faults of a written document: strict JSON, numbers that hang together, no baseline better than the result."""
    try:
        data = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    except ValueError as error:
        yield f"no strict JSON: {error}"
        return
    if data.get("schema") == "diffopt.schedule/1":
        name, value = data["objective"]["name"], data["objective"]["value"]
        free = data["optimizer"]["free"]
        for other, scores in data["baselines"].items():
            best = scores.get(name)
            if "grid" in free and value is not None and best is not None and value > best * (1 + ROUNDING) + 1e-12:
                yield f"{name} {value:.9g} is worse than {other} {best:.9g}"
    if "sigmas" in data and "steps" in data and len(data["sigmas"]) != data["steps"] + 1:
        yield f"{len(data['sigmas'])} sigmas for {data['steps']} steps"


def fuzz(seed: int, numbers: range, process_every: int = 0) -> tuple[collections.Counter, list[tuple[int, str]], float]:
    """Run inputs: how often each exit code came, faults by number, the longest CPU time."""
    codes: collections.Counter = collections.Counter()
    faults, longest = [], 0.0
    for number in numbers:
        outcome = run(make(seed, number), bool(process_every) and number % process_every == 0)
        codes[outcome.code] += 1
        longest = max(longest, outcome.seconds)
        faults += [(number, fault) for fault in outcome.faults]
    return codes, faults, longest


def report(seed: int, first: int, count: int) -> int:
    """Run and print; 1 where there was a fault."""
    codes, faults, longest = fuzz(seed, range(first, first + count), PROCESS_EVERY)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    accepted = (codes[0] + codes[3]) / count
    print(f"{count} inputs of seed {seed}: {dict(sorted(codes.items()))}, {100 * accepted:.0f} % accepted, "
          f"longest {longest:.1f} s of CPU, {memory:.2f} GB, {len(faults)} faults")  # fmt: skip
    for fault, places in sorted(grouped(faults).items(), key=lambda item: -len(item[1])):
        print(f"  {len(places):4d} x {fault}   e.g. {places[:4]}")
    return int(bool(faults) or accepted < 1 / 3 or memory > GIGABYTES)


def grouped(faults: list[tuple[int, str]]) -> dict[str, list[int]]:
    """Numbers of inputs by fault."""
    found: dict[str, list[int]] = {}
    for number, fault in faults:
        found.setdefault(fault, []).append(number)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    if given.only is not None:
        case = make(given.seed, given.only)
        print(case.words, {k: v[:200] for k, v in case.files.items()})
        print(run(case))
        sys.exit(0)
    sys.exit(report(given.seed, given.first, given.count))
