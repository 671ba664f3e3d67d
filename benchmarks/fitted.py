"""Fitted multistep, and the grids of multistep solvers, where nothing is Gaussian: errors against DPM-Solver++(2M).

    python benchmarks/fitted.py [--chosen] [--networks] [--table]

Runs every contender at 5, 8 and 12 calls from the same noise and compares with the target's own fine limit: 2M on its own
default grid, on Karras' grid, and the fitted solvers on both, beside `ipndm` and `unipc` on grids of their own and of Euler's
scheme. Numbers are 2M's error on its own grid over the contender's: above 1 the contender is better. Without an option the
targets with exact scores that no choice was made on; `--chosen`: those that form and size of the fit were chosen on;
`--networks`: pretrained ones (galaxygrad and jax). What is measured is kept in benchmarks/fitted.json and
not measured again; `--table` prints the tables of docs/evidence.md from it and measures nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "evidence"))
from case import Case

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.schedules.fixed.k_diffusion import Karras
from diffopt.search.descent import optimize
from diffopt.simulation.distance import frechet, pathwise
from diffopt.simulation.empirical import Empirical
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.run import run
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.table import Table

RESULTS = Path(__file__).with_name("fitted.json")
CALLS = (5, 8, 12)
#: Exact scores that nothing was chosen on, and networks.
HELD = ("decay2", "heavy", "terrain", "super_resolution", "audio", "patches8")
NETWORKS = ("hsclog32", "ztf64", "hsc64", "ztf32", "hsc32")
#: Contenders: solver, and the solvers whose grids it takes ((): its own, None: its default), or a schedule that is kept.
CONTENDERS: dict[str, tuple[str, tuple[str, ...] | str | None]] = {
    "dpmpp_2m": ("dpmpp_2m", ()),
    "dpmpp_2m on karras": ("dpmpp_2m", "karras"),
    "fitted_2": ("fitted_2", None),
    "fitted_3": ("fitted_3", None),
    "fitted_4": ("fitted_4", None),
    "fitted_2 on karras": ("fitted_2", "karras"),
    "fitted_3 on karras": ("fitted_3", "karras"),
    "fitted_4 on karras": ("fitted_4", "karras"),
    "ipndm": ("ipndm", None),
    "ipndm, own grid": ("ipndm", ()),
    "unipc": ("unipc", ()),
    "unipc, euler's grid": ("unipc", ("euler",)),
    "unipc, mean of both": ("unipc", ("unipc", "euler")),
    "dpmpp_2m, euler's grid": ("dpmpp_2m", ("euler",)),
}


def _mixture(seed: int, decay: float, components: int, dim: int, inner: float, spread: float) -> Mixture:
    rng = np.random.default_rng(seed)
    scale = np.arange(1, dim + 1) ** (-decay / 2)
    mean = rng.standard_normal((components, dim)) * scale * spread
    weight = rng.dirichlet(np.full(components, 5.0))
    variances = (inner * scale) ** 2 * np.exp(rng.normal(0, 0.5, (components, dim)))
    return Mixture.create(weight, mean - weight @ mean, variances=variances)


def _table(name: str) -> np.ndarray:
    """Standardized columns of a table of scikit-learn."""
    import sklearn.datasets

    rows = getattr(sklearn.datasets, f"load_{name}")().data
    return np.asarray((rows - rows.mean(axis=0)) / rows.std(axis=0))


def _tails() -> Mixture:
    return Mixture.create(np.ones(12), np.zeros((12, 30)), variances=np.exp(np.linspace(-3, 3, 12))[:, None] / np.arange(1, 31))


#: Targets that the fit was chosen on, beside `decay1` and `digits`.
CHOSEN: dict[str, Callable[[], Mixture | Empirical]] = {
    "mixture_1.5": lambda: _mixture(3, 1.5, 8, 32, 0.3, 3),
    "mixture_0.5": lambda: _mixture(4, 0.5, 40, 16, 0.5, 2),
    "tails": _tails,
    "wine": lambda: Empirical.create(_table("wine"), 0.1),
}


def case(name: str) -> Case:
    """A target by its name."""
    if name in CHOSEN:
        target = CHOSEN[name]()
        spectrum = Spectrum.create(np.maximum(np.linalg.eigvalsh(target.covariance()), 0), source=name)
        return Case(name, "exact", target, spectrum, None, count=512)
    if name in NETWORKS:
        import galaxies

        return galaxies.CASES[name]()
    import exact

    return exact.CASES[name]()


def table(of: Case, solver: str, grid: tuple[str, ...] | str | None, steps: int) -> Table:
    """Run of a contender."""
    problem = Problem.create(of.spectrum, VE(), SOLVERS[solver](), steps, of.sigma_max, of.sigma_min)
    if isinstance(grid, str):
        kept = problem.solver.for_data(Dataset.of(of.spectrum))
        return run_table(kept, Grid.create(VE(), Karras().grid(of.span(steps)).sigmas))
    found = optimize(problem, OBJECTIVES["robust"](), tolerance=1e-6, grid_of=grid)
    return run_table(found.solver, found.grid)


def measure(name: str, known: dict[str, dict[str, list[float]]]) -> None:
    """Errors (root mean square of the end points, Frechet distance) of the contenders that are not known yet."""
    of = case(name)
    for steps in CALLS:
        cell = known.setdefault(f"{name} {steps}", {})
        todo = [label for label in CONTENDERS if label not in cell]
        if not todo:
            continue
        ends = run(of.batch, [table(of, *CONTENDERS[label], steps) for label in todo])
        truth = of.reference()
        for label, end in zip(todo, ends, strict=True):
            cell[label] = [float(pathwise(end, truth)), float(frechet(end, truth))]
        RESULTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        print(f"{name} {steps}", file=sys.stderr)


def rows(title: str, names: tuple[str, ...], known: dict[str, dict[str, list[float]]]) -> list[str]:
    """Markdown table of ratios over the cells that are known."""
    cells = [known[f"{name} {n}"] for name in names for n in CALLS if f"{name} {n}" in known]
    if not cells:
        return []
    lines = [f"{title} ({len(cells)} cells)", "", "| | RMSE: mean, worst | Frechet: mean, worst | better | worse than .9 |",
             "|---|---|---|---|---|"]  # fmt: skip
    for label in CONTENDERS:
        base = "dpmpp_2m on karras" if label.startswith("fitted") and label.endswith("karras") else "dpmpp_2m"
        both = [cell for cell in cells if label in cell and base in cell]
        if label == base or not both:
            continue
        ratio = np.array([np.array(cell[base]) / np.array(cell[label]) for cell in both])
        mean, worst = np.exp(np.log(ratio).mean(axis=0)), ratio.min(axis=0)
        better, bad = int((ratio[:, 1] > 1).sum()), int((ratio[:, 1] < 0.9).sum())
        beside = label if base == "dpmpp_2m" else f"{label}, to 2M there"
        lines.append(
            f"| {beside} | {mean[0]:.2f}, {worst[0]:.2f} | {mean[1]:.2f}, {worst[1]:.2f} | {better} of {len(both)} | {bad} |"
        )
    return [*lines, ""]


def main(arguments: list[str]) -> None:
    """Measure and print."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    chosen = ("decay1", "digits", *CHOSEN)
    if "--table" not in arguments:
        for name in NETWORKS if "--networks" in arguments else chosen if "--chosen" in arguments else HELD:
            measure(name, known)
    for title, names in (
        ("Exact scores, left out of every choice", HELD), ("Exact scores, that the fit was chosen on", chosen),
        ("Pretrained networks", NETWORKS),
    ):  # fmt: skip
        print("\n".join(rows(title, names, known)))


if __name__ == "__main__":
    main(sys.argv[1:])
