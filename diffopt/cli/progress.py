"""One progress display on standard error: rate and remaining time; nothing when nobody is looking."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

#: Seconds before anything is shown: what is done by then needs no display.
PATIENCE = 0.6


def watched(quiet: bool) -> bool:
    """Whether somebody looks at standard error on a terminal that can move."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


class Bar:
    """Context manager that is called with (stage, done, total or None, what else to say).

    Parameters
    ----------
    quiet : bool
        Show nothing, as also where nobody looks.
    unit : str
        What is counted, for the rate.
    """

    def __init__(self, quiet: bool = False, unit: str = "samples") -> None:
        self.shown, self.unit = watched(quiet), unit
        self._stage, self._begun, self._running = "", time.monotonic(), False

    def __enter__(self) -> Self:
        self._begun = time.monotonic()
        return self

    def __call__(self, stage: str, done: int, total: int | None, said: str = "") -> None:
        """Show that `done` of `total` are through."""
        if not self.shown or (not self._running and time.monotonic() - self._begun < PATIENCE):
            return
        if not self._running:
            self._start()
        if stage != self._stage:
            # The end of a stage is seen before the next one begins.
            self._progress.refresh()
            self._progress.reset(self._task, total=total, description=stage, visible=True)
            self._stage = stage
        speed = self._progress.tasks[0].speed
        rate = f"{speed:,.3g} {self.unit}/s" if speed else ""
        self._progress.update(self._task, completed=done, total=total, rate=", ".join(filter(None, (said, rate))))

    def _start(self) -> None:
        """Make the display; rich is loaded by those who wait alone."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._progress.add_task("", rate="", visible=False)
        self._progress.start()
        self._running = True

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._running:
            self._progress.stop()


@contextmanager
def counter(what: str, quiet: bool) -> Iterator[Callable[[int, float], None] | None]:
    """Yield a callback (count, best), or None when nobody looks."""
    with Bar(quiet, "evaluations") as bar:
        yield (lambda count, best: bar(what, count, None, f"best {best:.5g}")) if bar.shown else None


@contextmanager
def groups(what: str, quiet: bool, unit: str = "groups") -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback (done, in all), or None when nobody looks."""
    with Bar(quiet, unit) as bar:
        if bar.shown:
            bar(what, 0, None)
        yield (lambda done, total: bar(what, done, total)) if bar.shown else None
