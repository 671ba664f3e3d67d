"""No result is worse than the baselines that are printed beside it."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.search.descent import optimize as real_search

pytestmark = pytest.mark.usefixtures("no_optimum")

VERB = importlib.import_module("diffopt.api.optimize")


def poor(problem: Any, *args: Any, **kwargs: Any) -> Any:
    """What a failed search might return: levels crowded at the top."""
    found = real_search(problem, *args, **kwargs)
    sigmas = np.append(np.linspace(80.0, 79.0, problem.steps), 0.0)
    return replace(found, grid=Grid.create(VE(), sigmas))


@pytest.mark.parametrize("objective", ["robust", "frechet", "kl"])
def test_a_search_that_fails_returns_the_best_baseline(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each named schedule is evaluated by itself; the least error of them is the answer's."""
    monkeypatch.setattr(VERB, "search", poor)
    found = diffopt.optimize([4.0, 1.0, 0.25], "heun", 4, objective=objective)
    alone = {name: diffopt.evaluate([4.0, 1.0, 0.25], solver="heun", steps=4, schedule=name) for name in found.baselines}
    errors = {name: each.errors[objective] for name, each in alone.items()}
    best = min(errors, key=lambda name: errors[name] if errors[name] is not None else np.inf)
    np.testing.assert_allclose(found.sigmas, alone[best].sigmas, rtol=1e-14)
    assert found.errors[objective] == pytest.approx(errors[best], rel=1e-12)
    assert found.document["optimizer"]["message"].startswith(f"the schedule {best} is better than what the search found")


def test_a_baseline_that_amplifies_its_errors_is_no_advice() -> None:
    """Its local errors are small, and its Frechet distance is beyond what they add up to (theory.md, eq. 290)."""
    eig = [12.7, 3.66, 1.82, 0.79, 0.49, 0.22, 0.056, 0.33, 0.19, 0.085, 0.14, 0.15, 0.052, 0.027, 0.076, 0.052, 0.012]
    found = diffopt.optimize(eig, "euler_maruyama", 5, process="vp_cosine")
    karras = found.baselines["karras"]
    assert karras["frechet"] > 10 * karras["robust"] and karras["robust"] < found.errors["robust"]
    assert found.errors["frechet"] < karras["frechet"]
    assert "karras" not in found.answers()[0]
    table = diffopt.compare(eig, "euler_maruyama", 5, process="vp_cosine", only="karras,beta")
    assert "take karras" not in table.answers()[0] and "keep it" not in table.answers()[0]


def test_what_the_search_found_stays_where_it_is_better() -> None:
    found = diffopt.optimize([4.0, 1.0, 0.25], "heun", 4)
    assert "is better than" not in found.document["optimizer"]["message"]
    assert found.errors["robust"] < min(part["robust"] for part in found.baselines.values())


def test_a_grid_that_is_kept_stays() -> None:
    """Where the grid is not free the user's schedule is returned, whatever others would give."""
    found = diffopt.optimize([4.0, 1.0, 0.25], "ddim", 4, free="eta", schedule="flux_shift")
    own = diffopt.evaluate([4.0, 1.0, 0.25], solver="ddim", steps=4, schedule="flux_shift")
    np.testing.assert_allclose(found.sigmas, own.sigmas, rtol=1e-14)
    assert any(part["robust"] < found.errors["robust"] for part in found.baselines.values())


@pytest.mark.parametrize("objective", ["robust", "frechet", "kl", "discretization"])
@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m", "unipc"])
def test_never_worse_than_what_is_printed(solver: str, objective: str) -> None:
    """On a spectrum of many eigenvalues, where search and baselines see short spectra."""
    eig = 50.0 * np.arange(1, 3001, dtype=float) ** -1.7
    # Where errors cancel and steps remember, a search takes a second for one more step.
    found = diffopt.optimize(eig, solver, 2 if solver == "unipc" and objective != "robust" else 3, objective=objective)
    others = [part[objective] for part in found.baselines.values() if part.get(objective) is not None]
    assert others
    assert found.errors[objective] <= min(others) * (1 + 1e-9)
