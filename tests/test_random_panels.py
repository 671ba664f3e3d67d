"""Averages over random fractions: panels near pure noise and the data, rough ones of a search, grids side by side."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate

from diffopt.data.spectrum import Spectrum
from diffopt.law.map_response import respond
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize
from diffopt.search.search import CRAWL, MANY, Search
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.panels import ASIDE, NODES, RATIO, ROUGH, ROUGHER, SHORT, Panels

MAPS = ("randomized_exponential_midpoint", "randomized_midpoint", "local_linearization", "local_linearization_time")
LAW = 200.0 * np.arange(1, 401) ** -1.3


def pieces(f, edges: np.ndarray) -> float:
    """Integral by scipy's quadrature between each two edges."""
    return sum(integrate.quad(f, a, b, epsabs=1e-14, epsrel=1e-10)[0] for a, b in pairwise(edges))


def flow_step(eig: float, start: float, end: float) -> tuple[float, float]:
    """E m and Var m of one step of the randomized exponential midpoint on `flow`, eta = 1, by scipy's quadrature (eq. (84))."""

    def passed(t: float) -> float:
        """Antiderivative of alpha in sigma^2: 2 t/(1 - t)^2 dt."""
        return 2 / (1 - t) + 2 * np.log1p(-t)

    def branch(u: float) -> float:
        t = start - u * (start - end)
        q = (t / (1 - t)) ** 2
        kick = (start - end) * 2 * t / (1 - t) ** 3 / (eig + q)
        first = (passed(start) - passed(t)) / ((1 - start) * (eig + (start / (1 - start)) ** 2))
        return (1 - kick * (1 - first)) * (1 - end) / (1 - start)

    edges = np.append(0.0, np.geomspace(1e-3, 1, 8))
    m = pieces(branch, edges)
    return m, pieces(lambda u: (branch(u) - m) ** 2, edges)


@pytest.mark.parametrize("eig", [400.0, 50.0, 1.0, 0.05])
def test_a_step_from_next_to_pure_noise_is_averaged_exactly(eig: float) -> None:
    """Eq. (448): at s = 0.98 large eigenvalues have their poles at the distance 1/sqrt(eig) from pure noise."""
    levels = np.array([49.0, 1.0, 0.25])
    table = run_table(SOLVERS["randomized_exponential_midpoint"](), Grid.create(PROCESSES["flow"](), levels))
    row = respond(table, np.array([eig])).rows[-1]
    times = levels / (1 + levels)
    for k, (start, end) in enumerate(zip(times, times[1:], strict=False)):
        m, spread = flow_step(eig, float(start), float(end))
        size = abs(m) + np.sqrt(spread)
        assert row.incoming[0][k, 0] == pytest.approx(m, abs=2e-8 * size)
        assert row.spread[k, 0] == pytest.approx(spread, abs=1e-6 * size**2)


@pytest.mark.parametrize("eig", [2e-4, 1e-6])
def test_one_long_step_to_the_data_is_averaged_exactly(eig: float) -> None:
    """Eq. (448): the poles of a small eigenvalue lie within 1e-4 and 1e-5 of the step; E n of (84), eta = 1."""
    high = 157.0
    table = run_table(SOLVERS["randomized_exponential_midpoint"](), Grid.create(PROCESSES["ve"](), np.array([high, 0.0])))

    def branch(left: float) -> float:
        sigma = left * high
        return (high**2 - sigma**2) * (1 - 2 * high * sigma / (eig + sigma**2)) ** 2 + sigma**2

    edges = np.append(0.0, np.geomspace(0.03 * np.sqrt(eig) / high, 1, 24))
    assert respond(table, np.array([eig])).injected[0, 0] == pytest.approx(pieces(branch, edges), rel=1e-7)


@pytest.mark.parametrize("depth", [0.3, 0.02])
def test_panels_integrate_what_has_poles_at_both_ends(depth: float) -> None:
    """Eq. (448): 1/((R - U)^2 + d^2) + 1/((P + U)^2 + d^2) has arctangents as integrals."""
    reach, top = np.array([1.01, 1.3, 1e4, 2.0]), np.array([0.02, np.inf, 0.001, 0.0])
    panels = Panels.graded(reach, top)
    assert panels.nodes.min() > 0 and panels.nodes.max() < 1
    np.testing.assert_allclose(panels.per_step(panels.weight.sum(axis=1)), 1, rtol=1e-13)

    def side(distance: np.ndarray) -> np.ndarray:
        return 1 / (distance**2 + depth**2)

    r, p = (panels.per_row(a)[:, None] for a in (reach, top))
    found = panels.per_step((panels.weight * (side(r - panels.nodes) + side(p + panels.nodes))).sum(axis=1))

    def area(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return (np.arctan(high / depth) - np.arctan(low / depth)) / depth

    np.testing.assert_allclose(found, area(reach - 1, reach) + area(top, top + 1), rtol=2e-8)


def test_in_the_clock_of_log_snr_panels_are_equal() -> None:
    """Poles are pi/2 beside the line: a step of log 80 has as many panels as factors of 3."""
    grid = Grid.create(PROCESSES["ve"](), np.array([80.0, 1.0, 0.5]))
    maps = run_table(SOLVERS["randomized_midpoint"](clock="logsnr"), grid).maps
    panels = Panels.along(maps.points, maps.clock)
    counts = np.bincount(panels.owner)
    assert counts.tolist() == [np.ceil(np.log(80) / np.log(RATIO)), 1]
    np.testing.assert_allclose(panels.weight.sum(axis=1), 1 / counts[panels.owner], rtol=1e-4)


@pytest.mark.parametrize("mean", [None, 0.3])
@pytest.mark.parametrize("objective", ["robust", "frechet"])
@pytest.mark.parametrize("name", MAPS)
def test_grids_side_by_side_have_the_values_of_each_alone(name: str, objective: str, mean: float | None) -> None:
    data = Spectrum.create(LAW[:40], None, None if mean is None else np.full(40, mean))
    search = Search(Problem.create(data, PROCESSES["vp_linear"](), SOLVERS[name](), 6, start="unit"), OBJECTIVES[objective]())
    states = list(search.starts().values())
    values = search.scorer.scores(states)
    goal, start = OBJECTIVES[objective](), search.problem.start
    solver = search.problem.solver.averaged(NODES, search.scorer.floor)
    alone = [goal.value(run_table(solver, Grid.create(s.process, s.sigma), s.eta), search.spectrum, start) for s in states]
    assert len(set(np.round(alone, 6))) > 20
    np.testing.assert_allclose(values, alone, rtol=1e-11)


@pytest.mark.parametrize(("steps", "nodes"), [(5, ROUGH), (SHORT, ROUGHER)])
@pytest.mark.parametrize("name", MAPS[:2])
def test_a_search_is_rough_and_its_answer_exact(name: str, steps: int, nodes: int) -> None:
    """The printed value is that of eight nodes, though the search's own averages are off by more."""
    problem, goal = Problem.create(Spectrum.create(LAW), PROCESSES["vp_linear"](), SOLVERS[name](), steps), OBJECTIVES["robust"]()
    search, found = Search(problem, goal), optimize(problem, goal)

    def value(solver) -> float:
        return goal.value(run_table(solver, found.grid), search.spectrum, "exact")

    assert found.solver is problem.solver
    assert found.value == pytest.approx(value(problem.solver), rel=1e-10) and found.value < min(found.scores.values())
    assert 1e-9 < abs(value(problem.solver.averaged(nodes, 0.0)) / found.value - 1) < 1e-4
    assert (search.nodes, Search(problem, OBJECTIVES["frechet"]()).nodes) == (nodes, NODES)
    assert type(SOLVERS["euler"]().averaged(ROUGH, 0.1)) is SOLVERS["euler"]


def test_panels_end_where_the_smallest_eigenvalue_has_its_poles() -> None:
    """Fewer than to the data itself, and as exact: 1/((R - U)^2 + d^2) has an arctangent as its integral."""
    reach, depth = np.array([1.0, 1.0, 1.0, 1.001, 1.5]), np.array([1e-3, 0.1, 3.0, 0.2, 1e-4])
    short, deep = Panels.graded(reach, near=depth / ASIDE), Panels.graded(reach)
    assert [part.stop - part.start for _, part in short.further[:2]] < [part.stop - part.start for _, part in deep.further[:2]]
    assert short.owner.size < 0.6 * deep.owner.size

    def mean(panels: Panels) -> np.ndarray:
        r, d = (panels.per_row(a)[:, None] for a in (reach, depth))
        return panels.per_step((panels.weight / ((r - panels.nodes) ** 2 + d**2)).sum(axis=1))

    np.testing.assert_allclose(mean(short), (np.arctan(reach / depth) - np.arctan((reach - 1) / depth)) / depth, rtol=2e-9)


@pytest.mark.parametrize("clock", ["time", "sigma", "variance"])
@pytest.mark.parametrize("process", ["ve", "flow", "vp_linear"])
@pytest.mark.parametrize("name", MAPS[:2])
def test_values_for_the_smallest_eigenvalue_are_those_for_all(name: str, process: str, clock: str) -> None:
    """One long step to the data: what lies below the smallest eigenvalue of the data needs no panels."""
    solver, data = SOLVERS[name](clock=clock), Spectrum.create(np.array([4.0, 0.3, 0.01]))
    grid = Grid.create(PROCESSES[process](), np.array([1.5, 0.0]))
    goal = OBJECTIVES["robust"]()
    tables = [run_table(made, grid) for made in (solver, solver.averaged(NODES, 0.1))]
    full, fast = (goal.value(table, data, "exact") for table in tables)
    assert fast == pytest.approx(full, rel=3e-9)
    assert tables[1].maps.panels.nodes.size < tables[0].maps.panels.nodes.size


@pytest.mark.parametrize("name", ["local_linearization", "randomized_exponential_midpoint"])
def test_a_search_among_many_kinks_ends_where_nothing_is_left(name: str) -> None:
    """Where the tolerance is so small that it never crawls, the optimum is the same to 1e-5; of few eigenvalues all is found."""
    data, goal = Spectrum.create(LAW), OBJECTIVES["robust"]()
    problem = Problem.create(data, PROCESSES["ve"](), SOLVERS[name](), 20, 80.0, 0.002)
    loose, strict = optimize(problem, goal), optimize(problem, goal, tolerance=1e-14)
    assert loose.evaluations < strict.evaluations
    assert abs(loose.value / strict.value - 1) < 1e-5
    few = Search(Problem.create(Spectrum.create(LAW[:3]), PROCESSES["ve"](), SOLVERS[name](), 10), goal)
    assert few.spectrum.eig.size <= MANY < Search(problem, goal).spectrum.eig.size
    assert few.crawl(1e-9) == 1e-9 and Search(problem, goal).crawl(1e-9) == CRAWL[1] and Search(problem, goal).crawl(1e-5) == 1e-5
