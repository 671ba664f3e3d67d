"""The minimizers against scipy's, which do not share their code."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from diffopt.foundation.least_squares import Starts, fit, fit_all
from diffopt.foundation.quasi_newton import Memory, minimize
from diffopt.foundation.scalar import minimize_scalar

CURVES = {
    "parabola": (lambda x: (x - 0.3) ** 2 + 1, -2.0, 5.0),
    "quartic": (lambda x: (x - 1.7) ** 4 + 0.1 * x, -1.0, 4.0),
    "at an end": (lambda x: float(np.exp(x)), 0.5, 3.0),
    "kink": (lambda x: abs(x - 0.123) + 0.2 * x, -1.0, 2.0),
    "a wall": (lambda x: float(np.inf) if x < 0.2 else (x - 0.25) ** 2, -1.0, 2.0),
}


@pytest.mark.parametrize("name", CURVES)
def test_a_function_of_one_number_has_the_minimum_that_scipy_finds(name: str) -> None:
    f, low, high = CURVES[name]
    place, value = minimize_scalar(f, low, high, 1e-7)
    grid = np.linspace(low, high, 20_001)
    # The end itself is never tried, only a point within the tolerance; of kinks the place is found as well as it can be.
    assert value <= min(map(f, grid)) + 1e-6 and abs(place - grid[np.argmin([f(x) for x in grid])]) < 1e-3
    if name not in ("kink", "a wall"):
        theirs = optimize.minimize_scalar(f, bounds=(low, high), method="bounded", options={"xatol": 1e-7})
        assert value == pytest.approx(float(theirs.fun), abs=1e-9)


def rosenbrock(x: np.ndarray) -> tuple[float, np.ndarray]:
    return float(optimize.rosen(x)), optimize.rosen_der(x)


@pytest.mark.parametrize("size", [2, 10, 30])
@pytest.mark.parametrize("high", [5.0, 0.7], ids=["free", "at bounds"])
def test_many_numbers_inside_bounds_have_the_minimum_that_scipy_finds(size: int, high: float) -> None:
    start, bounds = np.full(size, -0.9), [(-2.0, high)] * size
    ours = minimize(rosenbrock, start, bounds, 2000, 1e-15, 1e-9)
    theirs = optimize.minimize(
        rosenbrock, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": 5000, "ftol": 1e-15, "gtol": 1e-10}
    )
    assert ours.value <= theirs.fun + 1e-9
    assert ours.count <= 2 * theirs.nfev + 20
    assert np.all(ours.x <= high) and np.all(ours.x >= -2)


def test_a_kink_is_followed_to_its_end() -> None:
    """Nesterov's first nonsmooth Rosenbrock function in two variables: minimum 0 at (1, 1), |x_2 - 2 x_1^2 + 1| on the way."""

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        gap = x[1] - 2 * x[0] ** 2 + 1
        side = 1.0 if gap >= 0 else -1.0
        return 0.25 * (x[0] - 1) ** 2 + abs(gap), np.array([0.5 * (x[0] - 1) - side * 4 * x[0], side])

    x, value = np.array([-1.0, 0.9]), np.inf
    for _ in range(40):
        found = minimize(loss, x, [(-3.0, 3.0)] * 2, 400, 1e-16, 1e-12)
        if not found.value < value:
            break
        x, value = found.x, found.value
    assert value < 1e-3


def test_a_crawl_among_kinks_ends_at_the_minimum_of_a_quadratic_program() -> None:
    """|x|^2/2 + sum c |A x - b|, whose kinks meet at the minimum; truth with a bound a term by SLSQP."""
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(size=(8, 6)), rng.normal(size=8), np.full(8, 0.5)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        gap = a @ x - b
        return 0.5 * x @ x + c @ np.abs(gap), x + a.T @ (c * np.sign(gap))

    found = minimize(loss, np.full(6, 2.0), [(-9.0, 9.0)] * 6, 1000, 1e-15, 1e-9, crawl=1e-9)
    sides = [{"type": "ineq", "fun": lambda y, s=s: y[6:] - s * (a @ y[:6] - b)} for s in (1, -1)]
    theirs = optimize.minimize(
        lambda y: 0.5 * y[:6] @ y[:6] + c @ y[6:], np.append(np.zeros(6), np.abs(b)), constraints=sides,
        options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    kinks = np.sum(np.abs(a @ found.x - b) < 1e-4)
    assert found.crawled and kinks >= 2 and found.count < 300
    assert found.value == pytest.approx(theirs.fun, rel=1e-7)


def test_an_evaluation_budget_ends_the_search() -> None:
    count = 0

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal count
        count += 1
        return rosenbrock(x)

    found = minimize(loss, np.full(10, -0.9), [(-2.0, 5.0)] * 10, 8, 0.0, 0.0)
    assert found.count == count and 8 < count <= 8 + 12
    assert found.value < rosenbrock(np.full(10, -0.9))[0]


def valley(x: np.ndarray) -> np.ndarray:
    """A narrow curved valley whose residuals do not vanish: Rosenbrock's, and a pull away from its end."""
    return np.stack([10 * (x[:, 1] - x[:, 0] ** 2), 1 - x[:, 0], x[:, 2] * x[:, 0] - 2, 0.3 * np.sin(3 * x[:, 1]) + 1], axis=1)


@pytest.mark.parametrize("high", [3.0, 0.7], ids=["free", "at bounds"])
@pytest.mark.parametrize("bent", [False, True])
def test_sums_of_squares_from_many_starts_have_the_minimum_that_scipy_finds(high: float, bent: bool) -> None:
    starts = np.random.default_rng(0).uniform(-2, high, (12, 3))
    low, most = np.full(3, -2.0), np.full(3, high)
    x, total = fit(valley, starts, low, most, ((4, 8), (120, 4)), bent)
    theirs = [optimize.least_squares(lambda x: valley(x[None])[0], start, bounds=(low, most), xtol=1e-12) for start in starts]
    assert total[0] == pytest.approx(2 * min(found.cost for found in theirs), rel=1e-6)
    assert np.all(np.diff(total) >= 0) and np.all(x >= -2) and np.all(x <= high)
    np.testing.assert_allclose((valley(x) ** 2).sum(axis=1), total)


def test_searches_side_by_side_end_where_each_alone_does() -> None:
    """With bounds, plans and gains of their own, of functions of their own."""
    starts = np.random.default_rng(1).uniform(-2, 0.5, (9, 3))
    tops = (np.full(3, 3.0), np.full(3, 0.7), np.array([3.0, 0.2, 1.0]))
    low, shifts = np.full(3, -2.0), np.array([0.0, 0.1, -0.2])
    searches = [
        Starts(starts[i : i + 5], low, top, ((4, 3), (40 * (i + 1), 2)), 10.0 ** -(6 + i)) for i, top in enumerate(tops)
    ]

    def rest(x: np.ndarray, of: np.ndarray) -> np.ndarray:
        return valley(x) - shifts[of][:, None]

    for bent in (False, True):
        together = fit_all(searches, rest, bent)
        for i, (search, (x, total)) in enumerate(zip(searches, together, strict=True)):
            [(own, least)] = fit_all([search], lambda x, of, i=i: rest(x, of + i), bent)
            np.testing.assert_allclose(x, own, rtol=1e-6, atol=1e-8)
            np.testing.assert_allclose(total, least, rtol=1e-9)
            assert np.all(x <= search.high)


def test_starts_without_residuals_are_left_out() -> None:
    def rest(x: np.ndarray) -> np.ndarray:
        return np.where(x < 0, np.nan, x - 0.25)

    x, total = fit(rest, np.array([[-0.5], [0.9]]), np.array([-1.0]), np.array([1.0]), ((20, 2),), False)
    assert x.shape == (1, 1) and x[0, 0] == pytest.approx(0.25) and total[0] < 1e-15


def test_slopes_with_squares_beyond_doubles_are_no_curvature() -> None:
    """Next to a zero of a logarithm; warnings are errors here."""
    memory, gradient = Memory(), np.array([1.0, 2.0])
    memory.add(np.array([1e-3, 1e-3]), np.array([1e200, 1e200]), 1e-3)
    np.testing.assert_array_equal(memory.direction(gradient, np.ones(2, bool)), -gradient)
