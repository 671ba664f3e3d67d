"""Limits that arithmetic alone would lose: pure noise, the data, vanishing variances, poles of the rates."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from problems import CLOCK_NAMES, EXAMPLES, make

from diffopt.data.posterior.operators.base import MatrixOperator
from diffopt.data.posterior.posterior import Prior, posterior
from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.law.map_response import respond
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.kl import surplus
from diffopt.objectives.problem import Problem
from diffopt.processes import VE, Flow, Process, VPCosine
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, Solver, run_table
from diffopt.solvers.methods.er_sde import ERSDE
from diffopt.solvers.methods.lms import LMS
from diffopt.solvers.methods.unipc import UniPC

FLOW_TIMES = [1.0, 0.93, 0.7, 0.41, 0.2, 0.05, 0.0]


def flow_grid(times: list[float]) -> Grid:
    sigmas = [np.inf if s == 1 else s / (1 - s) for s in times]
    return Grid.create(Flow(), sigmas)


def deviation(solver: Solver, grid: Grid, eig: float, eta: float | None = None) -> float:
    law = Law(run_table(solver, grid, eta), Spectrum.create([eig]), "exact")
    return float(np.sqrt(law.variance[0]))


def literal_2m(eig: mp.mpf, times: list[float], start: mp.mpf) -> mp.mpf:
    """DPM-Solver++(2M) of a flow model in lambda = -log sigma, 60 digits, gain of a unit normal at s = `start`."""
    s = [start, *map(mp.mpf, times[1:])]
    gain = lambda a: (1 - a) * eig / ((1 - a) ** 2 * eig + a**2)  # noqa: E731
    z, before, h_before = mp.mpf(1), None, None
    for k in range(len(s) - 1):
        a, b = s[k], s[k + 1]
        d = gain(a) * z
        h = mp.inf if b == 0 else mp.log(a / (1 - a)) - mp.log(b / (1 - b))
        used = d if before is None or b == 0 else d + (d - before) * h / (2 * h_before)
        z = b / a * z + ((1 - b) - (1 - a) * b / a) * used
        before, h_before = d, h
    return z


@pytest.mark.parametrize("name", ["dpmpp_2m", "dpmpp_2m_sde"])
@pytest.mark.parametrize("eig", [1.0, 0.25, 0.04])
def test_multistep_from_pure_noise_without_damping(name: str, eig: float) -> None:
    """Eqs. (13), (19) at eta = 0: r^eta is 1 also on the step from pure noise; limit of s -> 1 in 60 digits."""
    with mp.workdps(60):
        truth = float(abs(literal_2m(mp.mpf(eig), FLOW_TIMES, 1 - mp.mpf(10) ** -45)))
    eta = 0.0 if name == "dpmpp_2m_sde" else None
    # The slope after a step of length h_- in log sigma has weight h/(2 h_-), which is 1 % at 1e-45: Richardson below.
    found = deviation(make(name), flow_grid(FLOW_TIMES), eig, eta)
    with mp.workdps(2000):
        far = float(abs(literal_2m(mp.mpf(eig), FLOW_TIMES, 1 - mp.mpf(10) ** -1500)))
    assert abs(found / far - 1) < 1e-3 < 2e-2
    assert abs(2 * far - found - truth) < abs(truth - found)


@pytest.mark.parametrize(("phi", "limit"), [("ode", 1.0), ("sde", 0.0), ("power_1.5", 0.0), ("default", 0.0)])
def test_er_sde_from_pure_noise(phi: str, limit: float) -> None:
    """x' = D + (u/sigma)(x - D): as sigma grows, u = sigma phi(sigma')/phi(sigma) tends to sigma' for phi(x) = x only."""
    times = FLOW_TIMES
    eig, var = 0.3, 1.0
    for a, b in zip(times[:-1], times[1:], strict=True):
        share = {"ode": lambda x: x, "sde": lambda x: x**2, "power_1.5": lambda x: x**1.5}.get(
            phi, lambda x: x * (np.exp(x**0.3) + 10)
        )
        if a == 1:
            down = limit * b
        elif b == 0:
            down = 0.0
        else:
            down = share(b / (1 - b)) / share(a / (1 - a)) * (1 - b) / (1 - a)
        gain = (1 - a) * eig / ((1 - a) ** 2 * eig + a**2)
        var = (down + (1 - b - (1 - a) * down) * gain) ** 2 * var + b**2 - (a * down) ** 2
    assert deviation(ERSDE(phi=phi), flow_grid(times), eig) == pytest.approx(np.sqrt(var), rel=1e-12)


def literal_unipc(eig: mp.mpf, s: list[mp.mpf]) -> mp.mpf:
    """Eq. (18) as a loop; rho from the 2 x 2 system, 1/2 at order 1."""
    gain = lambda a: (1 - a) * eig / ((1 - a) ** 2 * eig + a**2)  # noqa: E731
    ratio = lambda a: a / (1 - a)  # noqa: E731
    corrected = predicted = mp.mpf(1)
    before, h_before, n = None, None, len(s) - 1
    for k in range(n):
        a, b = s[k], s[k + 1]
        d = gain(a) * predicted
        if b == 0:
            return d
        h = mp.log(ratio(a) / ratio(b))
        e = 1 - mp.exp(-h)
        keep, room = b / a, (1 - b) - (1 - a) * b / a
        slope = 0 if k == 0 else (d - before) * h / (2 * h_before)
        predicted = keep * corrected + room * (d + slope)
        new = gain(b) * predicted
        if k == 0:
            inner = (new - d) / 2
        else:
            q, b_1 = -h_before / h, 1 / e - 1 / h
            b_2 = 1 / e - 2 * b_1 / h
            rho_1 = (b_1 - b_2) / (1 - q)
            inner = rho_1 * (before - d) / q + (b_1 - rho_1) * (new - d)
        corrected = keep * corrected + room * (d + inner)
        before, h_before = d, h
    raise AssertionError("the last level is 0")


@pytest.mark.parametrize("eig", [2.0, 0.3, 0.01])
def test_unipc_after_pure_noise(eig: float) -> None:
    """Eq. (18) as h_- grows: rho_2 tends to b_1, not to 1/2."""
    found = deviation(make("unipc"), flow_grid(FLOW_TIMES), eig)
    errors = []
    for digits in (1000, 4000):
        with mp.workdps(digits + 500):
            s = [1 - mp.mpf(10) ** -digits, *map(mp.mpf, FLOW_TIMES[1:])]
            errors.append(float(abs(literal_unipc(mp.mpf(eig), s))) - found)
    # What is left falls like 1/h_-, that is with the number of digits.
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.02)
    assert abs(errors[1]) < 1e-3 * found


def literal_unipc3(eig: mp.mpf, s: list[mp.mpf]) -> mp.mpf:
    """Order 3 (orders 1, 2, 3, ..., 3, 2, 1) as a loop: sum_j rho_j s_j^(i-1) = i! h phi_(i+1)(-h)/B, bh2."""
    gain = lambda a: (1 - a) * eig / ((1 - a) ** 2 * eig + a**2)  # noqa: E731
    place = lambda a: mp.log((1 - a) / a)  # noqa: E731
    corrected = predicted = mp.mpf(1)
    outputs: list[tuple[mp.mpf, mp.mpf]] = []
    n = len(s) - 1
    for k in range(n):
        a, b, order = s[k], s[k + 1], min(k + 1, 3, n - k)
        d = gain(a) * predicted
        if b == 0:
            return d
        h = place(b) - place(a)
        scale, right, phi = mp.expm1(-h), [], mp.expm1(-h) / -h - 1
        for i in range(1, order + 1):
            right.append(phi * mp.factorial(i) / scale)
            phi = phi / -h - 1 / mp.factorial(i + 1)
        keep, room = b / a, (1 - b) - (1 - a) * b / a
        old = [((at - place(a)) / h, out - d) for at, out in outputs[::-1][: order - 1]]

        def slopes(pairs: list[tuple[mp.mpf, mp.mpf]], right: list[mp.mpf] = right) -> mp.mpf:
            count = len(pairs)
            if not count:
                return mp.mpf(0)
            system = mp.matrix(count, count)
            for i in range(count):
                for j, (at, _) in enumerate(pairs):
                    system[i, j] = at**i
            rho = [mp.mpf(1) / 2] if count == 1 else mp.lu_solve(system, mp.matrix(right[:count]))
            return sum(rho[j] * out / at for j, (at, out) in enumerate(pairs))

        predicted = keep * corrected + room * (d + slopes(old))
        corrected = keep * corrected + room * (d + slopes([*old, (mp.mpf(1), gain(b) * predicted - d)]))
        outputs.append((place(a), d))
    raise AssertionError("the last level is 0")


@pytest.mark.parametrize("eig", [2.0, 0.3, 0.01])
def test_unipc_of_order_3_after_pure_noise(eig: float) -> None:
    """The limit of a start that goes to pure noise; at a finite start the loop itself."""
    solver, errors = UniPC(order=3), []
    near = [0.98, *FLOW_TIMES[1:]]
    with mp.workdps(60):
        start = mp.sqrt((1 - mp.mpf(near[0])) ** 2 * eig + mp.mpf(near[0]) ** 2)
        truth = float(abs(literal_unipc3(mp.mpf(eig), list(map(mp.mpf, near)))) * start)
    assert deviation(solver, flow_grid(near), eig) == pytest.approx(truth, rel=1e-11)
    found = deviation(solver, flow_grid(FLOW_TIMES), eig)
    for digits in (1000, 4000):
        with mp.workdps(digits + 200):
            s = [1 - mp.mpf(10) ** -digits, *map(mp.mpf, FLOW_TIMES[1:])]
            errors.append(float(abs(literal_unipc3(mp.mpf(eig), s))) - found)
    # What is left falls like 1/h_-, that is with the number of digits.
    assert errors[1] == pytest.approx(errors[0] / 4, rel=0.02)
    assert abs(errors[1]) < 1e-3 * found


CASES = [
    (name, process, clock)
    for name, cls in SOLVERS.items()
    for process in ("ve", "vp_linear", "flow")
    for clock in (CLOCK_NAMES if cls.uses_clock else (None,))
    if clock != "logsnr" and not cls.needs_data
]


@pytest.mark.parametrize(("name", "process", "clock"), CASES)
def test_a_null_direction_ends_at_zero_or_far_from_it(name: str, process: str, clock: str | None) -> None:
    """Eqs. (101), (105): no rounding is taken for variance where the last step lands on the denoiser's output."""
    rng, solver = np.random.default_rng(5), make(name, clock)
    eta = None if solver.eta_meaning is None else 0.0
    for _ in range(20):
        levels = np.sort(np.exp(rng.uniform(-4, 4, rng.integers(1, 5))))[::-1]
        grid = Grid.create(EXAMPLES[process], np.append(levels, 0.0))
        variance = Law(run_table(solver, grid, eta), Spectrum.create([1.0, 0.0]), "exact").variance[1]
        assert variance == 0 or not variance < 1e-24


def test_a_rule_that_sums_to_one_but_for_rounding_does_not_move_a_null_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines round the sum of its shares up or down (eq. 121)."""
    from diffopt.solvers.rules import adams

    xi, share = adams.RULES[32]
    monkeypatch.setitem(adams.RULES, 32, (xi, share * (1 + 1e-15)))
    grid = Grid.create(EXAMPLES["ve"], [7.0, 2.0, 0.4, 0.05, 0.0])
    assert Law(run_table(make("deis", None), grid), Spectrum.create([1.0, 0.0]), "exact").variance[1] == 0


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("process", ["ve", "flow"])
def test_lms_of_any_grid_lands_null_directions_on_zero(process: str, order: int) -> None:
    """Along sigma the slope of a null direction is constant, so any order hits 0 (eqs. 105, 120); KL is then a number."""
    rng, solver = np.random.default_rng(3), LMS(order=order, clock="sigma")
    for _ in range(100):
        levels = np.sort(np.exp(rng.uniform(-6, 4.5, rng.integers(1, 25))))[::-1]
        grid = Grid.create(EXAMPLES[process], np.append(levels, 0.0))
        assert Law(run_table(solver, grid), Spectrum.create([1.0, 0.0]), "exact").variance[1] == 0


@pytest.mark.parametrize(
    ("name", "process", "clock"),
    [
        *(("euler", "ve", c) for c in ("sigma", "time")), ("heun", "ve", "sigma"), ("rk4", "ve", "sigma"),
        ("euler", "flow", "time"), ("heun", "flow", "time"), ("heun_sde", "ve", "sigma"), ("sra1", "flow", "time"),
        ("dpmpp_2m", "ve", None), ("edm_stochastic", "ve", None), ("dpmpp_sde", "flow", None),
    ],
)  # fmt: skip
def test_the_last_step_of_the_sigma_clock_is_the_denoiser(name: str, process: str, clock: str | None) -> None:
    """Along sigma the straight line from any state hits D at sigma = 0: a null direction ends at exactly 0."""
    rng, solver = np.random.default_rng(7), make(name, clock)
    eta = None if solver.eta_meaning is None else 0.0
    for _ in range(100):
        levels = np.sort(np.exp(rng.uniform(-4, 4.5, rng.integers(1, 6))))[::-1]
        problem = Problem.create(
            Spectrum.create([1.0, 0.0]), EXAMPLES[process], solver, levels.size, levels[0], levels[-1] / 2
        )
        result = evaluate(problem, Grid.create(problem.process, np.append(levels, 0.0)), eta, expand=False)
        assert result.variance[1] == 0 and result.kl is not None


@pytest.mark.parametrize("sigma", [49.0, 80.0, 3.7])
@pytest.mark.parametrize("name", ["heun", "rk4", "euler"])
def test_one_step_divergence_of_rank_deficient_data(name: str, sigma: float) -> None:
    """One step from sigma to 0 multiplies eigenvalue 1 by 1/(1 + sigma^2); the null direction adds nothing."""
    problem = Problem.create(Spectrum.create([1.0, 0.0]), VE(), make(name), 1, sigma, 0.002)
    q = 1 / (1 + sigma**2)
    assert evaluate(problem, Grid.create(VE(), [sigma, 0.0])).kl == pytest.approx(0.5 * (1 / q - 1 + np.log(q)), rel=1e-13)


@pytest.mark.parametrize("end", [0.0, 0.5])
@pytest.mark.parametrize("clock", ["sigma", "variance"])
@pytest.mark.parametrize("small", [1e-12, 1e-17, 1e-40])
def test_divergence_keeps_its_digits_where_variances_are_small(small: float, clock: str, end: float) -> None:
    """Eq. (30) in 60 digits: Euler's multipliers by hand."""
    levels = [80.0, 1.0, end]
    if end == 0 and clock == "sigma":
        levels = [80.0, 1.0, 1e-6, 0.0]
    with mp.workdps(60):
        total = mp.mpf(0)
        for raw in (1.0, small):
            eig, gain = mp.mpf(raw), mp.mpf(1)
            for a, b in zip(map(mp.mpf, levels[:-1]), map(mp.mpf, levels[1:]), strict=True):
                h = a - b if clock == "sigma" else (a**2 - b**2) / (2 * a)
                gain *= 1 - h / a * (1 - eig / (eig + a**2))
            v = gain**2 * (eig + mp.mpf(80) ** 2)
            total += (eig / v - 1 - mp.log(eig / v)) / 2
    problem = Problem.create(Spectrum.create([1.0, small]), VE(), make("euler", clock), len(levels) - 1, 80, levels[-2] / 4)
    assert evaluate(problem, Grid.create(VE(), levels)).kl == pytest.approx(float(total), rel=1e-12)


@pytest.mark.parametrize("ratio", [1e-300, 1e-17, 0.3, 0.5, 1 - 1e-9, 1 + 1e-5, 1.4999, 1.5001, 3.0, 1e200])
def test_surplus_to_rounding(ratio: float) -> None:
    """r - 1 - log r against 50 digits."""
    with mp.workdps(50):
        r = mp.mpf(ratio)
        truth = float(r - 1 - mp.log(r))
    assert surplus(np.array([ratio]), np.array([1.0]))[0] == pytest.approx(truth, rel=2e-7 if abs(ratio - 1) < 1e-8 else 1e-11)


def cosine(offset: mp.mpf) -> tuple:
    angle = lambda t: mp.pi / 2 * (t + offset) / (1 + offset)  # noqa: E731
    beta = lambda t: mp.pi / (1 + offset) * mp.tan(angle(t))  # noqa: E731

    def time(sigma: mp.mpf) -> mp.mpf:
        zero = mp.cos(angle(mp.mpf(0)))
        return mp.acos(zero / mp.sqrt(1 + sigma**2)) * 2 / mp.pi * (1 + offset) - offset

    return time, beta, lambda t: mp.cos(angle(t)) / mp.cos(angle(mp.mpf(0)))


@pytest.mark.parametrize("sigma", [0.05, 3.0, 80.0, 400.0, 1e3, 1e5])
@pytest.mark.parametrize("process", [VPCosine(), Flow()], ids=lambda p: p.name)
def test_linearization_beside_the_pole(process: Process, sigma: float) -> None:
    """Eq. (86), eta = 1, in 40 digits with K' = dK/du by mpmath."""
    eig = mp.mpf("0.3")
    with mp.workdps(40):
        if process.name == "flow":
            time, alpha = (lambda s: s / (1 + s)), (lambda t: 1 - t)
            square, drift = (lambda t: 2 * t / (1 - t)), (lambda t: -1 / (1 - t))
            noise = lambda t: t**2  # noqa: E731
        else:
            time, square, alpha = cosine(mp.mpf("0.008"))
            drift, noise = (lambda t: -square(t) / 2), (lambda t: 1 - alpha(t) ** 2)
        first, last = time(mp.mpf(sigma)), time(mp.mpf(sigma) / 2)
        slope = lambda u: -drift(-u) - square(-u) / (alpha(-u) ** 2 * eig + noise(-u))  # noqa: E731
        h, k, rise = first - last, slope(-first), mp.diff(slope, -first, h=mp.mpf(10) ** -14)
        phi1, phi2 = (lambda x: mp.expm1(x) / x), (lambda x: (mp.expm1(x) - x) / x**2)
        m = mp.exp(h * k) + h**2 * phi2(h * k) * rise
        n = h * (square(first) * phi1(2 * h * k) + (square(last) - square(first)) * phi2(2 * h * k))
        m, n = float(m), float(n)
    grid = Grid.create(process, [sigma, sigma / 2])
    response = respond(run_table(SOLVERS["local_linearization_time"](clock="time"), grid, 1.0), np.array([0.3]))
    assert response.rows[0].incoming[0][0, 0] == pytest.approx(m, rel=1e-8)
    assert response.injected[0, 0] == pytest.approx(n, rel=1e-8)


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6, 1e-8, 1e-12])
@pytest.mark.parametrize("kind", ["full", "redundant"])
def test_posterior_mean_at_small_noise(kind: str, noise: float) -> None:
    """Eqs. (91) and (100): the normal equations in 80 digits."""
    rng = np.random.default_rng(0)
    d, m = 6, 4
    root = rng.standard_normal((d, d)) * np.geomspace(1, 0.05, d)
    a = rng.standard_normal((m, d))
    if kind == "redundant":
        a[3] = a[0] + a[1]
    mu, x = rng.standard_normal(d), rng.standard_normal(d)
    y = a @ x
    if kind == "redundant":
        y[3] = y[0] + y[1]
    result = posterior(Prior((d,), root @ root.T, None, mu), MatrixOperator(a), noise, y)
    with mp.workdps(80):
        big, matrix = mp.matrix((root @ root.T).tolist()), mp.matrix(a.tolist())
        if kind == "redundant":
            for j in range(d):
                matrix[3, j] = matrix[0, j] + matrix[1, j]
        rest = mp.matrix(y.tolist()) - matrix * mp.matrix(mu.tolist())
        if kind == "redundant":
            rest[3] = rest[0] + rest[1]
        inner = matrix * big * matrix.T + mp.mpf(noise) ** 2 * mp.eye(m)
        truth = mp.matrix(mu.tolist()) + big * matrix.T * mp.lu_solve(inner, rest)
    assert result.mean is not None
    assert np.max(np.abs(result.mean - np.array([float(v) for v in truth]))) < 1e-11
