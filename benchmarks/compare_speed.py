"""Time of the whole comparison over that of one optimization, both as whole processes.

    python benchmarks/compare_speed.py

All rows x 8 solvers x budgets 5, 10, 20, 40 on a power law of 3072 eigenvalues; the ratio must stay below 10.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SOLVERS = "euler,heun,dpmpp_2m,unipc,ddpm,dpmpp_2m_sde,dpmpp_3m,dpmpp_sde"


def seconds(*words: str) -> float:
    """Best wall time of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "diffopt.cli.main", *words, "-q"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "spectrum.npy")
        rng = np.random.default_rng(0)
        np.save(path, 200.0 * np.arange(1, 3073) ** -1.8 * np.exp(0.2 * rng.standard_normal(3072)))
        one = seconds("optimize", path, "-n", "10")
        everything = seconds("compare-schedules", path, "-s", SOLVERS, "-n", "5,10,20,40", "--format", "csv")
    print(f"optimize {one:.2f} s, compare-schedules {everything:.2f} s, ratio {everything / one:.1f}")
    return int(everything > 10 * one)


if __name__ == "__main__":
    sys.exit(main())
