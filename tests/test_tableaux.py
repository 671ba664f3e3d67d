"""Runge-Kutta schemes as numbers: tableaux that are not consistent are refused, a new scheme is its tableau."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import Mixture
from problems import EXAMPLES

from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.rules.runge_kutta import ExplicitRungeKutta
from diffopt.solvers.rules.tableau import Tableau

WRONG = {
    "row 1 sums": (((), (0.4,)), (0.5, 0.5), (0.0, 0.5)),
    "weights sum": (((), (0.5,)), (0.5, 0.6), (0.0, 0.5)),
    "at most 1 entries": (((), (0.5, 0.1)), (0.5, 0.5), (0.0, 0.6)),
    "as many rows": (((), (0.5,)), (1.0,), (0.0, 0.5)),
}


@pytest.mark.parametrize("said", WRONG)
def test_a_tableau_that_is_not_consistent_is_refused(said):
    with pytest.raises(ValueError, match=said):
        Tableau(*WRONG[said])


def test_a_scheme_is_its_tableau():
    """Ralston's method, from its numbers alone, against the loop."""

    class Ralston(ExplicitRungeKutta):
        name, law_order, reference = "ralston", 2, "Ralston 1962"
        tableau = Tableau(((), (2 / 3,)), (1 / 4, 3 / 4), (0, 2 / 3))

    sigmas, target = [5.0, 2.0, 0.7, 0.2, 0.0], Mixture()
    x = start = 5 * np.random.default_rng(0).normal(size=(30, 2))
    for now, after in zip(sigmas[:-1], sigmas[1:], strict=True):
        h, first = after - now, (x - target.denoise(x, 1.0, now)) / now
        if after > 0:
            middle, between = x + 2 / 3 * h * first, now + 2 / 3 * h
            x = x + h * (first + 3 * (middle - target.denoise(middle, 1.0, between)) / between) / 4
        else:
            x = x + h * first
    table = run_table(Ralston(), Grid.create(EXAMPLES["ve"], sigmas))
    np.testing.assert_allclose(sample(table, target.denoise, start), x, rtol=1e-12, atol=1e-13)
    assert table.calls == Ralston().calls(4) == 7


@pytest.mark.parametrize("name", [n for n, c in SOLVERS.items() if issubclass(c, ExplicitRungeKutta)])
def test_stages_come_from_the_tableau(name):
    assert SOLVERS[name].stages == SOLVERS[name].tableau.stages
