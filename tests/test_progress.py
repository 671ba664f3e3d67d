"""The display of what lasts: shown after a while even where nothing is reported, never under TERM=dumb or -q."""

from __future__ import annotations

import io
import sys
import time

import pytest

from diffopt.cli import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, seconds: float, quiet: bool = False, term: str = "xterm", report: bool = False) -> str:
    """What a terminal gets while something takes `seconds`."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    monkeypatch.setenv("TERM", term)
    with progress.groups("diagonalizing", quiet, "rows") as told:
        if report and told is not None:
            told(3, 7)
        time.sleep(seconds)
    return terminal.getvalue()


def test_what_lasts_is_shown_though_it_reports_nothing(monkeypatch):
    assert "diagonalizing" in shown(monkeypatch, 1.0)


def test_the_last_report_stands_there(monkeypatch):
    assert "3/7" in shown(monkeypatch, 1.0, report=True)


@pytest.mark.parametrize("case", [{"seconds": 0.0}, {"seconds": 0.3, "quiet": True}, {"seconds": 0.3, "term": "dumb"}])
def test_otherwise_nothing_moves(monkeypatch, case):
    assert shown(monkeypatch, **case) == ""
