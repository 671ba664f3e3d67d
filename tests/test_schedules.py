"""Every schedule: ends, order, size, and use with every solver."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path

import numpy as np
import pytest

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import DiffoptError, UnsupportedError
from diffopt.objectives import OBJECTIVES
from diffopt.processes import VE, Flow, TrainedLevels, VPLinear
from diffopt.processes.beta_rules import alphas_from_betas
from diffopt.processes.span import ENDS, Span
from diffopt.schedules import SCHEDULES
from diffopt.schedules.base import Schedule
from diffopt.solvers import SOLVERS, run_table

SPECTRUM = Spectrum.create([40.0, 9.0, 2.0, 0.5, 0.05, 0.004, 0.0], [1, 2, 4, 8, 16, 32, 3])
NAMES = list(SCHEDULES)


def span(steps=6, end="zero", process=None, high=80.0, low=0.002, spectrum=SPECTRUM):
    return Span(process or VE(), steps, high, low, end, spectrum)


@pytest.mark.parametrize("name", NAMES)
def test_ends_count_and_order(name):
    for end, steps in itertools.product(ENDS, (1, 2, 3, 5, 10, 37)):
        grid = SCHEDULES[name]().grid(span(steps, end))
        assert grid.steps == steps
        assert grid.sigmas.shape == (steps + 1,)
        assert grid.sigmas[0] == 80.0
        assert grid.sigmas[-1] == (0.0 if end == "zero" else 0.002)
        assert np.all(np.diff(grid.sigmas) < 0), (end, steps)
        if end == "zero":
            assert grid.sigmas[-2] >= 0.002


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("process", "high", "low"),
    [
        (VE(), 14.6146, 0.0292),
        (VE(), 700.0, 0.002),
        (VPLinear(), 100.0, 0.01),
        (Flow(), 300.0, 0.001),
        (TrainedLevels(alphas_from_betas("scaled_linear:0.00085,0.012,1000")), 14.6, 0.03),
    ],
)
def test_other_ranges_and_processes(name, process, high, low):
    grid = SCHEDULES[name]().grid(span(8, process=process, high=high, low=low))
    assert grid.sigmas[0] == high
    assert np.all(np.diff(grid.sigmas) < 0)


@pytest.mark.parametrize("name", NAMES)
def test_pure_noise_works_or_is_refused_in_one_line(name):
    grid, refusal = attempt(name, span(8, process=Flow(), high=np.inf, low=0.001))
    if grid is None:
        assert name in refusal
        assert "\n" not in refusal
    else:
        assert np.isinf(grid.sigmas[0])
        assert np.all(np.isfinite(grid.sigmas[1:]))
    if SCHEDULES[name].kind == "table" or name in ("uniform_t", "uniform_flow", "simple", "flow_shift"):
        assert grid is not None


def attempt(name, asked):
    try:
        return SCHEDULES[name]().grid(asked), ""
    except UnsupportedError as error:
        return None, str(error)


@pytest.mark.parametrize("name", [n for n in NAMES if SCHEDULES[n].most is not None])
def test_what_takes_too_long_is_refused_in_one_line(name):
    most = SCHEDULES[name].most
    with pytest.raises(UnsupportedError, match=f"{name}.*at most {most} steps, got {most + 1}"):
        SCHEDULES[name]().grid(span(most + 1))


@pytest.mark.parametrize("name", [n for n in NAMES if SCHEDULES[n].most is None])
def test_the_others_give_a_thousand_steps(name):
    grid, refusal = attempt(name, span(999))
    # Tables of indices repeat themselves and tails underflow: then there is a reason.
    assert grid is not None or "no valid grid" in refusal


class Listed(Schedule):
    """Levels that an author hands over."""

    name, reference, formula = "listed", "a test", "as given"

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def levels(self, span: Span) -> np.ndarray:
        if span.spectrum is not None:
            raise AssertionError("a rule that says it needs no data sees none: its answers are kept for all data")
        return self.values


@pytest.mark.parametrize("change", [1e-12, 0.5])
@pytest.mark.parametrize("steps", [3, 1500])
def test_a_grid_that_is_kept_is_that_of_the_very_numbers(steps, change):
    """Numpy's text of an array leaves out digits, and of a long one its middle."""
    values = np.linspace(10.0, 1.0, steps)
    other = values.copy()
    other[steps // 2] += change * (values[0] - values[1])
    question = Span(VE(), steps, 10.0, 1.0, "zero", SPECTRUM)
    first, second = (Listed(v).grid(question).sigmas for v in (values, other))
    assert second[steps // 2] - first[steps // 2] == other[steps // 2] - values[steps // 2] > 0


@pytest.mark.parametrize("name", [n for n in NAMES if SCHEDULES[n].kind == "spectrum"])
def test_designs_from_data_say_that_they_need_a_spectrum(name):
    with pytest.raises(DiffoptError, match=r"spectrum|solver"):
        SCHEDULES[name]().grid(Span(VE(), 6, 80.0, 0.002))


@pytest.mark.parametrize("name", NAMES)
def test_runs_with_every_solver(name):
    grid = SCHEDULES[name]().grid(span(5, "sigma_min"))
    for solver in SOLVERS:
        table = run_table(SOLVERS[solver]().for_data(Dataset.of(SPECTRUM)), grid)
        value = OBJECTIVES["discretization"]().value(table, SPECTRUM, "exact")
        assert 0 < value < np.inf, solver


@pytest.mark.parametrize("name", NAMES)
def test_more_eigenvalues_of_the_same_kind_change_nothing(name):
    """Multiplicities are weights: the same spectrum written out gives the same grid."""
    whole = Spectrum.create(np.repeat(SPECTRUM.eig, SPECTRUM.weight.astype(int)))
    short, long = (SCHEDULES[name]().grid(span(6, spectrum=s)).sigmas for s in (SPECTRUM, whole))
    np.testing.assert_allclose(long, short, rtol=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_is_a_short_class_in_the_room_of_its_kind(name):
    cls = SCHEDULES[name]
    assert len(inspect.getsource(cls).strip().splitlines()) <= 40
    room = {"fixed": "fixed", "table": "published", "spectrum": "spectral"}[cls.kind]
    assert inspect.getmodule(cls).__name__.startswith(f"diffopt.schedules.{room}.")


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_says_what_it_is_and_where_it_is_from(name):
    cls = SCHEDULES[name]
    assert cls.name == name
    assert cls.kind in ("fixed", "table", "spectrum"), f"{cls.__name__}.kind is {cls.kind!r}"
    assert cls.status in ("read", "derived"), f"{cls.__name__}.status is {cls.status!r}"
    assert cls.formula, f"{cls.__name__}: the class attribute formula is missing"
    assert cls.reference, f"{cls.__name__}: the class attribute reference is missing"
    assert "Reference:" in cls.__doc__, f"{cls.__name__}: its docstring has no line 'Reference: ...'"
    if cls.status == "derived":
        assert "derived" in cls.reference, f"{cls.__name__}: status is 'derived'; its reference must say so and where"


@pytest.mark.parametrize("name", NAMES)
def test_every_schedule_is_named_in_a_test_of_its_numbers(name):
    """A row without independent numbers cannot slip in: some test must quote its name."""
    text = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    assert f'"{name}"' in text


def test_equal_questions_are_answered_once_and_different_ones_are_not_mixed_up():
    schedule = SCHEDULES["fisher_rao"]()
    other = Spectrum.create([400.0, 1.0])
    first, again, third = (schedule.grid(span(6, spectrum=s)).sigmas for s in (SPECTRUM, SPECTRUM, other))
    np.testing.assert_array_equal(first, again)
    assert np.max(np.abs(first - third)) > 0.1


def test_families_are_kept_apart_by_their_parameters():
    one, two = (SCHEDULES["karras"](rho=rho).grid(span()).sigmas for rho in (3.0, 7.0))
    assert np.max(np.abs(one - two)) > 0.1
