"""Options of solvers: every order and variant against its published loop, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import FACTS, ORACLES, Mixture, Replay, Run
from problems import EXAMPLES, irregular, make

import diffopt
from diffopt.documents.options import fields_of
from diffopt.errors import InputError
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample
from diffopt.solvers.methods.ipndm import published_weights

pytestmark = pytest.mark.usefixtures("no_optimum")

CASES = [
    *(("ipndm", {"order": p}) for p in (1, 2, 3, 4)),
    ("ipndm", {"euler_at_final": False}),
    *(("ipndm_v", {"order": p}) for p in (1, 2, 3, 4)),
    *(("lms", {"order": p}) for p in (1, 2, 3, 4)),
    ("lms", {"euler_at_final": True}),
    *(("deis", {"order": p, "variant": v}) for p in (1, 2, 3, 4) for v in ("tab", "logrho", "rhoab")),
    ("deis", {"lower_order_final": True}),
    *(("unipc", {"order": p, "variant": v}) for p in (1, 2, 3) for v in ("bh1", "bh2")),
    ("unipc", {"order": 3, "lower_order_final": False}),
    ("dpmpp_2m", {"lower_order_final": True}),
    ("dpmpp_3m", {"lower_order_final": False}),
    ("dpmpp_3m", {"variant": "k_diffusion"}),
    ("res_2m", {"variant": "comfyui"}),
    ("res_2m", {"fallback": True}),
    ("res_3m", {"fallback": True}),
]


def both(name, options, sigmas, clock=None):
    """Final states of the table and of the loop."""
    target, grid = Mixture(), Grid.create(EXAMPLES["ve"], sigmas)
    table = run_table(make(name, clock, **options), grid)
    x = np.random.default_rng(3).normal(size=(40, 2)) * sigmas[0]
    run = Run(target, FACTS["ve"], list(sigmas), [0.0] * grid.steps, [[]] * grid.steps, clock, options)
    return sample(table, target.denoise, x, Replay([], 0)), ORACLES[name](run, x), table


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 16])
def test_every_option_is_its_published_loop(name, options, steps, end):
    """Eqs. (120), (121), (127) and (128): multistep weights of integrals, refined exponential schemes."""
    clock = "sigma" if make(name).uses_clock else None
    got, wish, _ = both(name, options, irregular(steps, end, seed=steps), clock)
    np.testing.assert_allclose(got, wish, rtol=1e-12, atol=1e-12)


def test_k_diffusions_third_order_is_its_sde_without_noise():
    sigmas = irregular(9)
    a = run_table(make("dpmpp_3m", variant="k_diffusion"), Grid.create(EXAMPLES["ve"], sigmas))
    b = run_table(make("dpmpp_3m_sde"), Grid.create(EXAMPLES["ve"], sigmas), 0.0)
    np.testing.assert_allclose(a.denoised, b.denoised, rtol=1e-13, atol=1e-15)


def test_rhoab_is_lms_and_order_one_is_euler():
    grid = Grid.create(EXAMPLES["ve"], irregular(8))
    a = run_table(make("deis", variant="rhoab", order=4), grid)
    b = run_table(make("lms", "sigma", euler_at_final=True), grid)
    np.testing.assert_allclose(a.state, b.state, atol=1e-12)
    euler = run_table(make("euler", "sigma"), grid)
    for solver in (make("ipndm", "sigma", order=1), make("ipndm_v", "sigma", order=1), make("deis", order=1)):
        np.testing.assert_allclose(run_table(solver, grid).denoised, euler.denoised, atol=1e-14)


def test_printed_weights_are_not_the_integrals():
    """Eq. (122): the public code's third difference is exact on equal steps alone, its fourth nowhere (11/24, not 9/24)."""
    even, uneven = np.linspace(4.0, 0.4, 9), irregular(8, "sigma_min")
    gap = {}
    for name, sigmas in (("even", even), ("uneven", uneven)):
        grid = Grid.create(EXAMPLES["ve"], sigmas)
        for order in (2, 3, 4):
            ours, exact = (run_table(make(n, "sigma", order=order), grid).denoised for n in ("ipndm_v", "lms"))
            gap[name, order] = np.abs(ours - exact).max()
    assert max(gap["even", 2], gap["even", 3], gap["uneven", 2]) < 1e-13
    assert min(gap["uneven", 3], gap["even", 4], gap["uneven", 4]) > 1e-3
    weights = published_weights(np.ones(6), np.full(6, 4), 4)[-1]
    np.testing.assert_allclose(weights, np.array([23, -16, 5, 0]) / 12 + np.array([1, -3, 3, -1]) * 11 / 24, rtol=1e-14)


@pytest.mark.parametrize("name", ["res_2m", "res_3m"])
def test_calls_of_the_single_steps_at_the_start(name):
    for steps in (1, 2, 3, 4, 9):
        for end in ("zero", "sigma_min"):
            _, _, table = both(name, {}, irregular(steps, end))
            assert table.calls == make(name).calls(steps, end == "zero")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("ipndm", {"order": 5}, "orders 1 to 4"),
        ("ipndm_v", {"order": 0}, "orders 1 to 4"),
        ("lms", {"order": 5}, "orders 1 to 4"),
        ("unipc", {"order": 4}, "orders 1 to 3"),
        ("unipc", {"variant": "bh3"}, "bh1, bh2"),
        ("deis", {"variant": "t2ab"}, "tab, logrho, rhoab"),
        ("dpmpp_3m", {"variant": "comfy"}, "diffusers, k_diffusion"),
        ("res_2m", {"variant": "sde"}, "res4lyf, comfyui"),
    ],
)
def test_unknown_options_are_named(name, options, said):
    with pytest.raises(InputError, match=said):
        make(name, **options)


#: Ways to ask four eigenvalues for order 4 in three steps; all are the one line below.
TOO_SHORT = [
    lambda name: diffopt.optimize(EIG, solver=f"{name}:order={MOST[name]}", steps=MOST[name] - 1),
    lambda name: diffopt.optimize(EIG, solver=name, steps=MOST[name] - 1, options={"order": MOST[name]}),
    lambda name: diffopt.evaluate(EIG, solver=name, steps=MOST[name] - 1, schedule="karras", options={"order": MOST[name]}),
    lambda name: diffopt.evaluate(
        EIG, sigmas=np.append(np.geomspace(9, 1, MOST[name] - 1), 0).tolist(), solver=f"{name}:order={MOST[name]}"
    ),
    lambda name: diffopt.compare(EIG, solver=f"{name}:order={MOST[name]}", steps=[8, MOST[name] - 1], only="karras"),
    lambda name: diffopt.orders(EIG, solver=f"{name}:order={MOST[name]}", steps=[MOST[name] - 1, 8]),
]
EIG = [4.0, 1.0, 0.1]
#: Largest order by solver that has orders.
MOST = {"ipndm": 4, "ipndm_v": 4, "lms": 4, "deis": 4, "unipc": 3}


def test_every_solver_with_an_order_is_in_the_table():
    assert set(MOST) == {name for name in SOLVERS if "order" in fields_of(SOLVERS[name])}
    for name, most in MOST.items():
        with pytest.raises(InputError, match=f"orders 1 to {most}"):
            make(name, order=most + 1)


@pytest.mark.parametrize("ask", TOO_SHORT)
@pytest.mark.parametrize("name", list(MOST))
def test_an_order_above_the_steps_is_refused_where_it_is_asked_for(name, ask):
    most = MOST[name]
    with pytest.raises(InputError, match=f"order {most} needs at least {most} steps, got {most - 1}; use order={most - 1}"):
        ask(name)


@pytest.mark.parametrize("name", list(MOST))
def test_a_default_order_falls_to_that_of_the_start(name):
    """Hosts run short grids with the orders of the start-up steps, and so does a file of such a run that is read back."""
    made = diffopt.optimize(EIG, solver=name, steps=1)
    again = diffopt.evaluate(EIG, made)
    assert again.errors["frechet"] == pytest.approx(made.errors["frechet"], rel=1e-12)
    as_asked = diffopt.evaluate(EIG, sigmas=made.sigmas.tolist(), solver=f"{name}:order=1")
    assert as_asked.errors["frechet"] == pytest.approx(made.errors["frechet"], rel=1e-12)
