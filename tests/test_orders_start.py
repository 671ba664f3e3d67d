"""From where to where orders are measured is said, and what a start from noise would add."""

from __future__ import annotations

import json

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main

EIG = [9.0, 1.0, 0.04]
ASKED = {"metric": "frechet", "sigma_min": 0.01}


def test_the_answer_and_the_document_say_from_where_to_where(tmp_path, capsys) -> None:
    np.save(tmp_path / "eig.npy", EIG)
    words = f"convergence {tmp_path}/eig.npy -s heun -n 8,16 --metric frechet --sigma-min 0.05"
    assert main([*words.split(), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert (data["start"], data["end"]) == ("exact", "sigma_min")
    assert "by the steps alone (exact start at sigma 80, down to 0.05)" in err
    assert main([*words.split(), "--format", "table"]) == 0
    assert "by the steps alone (exact start" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("top", "mean"), [(6.0, None), (20.0, [2.0, -1.0, 0.0])])
def test_what_a_start_adds_is_the_initialization_of_many_steps(top, mean) -> None:
    """Eq. (440) against the split of a run with many steps."""
    spectrum = diffopt.Spectrum.create(np.array(EIG), mean=None if mean is None else np.array(mean))
    found = diffopt.orders(spectrum, "heun", [8, 16], sigma_max=top, **ASKED).document["start_error"]
    long = diffopt.evaluate(spectrum, solver="heun", steps=800, schedule="karras", sigma_max=top, sigma_min=1e-4, start="sigma")
    assert found == pytest.approx(long.document["errors"]["initialization"], rel=2e-3)


def test_a_start_that_is_further_off_than_the_steps_is_a_caution() -> None:
    near = diffopt.orders(EIG, "heun", [8, 32, 128], sigma_max=6, accuracy=0.1, **ASKED)
    row, start = near.document["rows"][0], near.document["start_error"]
    first = next(n for n, error in zip(row["steps"], row["errors"], strict=True) if error < start)
    (said,) = near.answers()[1:]
    assert f"adds up to {start:.4g} to a distance" in said and f"all steps of heun from {first} on" in said
    assert start > 0.1 and "more than the error 0.1 that is asked for" in said
    far = diffopt.orders(EIG, "heun", [8, 16], sigma_max=1e4, accuracy=0.1, **ASKED)
    assert far.document["start_error"] < min(far.document["rows"][0]["errors"]) and len(far.answers()) == 1


def test_pure_noise_is_the_exact_start() -> None:
    found = diffopt.orders(EIG, "euler", [8, 16], metric="frechet", process="flow", schedule="uniform_flow")
    assert found.document["process"]["sigma_max"] is None and found.document["start_error"] is None
    assert len(found.answers()) == 1
