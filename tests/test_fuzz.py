"""Three hundred fuzzed inputs; `benchmarks/fuzz.py` runs ten thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import fuzz
from fuzzing import commands, samples, values, written

from diffopt.documents.schemas import DOCUMENTS
from diffopt.estimation.readers import READERS

#: Inputs in all, in parts that fail by themselves.
COUNT, PART = 300, 150


@pytest.mark.quiet_floats
@pytest.mark.parametrize("first", range(0, COUNT, PART))
def test_fuzzed_inputs_end_as_the_contract_says(first):
    codes, faults, longest = fuzz.fuzz(7, range(first, first + PART))
    assert not faults, faults
    assert longest < fuzz.SECONDS
    assert codes.total() - codes[2] > PART / 4


def test_a_third_is_accepted_and_inputs_repeat():
    """So that the numerics are reached; the same number is the same input on every machine."""
    assert fuzz.make(7, 3).words == fuzz.make(7, 3).words
    assert fuzz.make(7, 3).files == fuzz.make(7, 3).files
    assert fuzz.make(7, 3).words != fuzz.make(8, 3).words


def test_every_command_and_every_flag_is_drawn():
    """A new command, or a new flag of one, is in the fuzzer's tables, or this fails."""
    drawn = {" ".join(c.words[: 1 + (c.words[0] == "spectrum")]) for c in (fuzz.make(5, i) for i in range(700))}
    assert drawn == set(values.options())
    assert {flag for flags in values.options().values() for flag in flags} == set(values.FLAGS) | values.SWITCHES
    assert {name for name, _ in commands.MAKERS.values() if name} <= set(values.options())


def test_every_reader_and_every_document_is_drawn():
    assert set(samples.WEIGHTS) == set(samples.FILES) | set(samples.FOLDERS) == set(READERS)
    assert set(written.DOCUMENTS) == set(DOCUMENTS)
    assert {name.partition(".")[0] for name in written.corpus()} == {
        name.removeprefix("diffopt.").replace("/", "") for name in written.DOCUMENTS
    } | set(written.OTHERS)


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
