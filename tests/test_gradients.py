"""Exact gradients against central differences with Richardson extrapolation: every solver, process, objective."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from problems import EXAMPLES, NO_STEP_TO_ZERO, TABLED, injects_noise, irregular, make, solver_cases, where

from diffopt.data.spectrum import Spectrum
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes.points import Points
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.search.family import FamilyBlock
from diffopt.search.variables import EtaBlock, GridBlock, State, design_of
from diffopt.solvers import build_table

#: Agreement asked for, relative to the largest component.
ACCURACY = 1e-8


#: `robust` has kinks (absolute values, a minimum): where one lies inside the stencil a shorter one is used.
STEPS = {"robust": 2e-5}


def derivative(f, step=2e-3):
    """f'(0) from central differences at h, h/2, h/4 (error h^6, rounding eps/h)."""
    d = [(f(h) - f(-h)) / (2 * h) for h in (step, step / 2, step / 4)]
    first = [(4 * b - a) / 3 for a, b in zip(d[:-1], d[1:], strict=True)]
    return (16 * first[1] - first[0]) / 15


def data(mean):
    return Spectrum.create([7.0, 0.6, 0.04], [1.0, 2.0, 3.0], [1.0, 0.5, 0.2] if mean else None)


def plain_value(objective, prepared, start, solver, process, sigmas, eta):
    """The objective by real arithmetic only; no derivative code is run."""
    return objective.value(build_table(solver, Points.create(process, sigmas), eta), prepared, start)


class Tables:
    """Runs beside a run, built by real arithmetic only and side by side; no derivative code is run. Objectives share them."""

    def __init__(self, solver, process, sigmas, eta):
        self.solver, self.process, self.sigmas, self.eta = solver, process, sigmas, eta
        self.known = {}

    def values(self, objective, prepared, start, step):
        """The objective at the shifts of each noise ratio's logarithm, and of each eta: both (places, 3, 2)."""
        places = [i for i, s in enumerate(self.sigmas) if 0 < s < np.inf]
        etas = range(len(self.eta)) if self.solver.eta_meaning is not None else ()
        shifts = step / np.array([[1, -1], [2, -2], [4, -4]])
        if step not in self.known:
            grids = np.repeat(self.sigmas[None], 6 * (len(places) + len(etas)), axis=0)
            noise = np.repeat(self.eta[None], len(grids), axis=0)
            for row, (place, shift) in enumerate(product(places, shifts.ravel())):
                grids[row, place] *= np.exp(shift)
            for row, (place, shift) in enumerate(product(etas, shifts.ravel()), 6 * len(places)):
                noise[row, place] += shift
            self.known[step] = self._tables(grids, noise)
        values = np.concatenate(
            [objective.values(t, prepared, start) if t.aside else [objective.value(t, prepared, start)] for t in self.known[step]]
        ).reshape(-1, 3, 2)
        return places, values[: len(places)], values[len(places) :]

    def _tables(self, grids, noise):
        """One table of many columns, or one by one where the steps are maps."""
        if build_table(self.solver, Points.create(self.process, self.sigmas), self.eta).maps is None:
            return [build_table(self.solver, Points.create(self.process, grids), noise).columns()]
        return [build_table(self.solver, Points.create(self.process, g), e) for g, e in zip(grids, noise, strict=True)]


def differences(values, step):
    """Derivatives of the values at the shifts, as :func:`derivative` makes them."""
    d = (values[..., 0] - values[..., 1]) / (2 * step / np.array([1, 2, 4]))
    first = (4 * d[:, 1:] - d[:, :-1]) / 3
    return (16 * first[:, 1] - first[:, 0]) / 15


def check(objective, prepared, start, solver, process, sigmas, eta, message, tables=None):
    noisy = solver.eta_meaning is not None
    table = DifferentiableTable(solver, process, Design(sigmas, eta, True, noisy))
    _, bars = objective.value_and_bars(table.table, prepared, start)
    by_grid, by_eta, _ = table.gradient(bars)
    step = STEPS.get(objective.name, 2e-3)
    places, grids, etas = (tables or Tables(solver, process, sigmas, eta)).values(objective, prepared, start, step)
    wish = np.zeros(len(sigmas))
    wish[places] = differences(grids, step)
    np.testing.assert_allclose(by_grid, wish, atol=ACCURACY * np.abs(wish).max(), err_msg=f"{message}: grid")
    if noisy:
        scale = max(np.abs(wish).max(), np.abs(by_grid).max())
        np.testing.assert_allclose(by_eta, differences(etas, step), atol=ACCURACY * scale, err_msg=f"{message}: eta")


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_gradient_by_grid_and_eta(name, process, clock):
    """Of every objective, to 0 from a mismatched start with a mean; and to sigma_min from the exact start without."""
    solver = make(name, clock)
    # Where path_kl is not defined test_objectives checks the refusal; nor is it of runs that end at 0.
    defined = [o for o in OBJECTIVES if o != "path_kl" or (injects_noise(name) and not solver.memory)]
    cases = [("sigma_min", "exact", False, defined)]
    if clock not in NO_STEP_TO_ZERO:
        cases.append(("zero", "unit", True, [o for o in OBJECTIVES if o != "path_kl"]))
    for end, start, mean, objectives in cases:
        sigmas = irregular(4, end, high=4.0, low=0.3, seed=3)
        eta = np.array([0.7, 0.5, 0.8, 0.6]) * (solver.eta_meaning is not None)
        tables = Tables(solver, EXAMPLES[process], sigmas, eta)
        for objective in objectives:
            thing = OBJECTIVES[objective]()
            args = (thing, thing.prepare(data(mean)), start, solver, EXAMPLES[process], sigmas, eta)
            said = (
                f"{where(name, process, clock)}, {objective}, end {end}: the gradient is not that of differences; formulas must "
                "be analytic in complex inputs: no abs, maximum, or comparison of complex numbers (docs/extending.md, A solver)"
            )
            check(*args, said, tables)


@pytest.mark.parametrize("objective", ["frechet", "robust", "kl"])
@pytest.mark.parametrize("name", ["euler", "heun", "dpmpp_2m", "dpmpp_3m", "unipc", "dpmpp_2m_sde", "euler_ancestral"])
def test_gradient_from_pure_noise(name, objective):
    """Infinite first sigma of the flow process."""
    solver, thing = make(name), OBJECTIVES[objective]()
    sigmas = np.array([np.inf, 2.5, 0.9, 0.3, 0.06, 0.0])
    eta = solver.etas(None, 5) * 0.7
    check(thing, thing.prepare(data(True)), "exact", solver, EXAMPLES["flow"], sigmas, eta, name)


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.eta_meaning])
def test_gradient_by_eta_where_it_vanishes(name):
    """At eta = 0 the one-sided slope by eta is 0 (noise enters squared) or finite, never NaN."""
    solver, thing = make(name), OBJECTIVES["frechet"]()
    design = Design(irregular(4, "sigma_min"), np.zeros(4), True, True)
    table = DifferentiableTable(solver, EXAMPLES["ve"], design)
    _, bars = thing.value_and_bars(table.table, data(False), "exact")
    assert all(np.all(np.isfinite(g)) for g in table.gradient(bars))


def family_value(problem, objective, prepared, schedule, values):
    """Objective of a family member, built by names, without parameters.py."""
    own = {n: v for (owner, n), v in values.items() if owner == "schedule"}
    ends = {n: v for (owner, n), v in values.items() if owner == "range"}
    rates = {n: v for (owner, n), v in values.items() if owner == "process"}
    churn = {n: v for (owner, n), v in values.items() if owner == "solver"}
    process = replace(problem.process, **rates) if rates else problem.process
    low, high = ends.get("sigma_min", problem.sigma_min), ends.get("sigma_max", problem.sigma_max)
    span = Span(process, problem.steps, high, low, problem.end, problem.compressed().spectrum)
    sigmas = replace(schedule, **own).grid(span).sigmas if own else schedule.grid(span).sigmas
    solver = replace(problem.solver, **churn) if churn else problem.solver
    eta = solver.etas(None, problem.steps)
    return plain_value(objective, prepared, problem.start, solver, process, sigmas, eta)


FAMILIES = [
    ("karras", "ve", "heun", {"rho", "sigma_min", "sigma_max"}),
    ("karras", "ve", "edm_stochastic", {"rho", "sigma_min", "sigma_max", "s_churn", "s_noise"}),
    ("kl_optimal", "ve", "euler", {"c", "sigma_min", "sigma_max"}),
    ("karras", "vp_linear", "euler_maruyama", {"rho", "sigma_min", "sigma_max", "beta_min", "beta_max"}),
    ("uniform_t", "vp_linear", "dpmpp_2m", {"beta_min", "beta_max", "sigma_min", "sigma_max"}),
    ("uniform_flow", "ve", "euler", {"sigma_min", "sigma_max"}),
    ("vp", "ve", "euler", {"sigma_min", "sigma_max"}),
    ("exponential", "ve", "heun", {"sigma_min", "sigma_max"}),
    ("polyexponential", "ve", "heun", {"rho", "sigma_min", "sigma_max"}),
    ("flow_shift", "ve", "dpmpp_2m", {"shift", "sigma_min", "sigma_max"}),
    # Rules that take no complex numbers: differences.
    ("cosine", "ve", "euler", {"sigma_min", "sigma_max"}),
    ("simple", "table", "euler", {"sigma_min", "sigma_max"}),
    ("ays_sd15", "ve", "euler", {"sigma_min", "sigma_max"}),
    ("fisher_rao", "ve", "heun", {"sigma_min", "sigma_max"}),
    ("laplace", "ve", "heun", {"mu", "b", "sigma_min", "sigma_max"}),
    ("logit_normal", "ve", "heun", {"mu", "std", "sigma_min", "sigma_max"}),
    ("beta", "ve", "heun", {"a", "b", "sigma_min", "sigma_max"}),
    ("beta_sigma", "ve", "heun", {"a", "b", "sigma_min", "sigma_max"}),
    ("bong_tangent", "ve", "heun", {"pivot", "slope", "sigma_min", "sigma_max"}),
]


def test_every_family_parameter_of_every_schedule_is_tried():
    tried = {name: names for name, _, _, names in FAMILIES}
    assert all(set(cls.family) <= tried[name] for name, cls in SCHEDULES.items() if cls.family)
    assert {name for name in SCHEDULES if SCHEDULES[name].analytic} <= tried.keys()


@pytest.mark.parametrize("objective", ["frechet", "robust", "kl"])
@pytest.mark.parametrize(("schedule", "process", "solver", "names"), FAMILIES)
def test_gradient_by_family_parameters(schedule, process, solver, names, objective):
    """Logarithms of the parameters; the grid moves with them."""
    rule = SCHEDULES[schedule]()
    tool = make(solver, "time" if solver == "euler_maruyama" else None)
    low = 0.08
    problem = Problem.create(data(False), EXAMPLES[process], tool, 5, 9.0, low, "zero", "unit")
    thing = OBJECTIVES[objective]()
    prepared = thing.prepare(problem.spectrum)
    block = FamilyBlock(problem, rule, True, names if rule.slow else None)
    assert {k.name for k in block.knobs} == names
    x = np.array([0.3 if k.name == "sigma_min" else -0.1 for k in block.knobs])
    state = State(rule.grid(problem.span).sigmas, tool.etas(None, 5), problem.process, tool)
    moved = block.apply(x, state)
    table = DifferentiableTable(moved.solver, moved.process, design_of(moved, False, False))
    found, bars = thing.value_and_bars(table.table, prepared, problem.start)
    gradient = block.pull_back(x, *table.gradient(bars))

    def at(x):
        values = {
            (k.owner, k.name): k.value + v * (k.high - k.low) / 20 if k.linear else k.value * np.exp(v)
            for k, v in zip(block.knobs, x, strict=True)
        }
        return family_value(problem, thing, prepared, rule, values)

    assert found == pytest.approx(at(x), rel=1e-12)
    unit = np.eye(len(x))
    # The robust objective has a kink within 0.002 of one of these places.
    wish = [derivative(lambda h, i=i: at(x + h * unit[i]), 1e-3) for i in range(len(x))]
    np.testing.assert_allclose(gradient, wish, atol=ACCURACY * np.abs(wish).max())


@pytest.mark.parametrize("block", ["grid", "eta", "eta_per_step"])
def test_blocks_turn_gradients_by_the_design_into_gradients_by_their_variables(block):
    """Chain rule of the unconstrained variables, by differences of the whole composition."""
    solver = make("euler_ancestral")
    problem = Problem.create(data(False), EXAMPLES["ve"], solver, 5, 9.0, 0.08)
    state = State(irregular(5), solver.etas(0.6, 5), problem.process, solver)
    group = GridBlock(problem) if block == "grid" else EtaBlock(problem, block == "eta_per_step")
    x = group.start(state)
    if block != "grid":
        # A grid that touches sigma_min is moved inside the range by the start.
        np.testing.assert_array_equal(group.apply(x, state).sigma, state.sigma)
    thing = OBJECTIVES["frechet"]()

    def at(x):
        moved = group.apply(x, state)
        return plain_value(thing, problem.spectrum, "exact", solver, problem.process, moved.sigma, moved.eta)

    moved = group.apply(x, state)
    table = DifferentiableTable(solver, problem.process, design_of(moved, True, True))
    _, bars = thing.value_and_bars(table.table, problem.spectrum, "exact")
    gradient = group.pull_back(x, *table.gradient(bars))
    unit = np.eye(len(x))
    # The robust objective has a kink within 0.002 of one of these places.
    wish = [derivative(lambda h, i=i: at(x + h * unit[i]), 1e-3) for i in range(len(x))]
    np.testing.assert_allclose(gradient, wish, atol=ACCURACY * np.abs(wish).max())
