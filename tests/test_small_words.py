"""Words and numbers of tables, notes and help that say what they are."""

from __future__ import annotations

import functools
import json
import operator
import re
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.foundation.nearness import whole

EIG = [9.0, 1.0, 0.04]


def test_counts_are_whole_to_the_rounding_of_a_sum() -> None:
    # One after another: newer versions of Python round a sum once.
    tenths = functools.reduce(operator.add, [0.1] * 10)
    assert whole(tenths) == 1 and tenths != 1 and isinstance(whole(1023.9999999999999), int)
    assert whole(0.5) == 0.5 and whole(1.0 + 1e-9) != 1


def test_the_range_of_slopes_is_not_called_an_interval(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And the accuracy is told as a share of the data: 1 % of sqrt(10.04)."""
    np.save(tmp_path / "eig.npy", EIG)
    asked = ["convergence", str(tmp_path / "eig.npy"), "-s", "euler", "-n", "8,16,32", "--sigma-min", "0.05"]
    assert main([*asked, "--metric", "frechet", "--format", "table"]) == 0
    out, err = capsys.readouterr()
    head = next(line for line in out.splitlines() if line.startswith("solver"))
    assert "95 %" not in out + err and "range" in head
    assert "accuracy 0.03169 (1 % of the data's spread)" in err and "range: of the successive slopes" in err
    assert "an error of 0.03169 (1 % of the data's spread)" in " ".join((out + err).split())
    assert main([*asked, "--metric", "frechet", "--accuracy", "0.1"]) == 0
    assert f"accuracy 0.1 ({100 * 0.1 / np.sqrt(10.04):.3g} % of the data's spread)" in capsys.readouterr().err
    assert main([*asked, "--metric", "strong", "--paths", "100"]) == 0
    assert "range: the 95 % interval over batches of paths" in capsys.readouterr().err


@pytest.mark.parametrize(("process", "shown"), [({"process": "ve"}, False), ({"process": "vp_linear"}, True),
                                                ({"process": "table", "betas": "sd"}, False)])  # fmt: skip
def test_a_time_that_is_the_noise_level_or_the_timestep_is_no_column(process: dict, shown: bool) -> None:
    found = diffopt.optimize(EIG, "euler", 3, **process)
    words = found.render("table", width=120).split("frechet")[0].split()
    assert ("time" in words) == shown and ("timestep" in words) == ("betas" in process)
    assert "time" in found.render("csv").splitlines()[0]


def test_help_says_which_flags_of_edm_are_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optimize", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for name in ("S_churn of EDM", "S_min of EDM", "S_max of EDM", "S_noise of EDM", "edm is ve"):
        assert name in told


def test_a_free_sigma_max_says_how_a_mean_is_given(tmp_path: Path) -> None:
    """With the key that the note names the note is gone."""
    asked = {"solver": "heun", "steps": 3, "free": "sigma_max", "schedule": "karras", "start": "sigma"}
    (said,) = [note for note in diffopt.optimize(EIG, **asked).notes if "no mean" in note]
    assert "diffopt.estimate keeps the mean of samples, and files have it under `mean`" in said
    (tmp_path / "s.json").write_text(json.dumps({"eigenvalues": EIG, "mean": [0.5, 0.0, 0.0]}))
    assert not any("no mean" in note for note in diffopt.optimize(str(tmp_path / "s.json"), **asked).notes)


@pytest.mark.parametrize("verb", ["optimize", "evaluate", "compare", "recommend", "orders"])
def test_an_error_has_as_many_digits_in_the_sentence_as_in_the_table(verb: str) -> None:
    """Every number of four digits or more of the sentences that is an error of the document has four."""
    found = {
        "optimize": lambda: diffopt.optimize(EIG, "heun", 5),
        "compare": lambda: diffopt.compare(EIG, "euler", 5, only="karras,beta"),
        "evaluate": lambda: diffopt.evaluate(EIG, solver="heun", steps=5, schedule="karras"),
        "recommend": lambda: diffopt.recommend(EIG, calls=2, host="k-diffusion"),
        "orders": lambda: diffopt.orders(EIG, "heun", [8, 16], metric="frechet", sigma_min=0.05),
    }[verb]()  # fmt: skip
    told = re.sub(r"\S+ (times|%)|\S+ the root of the trace", "", " ".join([*found.answers(), *found.notes]))
    errors = {value for value in _numbers(found.document) if 1e-3 < value < 1e4 and len(f"{value:.4g}") > len(f"{value:.3g}")}
    shorter = {f"{value:.3g}" for value in errors} - {f"{value:.4g}" for value in errors}
    words = set(re.split(r"[\s(),;:]+", told))
    named = {f"{value:.4g}" for value in errors} & words
    assert named and not {word for word in words & shorter if "." in word and len(word) > 3}


def _numbers(part: object) -> list[float]:
    """Every error in a document."""
    if isinstance(part, dict):
        keys = ("robust", "frechet", "kl", "robust_steps", "value", "accuracy", "initialization", "discretization", "truncation")
        own = [v for k, v in part.items() if k in keys and isinstance(v, float)]
        return own + [v for child in part.values() for v in _numbers(child)]
    return [v for child in part for v in _numbers(child)] if isinstance(part, list) else []
