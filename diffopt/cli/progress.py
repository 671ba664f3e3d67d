"""One progress display on standard error: rate and remaining time; nothing when nobody is looking."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

#: Seconds before anything is shown: what is done by then needs no display.
PATIENCE = 0.6


def watched(quiet: bool) -> bool:
    """Whether somebody looks at standard error on a terminal that can move."""
    return not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


class Bar:
    """Context manager that is called with (stage, done, total or None, what else to say).

    What lasts is shown after PATIENCE whether it reports or not: a long decomposition says nothing while it runs.

    Parameters
    ----------
    quiet : bool
        Show nothing, as also where nobody looks.
    unit : str
        What is counted, for the rate.
    """

    def __init__(self, quiet: bool = False, unit: str = "samples") -> None:
        self.shown, self.unit = watched(quiet), unit
        self._stage = ""
        self._last: tuple[str, int, int | None, str] = ("working", 0, None, "")
        self._progress: Any = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if self.shown and PATIENCE <= 0:
            self._start()
        elif self.shown:
            self._timer = threading.Timer(PATIENCE, self._start)
            self._timer.daemon = True
            self._timer.start()
        return self

    def __call__(self, stage: str, done: int, total: int | None, said: str = "") -> None:
        """Show that `done` of `total` are through."""
        if self.shown:
            with self._lock:
                self._last = (stage, done, total, said)
                self._draw()

    def _draw(self) -> None:
        """The last report, once there is a display."""
        if self._progress is None:
            return
        stage, done, total, said = self._last
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
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        with self._lock:
            if not self.shown:
                return
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"), TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True),
                transient=True,
            )  # fmt: skip
            self._task = self._progress.add_task("working", total=None, rate="", visible=True)
            self._progress.start()
            self._draw()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self.shown = False
            if self._progress is not None:
                self._progress.stop()
                self._progress = None


@contextmanager
def counter(what: str, quiet: bool) -> Iterator[Callable[[int, float], None] | None]:
    """Yield a callback (count, best), or None when nobody looks."""
    with Bar(quiet, "evaluations") as bar:
        bar(what, 0, None)
        yield (lambda count, best: bar(what, count, None, f"best {best:.5g}")) if bar.shown else None


@contextmanager
def groups(what: str, quiet: bool, unit: str = "groups") -> Iterator[Callable[[int, int], None] | None]:
    """Yield a callback (done, in all), or None when nobody looks; without its reports what is done stands there with the time."""
    with Bar(quiet, unit) as bar:
        bar(what, 0, None)
        yield (lambda done, total: bar(what, done, total)) if bar.shown else None
