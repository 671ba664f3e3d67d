"""The exports for skrample, executed on the real package, against our tables (`pytest -m skrample`, Python 3.12 or later)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from host_driving import EIG, Noise, executed, ratio_denoiser, start_of, worst
from problems import EXAMPLES

from diffopt.hosts.answer import export_run
from diffopt.hosts.libraries import Skrample
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

pytestmark = [pytest.mark.skrample, pytest.mark.quiet_floats]

SIGMAS = [14.6, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
S = np.array([1.0, 0.93, 0.8, 0.62, 0.43, 0.25, 0.09, 0.0])
BOUND = 5e-5
LONG = [*np.geomspace(14.6, 0.05, 18), 0.0]
CASES = [
    (name, process, grid) for name, s in Skrample.samplers.items() for process in ("table", "vp_linear", "ve", "flow")
    if (s.flow if process == "flow" else s.solver)
    for grid in ("short", *["long"] * (process == "table" and name != "dpmpp_3m"))
]  # fmt: skip


def network(run: Run) -> tuple[Any, Any]:
    """The network of Gaussian data, and what skrample makes of its output."""
    from skrample.sampling.models import FlowModel, NoiseModel

    def model(sample: Any, timestep: float, sigma: float, alpha: float) -> Any:
        clean = ratio_denoiser(sample, alpha, sigma)
        return (sample - (alpha + sigma if run.flow else alpha) * clean) / sigma

    return model, FlowModel() if run.flow else NoiseModel()


@pytest.mark.parametrize(("name", "process", "grid"), CASES)
def test_skrample_runs_our_table(name: str, process: str, grid: str) -> None:
    """Its state is x/sqrt(1 + sigma^2) on models of noise ratios, whatever the scale of the process."""
    from skrample.sampling.interface import StructuredFunctionalAdapter

    with np.errstate(divide="ignore"):
        sigmas = S / (1 - S) if process == "flow" else LONG if grid == "long" else SIGMAS
    clock = {"clock": "sigma"} if SOLVERS[name].uses_clock else {}
    answer = export_run(Run.create(EXAMPLES[process], sigmas, SOLVERS[name](**clock)), "skrample")
    hosted, names = answer.plan.run, executed(str(answer.text))
    assert hosted is not None
    alpha = hosted.table.alpha[:: hosted.table.rows]
    scale = np.ones_like(alpha) if hosted.flow else alpha * np.sqrt(1 + hosted.grid.sigmas**2)
    noise, seen = Noise(), [start_of(hosted)]
    StructuredFunctionalAdapter(names.sampler).sample_model(
        seen[0] / scale[0], *network(hosted), names.schedule, hosted.grid.steps, rng=lambda _: noise(EIG.shape),
        callback=lambda sample, n, _: seen.append(sample * scale[n + 1]),
    )  # fmt: skip
    # UniPC's states are predictions; the correction of a step comes with the next one.
    assert worst(hosted, seen, noise.draws, 0 if name == "unipc" else -1) < BOUND
