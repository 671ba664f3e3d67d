"""Objectives against matrix square roots, textbook divergences and slow literal loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dense import divergence, output_law, rotated, wasserstein
from problems import EXAMPLES, NO_STEP_TO_ZERO, TABLED, grid_for, injects_noise, irregular, make, solver_cases, spectrum

import diffopt
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.robust import SCALES, Robust
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table


def value(name, table, data, start="exact"):
    objective = OBJECTIVES[name]()
    return objective.value(table, objective.prepare(data), start)


def repeated():
    """Three eigenvalues with multiplicities 1, 2, 3 and means inside, as entries and written out."""
    eig, weight = [12.0, 0.8, 0.05], [1, 2, 3]
    full_mean = np.array([1.0, 0.3, -0.7, 0.2, 0.1, -0.4])
    parts = np.split(full_mean, np.cumsum(weight)[:-1])
    entries = Spectrum.create(eig, weight, [np.sqrt((p**2).mean()) for p in parts])
    return entries, np.repeat(eig, weight), full_mean


#: Truth for each objective that compares two laws: (distance, whether the target is the data).
DENSE = {
    "frechet": (wasserstein, True),
    "kl": (divergence, True),
    "discretization": (wasserstein, False),
    "kl_discretization": (divergence, False),
}


def test_every_objective_has_a_truth():
    assert set(OBJECTIVES) == {*DENSE, "robust", "path_kl"}


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("solver", ["euler", "dpmpp_2m", "dpmpp_2m_sde", "ddpm"])
@pytest.mark.parametrize("process", list(EXAMPLES))
@pytest.mark.parametrize("name", list(DENSE))
def test_law_objectives_equal_full_matrix_truth(name, process, solver, end):
    """Rotated covariance with repeated eigenvalues and a mean."""
    entries, eig, mean = repeated()
    covariance, mu, _ = rotated(eig, mean, seed=2)
    table = run_table(make(solver), grid_for(EXAMPLES[process], 5, end))
    distance, to_data = DENSE[name]
    for start in ("exact", "unit"):
        out = output_law(table, covariance, mu, start)
        a, n = (1.0, 0.0) if to_data else (table.alpha[-1], table.level[-1])
        target = (a * mu, a**2 * covariance + n**2 * np.eye(len(mu)))
        wish = distance(*target, *out)
        assert value(name, table, entries, start) == pytest.approx(wish, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_objectives_vanish_as_the_grid_refines_and_are_positive_before(name):
    """More steps, less error; never negative."""
    solver = make("euler_maruyama", "variance") if name == "path_kl" else make("ddim")
    values = []
    for steps in (4, 32, 256):
        grid = Grid.create(EXAMPLES["ve"], np.geomspace(9.0, 0.001, steps + 1))
        values.append(value(name, run_table(solver, grid), Spectrum.create([2.0, 0.3])))
    assert values[0] > values[1] > values[2] > 0
    assert values[2] < 0.1 * values[0]


@pytest.mark.parametrize("name", ["kl", "kl_discretization"])
def test_divergences_keep_their_accuracy_near_zero(name):
    """A relative variance error of 1e-9 gives its square over 4, not rounding noise."""
    objective = OBJECTIVES[name]()
    variance = np.array([1.0 + 1e-7, 2.0])
    got = objective.terms(variance, np.array([1.0, 2.0]), None, np.ones(2)).loss
    assert got == pytest.approx(1e-14 / 4, rel=1e-6)


def test_kl_is_infinite_where_a_direction_degenerates():
    data = Spectrum.create([1.0, 0.0])
    table = run_table(make("ddpm"), Grid.create(EXAMPLES["ve"], [9.0, 1.0, 0.1]))
    assert value("kl", table, data) == math.inf
    assert math.isfinite(value("kl_discretization", table, data))
    to_zero = run_table(make("ddim"), Grid.create(EXAMPLES["ve"], [9.0, 1.0, 0.0]))
    assert value("kl", to_zero, data) == pytest.approx(value("kl", to_zero, Spectrum.create([1.0])))


# --- robust -------------------------------------------------------------------------------------


class Plain:
    """A table's numbers as lists, which a loop over single numbers reads faster than arrays."""

    def __init__(self, table):
        self.rows, self.steps, self.lags, self.sources = table.rows, table.steps, table.lags, table.sources
        self.alpha, self.level, self.stochastic = table.alpha.tolist(), table.level.tolist(), table.stochastic
        self.state, self.denoised = table.state.tolist(), table.denoised.tolist()
        self.score, self.noise = table.score.tolist(), table.noise.tolist()


def slow_step(table, k, eig, history):
    """Step k on one eigenvalue from given earlier nodes: (state, noise variance) at its end."""
    def gain(i, row, lag):
        v = table.alpha[i] ** 2 * eig + table.level[i] ** 2
        c = table.state[k][row][lag]
        if table.denoised[k][row][lag]:
            c += table.denoised[k][row][lag] * table.alpha[i] * eig / v
        if table.score[k][row][lag]:
            c -= table.score[k][row][lag] / v
        return c

    nodes = dict(history)
    noise = {i: [0.0] * table.sources for i in history}
    for row in range(table.rows):
        state, xi = 0.0, table.noise[k][row]
        for lag in range(table.lags):
            i = k * table.rows + row - lag
            if i in nodes:
                c = gain(i, row, lag)
                state, xi = state + c * nodes[i], [x + c * y for x, y in zip(xi, noise[i], strict=True)]
        nodes[k * table.rows + row + 1], noise[k * table.rows + row + 1] = state, xi
    last = (k + 1) * table.rows
    return nodes[last], sum(x * x for x in noise[last])


def slow_error(table, eig, starts):
    """(E, S) of one eigenvalue: local defects from the exact past, relative, damped, added absolutely and signed; B by start."""
    rows, steps = table.rows, table.steps
    root = [math.sqrt(a**2 * eig + n**2) for a, n in zip(table.alpha, table.level, strict=True)]
    grid_root = root[::rows]
    noisy = table.stochastic
    # Noise of a step does not depend on its past, so one pass with zero states gives it.
    fresh = [slow_step(table, k, eig, {i: 0.0 for i in range(k * rows + 1)})[1] for k in range(steps)]
    kept = [math.sqrt(max(1 - n / r**2, 0)) if r > 0 else 0.0 for n, r in zip(fresh, grid_root[1:], strict=True)]
    signals = [{"exact": eig, "sigma": 0.0, "unit": 1.0}[start] for start in starts]
    firsts = [math.sqrt(table.alpha[0] ** 2 * signal + table.level[0] ** 2) for signal in signals]
    began = [(first - root[0]) / root[0] for first in firsts]
    total_defect, last = np.zeros(2), np.zeros(2)
    for k in range(steps):
        past = {}
        for i in range(k * rows + 1):
            back = (k * rows - i) // rows
            correlation = math.prod(kept[k - back : k]) if noisy else 1.0
            past[i] = root[i] * correlation
        moved, n = slow_step(table, k, eig, past)[0], fresh[k]
        total = math.sqrt(moved**2 + n)
        reached = (total if moved >= 0 else 2 * math.sqrt(n) - total) if noisy else moved
        defect = np.array([abs(reached - grid_root[k + 1]), reached - grid_root[k + 1]])
        if noisy and grid_root[k + 1] > 0:
            share, new = moved**2 / grid_root[k + 1] ** 2, n / grid_root[k + 1] ** 2
            kappa = min(share, 1) / min(share + new, 1) if share + new > 0 else 0.0
            total_defect *= kappa
            began = [b * kappa for b in began]
        if k < steps - 1:
            total_defect += defect / grid_root[k + 1]
        else:
            last = defect
    return *(grid_root[-1] * total_defect + last).tolist(), [grid_root[-1] * b for b in began]


@pytest.mark.parametrize(("name", "process", "clock"), solver_cases())
def test_robust_equals_a_slow_literal_loop(name, process, clock):
    """Both ends, exact and mismatched start, every eigenvalue of the ensemble one by one."""
    data, rule = Spectrum.create([30.0, 0.05], [1.0, 2.0]), Robust()
    share = sum(c**rule.tilt for c in rule.scales)
    for end in ("sigma_min",) if clock in NO_STEP_TO_ZERO else ("zero", "sigma_min"):
        table = run_table(make(name, clock), grid_for(EXAMPLES[process], 4, end))
        plain, totals = Plain(table), {"exact": 0.0, "unit": 0.0}
        for c in rule.scales:
            for e, w in zip(data.eig.tolist(), data.weight.tolist(), strict=True):
                absolute, signed, began = slow_error(plain, e * c, totals)
                for start, b in zip(totals, began, strict=True):
                    mixed = b**2 + (absolute**2 + rule.signed * signed**2) / (1 + rule.signed)
                    totals[start] += c**rule.tilt / share * w * mixed
        for start, total in totals.items():
            assert value("robust", table, data, start) == pytest.approx(math.sqrt(total), rel=1e-9)


def test_robust_without_noise_bounds_the_discretization_error_at_first_order():
    """Cancelling local errors do not hide: on dpmpp_2m (sign-changing defects) robust exceeds the exact error."""
    data = Spectrum.create([5.0, 0.7, 0.02])
    single = Robust(scales=(1.0,), signed=0.0)
    for seed in range(5):
        table = run_table(make("dpmpp_2m"), grid_for(EXAMPLES["ve"], 12, seed=seed))
        assert single.value(table, single.prepare(data), "exact") > 0.9 * value("discretization", table, data)


def test_signed_errors_can_lower_the_value_by_a_bounded_factor_only():
    """Between the absolute sum over sqrt(1 + signed) and the absolute sum itself."""
    data = spectrum()
    for solver in ("dpmpp_2m", "heun", "ddpm"):
        table = run_table(make(solver), grid_for(EXAMPLES["ve"], 8))
        pure, mixed = (OBJECTIVES["robust"](signed=s) for s in (0.0, 1.0))
        a, b = (o.value(table, o.prepare(data), "unit") for o in (pure, mixed))
        assert a / math.sqrt(2) <= b * (1 + 1e-12)
        assert b <= a * (1 + 1e-12)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
@pytest.mark.parametrize("start", ["sigma", "unit"])
def test_a_start_that_no_grid_mends_does_not_move_the_grid(solver, start):
    """Without noise the start's part is a constant between fixed ends: the optimum of the exact start, which steps evenly."""
    wide = Spectrum.create([700.0, 3.0, 0.4, 0.02])
    one, other = (
        diffopt.optimize(wide, solver, 6, sigma_max=14.6, sigma_min=0.03, start=law, end="zero") for law in ("exact", start)
    )
    np.testing.assert_allclose(one.sigmas, other.sigmas, rtol=2e-3)
    steps, both = one.errors["robust"], other.errors["robust"]
    scales = np.array(SCALES)
    shares = scales**-0.2 / (scales**-0.2).sum()
    began = {"sigma": 14.6**2, "unit": 1 + 14.6**2}[start]
    eig = scales[:, None] * wide.eig
    gap = np.sqrt(eig) * (np.sqrt(began / (eig + 14.6**2)) - 1)
    assert both**2 == pytest.approx(steps**2 + shares @ (gap**2).sum(axis=1), rel=1e-6)


def test_the_ensemble_of_the_data_replaces_the_scaled_copies():
    own = Ensemble.create([Spectrum.create([3.0]), Spectrum.create([1.0])])
    table = run_table(make("heun"), grid_for(EXAMPLES["ve"], 5))
    total = 0.0
    for e in own.union().eig.tolist():
        absolute, signed, (began,) = slow_error(Plain(table), e, ["exact"])
        total += 0.5 * 0.5 * (absolute**2 + signed**2 + began**2)
    wish = math.sqrt(total)
    objective = Robust()
    assert objective.value(table, objective.prepare(spectrum(), own), "exact") == pytest.approx(wish, rel=1e-10)


# --- path KL --------------------------------------------------------------------------------------


def dense_path_kl(table, covariance):
    """Sum of expected KLs between the exact reverse transitions and the sampler's, with full matrices."""
    d, total, one = len(covariance), 0.0, np.eye(len(covariance))
    marginal = [a**2 * covariance + n**2 * one for a, n in zip(table.alpha, table.level, strict=True)]
    grid_alpha = table.alpha[:: table.rows]
    v = marginal[:: table.rows]
    for k in range(table.steps):
        nodes, base = {k * table.rows: (one, np.zeros((d, d * table.sources)))}, k * table.rows
        for row in range(table.rows):
            m, b = np.zeros((d, d)), np.kron(table.noise[k, row][None, :], one)
            for lag in range(table.lags):
                i = base + row - lag
                if i < base:
                    continue
                inverse = np.linalg.inv(marginal[i])
                c = table.state[k, row, lag] * one - table.score[k, row, lag] * inverse
                c = c + table.denoised[k, row, lag] * table.alpha[i] * covariance @ inverse
                m, b = m + c @ nodes[i][0], b + c @ nodes[i][1]
            nodes[base + row + 1] = (m, b)
        m, b = nodes[base + table.rows]
        scale = grid_alpha[k] / grid_alpha[k + 1]
        gain = scale * v[k + 1] @ np.linalg.inv(v[k])
        exact, numeric = v[k + 1] - scale * gain @ v[k + 1], b @ b.T
        inverse, gap = np.linalg.inv(numeric), gain - m
        logs = np.linalg.slogdet(numeric)[1] - np.linalg.slogdet(exact)[1]
        total += 0.5 * (np.trace(inverse @ exact) - d + logs + np.trace(inverse @ gap @ v[k] @ gap.T))
    return float(total)


PATH_SOLVERS = [name for name, cls in TABLED.items() if not cls.memory and injects_noise(name)]


@pytest.mark.parametrize("process", list(EXAMPLES))
@pytest.mark.parametrize("name", PATH_SOLVERS)
def test_path_kl_equals_dense_transition_divergences(name, process):
    eig = np.array([6.0, 0.9, 0.1])
    covariance, _, _ = rotated(eig, seed=5)
    solver = make(name, s_churn=1.5) if name == "edm_stochastic" else make(name)
    eta = 0.8 if TABLED[name].eta_meaning else None
    table = run_table(solver, grid_for(EXAMPLES[process], 5, "sigma_min"), eta)
    assert value("path_kl", table, Spectrum.create(eig)) == pytest.approx(dense_path_kl(table, covariance), rel=1e-9)


def test_path_kl_of_the_ancestral_sampler_is_the_klub():
    """F3: half sum m(sigma_i) (gamma_{i+1} - gamma_i) - half sum log((1 + eig gamma_N)/(1 + eig gamma_0))."""
    data = spectrum()
    sigmas = irregular(7, "sigma_min")
    gamma = sigmas**-2.0
    mmse = (data.weight * data.eig * sigmas[:-1, None] ** 2 / (data.eig + sigmas[:-1, None] ** 2)).sum(axis=1)
    logs = np.log((1 + data.eig * gamma[-1]) / (1 + data.eig * gamma[0]))
    wish = 0.5 * mmse @ np.diff(gamma) - 0.5 * data.weight @ logs
    for name in ("euler_ancestral", "ddpm"):
        table = run_table(make(name), Grid.create(EXAMPLES["ve"], sigmas))
        assert value("path_kl", table, data) == pytest.approx(wish, rel=1e-11)


def test_path_kl_of_euler_maruyama_in_the_variance_clock():
    """F3: half sum log(V_0/V_N) - half sum J(sigma_i) (sigma_i^2 - sigma_{i+1}^2)."""
    data = spectrum()
    sigmas = irregular(7, "sigma_min")
    fisher = (data.weight / (data.eig + sigmas[:-1, None] ** 2)).sum(axis=1)
    logs = np.log((data.eig + sigmas[0] ** 2) / (data.eig + sigmas[-1] ** 2))
    wish = 0.5 * data.weight @ logs + 0.5 * fisher @ np.diff(sigmas**2)
    table = run_table(make("euler_maruyama", "variance"), Grid.create(EXAMPLES["ve"], sigmas))
    assert value("path_kl", table, data) == pytest.approx(wish, rel=1e-11)


@pytest.mark.parametrize("name", [n for n, c in TABLED.items() if c.memory])
def test_path_kl_refuses_solvers_with_memory(name):
    table = run_table(make(name), grid_for(EXAMPLES["ve"], 4, "sigma_min"))
    with pytest.raises(UnsupportedError, match="without memory"):
        value("path_kl", table, spectrum())


def test_path_kl_is_infinite_without_noise():
    table = run_table(make("ddim"), grid_for(EXAMPLES["ve"], 4, "sigma_min"))
    assert value("path_kl", table, spectrum()) == math.inf
