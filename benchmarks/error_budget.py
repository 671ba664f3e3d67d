"""Terms of the error budget against simulation: six spectra, six settings; and how leading orders are approached.

PYTHONPATH=. python benchmarks/error_budget.py [--repetitions 400]
"""

from __future__ import annotations

import argparse

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS
from diffopt.studies.budget.budget import Setting, budget
from diffopt.studies.budget.diffusion import Diffusion
from diffopt.studies.budget.flow import Flow
from diffopt.studies.budget.langevin import Langevin
from diffopt.studies.budget.simulate import verify
from diffopt.studies.budget.training import Training

SPECTRA = {
    "power": Spectrum.create(4.0 * np.arange(1, 9.0) ** -1.5), "white": Spectrum.create([1.0], weight=[6.0]),
    "spike": Spectrum.create([9.0, 0.3], weight=[1.0, 5.0]), "geometric": Spectrum.create(2.0 * 3.0 ** -np.arange(6)),
    "deficient": Spectrum.create([2.0, 1.0, 0.0], weight=[1.0, 1.0, 3.0]), "two": Spectrum.create([3.0, 0.2]),
}  # fmt: skip
VE = Grid.create(PROCESSES["ve"](), [4.0, 2.0, 1.0, 0.5, 0.25, 0.12])
VP = Grid.create(PROCESSES["vp_linear"](), [4.0, 2.0, 1.0, 0.5, 0.25, 0.12, 0.0])


def settings(spectrum: Spectrum) -> dict[str, Setting]:
    """Six settings of one spectrum."""
    solver = {name: SOLVERS[name]() for name in ("heun", "dpmpp_2m", "euler_maruyama", "dpmpp_2m_sde", "unipc")}
    found = {
        "heun, from N(0, s^2)": (Diffusion(solver["heun"], VE, None, "sigma"), 200, Training(0.002, 400)),
        "2M to zero, vp": (Diffusion(solver["dpmpp_2m"], VP, None, "unit"), 300, Training(0.003, 300, 1.0)),
        "Euler-Maruyama": (Diffusion(solver["euler_maruyama"], VE, 0.7, "exact"), 150, Training(0.002, 300)),
        "SDE 2M, trained long": (Diffusion(solver["dpmpp_2m_sde"], VE, 1.0, "sigma"), 200, Training(0.002, 2500)),
        "UniPC, few samples": (Diffusion(solver["unipc"], VE, None, "sigma"), 60, Training(0.001, 500)),
        "Langevin, 30 steps": (Langevin(0.05, 0.6, 30, 4.0), 200, Training(0.0005, 500)),
    }
    return {label: Setting(spectrum, *parts) for label, parts in found.items()}


def main() -> None:
    """Tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=400)
    count = parser.parse_args().repetitions
    inside = intervals = 0
    worst = 0.0
    print("| spectrum | setting | valid | generalization | optimization | total | total / simulated |")
    print("|---|---|---|---|---|---|---|")
    for name, spectrum in SPECTRA.items():
        for label, ask in settings(spectrum).items():
            found, seen, cells = budget(ask), verify(ask, count, seed=11), []
            for term in ("generalization", "optimization", "total"):
                predicted = found.total if term == "total" else found.terms[term]
                half = (seen[term].high - seen[term].low) / 2
                inside += abs(predicted - seen[term].value) <= half + 1e-9
                intervals += 1
                cells.append(f"{predicted:.4g} ({seen[term].value:.4g} +- {half:.1g})")
            ratio = found.total / seen["total"].value
            worst = max(worst, abs(ratio - 1)) if found.valid else worst
            print(f"| {name} | {label} | {found.valid} | {' | '.join(cells)} | {ratio:.3f} |", flush=True)
    print(f"\n{inside} of {intervals} predictions inside their 95 % interval; worst total where valid off by {worst:.1%}\n")
    orders(count)


def orders(count: int) -> None:
    """Deviations from the leading orders."""
    spectrum = Spectrum.create([1.0], weight=[12.0])
    for n in (24, 48, 96, 192):
        ask = Setting(spectrum, Flow(80.0, 0.0), n)
        seen, found = verify(ask, 5 * count, seed=2)["generalization"], budget(ask)
        half = (seen.high - seen.low) / 2 / seen.value
        gap = found.terms["generalization"] / seen.value - 1
        print(f"n = {n}: leading order off by {gap:+.2%} +- {half:.2%}, spread {found.ratio:.3f}")
    heun = Diffusion(SOLVERS["heun"](), VE)
    asked = {t: Setting(SPECTRA["power"], heun, None, Training(t)) for t in (4e-3, 1e-3, 2.5e-4, 6e-5, 1e-6)}
    values = {t: budget(ask).terms["optimization"] for t, ask in asked.items()}
    slope = values[1e-6] / 1e-6
    for t, value in values.items():
        print(f"tau = {t:g}: above the leading order by {value / (slope * t) - 1:+.2%}")


if __name__ == "__main__":
    main()
