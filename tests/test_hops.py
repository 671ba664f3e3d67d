"""How a list of noise ratios travels from the command line to its error: who carries it, and what nobody rewrites."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest

from diffopt.cli.main import main
from diffopt.documents.settings import Settings
from diffopt.objectives import evaluation

TEXT, NUMBERS = "14.6,6.5,1.1,0.4,0", [14.6, 6.5, 1.1, 0.4, 0.0]
#: Settings that a list of noise ratios would be turned into.
RANGE = ("sigma_max", "sigma_min", "t_max", "t_min", "end", "steps", "sigmas")


def is_the_list(value: Any) -> bool:
    if isinstance(value, str):
        return value == TEXT
    if isinstance(value, np.ndarray):
        return value.shape == (len(NUMBERS),) and value.dtype == float and value.tolist() == NUMBERS
    plain = isinstance(value, list | tuple) and len(value) == len(NUMBERS) and all(isinstance(v, float) for v in value)
    return plain and list(value) == NUMBERS


def carriers(value: Any) -> list[str]:
    """Type of what holds the list: the list itself, a dict with it, or an object of the package with such an attribute."""
    if is_the_list(value):
        return [type(value).__name__]
    if isinstance(value, dict):
        return ["dict"] if any(map(is_the_list, value.values())) else []
    if type(value).__module__.startswith("diffopt.") and hasattr(value, "__dict__"):
        if any(is_the_list(v) or (isinstance(v, dict) and carriers(v)) for v in vars(value).values()):
            return [type(value).__name__]
    return []


@pytest.fixture
def travel(tmp_path, monkeypatch, capsys):
    """Run `evaluate --sigmas` and watch every call of the package: carriers in order, and the settings that were seen."""
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", [4.0, 1.0, 0.25])
    forms: dict[str, None] = {}
    settings: list[Settings] = []
    done = False

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal done
        code = frame.f_code
        if not str(frame.f_globals.get("__name__", "")).startswith("diffopt."):
            return
        if event == "return" and code is evaluation.evaluate.__code__:
            done = True
        if event != "call" or done:
            return
        for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x08)]:
            value = frame.f_locals.get(name)
            forms.update(dict.fromkeys(carriers(value)))
            if isinstance(value, Settings):
                settings.append(value)

    words = ["evaluate", "a.npy", "--sigmas", TEXT, "-q"]
    # Once unwatched, so that imports are not.
    assert main(words) == 0
    sys.setprofile(watch)
    try:
        code = main(words)
    finally:
        sys.setprofile(None)
    assert code == 0, capsys.readouterr().err
    assert done
    return list(forms), settings


def test_a_list_changes_hands_at_most_nine_times(travel):
    forms, _ = travel
    assert len(forms) <= 9, ", ".join(forms)
    # It is watched from the flag to the table: otherwise the count says nothing.
    assert forms[0] == "dict" and {"str", "GivenGrid", "Grid", "Points", "Table"} <= set(forms), ", ".join(forms)


def test_nobody_turns_the_list_into_settings(travel):
    _, settings = travel
    assert settings
    plain = Settings()
    for seen in settings:
        for name in RANGE:
            assert getattr(seen, name, None) == getattr(plain, name, None), name
