"""The comparison against direct evaluation, brute force and its own promises."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diffopt
from diffopt.data.dataset import Dataset
from diffopt.data.perturbation import PERTURBATIONS
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.metrics import COMPARED
from diffopt.objectives.problem import Problem
from diffopt.processes import VE, Flow, VPLinear
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.processes.training import Training
from diffopt.report.comparison import optimum_notes
from diffopt.schedules import SCHEDULES
from diffopt.search.descent import optimize
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.designs import DESIGNS
from diffopt.solvers.methods.er_sde import ERSDE, SCALERS
from diffopt.studies.comparison.comparison import compare
from diffopt.studies.comparison.row import KINDS
from diffopt.studies.comparison.selection import SORTABLE, Selection
from diffopt.studies.comparison.setting import Setting, calls_of, steps_within

SPECTRUM = Spectrum.create([30.0, 4.0, 0.5, 0.03, 0.001], [1, 3, 10, 40, 100])
FEW = ("karras", "exponential", "ays_svd", "fisher_rao", "oss")


def setting(solvers=("euler",), budgets=(6,), **changes):
    options = {"schedules": FEW, "designs": ()} | changes
    spectrum, process = options.pop("spectrum", SPECTRUM), options.pop("process", VE())
    return Setting(spectrum, process, [SOLVERS[s]() for s in solvers], list(budgets), **options)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("start", ["exact", "sigma", "unit"])
def test_every_column_is_what_evaluate_says(solver, start):
    data = Spectrum.create(SPECTRUM.eig, SPECTRUM.weight, [1.0, 0.5, 0.0, 0.1, 0.2])
    result = compare(setting([solver], [9], start=start, optimized=False, spectrum=data, schedules=("karras", "oss")))
    assert result.rows
    for row in result.rows:
        problem = Problem.create(data, VE(), SOLVERS[solver](), row.steps, start=start)
        exact = evaluate(problem, Grid.create(VE(), row.sigmas))
        assert row.denoiser_calls == exact.denoiser_calls <= 9
        for name in COMPARED:
            value = getattr(exact, name)
            assert row.errors[name] == (None if value is None else pytest.approx(value, rel=1e-5)), name
        # The same run on other data: coefficients that are fitted stay those of the data they were fitted to.
        table = run_table(problem.solver, Grid.create(VE(), row.sigmas))
        for name, perturb in PERTURBATIONS.items():
            expected = OBJECTIVES["frechet"]().value(table, perturb(data), start)
            assert row.held_out[name] == pytest.approx(expected, rel=1e-4)
        assert row.held_out_worst == max(row.held_out.values())


def test_compression_costs_less_than_it_says():
    rng = np.random.default_rng(0)
    full = Spectrum.create(np.sort(50 * np.arange(1, 801) ** -1.7 * np.exp(0.3 * rng.standard_normal(800))))
    result = compare(setting(["euler", "heun"], [10], spectrum=full, optimized=False))
    for row in result.rows:
        exact = evaluate(Problem.create(full, VE(), SOLVERS[row.solver](), row.steps), Grid.create(VE(), row.sigmas))
        for name in ("frechet", "discretization", "robust"):
            assert row.errors[name] == pytest.approx(getattr(exact, name), rel=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_budgets_are_denoiser_calls(solver, end):
    """The most steps whose calls, counted while the sampler runs, stay within the budget."""
    counts = {n: counted_calls(solver, n, end) for n in range(1, 11)}
    for budget in (1, 2, 5, 10):
        within = [n for n in range(1, budget + 1) if counts[n] <= budget]
        steps = steps_within(setting([solver], [budget], end=end), SOLVERS[solver](), budget)
        assert steps == (max(within) if within else None), budget


def counted_calls(solver, steps, end):
    from diffopt.solvers.loop import sample

    bound = SOLVERS[solver]().for_data(Dataset.of(SPECTRUM))
    try:
        table = run_table(bound, SCHEDULES["karras"]().grid(Span(VE(), steps, 80.0, 0.002, end)))
    except UnsupportedError:
        return np.inf
    calls, products = [], set()

    def denoiser(z, alpha, level):
        calls.append(level)
        return 0.5 * z

    def jacobian(z, alpha, level, direction):
        # One eigenvalue: a function of the Jacobian takes a single product, however often it is asked for.
        products.add(level)
        return 0.5 * direction

    sample(table, denoiser, np.ones(1), np.random.default_rng(0), jacobian=jacobian)
    return len(calls) + len(products)


def test_heun_gets_half_the_steps_and_the_flag_gives_them_back():
    equal_calls = compare(setting(["euler", "heun"], [10], optimized=False)).rows
    assert {r.solver: r.steps for r in equal_calls} == {"euler": 10, "heun": 5}
    equal_steps = compare(setting(["euler", "heun"], [10], optimized=False, equal_steps=True)).rows
    assert {r.steps for r in equal_steps} == {10}
    assert {r.solver: r.denoiser_calls for r in equal_steps} == {"euler": 10, "heun": 19}


def test_kl_is_null_with_a_reason_where_it_is_infinite():
    data = Spectrum.create([3.0, 1.0, 0.0])
    rows = compare(setting(["euler"], [4], spectrum=data, optimized=False, end="sigma_min")).rows
    assert rows
    assert all(r.errors["kl"] is None and "infinite" in r.reasons["kl"] for r in rows)
    assert all(r.errors["kl_discretization"] is not None for r in rows)


SPECTRA = st.lists(st.floats(-6, 5), min_size=1, max_size=5).map(lambda x: Spectrum.create(np.exp(x)))


@settings(max_examples=8, deadline=None)
@given(
    spectrum=SPECTRA,
    solver=st.sampled_from([s for s in SOLVERS if SOLVERS[s].own_clock is None]),
    budget=st.integers(2, 3),
    objective=st.sampled_from(["robust", "frechet", "discretization"]),
    end=st.sampled_from(["zero", "sigma_min"]),
)
def test_the_optimized_row_is_first_in_its_own_objective(spectrum, solver, budget, objective, end):
    names = tuple(n for n in SCHEDULES if not n.startswith(("dmn", "oss_", "gits_sd")))
    result = compare(
        setting([solver], [budget], spectrum=spectrum, objective=objective, end=end, schedules=names,
                designs=("ddim_eta_0", "ddim_eta_0.5"))
    )  # fmt: skip
    for _, group in itertools.groupby(result.rows, key=lambda r: (r.design is None, r.solver if not r.design else "")):
        rows = list(group)
        best = [r for r in rows if r.kind == "optimized"]
        if best:
            values = [r.errors[objective] for r in rows if r.errors[objective] is not None]
            assert best[0].errors[objective] == min(values)


def test_ratios_and_marks():
    rows = compare(setting(["heun"], [5, 11])).rows
    for budget in (5, 11):
        group = [r for r in rows if r.budget == budget]
        assert [r.kind for r in group].count("optimized") == 1
        assert group[-1].kind == "optimized"
        published = [r for r in group if r.kind != "optimized"]
        marked = [r for r in published if r.best]
        assert [m.schedule for m in marked] == [min(published, key=lambda r: r.errors["robust"]).schedule]
        for row in group:
            assert row.ratio == pytest.approx(row.errors["robust"] / group[-1].errors["robust"])
            assert row.ratio >= 1


def test_rows_that_have_no_meaning_are_reported():
    result = compare(
        setting(["euler"], [5], process=Flow(), sigma_max=math.inf, sigma_min=0.01,
                schedules=("karras", "uniform_flow"), optimized=False)
    )  # fmt: skip
    assert [r.schedule for r in result.rows] == ["uniform_flow"]
    assert any("karras" in key for key in result.skipped)


def test_added_grids_bring_their_own_budget():
    own = np.array([80.0, 5.0, 0.5, 0.0])
    rows = compare(setting(["heun"], [11], added={"mine": own})).rows
    mine = next(r for r in rows if r.schedule == "mine")
    assert (mine.kind, mine.steps, mine.denoiser_calls, mine.budget) == ("added", 3, 5, 5)
    assert mine.ratio >= 1
    joined = compare(setting(["euler"], [3], added={"mine": own})).rows
    assert "mine" in {r.schedule for r in joined if r.budget == 3}


def literal_order_one(sigmas, share, lam, noise=1.0):
    """x' = D + share (x - D) + sqrt(s'^2 - (s share)^2) xi on one eigenvalue, variance by the recursion."""
    v = lam + sigmas[0] ** 2
    for i, (a, b) in enumerate(itertools.pairwise(sigmas)):
        gain = lam / (lam + a * a)
        factor = gain + share(a, b, i) * (1 - gain)
        v = factor**2 * v + noise**2 * max(b * b - (a * share(a, b, i)) ** 2, 0.0)
    return v


ORDER_ONE = {
    "ddim_eta_0": lambda a, b, i: b / a,
    "ddim_eta_0.5": lambda a, b, i: math.sqrt(b * b - 0.25 * b * b * (1 - (b / a) ** 2)) / a,
    "ddim_eta_1": lambda a, b, i: (b / a) ** 2,
    "sa_tau_0.5": lambda a, b, i: (b / a) ** 1.25,
    "sa_tau_1": lambda a, b, i: (b / a) ** 2,
    "er_sde_default": lambda a, b, i: b * (math.exp(b**0.3) + 10) / (a * (math.exp(a**0.3) + 10)),
    "er_sde_sde": lambda a, b, i: (b / a) ** 2,
    "er_sde_1.5": lambda a, b, i: (b / a) ** 1.5,
    "er_sde_2.5": lambda a, b, i: (b / a) ** 2.5,
    "er_sde_log": lambda a, b, i: (b / a) ** 0.9 * math.log10(1 + 100 * b**1.5) / math.log10(1 + 100 * a**1.5),
    "ddpm_small": lambda a, b, i: (b / a) ** 2,
}


@pytest.mark.parametrize("name", ORDER_ONE)
@pytest.mark.parametrize("process", [VE(), VPLinear()])
@pytest.mark.parametrize("end", ["zero", "sigma_min"])
def test_noise_designs_are_their_recursions(name, process, end):
    design, lam = DESIGNS[name], 0.3
    grid = SCHEDULES["karras"]().grid(Span(process, 7, 20.0, 0.05, end))
    data = Spectrum.create([lam])
    table = run_table(design.solver, grid, design.etas(data, grid))
    from diffopt.law.law import Law

    law = Law(table, data, "exact")
    own = law.variance[0] / float(table.alpha[-1]) ** 2
    assert own == pytest.approx(literal_order_one(grid.sigmas, ORDER_ONE[name], lam), rel=1e-9)


def test_analytic_variance_is_the_best_common_noise():
    """Minimizing the per-step KL over the common variance by brute force gives the design's noise."""
    design = DESIGNS["analytic_variance"]
    grid = SCHEDULES["exponential"]().grid(Span(VE(), 4, 20.0, 0.1, "sigma_min"))
    etas = design.etas(SPECTRUM, grid)
    for eta, (a, b) in zip(etas, itertools.pairwise(grid.sigmas), strict=True):
        v = (SPECTRUM.eig + b * b) * (a * a - b * b) / (SPECTRUM.eig + a * a)
        trial = np.geomspace(v.min(), v.max(), 200_001)
        cost = sum(w * (x / trial - 1 - np.log(x / trial)) for w, x in zip(SPECTRUM.weight, v, strict=True))
        best = trial[np.argmin(cost)]
        assert (eta * b) ** 2 * (1 - (b / a) ** 2) == pytest.approx(best, rel=1e-3)


def test_band_of_noise_is_the_middle_of_the_timesteps():
    design = DESIGNS["sa_tau_band"]
    grid = SCHEDULES["normal"]().grid(Span(VPLinear(), 20, 100.0, 0.01))
    training = Training.of(Span(VPLinear(), 20, 100.0, 0.01))
    low, high = training.sigma(np.array([199.8, 799.2]))
    expected = [1.0 if low <= s <= high else 0.0 for s in grid.sigmas[:-1]]
    assert design.etas(SPECTRUM, grid).tolist() == expected
    assert 0 < sum(expected) < 20


@pytest.mark.hosts
@pytest.mark.filterwarnings("ignore:.*__array__ implementation:DeprecationWarning")
def test_band_of_noise_is_the_default_of_diffusers():
    diffusers = pytest.importorskip("diffusers")
    host = diffusers.SASolverScheduler()
    assert [host.tau_func(t) for t in (199, 200, 800, 801)] == [0, 1, 1, 0]


def test_churn_design_adds_noise_inside_its_band_only():
    design = DESIGNS["edm_churn"]
    grid = SCHEDULES["karras"]().grid(Span(VE(), 10, 80.0, 0.002))
    noise = run_table(design.solver, grid).noise[:, 0, 0]
    inside = (grid.sigmas[:-1] >= 0.05) & (grid.sigmas[:-1] <= 50)
    hat = grid.sigmas[:-1] * math.sqrt(2)
    np.testing.assert_allclose(noise[inside], 1.003 * np.sqrt(hat**2 - grid.sigmas[:-1] ** 2)[inside])
    assert np.all(noise[~inside] == 0)


@pytest.mark.parametrize("phi", SCALERS)
def test_er_sde_never_needs_imaginary_noise(phi):
    table = run_table(ERSDE(phi=phi), SCHEDULES["karras"]().grid(Span(VE(), 12, 80.0, 0.002)))
    assert np.all(np.isfinite(table.noise))


def test_every_design_is_scored():
    result = compare(setting(["euler"], [8], designs=tuple(DESIGNS)))
    assert {r.design for r in result.rows if r.kind == "stochasticity"} == set(DESIGNS)


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_perturbations_change_the_spectrum_by_twenty_percent(name):
    near = PERTURBATIONS[name](SPECTRUM)
    assert near.dim == pytest.approx(SPECTRUM.dim)
    trace = near.trace / SPECTRUM.trace
    assert trace == pytest.approx(1.2 if name == "scaled" else 1.0)
    if name == "tilted":
        slope = np.polyfit(np.log(SPECTRUM.eig), np.log(near.eig), 1)[0]
        assert slope == pytest.approx(1.2)
    if name == "blurred":
        second = near.weight @ near.eig**2 / (SPECTRUM.weight @ SPECTRUM.eig**2)
        assert second == pytest.approx(1.04)


@cache
def two_solvers():
    return compare(setting(["euler", "heun"], [5, 9]))


@pytest.mark.parametrize("column", SORTABLE)
@pytest.mark.parametrize("sign", ["", "-"])
def test_sorting_by_every_column(column, sign):
    result = Selection(sort=sign + column).apply(two_solvers())
    values = [r.errors[column] if column in COMPARED else getattr(r, column) for r in result.rows]
    known = [v for v in values if v is not None]
    assert values == sorted(known, reverse=bool(sign)) + [None] * (len(values) - len(known))


def test_filters():
    chosen = Selection(only=("ays_*", "karras"), skip=("ays_if",))
    assert chosen.schedules() == ["karras", "ays_sd15", "ays_sdxl", "ays_svd"]
    assert chosen.designs() == []
    assert set(Selection(kinds=("table",)).schedules()) == {n for n, c in SCHEDULES.items() if c.kind == "table"}
    assert Selection().schedules() == list(SCHEDULES)
    every = compare(setting(["euler"], [5]))
    top = Selection(top=2).apply(every)
    ranked = sorted((r for r in every.rows if r.kind != "optimized"), key=lambda r: r.errors["robust"])
    kept = {r.schedule for r in ranked[:2]} | {"karras"}
    assert {r.schedule for r in top.rows[:-1]} == kept
    assert top.rows[-1].kind == "optimized"


@pytest.mark.parametrize(
    "wrong", [{"only": ("nope",)}, {"kinds": ("nope",)}, {"sort": "nope"}, {"top": 0}, {"skip": ("xyz*",)}]
)
def test_wrong_filters_are_named(wrong):
    with pytest.raises(InputError):
        Selection(**wrong).check()


@pytest.mark.parametrize(
    "wrong", [{"solvers": ()}, {"budgets": ()}, {"budgets": (0,)}, {"objective": "nope"}, {"schedules": ("nope",)}]
)
def test_wrong_settings_are_named(wrong):
    solvers, budgets = wrong.pop("solvers", ("euler",)), wrong.pop("budgets", (5,))
    with pytest.raises(InputError):
        compare(setting(solvers, budgets, **wrong))


def test_calls_of_a_run_are_those_of_its_table():
    assert calls_of(setting(), SOLVERS["heun"](), 5) == 9
    assert set(KINDS) >= {c.kind for c in SCHEDULES.values()}


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "ddpm"])
def test_ratios_refer_to_an_optimum_as_good_as_that_of_the_optimizer_alone(solver):
    """A comparison starts from fewer rows and stops earlier; what it calls the optimum stays within 1 %."""
    data = Spectrum.create(12 * np.arange(1.0, 60.0) ** -1.6, np.full(59, 13.0))
    rows = compare(setting([solver], [10, 20], spectrum=data, schedules=tuple(SCHEDULES))).rows
    for row in [r for r in rows if r.kind == "optimized"]:
        problem = Problem.create(data, VE(), SOLVERS[solver](), row.steps)
        alone = optimize(problem, OBJECTIVES["robust"]())
        assert row.errors["robust"] <= 1.01 * evaluate(problem, alone.grid).robust


def test_processes_change_nothing_but_the_time():
    """Groups in several processes are those of one, in the same order."""
    spectrum = Spectrum.create(3.0 / np.arange(1, 9) ** 1.5)
    solvers = [SOLVERS[name]() for name in ("euler", "heun")]
    setting = Setting(spectrum, VE(), solvers, [3, 4, 5], schedules=["karras", "beta"], designs=[])
    alone, together = compare(setting), compare(setting, workers=2)
    assert [r.schedule for r in alone.rows] == [r.schedule for r in together.rows]
    assert len(alone.rows) == 6 * 3
    for one, other in zip(alone.rows, together.rows, strict=True):
        np.testing.assert_array_equal(one.sigmas, other.sigmas)
        assert one.errors == other.errors


def test_an_eta_that_no_row_would_take_is_refused():
    with pytest.raises(InputError, match=r"diffopt\.evaluate\(\.\.\., eta=\.\.\.\)"):
        diffopt.compare([4.0, 0.1], solver="ddim", steps=5, eta=1.0)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "unipc"])
@pytest.mark.parametrize(("process", "objective"), [("ve", "robust"), ("flow", "frechet"), ("vp_linear", "kl")])
def test_the_optimized_row_has_the_objective_of_optimize_to_a_fraction_of_a_per_cent(
    solver: str, process: str, objective: str
) -> None:
    """The sentence below the table, for two searches with other starts and tolerances."""
    eig = 9.0 * np.arange(1.0, 7) ** -1.5
    # Where errors cancel and steps remember, each search takes a second for one more step.
    steps = 2 if solver == "unipc" and objective != "robust" else 3
    table = diffopt.compare(eig, solver, steps, process=process, objective=objective, kind="fixed,optimized")
    (row,) = [row for row in table.document["rows"] if row["kind"] == "optimized"]
    found = diffopt.optimize(eig, solver, steps, process=process, objective=objective)
    assert row[objective] == pytest.approx(found.errors[objective], rel=5e-3)
    assert "to a fraction of a per cent" in optimum_notes(table.document)[0]


def test_rows_on_the_grids_of_other_solvers_are_told_apart() -> None:
    table = diffopt.compare([4.0, 1.0], "euler,ipndm", 3, only="karras").document
    plain, other = optimum_notes(table)
    assert plain.startswith("optimized: ") and other.startswith("optimized of ipndm: ")
    assert optimum_notes(diffopt.compare([4.0, 1.0], "ipndm", 3, only="karras").document) == [other]
    assert not optimum_notes(diffopt.compare([4.0, 1.0], "ipndm", 3, only="karras", skip="optimized").document)
