"""How the best grid moves with the operator and the noise, on patches of natural photographs.

    python benchmarks/posterior_grids.py [--steps 8] [--side 16]

Patches come from the two photographs that ship with scikit-learn; for every operator and noise the script
computes the posterior spectrum, the leading-order grid for Euler, and what the prior's grid would cost instead.
"""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.datasets import load_sample_images

from diffopt.data.posterior.posterior import Prior, posterior
from diffopt.data.spectrum import Spectrum
from diffopt.documents.operator_text import parse_operator
from diffopt.objectives.frechet import Discretization
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, run_table

OPERATORS = ("inpainting:0.5", "inpainting:0.75:box", "blur:1.5", "super_resolution:4", "compressed_sensing:64")
NOISES = (0.3, 0.05, 0.01)


def patches(side: int) -> np.ndarray:
    """Grey patches in [-1, 1], shape (n, side^2)."""
    images = [image.mean(axis=2) / 127.5 - 1 for image in load_sample_images().images]
    views = [np.lib.stride_tricks.sliding_window_view(image, (side, side))[::4, ::4] for image in images]
    return np.concatenate([view.reshape(-1, side * side) for view in views])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--side", type=int, default=16)
    options = parser.parse_args()
    data = patches(options.side)
    covariance = np.cov(data.T)
    prior = Prior((options.side, options.side), covariance, None, data.mean(axis=0))
    base = Spectrum.create(np.linalg.eigvalsh(covariance))
    print(f"{data.shape[0]} patches of {options.side} x {options.side}, trace {base.trace:.4g}, max {base.max:.4g}")
    process, solver = PROCESSES["ve"](), SOLVERS["euler"]()

    def grid(spectrum: Spectrum) -> Grid:
        return SCHEDULES["first_order"]().grid(Span(process, options.steps, 80.0, 0.002, "sigma_min", spectrum))

    def error(on: Grid, spectrum: Spectrum) -> float:
        return Discretization().value(run_table(solver, on), spectrum, "exact")

    own = grid(base)
    print("| operator | noise | trace | max | W2, own grid | W2, prior's grid | inner sigmas of the own grid |")
    print("|---|---|---|---|---|---|---|")
    print(f"| prior | - | {base.trace:.4g} | {base.max:.4g} | {error(own, base):.4g} | - | {inner(own)} |")
    for operator in OPERATORS:
        for noise in NOISES:
            spectrum = posterior(prior, parse_operator(operator), noise).spectrum
            best = grid(spectrum)
            numbers = f"{spectrum.trace:.4g} | {spectrum.max:.4g} | {error(best, spectrum):.4g} | {error(own, spectrum):.4g}"
            print(f"| {operator} | {noise:g} | {numbers} | {inner(best)} |")


def inner(grid: Grid) -> str:
    """The levels between the ends."""
    return ", ".join(f"{s:.3g}" for s in grid.sigmas[1:-1])


if __name__ == "__main__":
    main()
