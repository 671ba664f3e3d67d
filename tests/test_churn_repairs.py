"""What churn is said to repair and to gain: the split of (426), the rule of (427), the eta of (428), and the sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.documents.given_file import GivenFile
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.processes.grid import Grid
from diffopt.report.churn_answers import repaired, told_apart
from diffopt.report.family import found_numbers
from diffopt.solvers import SOLVERS
from diffopt.solvers.score_error import parse_score_error
from diffopt.studies.churn_claim import ChurnClaim, churn_claim, equivalent

EIG = np.array([9.0, 1.0, 0.04])
SIGMAS = np.array([20.0, 9.0, 4.0, 1.5, 0.5, 0.1, 0.0])


def loop(eig: np.ndarray, churn: float, start: np.ndarray, wrong: float = 0.0, sigmas: np.ndarray = SIGMAS) -> float:
    """Frechet distance of EDM's loop, one variance a direction; the score is too long by the share `wrong`."""
    variance, steps = start.copy(), sigmas.size - 1
    for now, then in zip(sigmas[:-1], sigmas[1:], strict=True):
        hat = now * (1 + min(churn / steps, np.sqrt(2) - 1))
        variance = variance + hat**2 - now**2
        slope = (1 + wrong) * hat / (eig + hat**2)
        factor = 1 + (then - hat) * slope
        if then > 0:
            factor = 1 + (then - hat) * (slope + (1 + wrong) * then / (eig + then**2) * factor) / 2
        variance = factor**2 * variance
    return float(np.sqrt(np.sum((np.sqrt(variance) - np.sqrt(eig)) ** 2)))


def found(churn: float, start: Any = "exact", wrong: float = 0.0, noise: float = 1.0) -> ChurnClaim | None:
    error = parse_score_error(str(wrong)) if wrong else None
    solver = SOLVERS["edm_stochastic"](s_churn=churn, s_noise=noise, error=error)
    problem = Problem.create(Spectrum.create(EIG), VE(), solver, SIGMAS.size - 1, 20.0, 0.1, "zero", start)
    return churn_claim(problem, Grid.create(VE(), SIGMAS))


@pytest.mark.usefixtures("no_optimum")
@pytest.mark.parametrize("start", ["exact", "sigma"])
@pytest.mark.parametrize("wrong", [0.0, 0.1, -0.1])
def test_the_parts_are_those_of_runs_that_are_asked_for_alone(start: str, wrong: float) -> None:
    """Eq. (426): each from `evaluate`; they add up to robust squared; Frechet distances are the literal loop's."""
    claim = found(2.0, start, wrong)
    assert claim is not None
    first = EIG + SIGMAS[0] ** 2 if start == "exact" else np.full_like(EIG, SIGMAS[0] ** 2)
    assert claim.frechet == pytest.approx((loop(EIG, 2.0, first, wrong), loop(EIG, 0.0, first, wrong)), rel=1e-9)

    def robust(churn: float, start: str, error: float) -> float:
        more: dict[str, Any] = {"score_error": error} if error else {}
        run = diffopt.evaluate(EIG, sigmas=SIGMAS, solver="edm_stochastic", s_churn=churn, start=start, **more)
        return float(run.errors["robust"] or 0.0) ** 2

    for i, churn in enumerate((2.0, 0.0)):
        whole, inner, plain = robust(churn, start, wrong), robust(churn, "exact", wrong), robust(churn, "exact", 0.0)
        assert claim.parts["steps"][i] == pytest.approx(plain, rel=1e-6)
        assert claim.parts["score"][i] == pytest.approx(inner - plain, abs=1e-6 * whole)
        assert claim.parts["start"][i] == pytest.approx(whole - inner, abs=1e-6 * whole)
    assert (claim.parts["start"][0] == pytest.approx(0, abs=1e-12)) == (start == "exact")
    assert (claim.parts["score"][0] == 0) == (wrong == 0)


@pytest.mark.parametrize("wrong", [0.0, 0.1, -0.1])
@pytest.mark.parametrize("churn", [0.3, 2.0])
@pytest.mark.parametrize("start", ["exact", "sigma"])
def test_no_gain_is_said_that_the_loop_does_not_have(churn: float, wrong: float, start: str) -> None:
    """Eq. (427): on Gaussian data by the loop with and without; `wider` only where the loop gains at smaller eigenvalues too."""
    claim = found(churn, start, wrong)
    assert claim is not None

    def gains(scale: float) -> bool:
        first = scale * EIG * (start == "exact") + SIGMAS[0] ** 2
        return loop(scale * EIG, churn, first, wrong) < 0.95 * loop(scale * EIG, 0.0, first, wrong)

    assert (claim.claim != "no") == gains(1.0)
    assert claim.claim != "wider" or all(gains(0.5**k) for k in range(5))


def test_another_noise_than_the_network_is_told_is_never_said_of_other_data() -> None:
    for noise in (0.95, 1.05):
        claim = found(0.3, "exact", 0.1, noise)
        assert claim is not None and claim.claim != "wider"
    assert found(0.0) is None


def test_the_eta_of_a_churn_damps_as_much() -> None:
    """Eq. (428): in fine steps the loop forgets a wrong start as the SDE with that eta does, V/v - 1 falling as v^(eta^2)."""
    eig, eta, count = 1.0, 0.7, 20000
    sigma = np.geomspace(20.0, 0.5, count + 1)
    raised = np.sqrt(sigma[:-1] ** 2 + eta**2 * (sigma[:-1] ** 2 - sigma[1:] ** 2))
    variance = 1.3 * (eig + 400.0)
    for now, hat, then in zip(sigma[:-1].tolist(), raised.tolist(), sigma[1:].tolist(), strict=True):
        variance = (variance + hat**2 - now**2) * (1 + (then - hat) * hat / (eig + hat**2)) ** 2
    assert variance / 1.25 - 1 == pytest.approx(0.3 * (1.25 / 401.0) ** (eta**2), rel=0.01)
    gammas = raised / sigma[:-1] - 1
    solver = SOLVERS["edm_stochastic"](s_churn=float(gammas[0] * count))
    problem = Problem.create(Spectrum.create([eig]), VE(), solver, count, 20.0, 0.5, "sigma_min")
    assert equivalent(problem, Grid.create(VE(), sigma))[0] == pytest.approx(eta, rel=1e-6)


def run(**more: Any) -> Any:
    return diffopt.optimize(
        EIG, "edm_stochastic", 6, free="s_churn,s_tmin,s_tmax", schedule="karras", sigma_max=4.0, sigma_min=0.05, **more
    )


def test_a_churn_that_only_forgets_the_start_is_said_to(tmp_path: Any) -> None:
    """A short range and a start of pure noise: a measured curve does not make that a repair of the score."""
    sigma = np.geomspace(0.01, 100, 40)
    least = (EIG[:, None] * sigma**2 / (EIG[:, None] + sigma**2)).sum(axis=0)
    (tmp_path / "curve.csv").write_text("sigma,mse\n" + "\n".join(f"{s},{m * 1.001}" for s, m in zip(sigma, least, strict=True)))
    result = run(start="sigma", score_error=f"curve:{tmp_path / 'curve.csv'}")
    churn = result.document["optimizer"]["churn"]
    assert churn["repairs"] == "start"
    told = " ".join(result.answers())
    assert "What churn repairs here is the start law" in told and "try --sigma-max" not in told
    needed = churn["sigma_max_needed"]
    assert needed > 4 and f"--sigma-max {needed:g}, if the network was trained there, mends that without churn: in" in told
    assert "exact score" not in told
    assert "A loss curve has no sign" in told


@pytest.mark.parametrize("free", ["s_churn", "rho,sigma_min,s_churn"])
def test_a_sigma_max_that_mends_the_start_is_that_of_the_run_without_churn(free: str) -> None:
    """Eqs. (440) and (441) on the literal loop over the grid whose flags are printed, from the exact start; two digits, up."""
    asked: dict[str, Any] = {"schedule": "karras", "start": "sigma", "sigma_max": 4.0, "sigma_min": 0.05}
    found = diffopt.optimize(EIG, "edm_stochastic", 5, free=free, **asked)
    churn = found.document["optimizer"]["churn"]
    sigmas = np.array(found.sigmas if churn["still"] is None else churn["still"]["sigmas"])
    assert churn["repairs"] == "start" and (churn["still"] is None) == (free == "s_churn")
    steps = loop(EIG, 0.0, EIG + sigmas[0] ** 2, sigmas=sigmas)
    top = float(f"{churn['sigma_max_needed']:.2g}")
    below = top - 10.0 ** (np.floor(np.log10(top)) - 1)

    def left(high: float) -> float:
        return float(np.sqrt(np.sum(EIG * (1 - high / np.sqrt(EIG + high**2)) ** 2)))

    assert top == churn["sigma_max_needed"] and left(top) <= steps / 4 < left(below)
    told = " ".join(found.answers())
    run = "this run" if churn["still"] is None else "the best run"
    quarter = f"in {run} without it the start's error in frechet is then a quarter of the steps'."
    assert f"--sigma-max {top:g}, if the network was trained there, mends that without churn: {quarter}" in told
    assert "All of this is said with an exact score: give" in told and "on the same grid without" in told
    assert ("the best without churn, on its own grid (robust" in told) == (churn["still"] is not None)


PARTS = {"start": (0.1, 0.7), "steps": (0.3, 0.1), "score": (0.0, 0.0)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"claim": "no", "frechet": (0.58, 0.46)}, "Caution: that is no gain of a twentieth in the exact error: frechet is 0.58"),
        ({"claim": "no", "frechet": (0.58, 0.46)}, "0.46 on the same grid without, 1.26 times above that"),
        ({"claim": "gaussian"}, "on Gaussian data; that is not said of other data"),
        ({"claim": "wider"}, "for churn it has not been tried"),
        ({"repairs": None}, "Churn repairs neither start, steps nor score"),
        ({"parts": {**PARTS, "score": (-0.01, 0.02)}}, "score 0.02 to -0.01; below 0: it offsets a part of the others."),
        ({"repairs": "score"}, "What churn repairs here is the score's own error: of robust squared (0.8 to 0.4)"),
    ],
)
def test_each_sentence_has_its_numbers(change: dict[str, Any], said: str) -> None:
    churn = {"repairs": "start", "parts": PARTS, "frechet": (0.4, 0.5), "claim": "gaussian", **change}
    assert said in " ".join(repaired(churn, {}))


@pytest.mark.parametrize(
    ("error", "said"),
    [("data:0.05", "its sign decides"), ("random:0.1", "a rule and not a measurement"), ("curve:a.csv", "has no sign")],
)
def test_the_sign_of_a_score_error_is_spoken_of_where_it_has_one(error: str, said: str, make: Callable[..., Any]) -> None:
    told = " ".join(found_numbers(make(error)))
    assert said in told and ("sign" in told) == (not error.startswith("random:"))


def test_flags_without_churn_are_not_called_the_best_without() -> None:
    churn = {"repairs": "start", "parts": PARTS, "frechet": (0.4, 0.5), "claim": "gaussian"}
    best, left = told_apart({"optimizer": {"churn": churn}})
    assert "-s heun" in best and f"this run with its churn left out (robust {0.8**0.5:.4g}, with it {0.4**0.5:.4g})" in left


@pytest.fixture
def make() -> Callable[..., Any]:
    def document(error: str) -> dict[str, Any]:
        return {
            "optimizer": {"family": {"s_churn": 1.0}, "free": ["s_churn"], "schedule": "exponential"}, "solver": "edm_stochastic",
            "process": {"name": "ve", "sigma_max": 80.0}, "end": "zero", "clock": None, "steps": 2, "solver_options": {},
            "sigmas": [80.0, 1.0, 0.0], "score_error": error,
        }  # fmt: skip

    return document


@pytest.mark.parametrize("error", ["data:0.1", None])
def test_the_line_without_churn_is_the_best_without(error: str | None) -> None:
    """What Heun's search finds, whose run it is; errors of the printed flags by the literal loop."""
    asked: dict[str, Any] = {"schedule": "karras", "sigma_min": 0.02, "sigma_max": 20.0, "score_error": error}
    result = diffopt.optimize(EIG, "edm_stochastic", 5, free="family", **asked)
    churn = result.document["optimizer"]["churn"]
    assert churn is not None and set(churn["still"]["family"]) == {"rho", "sigma_min"}
    heun = diffopt.optimize(EIG, "heun", 5, free="family", **asked)
    assert churn["still"]["robust"] == pytest.approx(heun.errors["robust"], rel=1e-4)
    line = next(line for line in result.answers() if line.startswith("EDM: "))
    flags = {k: float(v) for k, v in (part.removeprefix("--").split("=") for part in line.split()[2:])}
    ramp = np.arange(5) / 4
    high, low = flags["sigma_max"] ** (1 / flags["rho"]), flags["sigma_min"] ** (1 / flags["rho"])
    np.testing.assert_allclose([*(high + ramp * (low - high)) ** flags["rho"], 0], churn["still"]["sigmas"], rtol=1e-6)
    assert flags["S_churn"] == 0
    told = " ".join(result.answers())
    assert f"{churn['still']['robust']:.4g}" in told and "-s heun" not in told


def test_an_export_and_a_check_say_what_a_found_churn_rests_on(tmp_path: Any) -> None:
    """As `optimize` does, the flags without it first; the number without churn is Heun's own; the data stay one line."""
    asked: dict[str, Any] = {"schedule": "karras", "start": "sigma", "sigma_max": 4.0, "sigma_min": 0.05}
    found = diffopt.optimize(EIG, "edm_stochastic", 5, free="s_churn", **asked)
    still = diffopt.evaluate(EIG, sigmas=found.sigmas, solver="heun", clock="sigma", start="sigma").errors["robust"]
    found.save(tmp_path / "grid.json")
    for given in (found, str(tmp_path / "grid.json"), GivenFile(str(tmp_path / "grid.json")), found.document):
        for host in ("edm", "edm:flags"):
            text = diffopt.export(given, host)
            for notes in (text.notes, diffopt.check(given, host).notes):
                told = "\n".join(notes)
                assert f"Until that is sure, this run with its churn left out (robust {still:.4g}, with it" in told
                assert "What churn repairs here is the start law" in told and "the same call" not in told
                assert "EDM: generate.py --steps=5 --sigma_min=0.05 --sigma_max=4 --rho=7 --S_churn=0 " in told
        assert text.count("--S_churn=") == text.count("\n") == 1 and "--S_churn=0 " not in text
        other = "\n".join(diffopt.export(given, "k_diffusion").notes)
        assert "What churn repairs here is the start law" in other and "generate.py" not in other


@pytest.mark.parametrize("change", [{"s_churn": 0.0}, {"s_churn": 3.0}, None])
def test_an_export_says_nothing_of_a_churn_that_no_search_found(change: dict[str, float] | None) -> None:
    """A churn that was set by hand, or set in the file afterwards."""
    asked: dict[str, Any] = {"schedule": "karras", "start": "sigma", "sigma_max": 4.0, "sigma_min": 0.05}
    if change is None:
        data = diffopt.optimize(EIG, "edm_stochastic", 5, free="rho", s_churn=2.0, **asked).document
    else:
        data = diffopt.optimize(EIG, "edm_stochastic", 5, free="s_churn", **asked).document
        data = {**data, "solver_options": {**data["solver_options"], **change}}
    assert not any("hurn" in line for line in diffopt.export(data, "edm").notes)
