"""One sweep over the samples on this machine, with progress and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from diffopt.errors import InputError
from diffopt.estimation.engines.checkpoint import Checkpoint
from diffopt.estimation.sources.masked import Fixed
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sums.accumulator import Accumulator

A = TypeVar("A", bound=Accumulator)
#: Called with (what is going on, samples done, samples in all or None).
Progress = Callable[[str, int, int | None], None]


def silent(_stage: str, _done: int, _total: int | None) -> None:
    """Report nothing."""


class Engine(Protocol):
    """Whatever can sweep once over the samples, and tell how far it is."""

    @property
    def progress(self) -> Progress:
        """Whom to tell."""

    def sweep(self, samples: Samples, into: A, stage: str) -> A:
        """Add all samples to `into` and return it; `stage` names the sweep for people."""


@dataclass
class Local:
    """Block after block in this process; the data may be larger than memory.

    Attributes
    ----------
    progress : callable
        Told after each block.
    checkpoint : Checkpoint or None
        Where the first sweep is saved now and then, and continued from.
    """

    progress: Progress = silent
    checkpoint: Checkpoint | None = None

    def sweep(self, samples: Samples, into: A, stage: str) -> A:
        """Add block after block."""
        checkpoint = self.checkpoint if into.sums() else None
        fixed = Fixed()
        start = 0 if checkpoint is None else checkpoint.load(stage, into, samples.source.log, fixed)
        self.progress(stage, start, samples.source.count)
        done = start
        for done, block in samples.blocks(start, None, fixed):
            if len(block):
                into.add(block, done - len(block))
            if checkpoint is not None:
                checkpoint.offer(stage, done, into, samples.source.log, fixed)
            self.progress(stage, done, samples.source.count)
        if not done:
            raise InputError(f"{samples.source.label}: no samples")
        samples.fixed = fixed
        return into
