"""Errors as chains over steps that depend on one eta each, their derivatives, and searches over them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.law.map_response import respond
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.eta import NoiseStudy
from diffopt.studies.eta_chain import ChainsBeside, EtaChain
from diffopt.studies.eta_curves import Cubics, Parabolas, TableCurves, between
from diffopt.studies.eta_squares import EtaSquares
from diffopt.studies.eta_windows import BestWindow, Windows
from diffopt.studies.noise_errors import NOISE_OBJECTIVES, NoiseErrors

NOISY = [name for name, cls in SOLVERS.items() if cls.eta_meaning is not None]
#: Schemes whose steps read earlier ones.
MEMORY = {"dpmpp_2m_sde", "dpmpp_3m_sde"}
EIG = [3.0, 1.0, 0.2, 0.01, 0.0]
#: Process, score error, with a mean, end.
CASES = (("ve", None, False, "zero"), ("vp_linear", "data:.1", True, "sigma_min"), ("flow", "random:.1", False, "sigma_min"))


def errors(
    solver: str, process: str = "ve", rule: str | None = None, mean: bool = False, end: str = "zero", clock: str | None = None
) -> NoiseErrors:
    wrong = None if rule is None else parse_score_error(rule)
    data = Spectrum.create(EIG, mean=[1.0, -2.0, 0.5, 1.0, 0.3] if mean else None)
    start = "sigma" if mean else "exact"
    scheme = SOLVERS[solver](error=wrong) if clock is None else SOLVERS[solver](error=wrong, clock=clock)
    ask = Problem.create(data, PROCESSES[process](), scheme, 5, 20.0, 0.05, end, start)
    return NoiseErrors(ask, SCHEDULES["karras"]().grid(ask.span), ask.solver)


def chain(found: NoiseErrors, objective: str) -> EtaChain:
    return EtaChain(found, objective, TableCurves(found, objective != "exact"))


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("name", NOISY)
def test_a_step_depends_on_its_own_eta_alone(name: str, process: str) -> None:
    """What eq. (405) rests on: another eta of one step changes the map of that step and of no other."""
    grid = Grid.create(PROCESSES[process](), [9.0, 3.0, 1.2, 0.6, 0.2, 0.05])
    for rule in (None, "data:0.1", "random:0.1"):
        if (name, rule) == ("local_linearization_time", "random:0.1"):
            continue
        solver, rows = SOLVERS[name](error=None if rule is None else parse_score_error(rule)), []
        for eta in (0.4, 0.9):
            etas = np.full(5, 0.4)
            etas[2] = eta
            row = respond(run_table(solver, grid, etas), np.array([2.0, 0.1]), with_bias=True).rows[-1]
            parts = [*row.incoming.values(), *row.source.values(), row.bias, row.spread, row.cross, row.jitter]
            rows.append([np.broadcast_to(part, (5, 2)) for part in parts if part is not None])
        moved = np.any([np.any(a != b, axis=1) for a, b in zip(*rows, strict=True)], axis=0)
        assert list(moved) == [False, False, True, False, False]


@pytest.mark.parametrize("name", NOISY)
def test_chains_end_at_the_errors(name: str) -> None:
    """Eq. (405) against laws and local defects, with a mean, wrong scores, zeros among the eigenvalues and random steps."""
    rng = np.random.default_rng(0)
    for process, rule, mean, end in CASES:
        if (name, rule) == ("local_linearization_time", "random:.1"):
            continue
        found, etas = errors(name, process, rule, mean, end), rng.uniform(0, 1.3, (3, 5))
        for objective in NOISE_OBJECTIVES:
            if name in MEMORY or (mean and name.startswith("randomized")):
                with pytest.raises(UnsupportedError):
                    chain(found, objective)
                continue
            total = chain(found, objective).totals(etas**2)
            np.testing.assert_allclose(np.sqrt(total), found.many(objective, etas), rtol=1e-9)


def differences(function, x: Array, size: float) -> Array:
    """Central differences of a function of rows of x by each variable, in the second axis."""
    moved = size * np.eye(x.shape[1])
    return np.stack([(function(x + d) - function(x - d)) / (2 * size) for d in moved], axis=1)


@pytest.mark.parametrize("objective", NOISE_OBJECTIVES)
@pytest.mark.parametrize("solver", ["euler_maruyama", "sra1", "ddim"])
def test_derivatives_of_chains(solver: str, objective: str) -> None:
    """Eqs. (406), (429), also of rounded kinks, eqs. (386) and (409), against differences of residuals."""
    x = np.random.default_rng(1).uniform(0.1, 0.6, (3, 5))
    for mean in (False, True):
        found = chain(errors(solver, "vp_linear" if mean else "ve", mean=mean, end="sigma_min"), objective)
        assert bool(found.roundings(False)) == (objective != "exact")
        for goal in (found, *found.roundings(False)[:1]):
            _, slopes, bend = goal._model(x, True)
            assert bend is not None
            np.testing.assert_allclose(slopes, goal._model(x, False)[1], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(slopes, differences(goal.residuals, x, 1e-5), rtol=2e-4, atol=1e-5)
            squared = np.einsum("bnm,bkm->bnk", slopes, slopes) + bend
            moved = differences(lambda x, g=goal: np.einsum("bnm,bm->bn", g._model(x, False)[1], g.residuals(x)), x, 1e-4)
            np.testing.assert_allclose(squared, moved, rtol=5e-3, atol=5e-3 * np.abs(moved).max())


def test_rounded_kinks_are_the_rounded_functions() -> None:
    """Eqs. (386) and (409) on an Euler-Maruyama run by hand, and that they tend to the errors as the rounding vanishes."""
    found = errors("euler_maruyama", end="sigma_min")
    etas, sigma, eig, soft = np.array([2.5, 0.9, 0.3, 1.4, 0.7]), found.grid.sigmas, np.array(EIG), 0.05
    for objective in ("signed", "absolute"):
        total: Array = np.zeros(5)
        for a, b, eta in zip(sigma[:-1], sigma[1:], etas, strict=True):
            before, after = eig + a**2, eig + b**2
            gain, noise = 1 - (1 + eta**2) * (a - b) * a / before, 2 * eta**2 * a * (a - b)
            kept, unit = (1 - noise / after) * after / before, after / before
            defect = gain**2 * before + noise - after
            if objective == "absolute":
                defect = np.sqrt(defect**2 + (soft * after) ** 2) - soft * after
            total = (kept + np.sqrt(kept**2 + (soft * unit) ** 2)) / 2 * total + defect
        expected = np.sqrt((total**2 / (4 * (eig + sigma[-1] ** 2))).sum())
        goal = chain(found, objective)
        assert np.sqrt(goal._softened(soft).totals(etas[None] ** 2)[0]) == pytest.approx(expected, rel=1e-9)
        assert goal._softened(1e-9).totals(etas[None] ** 2) == pytest.approx(goal.totals(etas[None] ** 2), rel=1e-6)


def test_curves_between_tables() -> None:
    """Eq. (407): parabolas where all nodes lie on one, cubics elsewhere, tables where a scheme has sharp bends."""
    nodes, x = np.linspace(0, 3, 49), np.random.default_rng(2).uniform(0, 9, (4, 5))
    kinds = {"euler_maruyama": Parabolas, "sra1": Cubics, "dpm_2_ancestral": TableCurves}
    for solver, kind in kinds.items():
        tables = TableCurves(errors(solver), False)
        curves = between(tables, nodes, 5)
        assert type(curves) is kind
        if kind is TableCurves:
            continue
        scale = np.abs(tables.at(x)).max(axis=1, keepdims=True)
        assert np.max(np.abs(curves.at(x) - tables.at(x)) / scale) < (1e-12 if kind is Parabolas else 1e-4)
        for ours, theirs in zip(curves.near(x), tables.near(x), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02 * np.abs(theirs).max())


@pytest.mark.parametrize(("solver", "kind"), [("euler_maruyama", Parabolas), ("sra1", Cubics)])
def test_chains_of_two_clocks_side_by_side(solver: str, kind: type) -> None:
    """Runs of both have the residuals and derivatives that each clock gives them alone."""
    clocks = [errors(solver, end="sigma_min", clock=clock) for clock in ("sigma", "logsnr")]
    x, places = np.random.default_rng(4).uniform(0, 2, (5, 5)), np.array([0, 1, 1, 0, 1])
    for objective in NOISE_OBJECTIVES:
        curves = [between(TableCurves(one, objective != "exact"), np.linspace(0, 3, 49), 5) for one in clocks]
        goals = [EtaChain(one, objective, c) for one, c in zip(clocks, curves, strict=True)]
        assert {type(c) for c in curves} == {kind} and goals[0].kind == goals[1].kind
        for pair in zip(*([goal, *goal.roundings(False)] for goal in goals), strict=True):
            both = ChainsBeside(list(pair)).of(places)
            rest, slopes, bend = both._model(x, True)
            assert bend is not None
            for i, place in enumerate(places):
                np.testing.assert_allclose(rest[i], pair[place].residuals(x[i : i + 1])[0], rtol=1e-12)
                for ours, theirs in zip((rest, slopes, bend), pair[place]._model(x[i : i + 1], True), strict=True):
                    np.testing.assert_allclose(ours[i], theirs[0], rtol=1e-9, atol=1e-12 * np.abs(theirs).max())
            assert not np.allclose(pair[0].residuals(x), pair[1].residuals(x), rtol=1e-3)


def test_clocks_searched_side_by_side_have_the_answers_of_each_alone() -> None:
    """Also where their searches take a different number of turns."""
    def rows(*clocks: str) -> list[dict]:
        return diffopt.best_eta([9.0, 2.0, 0.5, 0.02], steps=3, end="sigma_min", clock=list(clocks)).document["rows"]

    both, alone = rows("sigma", "logsnr"), [*rows("sigma"), *rows("logsnr")]
    assert [(row["clock"], row["design"], row["objective"]) for row in both] == [
        (row["clock"], row["design"], row["objective"]) for row in alone
    ]
    for ours, theirs in zip(both, alone, strict=True):
        assert ours[ours["objective"]] == pytest.approx(theirs[ours["objective"]], rel=1e-5)


@pytest.mark.parametrize("objective", NOISE_OBJECTIVES)
def test_one_eta_at_a_time(objective: str) -> None:
    """What is known of the other steps gives the values of whole runs."""
    found = errors("sra1")
    x, places = np.full(5, 0.3), np.random.default_rng(3).uniform(0, 2, (7, 5))
    ours, value = chain(found, objective).one_by_one(x, places)
    theirs, other = EtaSquares(found, objective).one_by_one(x, places)
    np.testing.assert_array_equal(ours, theirs)
    assert value == pytest.approx(other, rel=1e-9)


def test_windows_in_the_variables_of_their_search() -> None:
    """Eq. (408): the bumps of eq. (78) by other variables, with slopes and second derivatives; none at pure noise."""
    search = BestWindow(Windows(np.array([20.0, 5.0, 1.0, 0.2, 0.01, 0.0]), 3.0), None, None)  # type: ignore[arg-type]
    x = np.array([[0.3, -2.0, 1.5], [-1.0, 0.4, 3.3], [0.2, -5.0, -1.0]])
    roots = search._shown(x)[:, 1:]
    np.testing.assert_allclose(roots * np.sqrt(roots**2 + 1) / 2, x[:, 1:])
    squared, slopes, twice = search._turns(x)
    np.testing.assert_allclose(squared, search.windows.etas(search._shown(x)) ** 2, rtol=1e-11)
    np.testing.assert_allclose(slopes, differences(search.squared, x, 1e-5), rtol=1e-5, atol=1e-8)
    moved = differences(lambda x: search._turns(x)[1], x, 1e-5).transpose(0, 2, 1, 3)
    np.testing.assert_allclose(twice, moved, rtol=1e-5, atol=1e-8)
    pure = BestWindow(Windows(np.array([np.inf, 5.0, 1.0, 0.2]), 3.0), None, None)  # type: ignore[arg-type]
    assert np.all(pure.squared(x)[:, 0] == 0)


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_no_design_of_a_full_scan_is_better(end: str) -> None:
    """Eq. (77) for two steps by hand: 90,000 pairs of etas, by the definitions of the three errors, eqs. (65) to (68)."""
    eig, sigma = np.array([4.0, 0.5, 0.02]), np.array([10.0, 1.0, 0.0 if end == "zero" else 0.1])
    etas = np.stack(np.meshgrid(np.linspace(0, 3, 301), np.linspace(0, 3, 301)), axis=-1).reshape(-1, 2, 1)
    v = eig + sigma[:, None] ** 2
    gain, noise = [], []
    for k, (a, b) in enumerate(zip(sigma[:-1], sigma[1:], strict=True)):
        gain.append(1 - (1 + etas[:, k] ** 2) * (a - b) * a / v[k])
        noise.append(2 * etas[:, k] ** 2 * a * (a - b))
    variance = v[0]
    for m, n in zip(gain, noise, strict=True):
        variance = m**2 * variance + n
    defects = [m**2 * v[k] + n - v[k + 1] for k, (m, n) in enumerate(zip(gain, noise, strict=True))]
    later = np.maximum(1 - noise[1] / v[2], 0) * v[2] / v[1]
    scans = {
        "exact": np.sqrt(((np.sqrt(variance) - np.sqrt(v[2])) ** 2).sum(axis=1)),
        "signed": np.sqrt(((defects[0] * later + defects[1]) ** 2 / (4 * v[2])).sum(axis=1)),
        "absolute": np.sqrt(((np.abs(defects[0]) * later + np.abs(defects[1])) ** 2 / (4 * v[2])).sum(axis=1)),
    }
    ask = Problem.create(Spectrum.create(eig), PROCESSES["ve"](), SOLVERS["euler_maruyama"](clock="sigma"), 2, 10.0, 0.1, end)
    study = NoiseStudy(ask, Grid.create(ask.process, sigma))
    for objective, scan in scans.items():
        assert study.solve("per_step", objective).errors[objective] <= scan.min() * (1 + 1e-9)


def test_long_runs_are_searched_too() -> None:
    """20 steps: the best eta per step is below the best window, and no single eta of it moved alone is better."""
    eig = 50.0 / np.arange(1, 61.0) ** 2
    found = diffopt.best_eta(eig, "euler_maruyama", 20, clock="sigma", noise_objective="exact", start="sigma")
    best = {row["design"]: row for row in found.document["rows"]}
    assert best["per_step"]["exact"] < 0.8 * best["window"]["exact"] < best["constant"]["exact"]
    sigma = np.array(found.document["sigmas"])

    def distance(etas: Array) -> float:
        v = np.full(60, sigma[0] ** 2)
        for a, b, eta in zip(sigma[:-1], sigma[1:], etas, strict=True):
            v = (1 - (1 + eta**2) * (a - b) * a / (eig + a**2)) ** 2 * v + 2 * eta**2 * a * (a - b)
        return float(np.sqrt(((np.sqrt(v) - np.sqrt(eig)) ** 2).sum()))

    etas = np.array(best["per_step"]["eta"])
    assert distance(etas) == pytest.approx(best["per_step"]["exact"], rel=1e-3)
    for k, factor in product(range(20), (0.9, 1.1)):
        moved = etas.copy()
        moved[k] *= factor
        assert distance(moved) > distance(etas) * (1 - 1e-3)


def test_the_centre_of_a_window_is_a_number() -> None:
    """Eq. (321): roots far away and nearly equal, whose centre would overflow, are those of a steeper window."""
    windows = Windows(np.array([20.0, 5.0, 1.0, 0.2, 0.01, 0.0]), 3.0)
    x = np.array([[3.0, 59.0, 59.01], [2.0, -40.0, -39.999]])
    with np.errstate(all="raise", under="ignore"):
        _, centre, width = windows.shapes(x)
        assert np.all(np.isfinite(centre) & (centre > 0) & np.isfinite(width))
        etas = windows.etas(x)
    assert np.all(np.isfinite(etas))
