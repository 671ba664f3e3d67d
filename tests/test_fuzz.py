"""Three hundred fuzzed inputs; `benchmarks/fuzz.py` runs ten thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import fuzz

#: Inputs in all, in parts that fail by themselves.
COUNT, PART = 300, 50


@pytest.mark.quiet_floats
@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_fuzzed_inputs_end_as_the_contract_says(first):
    codes, faults, longest = fuzz.fuzz(7, range(first, first + PART))
    assert not faults, faults
    assert longest < fuzz.SECONDS
    assert codes[0] + codes[3] > PART / 4


def test_a_third_is_accepted_and_inputs_repeat():
    """So that the numerics are reached; the same number is the same input on every machine."""
    assert fuzz.make(7, 3).words == fuzz.make(7, 3).words
    assert fuzz.make(7, 3).files == fuzz.make(7, 3).files
    assert fuzz.make(7, 3).words != fuzz.make(8, 3).words


def test_the_judge_sees_faults():
    """What it is for: each kind of fault is one when it is made."""
    better = (
        '{"schema": "diffopt.schedule/1", "objective": {"name": "robust", "value": 2.0}, "optimizer": {"free": ["grid"]}, '
        '"baselines": {"karras": {"robust": 1.0}}}'
    )
    cases = {
        "Traceback": (1, "", "Traceback (most recent call last)\nValueError: x", {}),
        "exit code 1": (1, "", "error: x", {}),
        "output on failure": (2, "x", "error: x", {}),
        "left on failure": (2, "", "error: x", {"o.json": Path("o.json")}),
        "lines of error": (2, "", "", {}),
        "no strict JSON": (0, '{"a": NaN}', "", {}),
        "is worse than karras": (0, better, "", {}),
        "sigmas for": (0, '{"sigmas": [1, 0], "steps": 2}', "", {}),
    }
    for word, (code, out, err, left) in cases.items():
        found = list(fuzz.judged(code, out, err, 0.1, left))
        assert len(found) == 1
        assert word in found[0] or word == "Traceback"
    assert list(fuzz.judged(0, "", "", 60.0, {})) == ["60.0 s of CPU"]
    assert list(fuzz.judged(2, "", "error: x", 0.1, {})) == []
