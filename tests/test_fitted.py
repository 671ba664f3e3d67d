"""Coefficients fitted to a spectrum: the least-squares problem by dense algebra, its limits, documents, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from problems import EXAMPLES, irregular, spectrum
from scipy.integrate import quad
from scipy.optimize import minimize

import diffopt
from diffopt.data.dataset import Dataset
from diffopt.data.scaled_copies import SCALES, scaled_copies
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.law.gradient import Design, DifferentiableTable
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.processes.points import Points
from diffopt.search.descent import optimize
from diffopt.solvers import SOLVERS, build_table, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.rules.fitted_weights import even_weights, fitted_weights

NAMES = [name for name, cls in SOLVERS.items() if cls.needs_data]
DATA = Dataset.of(spectrum())


def bound(name, **options):
    return SOLVERS[name](**options).for_data(DATA)


def table_of(name, sigmas, process="ve", **options):
    return run_table(bound(name, **options), Grid.create(EXAMPLES[process], sigmas))


def even_row(r, used):
    """Eq. (292) written out: integrals of Lagrange polynomials at 0, -1, ..., against h e^(ht)/(e^h - 1)."""
    if r == 0:
        return np.array([1.0] + [0.0] * (used - 1))
    h = -np.log(r)

    def lagrange(t, j):
        return np.prod([(t + m) / (m - j) for m in range(used) if m != j])

    return np.array([quad(lambda t, j=j: lagrange(t, j) * h * np.exp(h * t) / np.expm1(h), 0, 1)[0] for j in range(used)])


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_minimize_the_squared_defects_and_the_penalties(name, end, even):
    """Eqs. (131), (132) and (292): defects written out per eigenvalue, minimized numerically over weights that sum to 1."""
    sigmas, solver = irregular(6, end), bound(name)
    ensemble, count, prior = solver.ensemble, solver.outputs, 0.2 * even
    got = fitted_weights(Points.create(EXAMPLES["ve"], sigmas), ensemble, count, solver.ridge, prior)
    for k in range(6):
        a, b, used = sigmas[k], sigmas[k + 1], min(count, k + 1)
        root = [np.sqrt(ensemble.eig + s**2) for s in sigmas]
        output = [ensemble.eig / root[k - j] for j in range(used)]
        centre = np.zeros(used)
        centre[: min(3, used)] = even_row(b / a, min(3, used))
        carried = ensemble.weight * ensemble.eig / root[k + 1] ** 2

        def loss(free, used=used, a=a, b=b, k=k, root=root, output=output, centre=centre, carried=carried):
            w = np.append(1 - free.sum(), free)
            defect = b / a * root[k] + (1 - b / a) * sum(w[j] * output[j] for j in range(used)) - root[k + 1]
            size = (1 - b / a) ** 2 * (carried @ output[0] ** 2)
            return carried @ defect**2 + size * (prior**2 * ((w - centre) ** 2).sum() + solver.ridge**2 * (w**2).sum())

        if used > 1:
            scale = loss(centre[1:])
            found = minimize(lambda f, s=scale: loss(f) / s, centre[1:], method="BFGS", options={"gtol": 1e-11})
            np.testing.assert_allclose(got[k, 1:used], found.x, atol=2e-5)
        np.testing.assert_allclose(got[k].sum(), 1, rtol=1e-13)
        np.testing.assert_array_equal(got[k, used:], 0)


def test_the_ensemble_is_scaled_copies_with_their_shares():
    copies = scaled_copies(DATA.spectrum, -1.0)
    assert copies.eig.size == len(SCALES) * DATA.spectrum.eig.size
    first, second = copies.weight[: DATA.spectrum.eig.size], copies.weight[DATA.spectrum.eig.size : 2 * DATA.spectrum.eig.size]
    np.testing.assert_allclose(second / first, 2.0)
    np.testing.assert_allclose(copies.weight.sum(), DATA.spectrum.weight.sum())


@pytest.mark.parametrize("name", NAMES)
def test_a_strong_prior_is_adams_bashforth_in_the_number_of_the_step(name):
    """Eq. (292), and its limit of short steps: the classical numbers."""
    sigmas = irregular(7)
    got = table_of(name, sigmas, prior=1e6, even=True).denoised[:, 0, :] / (1 - sigmas[1:] / sigmas[:-1])[:, None]
    used = min(3, SOLVERS[name].outputs)
    for k in range(7):
        count = min(used, k + 1)
        np.testing.assert_allclose(got[k, :count], even_row(sigmas[k + 1] / sigmas[k], count), atol=1e-9)
        np.testing.assert_allclose(got[k, count:], 0, atol=1e-9)
    short = even_weights(Points.create(EXAMPLES["ve"], np.geomspace(1, 0.999, 6)), SOLVERS[name].outputs)
    classical = {2: [3 / 2, -1 / 2], 3: [23 / 12, -16 / 12, 5 / 12]}[used]
    np.testing.assert_allclose(short[-1, :used], classical, atol=1e-3)


def test_the_prior_is_in_force_on_grids_of_the_search_alone():
    made = diffopt.optimize([9.0, 1.0, 0.1], solver="fitted_3", steps=6)
    assert made.document["solver_options"]["even"] is True
    kept = diffopt.optimize([9.0, 1.0, 0.1], solver="fitted_3", steps=6, schedule="karras", free="coefficients")
    assert kept.document["solver_options"]["even"] is False
    assert kept.answers()[0].startswith("The coefficients are fitted to the grid of karras, which is kept: robust ")
    np.testing.assert_allclose(diffopt.evaluate([9.0, 1.0, 0.1], made).errors["frechet"], made.errors["frechet"], rtol=1e-9)


def test_one_eigenvalue_and_two_outputs_are_exact():
    """Eq. (131) has one equation and one unknown: the trajectory of that eigenvalue is met."""
    sigmas, eig = irregular(5, "sigma_min"), np.array([0.7])
    weights = fitted_weights(Points.create(EXAMPLES["ve"], sigmas), Spectrum.create(eig), 2, 1e-9, 0)
    root = np.sqrt(eig + sigmas**2)
    for k in range(1, 5):
        r, output = sigmas[k + 1] / sigmas[k], eig / root
        got = r * root[k] + (1 - r) * (weights[k, 0] * output[k] + weights[k, 1] * output[k - 1])
        np.testing.assert_allclose(got, root[k + 1], rtol=1e-10)


@pytest.mark.parametrize(("count", "wish"), [(2, [3, -1]), (3, [23, -16, 5]), (4, [55, -59, 37, -9])])
def test_small_steps_give_adams_bashforth(count, wish):
    """Eq. (133): where the outputs are polynomials over the steps, the fit is Adams-Bashforth's."""
    sigmas = np.geomspace(1.3, 1.3 * np.exp(-0.02 * 8), 9)
    ensemble = Spectrum.create(np.geomspace(0.2, 5, 40))
    weights = fitted_weights(Points.create(EXAMPLES["ve"], sigmas), ensemble, count, 1e-10, 0)[-1]
    np.testing.assert_allclose(weights, np.array(wish) / {2: 2, 3: 12, 4: 24}[count], atol=0.15 if count == 4 else 0.05)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("process", list(EXAMPLES))
def test_every_process_runs_the_same_loop(name, process):
    """Eq. (130): x' = (sigma'/sigma) x + sum_j c_kj D_(k-j) with a document's coefficients, a non-linear denoiser."""
    from oracles import Mixture

    sigmas, target = irregular(6), Mixture()
    table = table_of(name, sigmas, process)
    coefficients = table.output_weights
    x = start = sigmas[0] * np.random.default_rng(0).normal(size=(30, 2))
    outputs = []
    for k, row in enumerate(coefficients):
        outputs.insert(0, target.denoise(x, 1.0, sigmas[k]))
        x = sigmas[k + 1] / sigmas[k] * x + sum(c * d for c, d in zip(row, outputs, strict=False))
        assert sum(row) == pytest.approx(1 - sigmas[k + 1] / sigmas[k], rel=1e-12)
    z = sample(table, target.denoise, start * table.alpha[0])
    np.testing.assert_allclose(z / table.alpha[-1], x, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_from_pure_noise(name):
    """The first output of an infinite sigma is that of any point: it takes no part in a fit."""
    table = table_of(name, [np.inf, 3.0, 1.0, 0.4, 0.1, 0.0], "flow")
    assert np.all(np.isfinite(table.denoised))
    assert table.denoised[1, 0, 1] == 0
    assert table.calls == SOLVERS[name]().calls(5) == 5


@pytest.mark.parametrize("name", NAMES)
def test_gradient_by_the_grid_includes_the_fit(name):
    """The joint search: derivatives of the objective through the least-squares solution, by differences."""
    solver, thing = bound(name, prior=0.1, even=True), OBJECTIVES["robust"]()
    logs, data = np.log(irregular(5, "sigma_min")), DATA.spectrum
    prepared = thing.prepare(data)
    table = DifferentiableTable(solver, EXAMPLES["ve"], Design(np.exp(logs), np.zeros(5), True, False))
    _, bars = thing.value_and_bars(table.table, prepared, "exact")
    by_grid, _, _ = table.gradient(bars)

    def at(shift):
        points = Points.create(EXAMPLES["ve"], np.exp(logs + shift))
        return thing.value(build_table(solver, points, np.zeros(5)), prepared, "exact")

    unit, h = np.eye(6), 1e-5
    wish = [(at(h * e) - at(-h * e)) / (2 * h) for e in unit]
    np.testing.assert_allclose(by_grid, wish, rtol=1e-5, atol=1e-6 * np.abs(wish).max())


@pytest.mark.parametrize("name", NAMES)
def test_grid_and_coefficients_together_converge_soon(name):
    """An evaluation with a fit costs some three times one of 2M, and the search is to cost ten times 2M's at most."""
    values = {}
    for solver in ("dpmpp_2m", name):
        problem = Problem.create(DATA.spectrum, EXAMPLES["ve"], SOLVERS[solver](), 12, 20.0, 0.01)
        values[solver] = optimize(problem, OBJECTIVES["robust"](), grid_of=())
    assert values[name].converged
    assert values[name].evaluations <= 3 * values["dpmpp_2m"].evaluations


@pytest.mark.parametrize("name", NAMES)
def test_weights_have_no_scale(name):
    """eig c^2 and sigma c: the same weights."""
    sigmas, c = irregular(7), 3.7
    scaled = Dataset.of(Spectrum.create(DATA.spectrum.eig * c**2, DATA.spectrum.weight))
    a = table_of(name, sigmas)
    b = run_table(SOLVERS[name]().for_data(scaled), Grid.create(EXAMPLES["ve"], sigmas * c))
    np.testing.assert_allclose(a.denoised, b.denoised, rtol=1e-8, atol=1e-10)


def test_a_document_keeps_its_coefficients(tmp_path):
    """Written, read back and evaluated on other data: the coefficients are those of the file."""
    made = diffopt.optimize([9.0, 1.0, 0.1, 0.01], solver="fitted_3", steps=6, sigma_max=20.0)
    path = tmp_path / "grid.json"
    made.save(str(path))
    document = json.loads(path.read_text())
    assert len(document["coefficients"]) == 6
    again = diffopt.evaluate([9.0, 1.0, 0.1, 0.01], str(path))
    assert again.errors["frechet"] == pytest.approx(made.errors["frechet"], rel=1e-9)
    other = diffopt.evaluate([5.0, 5.0, 0.3], str(path))
    for a, b in zip(other.document["coefficients"], document["coefficients"], strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_a_kept_grid_and_free_coefficients():
    kept = diffopt.optimize([9.0, 1.0, 0.1], solver="fitted_2", steps=6, free="coefficients", schedule="karras")
    karras = diffopt.evaluate([9.0, 1.0, 0.1], schedule="karras", solver="dpmpp_2m", steps=6)
    np.testing.assert_allclose(kept.sigmas, karras.sigmas)
    assert kept.errors["robust"] < karras.errors["robust"]


def test_refusals_are_one_line(tmp_path):
    with pytest.raises(UnsupportedError, match="4 outputs a step, more than the 3 steps"):
        diffopt.optimize([1.0, 0.1], solver="fitted_4", steps=3)
    with pytest.raises(InputError, match="no coefficients to fit"):
        diffopt.optimize([1.0, 0.1], solver="euler", free="coefficients", schedule="karras")
    with pytest.raises(InputError, match="positive"):
        SOLVERS["fitted_2"](prior=0.0)
    with pytest.raises(UnsupportedError, match="fitted to a spectrum"):
        run_table(SOLVERS["fitted_2"](), Grid.create(EXAMPLES["ve"], irregular(4)))
    rows = tuple(tuple(row) for row in table_of("fitted_3", irregular(6)).output_weights)
    fixed = SOLVERS["fitted_3"](coefficients=rows)
    with pytest.raises(InputError, match="for 6 steps, the grid has 5"):
        run_table(fixed, Grid.create(EXAMPLES["ve"], irregular(5)))
    with pytest.raises(InputError, match="another grid"):
        run_table(fixed, Grid.create(EXAMPLES["ve"], irregular(6, seed=5)))
    path = tmp_path / "grid.json"
    path.write_text(json.dumps({"sigmas": irregular(6, seed=5).tolist(), "solver": "fitted_3", "coefficients": rows}))
    with pytest.raises(InputError, match="another grid"):
        diffopt.evaluate([1.0, 0.1], str(path))
