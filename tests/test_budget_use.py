"""`diffopt error-budget` and `diffopt.budget` as users meet them (theory.md, section 33)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import diffopt
from diffopt.api.budget_knobs import DIFFUSION
from diffopt.cli.main import main
from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.schemas import DOCUMENTS
from diffopt.errors import InputError
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS
from diffopt.studies.budget import budget as module
from diffopt.studies.budget.budget import BudgetSetting, compression_bound
from diffopt.studies.budget.budget import budget as run
from diffopt.studies.budget.diffusion import Diffusion
from diffopt.studies.budget.knobs import FREE
from diffopt.studies.budget.plan import parse_limits
from diffopt.studies.budget.training import ScoreTraining

EIG = [4.0, 1.0, 0.2, 0.05]
RUN = ["-s", "heun", "-n", "8", "--sigma-max", "10", "--sigma-min", "0.1"]
TRAINED = ["--samples", "400", "--tau", "0.01", "--iterations", "3000", "--precondition"]


@pytest.fixture
def spectrum(tmp_path: Path) -> str:
    np.save(tmp_path / "eig.npy", EIG)
    return str(tmp_path / "eig.npy")


def printed(capsys: pytest.CaptureFixture, argv: list[str]) -> dict:
    assert main([*argv, "-q"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_document_and_its_schema(spectrum: str, capsys: pytest.CaptureFixture) -> None:
    data = printed(capsys, ["error-budget", spectrum, *RUN, *TRAINED, "--start", "sigma"])
    schema = DOCUMENTS["diffopt.budget/1"].model_json_schema(by_alias=True)
    Draft202012Validator(schema).validate(data)
    assert not Draft202012Validator(schema).is_valid({**data, "surprise": 1})
    assert set(data["terms"]) == set(module.TERMS)
    assert all(v > 0 for v in data["terms"].values())
    assert data["interaction"] == pytest.approx(data["total"] - sum(data["terms"].values()))
    assert data["sampler"]["end"] == "sigma_min"
    assert data["terms"]["noise_floor"] == pytest.approx(np.sum((np.sqrt(np.array(EIG) + 0.01) - np.sqrt(EIG)) ** 2))
    assert set(data["halving"]) == {"samples", "tau", "iterations", "steps", "sigma_min"}
    assert data["halving"]["samples"]["value"] == 800
    assert data["halving"]["samples"]["total"] < data["total"]
    found = diffopt.budget(EIG, steps=8, solver="heun", sigma_min=0.1, sigma_max=10.0, samples=400)
    assert found.document["dominant"].replace("_", " ") in found.answers()[0]
    again = printed(capsys, ["error-budget", spectrum, *RUN, *TRAINED, "--start", "sigma"])
    assert again == data


def test_discretization_is_the_one_of_evaluate(spectrum: str, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    """The same run, by the document of `optimize` and by flags; errors squared."""
    grid = tmp_path / "grid.json"
    assert main(["optimize", spectrum, *RUN, "--end", "sigma_min", "--start", "sigma", "-o", str(grid), "-q"]) == 0
    data = printed(capsys, ["error-budget", spectrum, str(grid)])
    errors = json.loads(grid.read_text())["errors"]
    assert data["terms"]["discretization"] == pytest.approx(errors["discretization"] ** 2, rel=1e-9)
    assert data["terms"]["initialization"] == pytest.approx(errors["initialization"] ** 2, rel=1e-9)
    assert data["terms"]["noise_floor"] == pytest.approx(errors["truncation"] ** 2, rel=1e-9)
    assert data["total"] == pytest.approx(errors["frechet"] ** 2, rel=1e-9)


def test_what_is_not_given_is_exact(spectrum: str, capsys: pytest.CaptureFixture) -> None:
    data = printed(capsys, ["error-budget", spectrum, "--samples", "100"])
    assert data["total"] == pytest.approx(data["terms"]["generalization"], rel=1e-9)
    assert data["sampler"] | {"name": "exact", "sigma_min": 0.0} == data["sampler"]
    chain = printed(capsys, ["error-budget", spectrum, "--langevin", "0.02", "--sigma-min", "0.4"])
    c = np.array(EIG) + 0.16
    assert chain["terms"]["discretization"] == pytest.approx(np.sum((np.sqrt(c**2 / (c - 0.01)) - np.sqrt(c)) ** 2))


def test_verify_stands_beside_the_terms(spectrum: str, capsys: pytest.CaptureFixture) -> None:
    data = printed(capsys, ["error-budget", spectrum, *RUN, "--samples", "400", "--verify", "60", "--seed", "2"])
    for name, part in data["simulated"].items():
        assert part["low"] <= part["value"] <= part["high"]
        assert part["predicted"] == (data["total"] if name == "total" else data["terms"][name])
    assert data["simulated"]["generalization"]["inside"]
    assert set(data["simulated"]) == {*module.TERMS, "total"} - {"optimization"}
    for name in ("discretization", "noise_floor", "initialization"):
        assert data["simulated"][name]["value"] == pytest.approx(data["terms"][name], rel=1e-6, abs=1e-12)
    assert data["repetitions"] == 60
    rows = diffopt.budget(EIG, samples=400, verify=10).rows()
    assert rows[0]["simulated_value"] is not None


def test_a_mean_is_left_out_on_both_sides() -> None:
    """The simulation has no mean, so neither do the predictions beside it; the terms have it."""
    flags = {"solver": "heun", "steps": 6, "sigma_max": 10.0, "start": "sigma"}
    found = diffopt.budget(Spectrum.create(EIG, mean=[1.0, -2.0, 0.5, 0.1]), verify=3, **flags)
    plain = diffopt.budget(EIG, verify=3, **flags)
    assert found.terms["initialization"] > 2 * plain.terms["initialization"]
    for name, part in found.document["simulated"].items():
        assert part["inside"], name
        assert part["predicted"] == pytest.approx(plain.document["simulated"][name]["predicted"], abs=1e-12)
    assert any("without it" in note for note in found.notes)


def test_an_ensemble_is_taken_in_one() -> None:
    members = Ensemble.create([Spectrum.create([4.0, 1.0]), Spectrum.create([1.0, 0.5])])
    found = diffopt.budget(Dataset(Spectrum.create([2.5, 0.75]), members), samples=100)
    assert found.total == pytest.approx(diffopt.budget([2.5, 0.75], samples=100).total)
    assert any("2 spectra" in note for note in found.notes)


def test_fitted_solvers_may_go_to_zero() -> None:
    """The last step alone, where all outputs are one, is Euler's: the denoiser at the smallest noise."""
    found = diffopt.budget(EIG, solver="fitted_3", steps=8, sigma_max=10.0, sigma_min=0.3, end="zero", samples=400, verify=3)
    root = np.sqrt(np.array(EIG) + 0.09)
    expected = np.sum((np.array(EIG) / root - np.sqrt(EIG)) ** 2)
    assert found.terms["noise_floor"] == pytest.approx(expected, rel=1e-9)
    for name in ("discretization", "noise_floor", "initialization"):
        assert found.document["simulated"][name]["inside"]


def test_a_long_spectrum_is_simulated_by_quantiles() -> None:
    found = diffopt.budget(4.0 * np.arange(1, 100.0) ** -1.5, samples=300, verify=10)
    assert "12 quantiles" in found.document["simulated_on"]
    assert any("12 quantiles" in note for note in found.notes)


def test_kernels_are_the_double_sum(spectrum: str, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    file = tmp_path / "kernel.npz"
    data = printed(capsys, ["error-budget", spectrum, *RUN, "--samples", "300", "--kernel", str(file)])
    with np.load(file) as arrays:
        w, k, own = arrays["weights"], arrays["generalization"], arrays["generalization_own"]
        assert w @ k @ w + w @ own == pytest.approx(data["terms"]["generalization"])
        eig = arrays["eigenvalues"]
        np.testing.assert_allclose(k, np.outer(eig, eig) / (eig[:, None] + eig[None, :]) / 600)


def test_compression_stays_inside_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eq. (36) for kernels: 900 eigenvalues, compressed and one by one."""
    spectrum = Spectrum.create(20 * np.arange(1, 901.0) ** -1.2)
    sampler = Diffusion(SOLVERS["heun"](), Grid.create(PROCESSES["ve"](), [10.0, 4.0, 1.5, 0.5, 0.2]), None, "sigma")
    ask = BudgetSetting(spectrum, sampler, 5000, ScoreTraining(2e-4, 20_000, spectrum.trace / spectrum.dim))
    short, bound = run(ask), compression_bound(ask)
    assert 0 < bound < 0.01 * short.total
    monkeypatch.setattr(module, "EXACT", 1000)
    full = BudgetSetting(spectrum, sampler, 5000, ask.training)
    assert compression_bound(full) == 0
    assert abs(run(full).total - short.total) <= bound


def test_the_best_steps_and_floor_within_a_budget() -> None:
    """A plan is at least as good as every point of a scan inside the limits."""
    flags = {"solver": "heun", "sigma_max": 10.0, "samples": 2000, "tau": 0.003, "precondition": True}
    found = diffopt.budget(EIG, steps=5, sigma_min=0.1, minimize="sigma_min,steps", subject_to="calls<=12", **flags)
    values = found.document["plan"]["values"]
    assert found.document["sampler"]["denoiser_calls"] <= 12
    assert values["steps"] == found.document["sampler"]["steps"]
    scan = [
        diffopt.budget(EIG, steps=n, sigma_min=s, **flags).total for n in (3, 6) for s in np.geomspace(0.01, 1.0, 4)
    ]
    assert found.total <= min(scan) * (1 + 1e-3)
    split = diffopt.budget(
        EIG, steps=8, sigma_min=0.1, sigma_max=10.0, samples=10, tau=0.003, iterations=10, precondition=True,
        minimize="samples,iterations", subject_to="samples + 0.5*iterations <= 3000",
    )  # fmt: skip
    best = split.document["plan"]["values"]
    assert best["samples"] + 0.5 * best["iterations"] <= 3000
    others = [
        diffopt.budget(EIG, steps=8, sigma_min=0.1, sigma_max=10.0, samples=3000 * f, tau=0.003, precondition=True,
                       iterations=int(6000 * (1 - f))).total
        for f in (0.2, 0.5, 0.8)
    ]  # fmt: skip
    assert split.total <= min(others) * (1 + 1e-2)


def test_free_steps_start_from_the_defaults(spectrum: str, capsys: pytest.CaptureFixture) -> None:
    """Who frees the steps means a sampler with steps, and gets what the same call with the printed default gets."""
    asked = ["error-budget", spectrum, "--samples", "5000", "--minimize", "sigma_min,steps", "--subject-to", "calls<=4"]
    assert printed(capsys, asked) == printed(capsys, [*asked, "-n", "10"])


@pytest.mark.parametrize("name", [name for name in FREE if name not in ("steps", "eta")])
def test_a_number_without_a_value_to_start_from_names_its_flag(name: str, spectrum: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["error-budget", spectrum, "--minimize", name]) == 2
    assert f"give --{name.replace('_', '-') if name != 'iterations' else 'tau and --iterations'}" in capsys.readouterr().err


def test_limits_are_linear() -> None:
    (one, two) = parse_limits("calls<=20, samples+2*iterations<=1e3")
    assert one.used({"calls": 7.0}) == 7
    assert two.used({"samples": 1.0, "iterations": 3.0}) == 7
    for text in ("calls=20", "calls<=x", "food<=3", "calls<=-1", "calls<=inf"):
        with pytest.raises(InputError, match="limit"):
            parse_limits(text)


def test_pictures_are_drawn(spectrum: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for over in ("samples", "steps"):
        file = tmp_path / f"{over}.svg"
        printed(capsys, ["error-budget", spectrum, *RUN, "--samples", "300", "--over", over, "--plot", str(file)])
        assert "total" in file.read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--samples", "0"], "samples"), (["--samples", "nan"], "samples"), (["--tau", "0.1"], "--langevin"),
        (["--iterations", "5"], "--tau"), (["--langevin", "0.1"], "--sigma-min"),
        (["--langevin", "9", "--sigma-min", "0.1"], "diverges"),
        (["--langevin", "0.01", "--sigma-min", "0.1", "--start", "sigma"], "--steps"), (["--process", "flow"], "--steps"),
        (["--langevin", "0.01", "--sigma-min", "0.1", "-s", "heun"], "own"), (["--minimize", "food", "-n", "5"], "unknown"),
        (["--minimize", "samples", "--samples", "5"], "bound it"), (["--subject-to", "calls<=5"], "--minimize"),
        (["--minimize", "eta", "-s", "heun"], "no noise"), (["--samples", "9", "--verify", "1"], "at least 2"),
        (["--kernel", "k.txt", "--samples", "5"], ".npz"), (["--kernel", "k.npz"], "--samples or --tau"),
        (["--over", "x"], "samples or steps"), (["--seed", "3"], "--verify"),
        (["--samples", "9", "--verify", "4", "--seed", "-1"], "seed"),
        (["--verify", "4", "--samples", "1e9"], "fewer --samples"), (["--eta", "0.5"], "no effect"),
        (["--minimize", "samples", "--samples", "9", "--subject-to", "samples+iterations<=9"], "iterations"),
        (["-s", "euler", "-n", "4", "--minimize", "sigma_min", "--subject-to", "samples<=9"], "samples"),
        (["--langevin", "0.01", "--sigma-min", "0.3", "--minimize", "sigma_min", "--subject-to", "calls<=9"], "calls"),
        (["-n", "5", "--tau", "0.5", "--verify", "4"], "diverges"),
        (["-s", "randomized_midpoint", "-n", "4", "--end", "sigma_min", "--verify", "4"], "coefficient tables"),
        (["--samples", "9", "--minimize", "samples", "--subject-to", "samples<=1"], "loosen"),
        (["--samples", "9", "--minimize", ","], "is empty"),
        (["--start", "warm"], "start"),
        (["-s", "heun", "--process", "flow", "--tau", "1e-4", "--schedule", "uniform_flow"], "pure noise"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_no_file(
    spectrum: str, flags: list[str], message: str, capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["error-budget", spectrum, *flags, "-o", "out.json", "-q"]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["eig.npy"]


#: Values of the flags that a diffusion sampler has and the other samplers do not.
OF_DIFFUSION = {
    "clock": "sigma", "options": "rho=5", "s_churn": "1", "s_tmin": "1", "s_tmax": "1", "s_noise": "1", "process": "flow",
    "beta_min": "0.2", "beta_max": "9", "alphas_cumprod": "a.npy", "betas": "linear:0.0001,0.02,1000",
    "scheduler_config": "config.json", "t_max": "0.5", "t_min": "0.1", "end": "sigma_min",
}  # fmt: skip


@pytest.mark.parametrize("name", OF_DIFFUSION)
@pytest.mark.parametrize("sampler", [["--samples", "9"], ["--langevin", "0.01", "--sigma-min", "0.3"]], ids=["flow", "langevin"])
def test_flags_of_a_diffusion_sampler_are_refused_by_others(
    spectrum: str, sampler: list[str], name: str, capsys: pytest.CaptureFixture
) -> None:
    assert set(OF_DIFFUSION) == set(DIFFUSION), "a flag of diffusion samplers needs a value in OF_DIFFUSION"
    assert main(["error-budget", spectrum, *sampler, DIFFUSION[name], OF_DIFFUSION[name], "-q"]) == 2
    shown = capsys.readouterr()
    assert DIFFUSION[name] in shown.err
    assert shown.out == ""


def test_what_diverges_is_null_with_its_reason(spectrum: str, capsys: pytest.CaptureFixture) -> None:
    data = printed(capsys, ["error-budget", spectrum, *RUN, "--tau", "0.5"])
    assert data["terms"]["optimization"] is None
    assert data["total"] is None
    assert not data["valid"]
    assert "diverges" in data["reasons"][0]
    assert "--precondition" in data["reasons"][0]


def test_numbers_that_cannot_be_doubled_are_left_out(tmp_path):
    np.save(tmp_path / "e.npy", [1.0, 0.2])
    data = diffopt.budget(str(tmp_path / "e.npy"), samples=1e308, steps=2).document
    assert set(data["halving"]) == {"steps", "sigma_min"}
    json.dumps(data, allow_nan=False)
