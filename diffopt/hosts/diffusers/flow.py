"""Schedulers of flow models: values are shifted again, so they are un-shifted first."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.hosts.base import Sampler, one_eta
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.scheduler import Call, Scheduler, deviation
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.hosts.single_precision import single
from diffopt.processes.flow import Flow, shifted, unshifted


def _before_shift(values: Array, levels: Array, a: float) -> str:
    """What an export's values are, and what the scheduler makes of them."""
    if a == 1:
        return "s of the flow model; the shift is set to 1, so the scheduler runs them as they are"
    last = f"{values[-1]:.4g} becomes {levels[-1]:.4g}"
    formula = "the scheduler makes a u/(1 + (a - 1) u) of each u"
    return f"s of the flow model before its shift, for shift {a:.6g} (set here): {formula}, {last}"


class FlowScheduler(Scheduler):
    """`sigmas=`: N values of s, no final 0, which the scheduler shifts."""

    processes: ClassVar[tuple[str, ...]] = ("flow",)
    #: Key of the static shift, how values are passed, and what it does to a first value of 1.
    shift_key: ClassVar[str] = "shift"
    kind: ClassVar[str] = "list"
    below_one: ClassVar[float] = 0.0
    own_grid = "replaces everything but the two ends by a grid of its own"

    def call(self, run: Run, config: Config) -> Call:
        """Un-shifted values and the shift that they are for, since the pipe's may be another; shift_terminal is switched off."""
        a = config.shift(self.shift_key)[0] if config.knows_shift(self.shift_key) else 1.0
        options = {**self.options(run), self.shift_key: a, "use_dynamic_shifting": False}
        values = unshifted(run.levels[:-1], a)
        return Call("sigmas", values, self.kind, options, comment=_before_shift(values, run.levels[:-1], a))

    def verbatim(self, run: Run, config: Config) -> Call:
        """The file's own times, already shifted."""
        return Call("sigmas", run.levels[:-1], self.kind, {})

    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """Shift, stretch, then 0."""
        given, own = call.options.get(self.shift_key), run.process.model_shift if isinstance(run.process, Flow) else 1.0
        a, text = (float(given), "") if given is not None else config.shift(self.shift_key)
        if given is None and not config.values:
            a, text = own, f"the file's own shift {own:.6g}; no --scheduler-config says another"
        wish = run.levels[:-1]
        u = single(call.values)
        got = shifted(u, a)
        found: list[Finding] = []
        if not config.values and not call.options and own == 1:
            assumed = f"{self.name} with {self.shift_key} 1 is assumed; SD3, Flux and Wan shift what they are given"
            found.append(Finding("note", assumed, "give the model's --scheduler-config"))
        terminal = None if "shift_terminal" in call.options else config.get("shift_terminal", None)
        if terminal and abs(got[-1] - terminal) > 1e-6:
            got = 1 - (1 - got) * (1 - terminal) / (1 - got[-1])
            message = f"shift_terminal {terminal:g} stretches the grid so that its last s is {terminal:g}, not {wish[-1]:.6g}"
            found.append(Finding("reshifted", message, f"optimize with --t-min {terminal:g}, or set shift_terminal=None"))
        if self.below_one and abs(got[0] - 1) < self.below_one:
            got = np.append(got[0] - self.below_one, got[1:])
            dropped = "FluxPipeline and its relatives drop a user's sigmas where use_flow_sigmas is set"
            found.append(Finding("note", dropped, "take --to diffusers:snippet"))
            message = f"{self.name} moves a first s of 1 to 1 - {self.below_one:g}; the second step then has a slope"
            found.append(Finding("note", message))
        gap = deviation(wish, got)
        if gap > 1e-5 and not any(f.kind == "reshifted" for f in found):
            k = int(np.argmax(np.abs(got / wish - 1)))
            message = f"{self.name} shifts what it is given ({text}): s = {wish[k]:.6g} becomes {got[k]:.6g}"
            repair = "take diffopt export --to diffusers --scheduler-config FILE: it un-shifts them and sets their shift"
            repair += " (check --host diffusers:call judges what it wrote)"
            found.append(Finding("reshifted", message, repair))
        if run.levels[-1] != 0:
            message = f"the scheduler appends 0 after {wish[-1]:.6g}, the grid ends at {run.levels[-1]:.6g}"
            found.append(Finding("end", message, "optimize with --end zero"))
        return np.append(single(got), 0.0), found


class FlowMatchEuler(FlowScheduler):
    """FlowMatchEulerDiscreteScheduler: Euler, the same in every clock."""

    name = "FlowMatchEulerDiscreteScheduler"
    samplers: ClassVar = {
        "euler": Sampler(name, None, "euler", flow_clock="sigma"),
        "ddim": Sampler(name, None, "euler", flow_clock="sigma"),
        "flow_ancestral": Sampler(name, None, None, reason=(
            "its s_churn and s_noise are accepted and ignored; take --to diffusers:LTXEulerAncestralRFScheduler")),
    }  # fmt: skip

    def options(self, run: Run) -> dict[str, Any]:
        """No grid of its own, nothing stretched."""
        own = {f"use_{kind}_sigmas": False for kind in ("karras", "exponential", "beta")}
        return {**own, "stochastic_sampling": False, "shift_terminal": None}

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """stochastic_sampling re-noises fully at each step."""
        if config.get("stochastic_sampling", False):
            return Sampler(self.name, None, None, reason="stochastic_sampling re-noises fully at each step; set it to False")
        return None


class LTXEulerAncestral(FlowScheduler):
    """LTXEulerAncestralRFScheduler: ComfyUI's ancestral Euler on flow models; N + 1 values verbatim."""

    name = "LTXEulerAncestralRFScheduler"
    samplers: ClassVar = {"flow_ancestral": Sampler(name, None, "flow_ancestral")}
    own_grid = "has no such flag"

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """Its eta is a key of the configuration, 1 where it is missing."""
        return Sampler(self.name, None, "flow_ancestral", eta=float(config.get("eta", 1.0)))

    def options(self, run: Run) -> dict[str, Any]:
        """One eta for all steps; the noise itself is not scaled."""
        return {"eta": 1.0 if run.solver.eta_meaning is None else one_eta(run.eta), "s_noise": 1.0}

    def call(self, run: Run, config: Config) -> Call:
        """All N + 1 values, unshifted."""
        comment = "s of the flow model, run as they are, without a shift"
        return Call("sigmas", run.levels, "list", self.options(run), comment)

    def verbatim(self, run: Run, config: Config) -> Call:
        """The same."""
        return self.call(run, config)

    def levels(self, run: Run, call: Call, config: Config) -> tuple[Array, list[Finding]]:
        """Verbatim."""
        return single(call.values), []


class UniPC(FlowScheduler):
    """UniPCMultistepScheduler: sigmas only with use_flow_sigmas, as a NumPy array; a first 1 becomes 1 - 1e-6."""

    name = "UniPCMultistepScheduler"
    processes = ("ve", "vp_linear", "vp_cosine", "table", "flow")
    samplers: ClassVar = {"unipc": Sampler(name, "unipc", "unipc", takes=("order",))}
    shift_key = "flow_shift"
    kind = "array"
    below_one = 1e-6

    def takes(self, run: Run) -> bool:
        """Sigmas of flow models."""
        return run.flow

    def placed(self, run: Run) -> Array:
        """A first s of 1 just below it: there is no finite first step from 1."""
        levels = super().placed(run)
        if run.flow and levels[0] == 1:
            levels[0] -= self.below_one
        return levels

    def options(self, run: Run) -> dict[str, Any]:
        """Order 2, bh2, lower order at the end."""
        own = {f"use_{kind}_sigmas": False for kind in ("karras", "exponential", "beta")}
        flow = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"} if run.flow else {"use_flow_sigmas": False}
        end = "zero" if run.levels[-1] == 0 else "sigma_min"
        order = run.option("order", 2)
        common: dict[str, Any] = {"solver_order": order, "solver_type": "bh2", "predict_x0": True, "lower_order_final": True}
        common["disable_corrector"] = []
        return {**common, "final_sigmas_type": end, **own, **flow}

    def configured(self, run: Run, config: Config) -> Sampler | None:
        """bh1 divides by 0 on a last step to 0."""
        kind, order = config.get("solver_type", "bh2"), int(config.get("solver_order", 2))
        if kind == "bh1" and run.levels[-1] == 0:
            return Sampler(self.name, None, None, reason="solver_type bh1 gives NaN on a last step to 0; set solver_type='bh2'")
        off = {"predict_x0": True, "disable_corrector": [], "solver_p": None}
        wrong = next((key for key, value in off.items() if _listed(config.get(key, value)) != _listed(value)), None)
        if wrong is not None:
            return Sampler(self.name, None, None, reason=f"{wrong} makes it another scheme; set {wrong}={off[wrong]!r}")
        end = bool(config.get("lower_order_final", True))
        return Sampler(self.name, "unipc", "unipc", fixed={"order": order, "variant": kind, "lower_order_final": end})


def _listed(value: Any) -> list[Any]:
    """A value, or the items of a list."""
    return list(value) if isinstance(value, list | tuple) else [value]
