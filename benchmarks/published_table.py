"""A Gaussian table from the literature, digit by digit, through `diffopt evaluate`.

Pierret and Galerne, "Diffusion models for Gaussian distributions: Exact solutions and Wasserstein
errors" (ICML 2025), table of the CIFAR-10 example: VP-linear (beta from 0.1 to 20), uniform time
steps on [eps, 1], exact start p_T and N(0, I). The columns NFE = n stand for n grid points, i.e. n - 1
steps (RK4: n/4 points). A dash is an infinite error: the scheme divides by a vanishing eigenvalue.

    python benchmarks/published_table.py SPECTRUM      # the CIFAR-10 spectrum of that paper's code
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from decimal import Decimal

from diffopt.cli.main import main as diffopt

EPS = ("0", "1e-5", "1e-4", "1e-3")
COLUMNS = (50, 250, 500, 1000)
#: scheme -> eps -> p_T, N(0, I) for each column.
PRINTED = {
    "euler_maruyama": {
        "0": "4.78 4.78 0.65 0.66 0.32 0.32 0.16 0.16",
        "1e-5": "4.77 4.77 0.66 0.66 0.32 0.32 0.16 0.16",
        "1e-4": "4.76 4.76 0.66 0.66 0.32 0.32 0.17 0.17",
        "1e-3": "4.68 4.68 0.70 0.70 0.40 0.40 0.27 0.27",
    },
    "exponential_integrator": {
        "0": "2.81 2.81 0.57 0.57 0.30 0.30 0.16 0.16",
        "1e-5": "2.81 2.81 0.57 0.57 0.30 0.30 0.16 0.16",
        "1e-4": "2.82 2.82 0.58 0.58 0.31 0.31 0.17 0.17",
        "1e-3": "2.91 2.91 0.67 0.67 0.41 0.41 0.29 0.29",
    },
    "euler": {
        "0": "1.72 1.78 0.38 0.44 0.20 0.26 0.10 0.17",
        "1e-5": "1.72 1.78 0.38 0.44 0.20 0.26 0.10 0.17",
        "1e-4": "1.72 1.78 0.38 0.44 0.20 0.26 0.11 0.17",
        "1e-3": "1.73 1.79 0.42 0.48 0.27 0.32 0.21 0.25",
    },
    "heun": {
        "0": "- - - - - - - -",
        "1e-5": "23.42 23.42 2.86 2.87 1.05 1.06 0.37 0.38",
        "1e-4": "4.68 4.68 0.43 0.44 0.12 0.14 0.03 0.08",
        "1e-3": "0.58 0.59 0.13 0.15 0.16 0.18 0.17 0.19",
    },
    "rk4": {
        "0": "- - - - - - - -",
        "1e-5": "67.32 67.32 5.49 5.49 2.11 2.11 0.77 0.77",
        "1e-4": "14.35 14.35 0.93 0.93 0.29 0.29 0.07 0.10",
        "1e-3": "2.60 2.60 0.09 0.12 0.15 0.17 0.17 0.19",
    },
}


def steps(scheme: str, column: int) -> int:
    """Solver steps behind a column."""
    return (column // 4 if scheme == "rk4" else column) - 1


def command(spectrum: str, scheme: str, eps: str, column: int, start: str) -> list[str]:
    """The command line of one cell."""
    clock = [] if scheme == "exponential_integrator" else ["--clock", "time"]
    end = "zero" if eps == "0" else "sigma_min"
    return [
        "evaluate", spectrum, "--process", "vp_linear", "--schedule", "uniform_t", "--solver", scheme, *clock,
        "--steps", str(steps(scheme, column)), "--t-max", "1", "--t-min", eps, "--end", end, "--start", start,
        "--format", "json", "--quiet",
    ]  # fmt: skip


def cell(spectrum: str, scheme: str, eps: str, column: int, start: str) -> str:
    """Frechet error as the table prints it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = diffopt(command(spectrum, scheme, eps, column, start))
    if code:
        raise SystemExit(f"diffopt evaluate failed with {code}")
    value = json.loads(out.getvalue())["errors"]["frechet"]
    return "-" if value is None else f"{Decimal(value):.2f}"


def main() -> int:
    """Compare every cell; exit code 1 when one differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spectrum")
    args = parser.parse_args()
    wrong, cells = 0, 0
    for scheme, rows in PRINTED.items():
        for eps, printed in rows.items():
            starts = [(c, s) for c in COLUMNS for s in ("exact", "unit")]
            ours = [cell(args.spectrum, scheme, eps, c, s) for c, s in starts]
            bad = [f"{a} (printed {b})" for a, b in zip(ours, printed.split(), strict=True) if a != b]
            wrong, cells = wrong + len(bad), cells + len(ours)
            print(f"{scheme:24s} eps {eps:5s}", " ".join(ours), "" if not bad else f"  DIFFERS: {bad}")
    print(f"{cells - wrong} of {cells} cells agree to every printed digit")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
