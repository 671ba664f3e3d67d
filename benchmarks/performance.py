"""Speed and memory as ratios measured side by side in one run.

    python benchmarks/performance.py SPECTRUM LARGE_SPECTRUM     # e.g. 3072 and 196608 eigenvalues
    python benchmarks/performance.py                             # power laws of those sizes
    python benchmarks/performance.py --comparison [--beside .../diffopt]   # the comparison alone, and another version's

CPU time with one BLAS thread. Of the comparison also wall time on whatever cores there are, and the longer way: CPU
time of what the first process does alone, and of the longer of what two do at the same time, which other work on the
cores does not lengthen. Every pair is timed alternately and the smallest of the repetitions counts.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.optimize import minimize

import diffopt
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.points import Points
from diffopt.search.descent import optimize
from diffopt.search.search import Search
from diffopt.solvers import SOLVERS, build_table
from diffopt.studies.comparison.setting import Setting, steps_within


def best(*jobs: Callable[[], object], repeats: int = 5) -> list[float]:
    """Smallest CPU time of each job, of this process and of those that it starts, the jobs taking turns."""
    times = [[] for _ in jobs]
    for _ in range(repeats):
        for job, record in zip(jobs, times, strict=True):
            begin = _spent()
            job()
            record.append(_spent() - begin)
    return [min(record) for record in times]


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def problem(spectrum: Spectrum, steps: int, solver: str = "euler") -> Problem:
    return Problem.create(spectrum, VE(), SOLVERS[solver](), steps, 80.0, 0.002)


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


def peak_megabytes(*words: str) -> float:
    """Largest resident set of a child process, which reports it itself.

    From /proc where there is one: the number of `getrusage` begins with the memory of the process that started the child.
    """
    script = (
        "import os, resource, sys; sys.argv = ['diffopt', *sys.argv[1:]]\n"
        "from diffopt.cli.main import main\n"
        "code, peak = main(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "if os.path.exists('/proc/self/status'):\n"
        "    peak = next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(peak, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True)
    return int(done.stderr.split()[-1]) / 1024


#: All rows of eight solvers at four budgets.
COMPARISON = ("-s", "euler,heun,dpmpp_2m,dpmpp_3m,unipc,ddim,euler_ancestral,dpmpp_2m_sde", "-n", "5,10,20,40", "-q")
#: Runs the command line and says the longer way.
WAY = """
import resource, sys, time
import diffopt.foundation.workers as workers
from diffopt.cli.main import main
marks, results = [], workers.results
def marked(*args):
    marks.append(time.process_time())
    yield from results(*args)
    marks.append(time.process_time())
workers.results = marked
sys.argv = ["diffopt", *sys.argv[1:]]
main()
own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
own, others = own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime
together = marks[1] - marks[0]
print(own - together + max(together, others), file=sys.stderr)
"""


def comparison(path: str, beside: str | None = None, repeats: int = 1) -> dict[str, tuple[float, str]]:
    """What a user waits for: seconds of the comparison, and of another version's command in turn."""
    words = ("compare-schedules", path, *COMPARISON)
    # Another version finds its own package.
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        for name, program in (("", [sys.executable, "-m", "diffopt.cli.main"]), (" beside", beside and [beside])):
            if program:
                begin, spent = time.perf_counter(), _spent()
                subprocess.run([*program, *words], check=True, capture_output=True, env=plain if name else None)
                found.setdefault(f"wall{name}", []).append(time.perf_counter() - begin)
                found.setdefault(f"CPU{name}", []).append(_spent() - spent)
        done = subprocess.run([sys.executable, "-c", WAY, *words], check=True, capture_output=True, text=True)
        found.setdefault("the longer way", []).append(float(done.stderr.split()[-1]))
    title = "compare-schedules, 8 solvers, 4 budgets, seconds, "
    goals = {"wall": "half of 0.1.0's on two idle cores", "the longer way": "half of 0.1.0's CPU"}
    return {title + name: (min(times), goals.get(name, "(for information)")) for name, times in found.items()}


def euler_optimizations(spectrum: Spectrum) -> dict[str, tuple[float, str]]:
    """What is not Euler's, in optimizations of `euler` at the same number of steps."""
    short = Spectrum.create(spectrum.eig[:400])
    robust, heavy = OBJECTIVES["robust"](), ("local_linearization", "randomized_exponential_midpoint")
    found = {}
    for steps, data in ((10, short), (20, spectrum)):
        jobs = [lambda s=s, n=steps, d=data: optimize(problem(d, n, s), robust) for s in ("euler", *heavy)]
        euler, *others = best(*jobs, repeats=3)
        found |= {f"optimize {name} / optimize euler N={steps}": t / euler for name, t in zip(heavy, others, strict=True)}
    euler, study, steps_of = best(
        lambda: optimize(problem(short, 10), robust), lambda: noise_study(short, 10), lambda: steps_for(short, 800), repeats=3
    )
    (verb,) = best(lambda: diffopt.optimize(short, "euler", 10), repeats=3)
    found |= {"eta with its defaults, 20 answers in two clocks / optimize euler N=10": study / euler}
    found |= {"diffopt.best_eta / diffopt.optimize, euler N=10": study / verb}
    found |= {"steps that 800 calls pay for, rk4 / optimize euler N=10": steps_of / euler}
    return {name: (value, "<= 10") for name, value in found.items()}


def fitted_coefficients(spectrum: Spectrum) -> dict[str, tuple[float, str]]:
    """The fit alone, and the search over grid and coefficients, in optimizations of `dpmpp_2m`, 20 steps."""
    robust, names = OBJECTIVES["robust"](), ("fitted_2", "fitted_3", "fitted_4")
    points = Points.create(VE(), np.append(np.geomspace(80.0, 0.002, 20), 0.0))
    solvers = [problem(spectrum, 20, name).solver for name in names]
    fits = best(*(lambda s=s: build_table(s, points, np.zeros(20)) for s in solvers))
    jobs = [lambda s=s: optimize(problem(spectrum, 20, s), robust, grid_of=()) for s in ("dpmpp_2m", *names)]
    plain, *joint = best(*jobs, repeats=2)
    found = {f"fit of {name}, N=20, milliseconds": (t * 1e3, "<= 5") for name, t in zip(names, fits, strict=True)}
    together = {f"grid and coefficients, {name} / dpmpp_2m": (t / plain, "<= 10") for name, t in zip(names, joint, strict=True)}
    return found | together


def noise_study(spectrum: Spectrum, steps: int) -> object:
    return diffopt.best_eta(spectrum, steps=steps)


def steps_for(spectrum: Spectrum, calls: int) -> object:
    setting = Setting(Dataset.of(spectrum), VE(), (SOLVERS["rk4"](),), (calls,), 80.0, 0.002)
    return steps_within(setting, SOLVERS["rk4"](), calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spectrum", nargs="?")
    parser.add_argument("large", nargs="?")
    parser.add_argument("--json")
    parser.add_argument("--comparison", action="store_true")
    parser.add_argument("--beside", metavar="PROGRAM")
    args = parser.parse_args()
    # As installing does: where Python may not keep what it compiles, a tree of sources is compiled by every process anew.
    compileall.compile_dir(Path(diffopt.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        small_path, large_path = args.spectrum, args.large
        if small_path is None or large_path is None:
            small_path, large_path = f"{folder}/small.npy", f"{folder}/large.npy"
            for path, size in ((small_path, 3072), (large_path, 196608)):
                np.save(path, 200.0 * np.arange(1, size + 1) ** -1.3)
        huge = f"{folder}/huge.npy"
        if args.comparison:
            results = comparison(small_path, args.beside, repeats=3)
        else:
            np.save(huge, 200.0 * np.arange(1, 10**7 + 1) ** -1.3)
            results = {**commands(small_path, large_path, huge), **searches(small_path, large_path)}
    for name, (value, goal) in results.items():
        print(f"{name:64s} {value:10.3g}   goal {goal}")
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1))


def commands(small: str, large: str, huge: str) -> dict[str, tuple[float, str]]:
    """Whole processes: name -> (value, goal)."""
    # The first run on a long file is for the system's caches.
    peaks = [peak_megabytes("optimize", path, "-q") for path in (large, huge, huge)]
    libraries = "import numpy, scipy.optimize, pydantic, typer, rich"
    cold, imports, photos = best(
        command("-m", "diffopt.cli.main", "optimize", small, "-q"), command("-c", libraries),
        command("-m", "diffopt.cli.main", "optimize", "builtin:photos", "-q"), repeats=5,
    )  # fmt: skip
    study, euler = best(
        command("-m", "diffopt.cli.main", "eta", small, "-q"),
        command("-m", "diffopt.cli.main", "optimize", small, "--solver", "euler", "-n", "10", "-q"), repeats=3,
    )  # fmt: skip
    help_time, typer_time = best(command("-m", "diffopt.cli.main", "--help"), command("-c", "import typer"), repeats=5)
    return {
        "command on 3072 eigenvalues / importing its libraries": (cold / imports, "<= 1.15"),
        "command on builtin:photos / importing its libraries": (photos / imports, "<= 1.15"),
        "diffopt eta / diffopt optimize --solver euler, both of 10 steps": (study / euler, "<= 10"),
        "diffopt --help / import typer": (help_time / typer_time, "<= 3"),
        **comparison(small),
        "peak memory of the command on the large spectrum, MB": (peaks[0], "< 300"),
        "peak memory of a second command on 10^7 eigenvalues, MB": (peaks[2], "< 500"),
    }


def searches(small_path: str, large_path: str) -> dict[str, tuple[float, str]]:
    """Inside one process: name -> (value, goal)."""
    small, large = load_spectrum(small_path), load_spectrum(large_path)
    robust = OBJECTIVES["robust"]()
    ours, ours_large = best(lambda: optimize(problem(small, 20), robust), lambda: optimize(problem(large, 20), robust))
    (plain,) = best(without_gradients(small, 20, compressed=True), repeats=1)
    (naive,) = best(without_gradients(small, 20, compressed=False), repeats=1)
    hundred, thousand = best(
        lambda: optimize(problem(small, 100), robust), lambda: optimize(problem(small, 1000), robust), repeats=2
    )
    return {
        "optimize N=20 d=3072, milliseconds": (ours * 1e3, "<= 12"),
        "scipy without gradients / ours, objective on all eigenvalues": (naive / ours, ">= 20"),
        "scipy without gradients / ours, both on the short spectrum": (plain / ours, "(for information)"),
        "large spectrum / small spectrum": (ours_large / ours, "<= 1.5"),
        "N=1000 / N=100": (thousand / hundred, "<= 15"),
        **euler_optimizations(small),
        **fitted_coefficients(small),
    }


if __name__ == "__main__":
    main()
