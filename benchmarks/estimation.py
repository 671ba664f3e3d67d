"""Measures the estimation of spectra: speed, memory, and what is lost in the optimized grid.

    python benchmarks/estimation.py speed        streaming covariance against dsyrk, d = 3072
    python benchmarks/estimation.py wide         d = 200,000 with fourier and lanczos: memory and lost error
    python benchmarks/estimation.py sparse       10^6 x 3072 float32, a sparse file of 12 GB: memory
    python benchmarks/estimation.py marchenko    what each --shrinkage loses on data of few samples

    python benchmarks/estimation.py coverage     how often the bands of the bootstrap hold the truth

Each part prints one JSON line per result. Temporary files go to the directory --scratch.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from euler_grid import frechet, optimize
from scipy.linalg.blas import dsyrk

from diffopt.estimation import estimate
from diffopt.estimation.bootstrap import bands
from diffopt.estimation.correction.shrinkage import SHRINKAGE
from diffopt.estimation.engines.local import Local
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.source import ArraySource
from diffopt.estimation.sums.moments import Covariance


def report(**values: object) -> None:
    print(json.dumps(values), flush=True)


def speed(_scratch: Path, dim: int = 3072, rows: int = 8192) -> None:
    """Best of six of each, alternating, on the same blocks."""
    data = np.random.default_rng(0).standard_normal((rows, dim)).astype(np.float32)
    samples = Samples(ArraySource(data))
    blocks = [block.copy() for _, block in samples.blocks()]
    times: dict[str, list[float]] = {"dsyrk": [], "covariance": []}
    for _ in range(6):
        buffer = np.zeros((dim, dim), order="F")
        start = time.perf_counter()
        for block in blocks:
            buffer = dsyrk(1.0, block.T, beta=1.0, c=buffer, lower=1, overwrite_c=1)
        times["dsyrk"].append(time.perf_counter() - start)
        start = time.perf_counter()
        Local().sweep(samples, Covariance(samples.pilot()), "covariance")
        times["covariance"].append(time.perf_counter() - start)
    best = {name: min(values) for name, values in times.items()}
    report(part="speed", dim=dim, rows=rows, seconds=best, ratio=best["dsyrk"] / best["covariance"])


def stationary(path: Path, dim: int, count: int) -> np.ndarray:
    """Write `count` samples of a periodic Gaussian process and return its exact eigenvalues."""
    k = np.minimum(np.arange(dim), dim - np.arange(dim))
    eig = 1.0 / (1 + (k / 3.0) ** 2)
    eig *= 0.25 * dim / eig.sum()
    data = np.lib.format.open_memmap(path, "w+", np.float32, (count, dim))
    random = np.random.default_rng(0)
    for start in range(0, count, 50):
        noise = np.fft.rfft(random.standard_normal((min(50, count - start), dim)), axis=1)
        data[start : start + 50] = np.fft.irfft(noise * np.sqrt(eig[: dim // 2 + 1]), n=dim, axis=1)
    data.flush()
    return eig


def in_child(path: Path, *flags: str) -> tuple[dict[str, np.ndarray], float, float]:
    """Run the command line in a process of its own; arrays, peak resident GB, seconds."""
    output = path.with_suffix(".npz")
    code = (
        "import sys; from diffopt.cli.main import main; code = main(sys.argv[1:]); "
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]); sys.exit(code)"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "spectrum",
        "estimate",
        str(path),
        "-o",
        str(output),
        "--force",
        *flags,
    ]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    with np.load(output) as arrays:
        return dict(arrays), int(done.stdout.split()[-1]) / 2**20, seconds


def wide(scratch: Path, dim: int = 200_000, count: int = 1000) -> None:
    """Both methods on the same file; the loss is that of the grid under the true spectrum."""
    path = scratch / "wide.npy"
    eig = stationary(path, dim, count)
    ones = np.ones(dim)
    values, counts = np.unique(eig, return_counts=True)
    grid = optimize(values, counts.astype(float))
    best = frechet(eig, ones, grid)
    for flags in (["fourier"], ["lanczos"], ["lanczos", "--shrinkage", "population"]):
        arrays, memory, seconds = in_child(path, "--method", *flags)
        found = optimize(arrays["eigenvalues"], arrays["weights"])
        report(
            part="wide", dim=dim, samples=count, method=" ".join(flags), memory_gb=memory, seconds=seconds,
            entries=len(arrays["eigenvalues"]), best=best,
            loss_percent=100 * (frechet(eig, ones, found) / best - 1),
        )  # fmt: skip


def wider(scratch: Path) -> None:
    """Three times the samples (2.4 GB of them): what the sample size, and not the method, costs."""
    wide(scratch, count=3000)


def sparse(scratch: Path, rows: int = 1_000_000, dim: int = 3072) -> None:
    """Nearly all zeros on disk and in fact; what is measured is memory."""
    path = scratch / "sparse.npy"
    data = np.lib.format.open_memmap(path, "w+", np.float32, (rows, dim))
    data[:: rows // 64] = np.random.default_rng(0).standard_normal((len(data[:: rows // 64]), dim))
    data.flush()
    del data
    arrays, memory, seconds = in_child(path, "--method", "pca")
    report(
        part="sparse",
        rows=rows,
        dim=dim,
        memory_gb=memory,
        seconds=seconds,
        largest=float(arrays["eigenvalues"][0]),
    )


def marchenko(_scratch: Path, dim: int = 400) -> None:
    """Loss of exact error of the grid optimized from the corrected spectrum, in percent."""
    half = dim // 2
    spectra = {
        "white": np.full(dim, 0.25),
        "two levels": np.concatenate([np.full(half, 1.0), np.full(dim - half, 0.01)]),
        "power law 1": 100.0 / np.arange(1, dim + 1),
        "power law 2": 100.0 / np.arange(1, dim + 1) ** 2.0,
    }
    for name, eig in spectra.items():
        best = frechet(eig, np.ones(dim), optimize(eig, np.ones(dim)))
        for count in (dim // 2, 2 * dim):
            data = np.random.default_rng(1).standard_normal((count, dim)) * np.sqrt(eig)
            losses = {}
            for rule in SHRINKAGE:
                found = estimate(data, "pca", shrinkage=rule).spectrum
                grid = optimize(np.array(found.eig), np.array(found.weight))
                losses[rule] = 100 * (frechet(eig, np.ones(dim), grid) / best - 1)
            report(part="marchenko", spectrum=name, dim=dim, samples=count, loss_percent=losses)


def coverage(_scratch: Path, runs: int = 200, replicates: int = 60) -> None:
    """How often the 90 % bands of the bootstrap hold the true eigenvalue: the largest, the middle one, all."""
    spectra = {
        "separate": (np.array([9.0, 4.0, 1.0, 0.25]), (50, 300)),
        "power law 1": (1.0 / np.arange(1, 21), (40, 200, 2000)),
        "power law 2": (1.0 / np.arange(1, 21) ** 2, (40, 200, 2000)),
        "white": (np.ones(20), (40, 200, 2000)),
    }
    for name, (eig, counts) in spectra.items():
        for count in counts:
            held = []
            for seed in range(runs):
                data = np.random.default_rng([seed, count]).standard_normal((count, len(eig))) * np.sqrt(eig)
                found = bands(estimate(data, "pca"), Local(), replicates, seed)
                truth = eig[(found.quantiles * len(eig)).astype(int)]
                held.append((found.low <= truth) & (truth <= found.high))
            share = np.mean(held, axis=0)
            middle = int(np.argmin(np.abs(found.quantiles - 0.5)))
            report(spectrum=name, dim=len(eig), samples=count, largest=float(share[0]),
                       middle=float(share[middle]), all=float(share.mean()))  # fmt: skip


PARTS = {"speed": speed, "wide": wide, "wider": wider, "sparse": sparse, "marchenko": marchenko, "coverage": coverage}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--scratch", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        PARTS[given.part](Path(folder))
    report(
        part=given.part, peak_gb_of_this_process=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    )
