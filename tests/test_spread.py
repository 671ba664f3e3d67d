"""Errors in terms of the data: their share of the spread, the stored numbers, and metrics that say otherwise."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.report import answers, spread

EIG = 3.0 / np.arange(1, 9) ** 1.5


@pytest.fixture(scope="module")
def kelvin(tmp_path_factory) -> str:
    """Samples in large units, and their spectrum in the numbers of a network."""
    folder = tmp_path_factory.mktemp("kelvin")
    rng = np.random.default_rng(0)
    np.save(folder / "t.npy", 300 + 20 * rng.standard_normal((40, 6)) @ np.diag([3.0, 2, 1, 0.5, 0.3, 0.2]))
    assert main(["spectrum", "estimate", str(folder / "t.npy"), "--standardize", "0.5", "-o", str(folder / "t.npz"), "-q"]) == 0
    return str(folder)


def told(line: str) -> tuple[float, float]:
    share, whole = re.search(r"([\d.e+-]+) % of the data's spread \(([\d.e+-]+), the root of the trace\)", line).groups()
    return float(share), float(whole)


@pytest.mark.parametrize("verb", ["optimize", "evaluate"])
def test_the_error_is_told_as_a_share_of_the_spread(verb: str) -> None:
    flags = {"schedule": "karras"} if verb == "evaluate" else {}
    found = getattr(diffopt, verb)(EIG, solver="heun", steps=4, **flags)
    (line,) = [line for line in found.answers() if "spread" in line]
    share, whole = told(line)
    assert whole == pytest.approx(np.sqrt(EIG.sum()), rel=5e-3)
    assert share == pytest.approx(100 * found.errors["frechet"] / np.sqrt(EIG.sum()), rel=5e-3)
    assert "stored" not in line and found.document["spectrum"]["scale"] is None


def test_in_the_stored_numbers_where_the_file_knows_its_scale(kelvin: str) -> None:
    """The scale from the samples: their pooled standard deviation is mapped to 0.5."""
    samples = np.load(f"{kelvin}/t.npy")
    found = diffopt.optimize(f"{kelvin}/t.npz", solver="heun", steps=4)
    assert found.document["spectrum"]["scale"] == pytest.approx(0.5 / samples.std(), rel=1e-9)
    (line,) = [line for line in found.answers() if "spread" in line]
    rms = float(re.search(r"; ([\d.e+-]+) rms a value in the units of the samples \(scale [\d.e+-]+ undone\)", line)[1])
    assert rms == pytest.approx(found.errors["frechet"] / np.sqrt(6) * samples.std() / 0.5, rel=5e-3)


def test_a_file_with_its_scale_is_read_again(kelvin: str, tmp_path, capsys) -> None:
    grid = str(tmp_path / "grid.json")
    assert main(["optimize", f"{kelvin}/t.npz", "-s", "heun", "-n", "4", "-o", grid, "-q"]) == 0
    assert main(["evaluate", f"{kelvin}/t.npz", grid]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["spectrum"]["scale"] > 0
    assert "rms a value in the units of the samples" in said.err
    assert "more steps or another solver help; the placement is already optimal" in said.err and "better placed" not in said.err


def test_better_placed_steps_are_advised_where_they_help() -> None:
    first = diffopt.evaluate(EIG, solver="heun", steps=5, schedule="uniform_t").answers()[0]
    assert "more or better placed steps help" in first and "already optimal" not in first


def document(objective: str, **better: tuple[float, float]) -> dict:
    return {
        "objective": {"name": objective, "value": 1.0}, "errors": {"frechet": 0.8, "kl": 4.0, "robust": 1.0},
        "baselines": {name: {"frechet": f, "kl": k, "robust": 1.2} for name, (f, k) in better.items()},
    }  # fmt: skip


def test_metrics_that_speak_against_the_optimum_are_said() -> None:
    (line,) = spread.against(document("robust", beta=(0.5, 0.3), karras=(0.7, 3.0), vp=(0.1, 9.0)))
    assert "beta (and 1 more) is better: frechet 0.5 against 0.8, kl 0.3 against 4" in line
    assert "cannot cancel" in line and "docs/evidence.md" in line and "--objective frechet" in line
    assert spread.against(document("frechet", beta=(0.5, 0.3))) == []
    assert spread.against(document("robust", karras=(0.795, 3.9))) == []
    assert answers.optimized(document("robust", beta=(0.5, 0.3))).startswith("The optimized grid has robust 1")


@pytest.mark.parametrize("kl", [5.0, 3.9, None])
def test_a_row_that_is_lower_in_frechet_alone_is_said(kl: float | None) -> None:
    """Whatever speaks against it, also where there is no kl at all, as of a posterior with directions known exactly."""
    found = document("robust", beta=(0.5, kl), vp=(0.7, 9.0), karras=(0.9, 1.0))
    (line,) = spread.against(found)
    assert line.startswith("In frechet beta (and 1 more) is lower: frechet 0.5 against 0.8")
    assert (f"kl {kl} against 4" in line.replace("kl 5 ", "kl 5.0 ")) == (kl is not None)
    found["errors"]["kl"] = None
    (line,) = spread.against(found)
    assert "kl" not in line and line.startswith("In frechet beta (and 1 more) is better: frechet 0.5 against 0.8")


def test_the_lower_row_of_a_posterior_is_said(tmp_path) -> None:
    """A blurred field: as the table has it."""
    found = diffopt.posterior("power:2", shape="16,16", operator="blur:1.5", noise=0.05)
    found.save(tmp_path / "p.json")
    run = diffopt.optimize(tmp_path / "p.json", "heun", 6)
    own = run.errors["frechet"]
    lower = [name for name, part in run.baselines.items() if part["frechet"] < own / 1.01]
    assert lower and any(f"In frechet {lower[0]} is lower" in line for line in run.answers())


def test_a_run_that_is_worse_in_both_exact_metrics_says_so() -> None:
    """Every run whose document holds such a row has the line, and no other."""
    seen = set()
    for solver, steps in (("dpmpp_2m", 4), ("unipc", 5), ("heun", 3)):
        found = diffopt.optimize(EIG, solver, steps)
        own = found.errors
        worse = any(all(part[m] < 0.95 * own[m] for m in ("frechet", "kl")) for part in found.baselines.values())
        assert any(line.startswith("In the exact metrics ") for line in found.answers()) == worse
        seen.add(worse)
    assert seen == {True, False}



def test_a_grid_of_part_of_the_range_is_optimal_there_and_not_for_the_model():
    betas = {"process": "table", "betas": "scaled_linear:0.00085,0.012,1000"}
    part = diffopt.optimize([4.0, 0.5], "euler", 4, sigma_max=2, **betas)
    first = diffopt.evaluate([4.0, 0.5], solver="euler", sigmas=part.sigmas, **betas).answers()[0]
    assert "The steps dominate" in first
    low = f"{part.sigmas[-2]:.4g}"
    assert f"the placement is the best from sigma 2 to {low} (by robust), but the model begins at 14.61" in first
    whole = diffopt.optimize([4.0, 0.5], "euler", 4, **betas)
    first = diffopt.evaluate([4.0, 0.5], solver="euler", sigmas=whole.sigmas, **betas).answers()[0]
    assert "the placement is already optimal from sigma 14.61 to" in first and "the model begins" not in first


def mapped(line: str) -> tuple[float, float, float, float]:
    """The numbers of both directions: scale and shift, and offset and divisor of the way back."""
    number = r"([\d.e+-]+)"
    found = re.search(rf"x \* {number} ([+-]) {number} of the stored x; .*, x = \(y ([+-]) {number}\) / {number}$", line)
    assert found is not None, line
    scale, sign, shift, other, offset, factor = found.groups()
    return float(scale), float(sign + shift), float(other + offset), float(factor)


def test_the_way_back_to_the_stored_numbers_is_said_where_a_grid_is_made_and_handed_on(kelvin: str, tmp_path, capsys) -> None:
    """The map from the samples: y = 0.5 (x - mean) / std, so that mean and mean + std come back from 0 and 0.5."""
    samples, grid = np.load(f"{kelvin}/t.npy"), str(tmp_path / "grid.json")
    assert main(["optimize", f"{kelvin}/t.npz", "-s", "dpmpp_2m", "-n", "4", "-o", grid]) == 0
    said = [capsys.readouterr().err]
    for host in ("k_diffusion", "comfyui"):
        assert main(["export", grid, "--to", host]) == 0
        out = capsys.readouterr()
        assert "stored" not in out.out
        said.append(out.err)
    for text in said:
        (line,) = [line for line in text.splitlines() if "samples y are in the network's numbers" in line]
        scale, shift, offset, factor = mapped(line)
        assert scale * samples.mean() + shift == pytest.approx(0, abs=1e-5)
        for value, stored in ((0.0, samples.mean()), (0.5, samples.mean() + samples.std())):
            assert (value + offset) / factor == pytest.approx(stored, rel=1e-6)


def test_a_file_far_from_its_spectrum_tells_the_factor_alone(kelvin: str, tmp_path, monkeypatch, capsys) -> None:
    samples, grid = np.load(f"{kelvin}/t.npy"), str(tmp_path / "grid.json")
    monkeypatch.chdir(kelvin)
    assert main(["optimize", "t.npz", "-s", "dpmpp_2m", "-n", "4", "-o", grid, "-q"]) == 0
    monkeypatch.chdir(tmp_path)
    for other in ([], ["--spectrum", "other.npy"]):
        np.save("other.npy", EIG)
        assert main(["export", grid, "--to", "k_diffusion", *other]) == 0
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "the network's numbers" in line]
        factor = float(re.search(r"times ([\d.e+-]+) plus the estimate's shift, which is in the spectrum's file", line)[1])
        assert factor == pytest.approx(0.5 / samples.std(), rel=1e-6)


def test_numbers_that_were_not_changed_are_not_mapped_back(tmp_path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(1).normal(size=(40, 4)))
    diffopt.estimate(tmp_path / "x.npy").save(tmp_path / "x.npz")
    for data in (tmp_path / "x.npz", EIG):
        found = diffopt.optimize(data, solver="dpmpp_2m", steps=3)
        exported = diffopt.export(found, "k_diffusion")
        assert not [line for line in (*found.notes, *exported.notes) if "network's numbers" in line]


def test_a_shift_alone_and_a_negative_factor_are_undone(tmp_path) -> None:
    samples = np.random.default_rng(1).normal(size=(40, 4)) - 7
    for flags in ({"shift": 7.0}, {"scale": -2.0, "shift": -14.0}):
        diffopt.estimate(samples, **flags).save(tmp_path / "y.npz", force=True)
        found = diffopt.optimize(tmp_path / "y.npz", solver="dpmpp_2m", steps=3)
        for notes in (found.notes, diffopt.export(found, "k_diffusion").notes):
            (line,) = [line for line in notes if "network's numbers" in line]
            assert mapped(line) == (flags.get("scale", 1.0), flags["shift"], -flags["shift"], flags.get("scale", 1.0))
