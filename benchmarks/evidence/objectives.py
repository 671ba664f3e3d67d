"""Which objective should choose the grid of DPM++ 2M? Candidates on every target, and the choice that others make.

python benchmarks/evidence/objectives.py [--cases digits,hsc32] [--steps 5,8,12] [--table]

Every candidate sees the spectrum alone (`local` the exact posterior covariances as well) and is measured with the cells
of measure.py, against the same best fixed rule. `--table` prints what was measured and, for every kind of target, the
candidate that the other kinds choose.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from case import Case
from cells import FIXED, Ledger, between, fixed_grid, optimal_grid
from measure import RESULTS, find
from scipy.optimize import minimize

from diffopt.data.compression import compress

SOLVER = "dpmpp_2m"
METRICS = ("rmse", "median", "frechet", "sliced")
SCALES = 4.0 * 2.0 ** -np.arange(13)
SHARES = SCALES**-0.2 / np.sum(SCALES**-0.2)
#: Targets on which two candidates were far behind, so that no other was spent on them.
LOST = ("heavy", "decay2")
Value = Callable[[np.ndarray], np.ndarray]
#: Kinds for leaving out: targets that share their data are one kind.
KINDS = {
    "decay1": "mixtures", "decay2": "mixtures", "heavy": "heavy tails", "digits": "digits", "inpainting": "digits",
    "patches8": "photographs", "patches16": "photographs", "super_resolution": "photographs", "terrain": "terrain",
    "audio": "audio", "own_digits": "digits", "own_patches": "photographs",
}  # fmt: skip


def _path(lam: np.ndarray, sigma: np.ndarray, sharp: float) -> tuple[np.ndarray, np.ndarray]:
    """State and denoised value along x' = (x - D)/s with D = lam^p/(lam^p + s^2p) x; p = 1 is a Gaussian's."""
    a, b = lam**sharp, sigma[..., None] ** (2 * sharp)
    x = (a + b) ** (1 / (2 * sharp))
    return x, a / (a + b) * x


def _step_of_2m(sigma: np.ndarray, x: np.ndarray, denoised: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """2M on an exact path: defects (B, N, d), and the shares of state and history in each step (B, N)."""
    keep = sigma[:, 1:] / sigma[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(sigma[:, :-1] / sigma[:, 1:])
        q = np.concatenate([np.zeros((len(sigma), 1)), log[:, 1:] / log[:, :-1] / 2], axis=1)
    q = np.where(np.isfinite(q), q, 0.0)
    before = np.concatenate([denoised[:, :1], denoised[:, :-2]], axis=1)
    mixed = (1 + q)[..., None] * denoised[:, :-1] - q[..., None] * before
    return keep[..., None] * x[:, :-1] + (1 - keep)[..., None] * mixed - x[:, 1:], keep, q


def _collected(defect: np.ndarray, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Logarithm of the root of the sums of `robust` (theory.md, eqs. 31-34) for B grids."""
    relative, end = defect[:, :-1] / x[:, 1:-1], x[:, -1]
    both = [np.abs(relative).sum(1) * end + np.abs(defect[:, -1]), relative.sum(1) * end + defect[:, -1]]
    return 0.5 * np.log(sum((part**2) @ weight for part in both) / 2)


def shapes(eig: np.ndarray, weight: np.ndarray, sharps: tuple[float, ...] = (0.5, 1.0, 2.0)) -> Value:
    """`robust` whose ensemble also has denoisers that turn over more slowly and faster than a Gaussian's."""

    def value(sigma: np.ndarray) -> np.ndarray:
        squares = []
        for sharp in sharps:
            x, denoised = _path(eig, sigma, sharp)
            squares.append(np.exp(2 * _collected(_step_of_2m(sigma, x, denoised)[0], x, weight)))
        return 0.5 * np.log(np.mean(squares, axis=0))

    return value


def smooth(eig: np.ndarray, weight: np.ndarray, penalty: float) -> Value:
    """`robust` plus a penalty on the squared second differences of the logarithmic levels."""
    plain = shapes(eig, weight, (1.0,))

    def value(sigma: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            bends = np.diff(np.log(sigma[:, :-1]), n=2, axis=1)
        return plain(sigma) + penalty * (bends**2).sum(1)

    return value


def majorant(eig: np.ndarray, weight: np.ndarray) -> Value:
    """The history's own error: magnitudes propagated by the magnitudes of the scheme's coefficients, not by the flow."""

    def value(sigma: np.ndarray) -> np.ndarray:
        x, denoised = _path(eig, sigma, 1.0)
        defect, keep, q = _step_of_2m(sigma, x, denoised)
        gain = denoised / x
        last, error = np.zeros_like(x[:, 0]), np.zeros_like(x[:, 0])
        for k in range(defect.shape[1]):
            r, h = keep[:, k, None], q[:, k, None]
            ahead = np.abs(r + (1 - r) * (1 + h) * gain[:, k]) * error + np.abs(defect[:, k])
            if k:
                ahead = ahead + (1 - r) * h * gain[:, k - 1] * last
            last, error = error, ahead
        return 0.5 * np.log((error**2) @ weight)

    return value


def local(case: Case, levels: int = 20, points: int = 24, directions: int = 16) -> Value:
    """Spectra by noise level: quantiles of the exact posterior variance along eigenvectors, in place of fixed factors."""
    values, vectors = np.linalg.eigh(np.cov(case.data.T))
    order = np.unique(np.round(np.geomspace(1, len(values), directions)).astype(int)) - 1
    weight = np.diff(np.append(order, len(values))).astype(float)
    vectors = vectors[:, ::-1][:, order]
    sigma = np.geomspace(case.sigma_max, max(case.sigma_min, 0.01), levels)
    rng = np.random.default_rng(4)
    clean = case.data[rng.integers(len(case.data), size=points)]
    curves = np.zeros((levels, 5, order.size))
    for i, s in enumerate(sigma):
        z = clean + s * rng.standard_normal(clean.shape)
        for j, u in enumerate(vectors.T):
            spread = s**2 * (case.target.jacobian(z, 1.0, s, np.tile(u, (points, 1))) @ u)
            curves[i, :, j] = np.quantile(np.clip(spread, 1e-12, 0.999 * s**2), (0.1, 0.3, 0.5, 0.7, 0.9))
    curves = curves * sigma[:, None, None] ** 2 / (sigma[:, None, None] ** 2 - curves)
    return _by_level(np.log(sigma[::-1]), np.log(curves[::-1]).reshape(levels, -1), np.tile(weight, 5) / 5)


def _by_level(logs: np.ndarray, curves: np.ndarray, weight: np.ndarray) -> Value:
    """`robust` whose eigenvalues depend on the noise level; defects carried by the flow of the same eigenvalues."""
    fine = np.linspace(logs[0], logs[-1], 400)
    lam = np.exp(np.stack([np.interp(fine, logs, c) for c in curves.T], axis=1))
    rate = np.exp(2 * fine)[:, None] / (lam + np.exp(2 * fine)[:, None])
    grown = np.cumsum(rate, axis=0) * (fine[1] - fine[0]) + np.log1p(np.exp(2 * fine[0]) / lam[0]) / 2

    def at(table: np.ndarray, log: np.ndarray) -> np.ndarray:
        place = np.clip((log - fine[0]) / (fine[1] - fine[0]), 0, len(fine) - 1.001)
        low = place.astype(int)
        share = (place - low)[..., None]
        return (1 - share) * table[low] + share * table[low + 1]

    def value(sigma: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            log = np.log(sigma)
        total, signed = 0.0, 0.0
        for k in range(sigma.shape[1] - 1):
            here = at(lam, log[:, k : k + 1])[:, 0]
            part = sigma[:, max(k - 1, 0) : k + 2]
            x, denoised = _path(here[:, None, :], part, 1.0)
            defect = _step_of_2m(part, x, denoised)[0][:, -1]
            carry = np.exp(-at(grown, log[:, k + 1 : k + 2])[:, 0]) if k + 2 < sigma.shape[1] else 1.0
            total, signed = total + np.abs(defect) * carry, signed + defect * carry
        return 0.5 * np.log((total**2 @ weight + signed**2 @ weight) / 2)

    return value


def minimum(value: Value, start: np.ndarray, least: float) -> np.ndarray:
    """Levels that minimize a value of grids (B, N + 1) that end at 0, from a grid; the last level stays above `least`."""
    top = start[0]

    def grids(x: np.ndarray) -> np.ndarray:
        parts = np.concatenate([x, np.zeros((len(x), 1))], axis=1)
        parts = np.exp(parts - parts.max(axis=1, keepdims=True))
        reach = np.cumsum(parts / parts.sum(axis=1, keepdims=True), axis=1)[:, :-1] * np.log(top / least)
        return np.concatenate([np.full((len(x), 1), top), top * np.exp(-reach), np.zeros((len(x), 1))], axis=1)

    def both(x: np.ndarray) -> tuple[float, np.ndarray]:
        steps = 1e-5 * np.eye(x.size)
        found = value(grids(np.vstack([x, x + steps, x - steps])))
        return float(found[0]), (found[1 : x.size + 1] - found[x.size + 1 :]) / 2e-5

    gaps = -np.diff(np.log(np.maximum(start[:-1], least))) / np.log(top / least)
    x = np.log(np.maximum(gaps, 1e-6) / max(1 - gaps.sum(), 1e-6))
    found = minimize(both, np.clip(x, -11, 11), jac=True, method="L-BFGS-B", bounds=[(-12, 12)] * x.size, options={"maxiter": 80})
    return np.asarray(grids(found.x[None])[0])


def candidates(case: Case, steps: int) -> dict[str, np.ndarray]:
    """Name -> grid."""
    own, heun, euler = (optimal_grid(case, solver, steps) for solver in (SOLVER, "heun", "euler"))
    found = {"robust": own, "heun": heun, "euler": euler}
    found |= {"mean_heun": between(own, heun), "shared": between(own, euler), "mean_all": between(own, heun, euler)}
    small = compress(case.spectrum, 0.25).spectrum
    eig, weight = (SCALES[:, None] * small.eig).ravel(), (SHARES[:, None] * small.weight).ravel()
    eig, weight = eig[eig > 1e-12 * eig.max()], weight[eig > 1e-12 * eig.max()]
    values: dict[str, Value] = {"shapes": shapes(eig, weight), "smooth": smooth(eig, weight, 0.03)}
    if case.name in LOST:
        values |= {"majorant": majorant(eig, weight), "smoother": smooth(eig, weight, 0.3)}
    if case.kind == "exact":
        values["local"] = local(case)
    return found | {name: minimum(value, own, case.sigma_min) for name, value in values.items()}


def study(name: str, steps: list[int], out: Path) -> None:
    """Measure all candidates and the fixed rules of a case."""
    case = find(name)
    ledger, rows = Ledger(case), []
    for n in steps:
        grids = {rule: fixed_grid(case, rule, n) for rule in FIXED} | candidates(case, n)
        errors = {rule: ledger.errors(SOLVER, grid) for rule, grid in grids.items() if grid is not None}
        rows.append({"case": name, "kind": KINDS.get(name, "networks"), "steps": n, "errors": errors})
        ledger.save()
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.json").write_text(json.dumps(rows) + "\n")
    print(name, flush=True)


def gains(row: dict[str, Any], candidate: str) -> np.ndarray:
    """Error of the best fixed rule over the candidate's, by metric."""
    errors = row["errors"]
    best = [min(errors[rule].get(m, np.inf) for rule in FIXED if rule in errors) for m in METRICS]
    return np.array([b / errors[candidate][m] for b, m in zip(best, METRICS, strict=True)])


def table(folder: Path) -> str:
    """Geometric means by candidate, by steps, and what leaving a kind out chooses for it."""
    rows = [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())]
    names = list(dict.fromkeys(n for row in rows for n in row["errors"] if n not in FIXED))
    lines = ["| candidate | cells | mean of RMSE, median, Frechet, sliced | cells won | worst |", "|---|---|---|---|---|"]
    for name in names:
        for label, some in (("all", rows), *((f"{n} steps", [r for r in rows if r["steps"] == n]) for n in (5, 8, 12, 20))):
            found = np.array([gains(row, name) for row in some if name in row["errors"]])
            if found.size:
                parts = (np.exp(np.log(found).mean(0)), (found >= 1).mean(0), found.min(0))
                texts = (" ".join(f"{v:.2f}" for v in part) for part in parts)
                lines.append(f"| {name} | {label}, {len(found)} | {' | '.join(texts)} |")
    return "\n".join([*lines, "", *left_out(rows, [n for n in names if all(n in row["errors"] for row in rows)])]) + "\n"


def left_out(rows: list[dict[str, Any]], names: list[str]) -> list[str]:
    """What the other kinds choose for every kind, kinds counted equally: by the mean, and by cells won (mean at ties)."""
    kinds = sorted({row["kind"] for row in rows})
    if len(kinds) < 2:
        return []
    found = {k: {n: np.log([gains(r, n) for r in rows if r["kind"] == k]) for n in names} for k in kinds}

    def score(kind: str, name: str, won: bool) -> tuple[float, float]:
        others = [found[k][name][:, [0, 2]] for k in kinds if k != kind]
        mean = float(np.mean([part.mean() for part in others]))
        return (float(np.mean([(part >= 0).mean() for part in others])) if won else mean, mean)

    head = "RMSE, median, Frechet, sliced against robust"
    lines = [
        f"| kind left out | chosen by the mean of the others | {head} | chosen by cells won | {head} |",
        "|---|---|---|---|---|",
    ]
    followed: list[list[np.ndarray]] = [[], []]
    for kind in kinds:
        parts = [kind]
        for won in (False, True):
            best = max(names, key=lambda n: score(kind, n, won))
            followed[won].append(found[kind][best].mean(0) - found[kind]["robust"].mean(0))
            parts += [best, " ".join(f"{v:.2f}" for v in np.exp(followed[won][-1]))]
        lines.append(f"| {' | '.join(parts)} |")
    ends = [" ".join(f"{v:.2f}" for v in np.exp(np.mean(part, axis=0))) for part in followed]
    return [*lines, f"| all, followed | | {ends[0]} | | {ends[1]} |"]


def main() -> None:
    """Study, or print the table of what was studied."""
    import exact

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(exact.CASES))
    parser.add_argument("--steps", default="5,8,12")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS / "objectives")
    args = parser.parse_args()
    if args.table:
        print(table(args.out))
        return
    for name in args.cases.split(","):
        study(name, [int(n) for n in args.steps.split(",")], args.out)


if __name__ == "__main__":
    main()
