"""`recommend` and `shift`: rows against evaluations of their own, the laws against integrals and searches."""

from __future__ import annotations

import json
import shlex

import numpy as np
import pytest
from scipy import integrate
from scipy.optimize import minimize_scalar

import diffopt
from diffopt.cli.main import main
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import Flow
from diffopt.report.shift_answers import shifted
from diffopt.solvers import SOLVERS
from diffopt.studies.recommend import CANDIDATES
from diffopt.studies.shift import at_size, best_shift, closed_mu, leading_mu, tokens_of, value_at

EIG = np.array([20.0, 5.0, 2.0, 0.6, 0.1, 0.02])


@pytest.fixture(scope="module")
def found():
    return diffopt.recommend(EIG, calls=6)


#: Flags under which every row's command must state the row's errors again.
ASKED = {
    "plain": {"calls": 3}, "flow from pure noise": {"process": "flow"}, "comfyui": {"process": "flow", "host": "comfyui"},
    "diffusers": {"process": "vp_linear", "host": "diffusers"}, "score error": {"score_error": "0.1"},
    "range": {"process": "vp_linear", "t_max": 0.9, "beta_max": 15.0, "end": "sigma_min"},
    "start": {"start": "sigma", "sigma_max": 14.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("host", "more", "steps"),
    [("edm", "--calls 3", 2), ("k_diffusion", "--calls 4 --end sigma_min --score-error 0.1", 2), ("edm", "--calls 2", None),
     ("comfyui", "--calls 3", None), ("forge", "--calls 3 --process flow", None)],
)  # fmt: skip
def test_a_program_with_edms_churn_is_said_to_have_it_with_a_call_that_runs(host, more, steps, tmp_path, capsys, monkeypatch):
    """Churn is no row: ComfyUI has none, flow models neither, and one step has no family."""
    monkeypatch.setattr("diffopt.api.recommend.CANDIDATES", ("euler", "heun"))
    np.save(tmp_path / "eig.npy", EIG)
    assert main(["recommend", str(tmp_path / "eig.npy"), "--host", host, *more.split(), "--format", "json"]) == 0
    told = capsys.readouterr()
    table, said = json.loads(told.out), [line for line in told.err.splitlines() if "edm_stochastic" in line]
    assert len(said) == (steps is not None) and "edm_stochastic" not in {row["solver"] for row in table["rows"]}
    if steps is not None:
        assert main([*shlex.split(said[0].partition("rest on: diffopt ")[2]), "--format", "json"]) == 0
        run = json.loads(capsys.readouterr().out)
        assert (run["solver"], run["steps"], run["host"]) == ("edm_stochastic", steps, host)
        assert run["denoiser_calls"] <= table["calls"] and "s_churn" in run["optimizer"]["family"]
        assert (run["score_error"], run["end"]) == (table["score_error"], table["end"])


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.usefixtures("no_optimum")
def test_the_command_of_a_row_states_its_errors(asked, tmp_path, capsys):
    np.save(tmp_path / "eig.npy", EIG)
    flags = {"calls": 2} | ASKED[asked]
    rows = diffopt.recommend(str(tmp_path / "eig.npy"), **flags).document["rows"]
    assert len({(row["solver"], row["schedule"]) for row in rows}) == len(rows) > 3
    for row in rows:
        assert main([*shlex.split(row["command"])[1:], "--format", "json"]) == 0
        again = json.loads(capsys.readouterr().out)
        assert again["denoiser_calls"] == row["calls"] <= flags["calls"]
        for name in ("solver", "steps", "start", "solver_options", "sigmas"):
            assert again[name] == row[name], name
        assert again["eta"] == [row["eta"]] * row["steps"] or not again["eta_meaning"]
        assert again["errors"]["robust"] == pytest.approx(row["robust"], rel=1e-9)
        assert again["errors"]["frechet"] == pytest.approx(row["frechet"], rel=1e-9, abs=1e-9)


def test_options_of_a_fitted_solver_count(found):
    """Its prior is in force on grids of a search; without the option the same grid has other errors."""
    row = next(row for row in found.document["rows"] if SOLVERS[row["solver"]].needs_data)
    assert row["solver_options"]["even"] is True
    assert f"{row['solver']}:even=true" in row["command"]
    bare = diffopt.evaluate(EIG, sigmas=row["sigmas"], solver=row["solver"])
    assert abs(bare.errors["robust"] / row["robust"] - 1) > 1e-3


def test_the_order_the_margins_and_the_command(found):
    """The advised row first, the others by their error, whatever they are."""
    best, *rows = found.document["rows"]
    assert [row["robust"] for row in rows] == sorted(row["robust"] for row in rows)
    assert found.best is best and best["verdict"] == "take" and best["to_best"] == 1
    habit = next(row for row in rows if row["schedule"] == "karras")
    assert habit["habit"] and found.document["margin_to_habit"] == pytest.approx(habit["robust"] / best["robust"])
    assert f"--solver {best['solver']} --steps {best['steps']}" in found.command
    again = diffopt.optimize(EIG, solver=best["solver"], steps=best["steps"])
    assert again.errors["robust"] <= best["robust"] * 1.02
    assert set(CANDIDATES) <= set(SOLVERS)
    assert found.answers()[-2] == f"Its grid: {found.command}"
    assert "on networks leads shrink" in found.answers()[-1]
    assert any("Spearman" in sentence for sentence in found.document["certainty"])


def test_a_host_restricts_the_rows():
    rows = diffopt.recommend(EIG, calls=6, host="k-diffusion").document["rows"]
    assert {row["solver"] for row in rows} < set(CANDIDATES)
    with pytest.raises(InputError, match="unknown"):
        diffopt.recommend(EIG, calls=6, host="nobody")


def test_the_error_of_a_shift_in_closed_form():
    """Eq. (135): the integral over the grid by quadrature."""
    for eig, s in ((1.0, 1.0), (4.0, 0.7), (0.09, 2.0)):

        def rate(u, eig=eig, s=s):
            sigma = np.exp(u)
            x = sigma / s
            return eig * sigma**2 / (eig + sigma**2) ** 2 * (1 + x) ** 2 / x

        rho = np.sqrt(eig) / s
        assert integrate.quad(rate, -25, 25, limit=400)[0] == pytest.approx(np.pi / 4 * (rho + 1 / rho) + 1, rel=1e-8)


def test_the_leading_shift_is_the_minimum_of_the_leading_error():
    """Eq. (136) by minimization, eq. (137) on one eigenvalue."""
    spectrum = Spectrum.create(EIG)

    def error(mu):
        rho = np.sqrt(EIG) * np.exp(-mu)
        return EIG @ (np.pi / 4 * (rho + 1 / rho) + 1) ** 2

    found = minimize_scalar(error, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10}).x
    assert leading_mu(spectrum) == pytest.approx(found, abs=1e-6)
    one = Spectrum.create([7.0])
    assert leading_mu(one) == pytest.approx(np.log(7) / 2)
    assert closed_mu(one) == pytest.approx(np.log(7) / 2)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_many_steps_reach_the_law(alpha):
    """The exact optimum of 400 Euler steps on a power law is the leading-order one; the closed law is near it."""
    radius = np.arange(1, 200)
    eig = radius.astype(float) ** -alpha
    spectrum = Spectrum.create(eig / eig.mean())
    problem = Problem.create(Dataset.of(spectrum), Flow(), SOLVERS["euler"](), 400)
    best = best_shift(problem, OBJECTIVES["frechet"]())
    assert best.mu == pytest.approx(leading_mu(spectrum), abs=0.02)
    assert best.mu == pytest.approx(closed_mu(spectrum), abs=0.12)
    beside = [value_at(problem, OBJECTIVES["frechet"](), best.mu + d) for d in (-0.05, 0.05)]
    assert min(beside) > best.value


def test_sizes_and_frames():
    """Eq. (138): mean(eig^2) of correlated frames by a dense covariance; equal frames raise mu by log(F)/4."""
    spectrum = Spectrum.create(EIG)
    time = 0.6 ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
    dense = np.linalg.eigvalsh(np.kron(time, np.diag(EIG)))
    np.testing.assert_allclose(np.sort(at_size(spectrum, 1.0, 3, 0.6).eig), np.sort(dense), rtol=1e-10)
    same = at_size(spectrum, 1.0, 5, 1.0)
    assert closed_mu(same) == pytest.approx(closed_mu(spectrum) + np.log(5) / 4)
    assert closed_mu(at_size(spectrum, 1.0, 5, 0.0)) == pytest.approx(closed_mu(spectrum))
    assert np.all(np.diff(same.eig) <= 0), "the largest eigenvalue stands first"


def test_equal_frames_are_one_picture_of_more_contrast():
    """Frames that are all the same: F times the eigenvalues in a share 1/F of the directions, by the root of eq. (136)."""
    two, high, half = (np.mean((3 * EIG) ** p) / 3 for p in (2, 1.5, 0.5))
    s = np.exp(leading_mu(at_size(Spectrum.create(EIG), 1.0, 3, 1.0)) + np.array([-1e-6, 1e-6]))
    low, up = np.pi / 8 * (s**2 - two / s**2) + half * s / 2 - high / (2 * s)
    assert low < 0 < up


def test_a_power_law_is_continued():
    """k^-2 at 100 entries asked for at 400: four times the eigenvalues of the same law, a quarter of log 4 in mu."""
    law = lambda n: Spectrum.create(n * np.arange(1, n + 1) ** -2.0)  # noqa: E731
    grown = at_size(law(100), 4.0)
    assert grown.dim == pytest.approx(400)
    assert closed_mu(grown) == pytest.approx(closed_mu(law(400)), abs=1e-3)
    smaller = at_size(law(400), 0.25)
    assert smaller.dim == pytest.approx(100)
    assert closed_mu(smaller) == pytest.approx(closed_mu(law(100)), abs=1e-9)
    with pytest.raises(InputError, match="no falling tail"):
        at_size(Spectrum.create([1.0, 0.0, 0.0]), 2.0)


def test_shift_rows():
    found = diffopt.shift(EIG, 8, tokens=64)
    rows = {row["name"]: row for row in found.rows()}
    assert found.shift == pytest.approx(np.exp(found.mu))
    assert rows["optimum"]["frechet"] <= min(row["frechet"] for row in rows.values()) * (1 + 1e-6)
    assert rows["sd3"]["shift"] == pytest.approx(3.0)
    assert {"flux", "flux2", "wan_480p", "wan_720p", "closed_law"} <= set(rows)
    with pytest.raises((InputError, UnsupportedError)):
        diffopt.shift(EIG, 8, tokens=0)


def row(name: str, shift: float, frechet: float, robust: float) -> dict[str, object]:
    return {"name": name, "mu": float(np.log(shift)), "shift": shift, "frechet": frechet, "robust": robust}


@pytest.mark.parametrize(("rival", "kept"), [(1.019, True), (1.03, False)])
def test_a_shipped_shift_that_is_as_good_is_set(rival, kept):
    """Of no model in particular: what is to be set is named, never what to keep, for a user of another has another shift."""
    rows = [row("optimum", 3.5, 1.0, 0.9), row("closed_law", 2.0, 1.001, 0.95), row("sd3", 3.0, rival, 0.91)]
    first, *_, last = shifted({"rows": rows, "objective": "frechet", "solver": "euler", "tokens": 64, "steps": 8})
    told = "set shift 3, which sd3 ships, frechet 1.019; the optimum, shift 3.5" if kept else "set shift 3.5"
    assert first.startswith(f"For euler, 8 steps and 64 tokens: {told}")
    assert "keep" not in first and "frechet was minimized" in first
    assert ("(mu 1.253), is 1.9 % below that" in first) == kept
    assert f"--schedule shift:{3 if kept else 3.5} " in last


def test_what_other_models_ship_stands_beside_a_shipped_shift():
    names = {"optimum": (3.5, 1.0), "sd3": (3.0, 1.01), "wan_480p": (3.0, 1.01), "flux2": (3.2, 1.015), "flux": (1.2, 2.0)}
    rows = [row(name, shift, error, 1.0) for name, (shift, error) in names.items()]
    data = {"rows": rows, "objective": "frechet", "solver": "euler", "tokens": 64, "steps": 8}
    first, others, *_ = shifted(data)
    assert "set shift 3, which sd3 and wan_480p ship, frechet 1.01;" in first
    assert others == "What other models ship has more: flux (1.2) 2."
    assert not any("other models" in line for line in shifted({**data, "rows": rows[:4]}))


def test_who_is_lower_by_robust_is_said():
    rows = [row("optimum", 3.5, 1.0, 0.9), row("sd3", 3.0, 1.1, 0.95), row("wan_720p", 5.0, 1.2, 0.8)]
    data = {"rows": rows, "objective": "frechet", "solver": "euler", "tokens": 64, "steps": 8}
    assert "By robust wan_720p (shift 5) is lower: 0.8 against 0.9" in shifted(data)[1]
    assert not any("By robust" in line for line in shifted({**data, "rows": rows[:2]}))
    # The other is compared with the shift that is set, and not named where it is as good.
    kept = [rows[0], row("sd3", 3.0, 1.01, 0.812), rows[2]]
    assert not any("By robust" in line for line in shifted({**data, "rows": kept}))
    assert not any("By robust" in line for line in shifted({**data, "objective": "robust"}))
    # Rows have no kl: a shipped shift that is ahead in another error is no reason to keep it.
    other = shifted({**data, "objective": "kl", "rows": [row("optimum", 0.1, 2.0, 0.9), *rows[1:]]})[0]
    assert "set shift 0.1" in other and "keep it" not in other and "kl was minimized" in other


def test_tokens_that_were_not_given_are_said():
    assert any("9 tokens is the number of eigenvalues" in line for line in diffopt.shift([2.0] * 9, 2).notes)
    assert not any("is the number of eigenvalues" in line for line in diffopt.shift([2.0] * 9, 2, tokens=9).notes)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((16, 128, 128), 4096), ((128, 128, 16), 4096), ((4, 32, 32), 256), ((4, 32, 48), 384), ((48, 32, 4), 384),
        ((32, 32, 32), None), ((20, 32, 48), None), ((64, 64), None), ((3, 5, 5), None),
    ],
)
def test_latents_are_counted_in_tokens_of_two_by_two_places(shape, count):
    assert tokens_of(shape) == count


def test_the_shape_of_samples_says_the_tokens(tmp_path):
    """Latents (4, 8, 8) are 16 tokens: FLUX's line there, and at their own count the spectrum is as it is."""
    samples = np.random.default_rng(3).standard_normal((40, 4, 8, 8))
    diffopt.estimate(samples, method="fourier", channels="first").save(tmp_path / "latents.npz")
    found = diffopt.shift(str(tmp_path / "latents.npz"), 4)
    rows = {row["name"]: row for row in found.rows()}
    assert found.document["tokens"] == 16
    assert rows["flux"]["mu"] == pytest.approx(0.5 + (16 - 256) * 0.65 / 3840)
    assert found.shift == pytest.approx(diffopt.shift(str(tmp_path / "latents.npz"), 4, tokens=16).shift)
    assert any("latents of 4 x 8 x 8 are 16 tokens" in line for line in found.notes)
    # Twice as many tokens of the same picture: as of a spectrum without shape that is continued to twice its size.
    twice = diffopt.shift(str(tmp_path / "latents.npz"), 4, tokens=32)
    eig = diffopt.load(str(tmp_path / "latents.npz")).spectrum
    assert twice.shift == pytest.approx(diffopt.shift(eig, 4, tokens=512).shift, rel=1e-9)
