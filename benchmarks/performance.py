"""Speed and memory as ratios measured side by side in one run.

    python benchmarks/performance.py SPECTRUM LARGE_SPECTRUM     # e.g. 3072 and 196608 eigenvalues
    python benchmarks/performance.py                             # power laws of those sizes

Every pair is timed alternately and the smallest of the repetitions counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.points import Points
from diffopt.search.descent import optimize
from diffopt.search.search import Search
from diffopt.solvers import SOLVERS, build_table


def best(*jobs: Callable[[], object], repeats: int = 5) -> list[float]:
    """Smallest wall time of each job, the jobs taking turns."""
    times = [[] for _ in jobs]
    for _ in range(repeats):
        for job, record in zip(jobs, times, strict=True):
            begin = time.perf_counter()
            job()
            record.append(time.perf_counter() - begin)
    return [min(record) for record in times]


def problem(spectrum: Spectrum, steps: int) -> Problem:
    return Problem.create(spectrum, VE(), SOLVERS["euler"](), steps, 80.0, 0.002)


def without_gradients(spectrum: Spectrum, steps: int, compressed: bool) -> Callable[[], object]:
    """The same objective and variables given to scipy's L-BFGS-B, which then differences them."""
    task, objective = problem(spectrum, steps), OBJECTIVES["robust"]()
    search = Search(task, objective)
    block = search.blocks[0]
    scored = search.spectrum if compressed else objective.prepare(spectrum)
    start = search.starts()["karras"]

    def loss(x: np.ndarray) -> float:
        state = block.apply(x, start)
        table = build_table(state.solver, Points.create(state.process, state.sigma), state.eta)
        return float(np.log(objective.value(table, scored, "exact")))

    return lambda: minimize(loss, block.start(start), method="L-BFGS-B", options={"maxfun": 10**6, "maxiter": 500})


def command(*words: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True)


def peak_megabytes(words: list[str]) -> float:
    """Largest resident set of a child process."""
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spectrum", nargs="?")
    parser.add_argument("large", nargs="?")
    parser.add_argument("--json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small_path, large_path = args.spectrum, args.large
        if small_path is None or large_path is None:
            small_path, large_path = f"{folder}/small.npy", f"{folder}/large.npy"
            for path, size in ((small_path, 3072), (large_path, 196608)):
                np.save(path, 200.0 * np.arange(1, size + 1) ** -1.3)
        results = measure(small_path, large_path)
    for name, (value, goal) in results.items():
        print(f"{name:64s} {value:10.3g}   goal {goal}")
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1))


def measure(small_path: str, large_path: str) -> dict[str, tuple[float, str]]:
    """All measurements: name -> (value, goal)."""
    peak = peak_megabytes(["-m", "diffopt.cli.main", "optimize", large_path, "-q"])
    small, large = load_spectrum(small_path), load_spectrum(large_path)
    robust = OBJECTIVES["robust"]()
    ours, ours_large = best(lambda: optimize(problem(small, 20), robust), lambda: optimize(problem(large, 20), robust))
    (plain,) = best(without_gradients(small, 20, compressed=True), repeats=1)
    (naive,) = best(without_gradients(small, 20, compressed=False), repeats=1)
    hundred, thousand = best(
        lambda: optimize(problem(small, 100), robust), lambda: optimize(problem(small, 1000), robust), repeats=2
    )
    libraries = "import numpy, scipy.optimize, pydantic, typer, rich"
    cold, imports, photos = best(
        command("-m", "diffopt.cli.main", "optimize", small_path, "-q"), command("-c", libraries),
        command("-m", "diffopt.cli.main", "optimize", "builtin:photos", "-q"), repeats=7,
    )  # fmt: skip
    help_time, typer_time = best(command("-m", "diffopt.cli.main", "--help"), command("-c", "import typer"), repeats=7)
    return {
        "optimize N=20 d=3072, milliseconds": (ours * 1e3, "< 50"),
        "scipy without gradients / ours, objective on all eigenvalues": (naive / ours, ">= 20"),
        "scipy without gradients / ours, both on the short spectrum": (plain / ours, "(for information)"),
        "large spectrum / small spectrum": (ours_large / ours, "<= 1.5"),
        "N=1000 / N=100": (thousand / hundred, "<= 15"),
        "cold command / importing its libraries": (cold / imports, "<= 1.4"),
        "cold command on builtin:photos / importing its libraries": (photos / imports, "<= 1.4"),
        "diffopt --help / import typer": (help_time / typer_time, "<= 3"),
        "peak memory of the command on the large spectrum, MB": (peak, "< 300"),
    }


if __name__ == "__main__":
    main()
