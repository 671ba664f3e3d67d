"""Schedulers that take timesteps: multistep and single-step DPM-Solver++, Heun, DDPM."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.hosts.base import Sampler
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.scheduler import Call, Scheduler, deviation, needed_levels
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import single
from diffopt.law.start import Start
from diffopt.solvers import SOLVERS


def nearest_indices(sigmas: Array, table: Array) -> Array:
    """Distinct decreasing indices, nearest in log sigma, shape (N,)."""
    logs = np.log(table)
    wish = np.interp(np.log(sigmas), logs, np.arange(table.size))
    low, high = np.floor(wish).astype(int), np.ceil(wish).astype(int)
    closer = np.abs(logs[low] - np.log(sigmas)) <= np.abs(logs[high] - np.log(sigmas))
    index = np.where(closer, low, high)
    for k in range(1, index.size):
        index[k] = min(index[k], index[k - 1] - 1)
    return np.asarray(np.maximum(index, np.arange(index.size)[::-1]), dtype=np.float64)


def with_middles(levels: Array) -> Array:
    """Steps above 0 halved in log sigma (theory.md, eq. 244)."""
    inner = np.sqrt(levels[:-1] * levels[1:])
    mixed = np.insert(levels, np.arange(1, levels.size), inner)
    return mixed if levels[-1] > 0 else np.delete(mixed, -2)


class ByTimesteps(Scheduler):
    """`timesteps=`: N whole numbers, no final 0; sigma is the table's value."""

    #: Whether fractions are cut off.
    cuts: ClassVar[bool] = True

    def call(self, run: Run, config: Config) -> Call:
        """The nearest trained levels, no two the same."""
        table = needed_levels(run, config, self.name)
        return Call("timesteps", nearest_indices(run.levels[:-1], table), "list", self.options(run))

    def verbatim(self, run: Run, config: Config) -> Call:
        """The file's fractional timesteps."""
        table = needed_levels(run, config, self.name)
        index = np.interp(np.log(run.levels[:-1]), np.log(table), np.arange(table.size))
        return Call("timesteps", np.where(np.abs(index - np.round(index)) < 1e-7, np.round(index), index))

    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """Truncated to integers; the last value by `final_sigmas_type`."""
        table = needed_levels(run, config, self.name)
        used = np.trunc(call.values) if self.cuts else single(call.values)
        got = np.append(np.interp(used, np.arange(table.size), table), self._last(run, call, config, table))
        found = self._changes(run, call, used, got)
        if run.levels[-1] != got[-1] and (run.levels[-1] == 0 or abs(got[-1] / run.levels[-1] - 1) > 1e-5):
            message = f"{self.name} ends at {got[-1]:.6g}, the grid at {run.levels[-1]:.6g}"
            found.append(Finding("end", message, self._end_repair(table)))
        return single(got), found

    def _end_repair(self, table: Array) -> str:
        return f"optimize with --end zero, or with --end sigma_min --sigma-min {table[0]:.6g}"

    def _last(self, run: Run, call: Call, config: Config, table: Array) -> float:
        kind = call.options.get("final_sigmas_type", config.get("final_sigmas_type", "zero"))
        return 0.0 if kind == "zero" else float(table[0])

    def _changes(self, run: Run, call: Call, used: Array, got: Array) -> list[Finding]:
        wish = run.levels[:-1]
        if np.any(np.diff(used) >= 0):
            k = int(np.flatnonzero(np.diff(used) >= 0)[0])
            message = f"timesteps {call.values[k]:.6g} and {call.values[k + 1]:.6g} both become {used[k]:.6g}"
            return [Finding("duplicated", message, "optimize with --timesteps integer, or take --to diffusers:snippet")]
        gap = deviation(wish, got[:-1])
        if gap <= 1e-5:
            return []
        how = "truncated to whole numbers" if np.any(used != call.values) else "nearest trained levels"
        message = f"{self.name} takes timesteps ({how}): sigma moves by up to {100 * gap:.3g} %"
        return [Finding("rounded", message, "optimize with --timesteps integer, or take --to diffusers:snippet (exact)")]


_FLAGS = {f"use_{kind}_sigmas": False for kind in ("karras", "exponential", "beta")}


def _ends(run: Run) -> dict[str, Any]:
    return {"final_sigmas_type": "zero" if run.levels[-1] == 0 else "sigma_min"}


class DPMSolverMultistep(ByTimesteps):
    """DPM-Solver++ of order 1 to 3, and its SDE variant of order 1 and 2 (eta always 1)."""

    name = "DPMSolverMultistepScheduler"
    processes = ("ve", "vp_linear", "vp_cosine", "table", "flow")
    samplers: ClassVar = {
        "euler": Sampler(name, "euler", "euler", "sigma", "sigma"),
        "ddim": Sampler(name, "euler", "euler", "sigma", "sigma"),
        "dpmpp_2m": Sampler(name, "dpmpp_2m", "dpmpp_2m", takes=("lower_order_final",)),
        "dpmpp_3m": Sampler(name, "dpmpp_3m", "dpmpp_3m", takes=("lower_order_final",)),
        "euler_ancestral": Sampler(name, "euler_ancestral", "euler_ancestral", eta=1.0),
        "ddpm": Sampler(name, "euler_ancestral", "euler_ancestral", eta=1.0),
        "dpmpp_2m_sde": Sampler(name, "dpmpp_2m_sde", "dpmpp_2m_sde", eta=1.0),
    }
    #: Solver by (algorithm_type, solver_order).
    CONFIGURED: ClassVar = {
        ("dpmsolver++", 1): "euler", ("dpmsolver++", 2): "dpmpp_2m", ("dpmsolver++", 3): "dpmpp_3m",
        ("sde-dpmsolver++", 1): "euler_ancestral", ("sde-dpmsolver++", 2): "dpmpp_2m_sde",
    }  # fmt: skip

    #: Solver that each one with noise is where its eta is 0.
    QUIET: ClassVar = {"euler_ancestral": "euler", "ddpm": "euler", "dpmpp_2m_sde": "dpmpp_2m"}

    def sampler(self, run: Run) -> Sampler | None:
        """Without noise the algorithm that draws none."""
        name = run.solver.name
        return self.samplers.get(name if np.any(run.eta) else self.QUIET.get(name, name))

    def takes(self, run: Run) -> bool:
        """Timesteps of models of noise ratios."""
        return not run.flow

    def exact_options(self, run: Run) -> dict[str, Any]:
        """On flow models those of a flow too."""
        flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"} if run.flow else {}
        return self.options(run) | flow

    def options(self, run: Run) -> dict[str, Any]:
        """Algorithm, order, end; no grid of its own."""
        noisy = run.solver.eta_meaning is not None and bool(np.any(run.eta))
        order = {"dpmpp_2m": 2, "dpmpp_3m": 3, "dpmpp_2m_sde": 2}.get(run.solver.name, 1)
        lowered = bool(run.option("lower_order_final", False))
        return {
            "algorithm_type": "sde-dpmsolver++" if noisy else "dpmsolver++", "solver_order": order, "solver_type": "midpoint",
            "lower_order_final": lowered, "euler_at_final": False, "use_lu_lambdas": False, **_FLAGS, **_ends(run),
        }  # fmt: skip

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """By algorithm_type and solver_order, whose defaults are dpmsolver++ and 2."""
        key = (config.get("algorithm_type", "dpmsolver++"), int(config.get("solver_order", 2)))
        name = self.CONFIGURED.get(key)
        if name is None or config.get("solver_type", "midpoint") != "midpoint":
            reason = f"algorithm {key[0]} of order {key[1]}, {config.get('solver_type', 'midpoint')} type, is no solver here"
            return Sampler(self.name, None, None, reason=reason)
        if config.get("euler_at_final", False) and run.levels[-1] > 0 and key[1] > 1:
            return Sampler(self.name, None, None, reason="euler_at_final takes the last step of order 1; set it to False")
        clock = "sigma" if name == "euler" else None
        lowered = {"lower_order_final": bool(config.get("lower_order_final", True))} if name in ("dpmpp_2m", "dpmpp_3m") else {}
        return Sampler(self.name, name, name, clock, clock, 1.0 if SOLVERS[name].eta_meaning else None, fixed=lowered)


class DPMSolverSinglestep(ByTimesteps):
    """Single-step DPM-Solver++ of order 1; of order 2 on a grid with the middles of its steps put between.

    Order 2 takes two steps of its grid as one, with the point between as its stage (theory.md, eq. 244).
    """

    name = "DPMSolverSinglestepScheduler"
    samplers: ClassVar = {
        "euler": Sampler(name, "euler", clock="sigma"),
        "ddim": Sampler(name, "euler", clock="sigma"),
        "dpmpp_2s_ancestral": Sampler(name, "dpmpp_2s_ancestral", eta=0.0),
    }

    def takes(self, run: Run) -> bool:
        """Order 1; the stages of order 2 are no whole timesteps."""
        return run.solver.name != "dpmpp_2s_ancestral"

    def placed(self, run: Run) -> Array:
        """With the stages of order 2 put between."""
        return with_middles(run.levels) if run.solver.name == "dpmpp_2s_ancestral" else super().placed(run)

    def options(self, run: Run) -> dict[str, Any]:
        """Algorithm, order, end; no grid of its own."""
        pairs = run.solver.name == "dpmpp_2s_ancestral"
        rule = {"solver_order": 2 if pairs else 1, "lower_order_final": not pairs or bool(run.levels[-1] == 0)}
        return {"algorithm_type": "dpmsolver++", "solver_type": "midpoint", **rule, **_FLAGS, **_ends(run)}

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """Order 1 is Euler; the default order 2 takes two grid steps as one, order 3 three."""
        order = int(config.get("solver_order", 2))
        if order == 1 or (order == 2 and run.solver.name == "dpmpp_2s_ancestral"):
            return self.samplers["euler" if order == 1 else "dpmpp_2s_ancestral"]
        reason = (
            f"order {order} takes {order} steps of the grid as one; set solver_order=1, or optimize with "
            "--solver dpmpp_2s_ancestral --eta 0 (order 2 of diffusers:snippet) or dpmpp_2m (DPMSolverMultistepScheduler)"
        )
        return Sampler(self.name, None, reason=reason)


class HeunDiscrete(ByTimesteps):
    """Heun; fractional timesteps are kept, sigma is linear between the levels; always ends at 0."""

    name = "HeunDiscreteScheduler"
    samplers: ClassVar = {"heun": Sampler(name, "heun", clock="sigma")}
    cuts = False
    twice = True

    def call(self, run: Run, config: Config) -> Call:
        """The fractional timesteps whose linear interpolation gives the levels."""
        table = needed_levels(run, config, self.name)
        index = np.interp(run.levels[:-1], table, np.arange(table.size))
        return Call("timesteps", index, "list", dict(_FLAGS))

    def _last(self, run: Run, call: Call, config: Config, table: Array) -> float:
        return 0.0

    def _end_repair(self, table: Array) -> str:
        return "optimize with --end zero"

    def start(self, run: Run, config: Config) -> Start:
        """As EulerDiscrete."""
        return "unit" if config.get("timestep_spacing", "linspace") == "leading" else "sigma"


class DDPM(ByTimesteps):
    """Ancestral sampling with the small variance, eta always 1; always ends at 0."""

    name = "DDPMScheduler"
    samplers: ClassVar = {
        "ddpm": Sampler(name, "ddpm", eta=1.0),
        "euler_ancestral": Sampler(name, "ddpm", eta=1.0),
        "ddim": Sampler(name, "ddpm", eta=1.0),
    }

    def options(self, run: Run) -> dict[str, Any]:
        """Small variance, no clipping of x_0."""
        return {"variance_type": "fixed_small", "clip_sample": False, "thresholding": False}

    def _last(self, run: Run, call: Call, config: Config, table: Array) -> float:
        return 0.0

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """Clipping is outside every linear scheme."""
        if config.get("clip_sample", True):
            return Sampler(self.name, None, reason="clip_sample clips x_0, which no exact law covers; set clip_sample=False")
        return Sampler(self.name, "ddpm", eta=1.0)

    def _end_repair(self, table: Array) -> str:
        return "optimize with --end zero"
