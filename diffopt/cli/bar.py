"""A progress bar on standard error: rate and remaining time; nothing when nobody is looking."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self


class Bar:
    """Context manager that is called with (stage, done, total or None).

    Parameters
    ----------
    quiet : bool
        Show nothing, as also when standard error is not a terminal.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.shown = not quiet and sys.stderr.isatty()
        self._stage = ""

    def __enter__(self) -> Self:
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            # Nothing to see before the first stage has begun.
            self._task = self._progress.add_task("", rate="", visible=False)
            self._progress.start()
        return self

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` samples of this stage are through."""
        if not self.shown:
            return
        if stage != self._stage:
            self._progress.refresh()
            self._progress.reset(self._task, total=total, description=stage, visible=True)
            self._stage = stage
        speed = self._progress.tasks[0].speed
        rate = f"{speed:,.0f} samples/s" if speed else ""
        self._progress.update(self._task, completed=done, total=total, rate=rate)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self.shown:
            self._progress.stop()
