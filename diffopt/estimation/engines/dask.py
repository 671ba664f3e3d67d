"""The same sweeps on dask workers: fixed chunks, fixed order of merging, so the workers do not matter."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from diffopt.errors import InputError, UnsupportedError
from diffopt.estimation.engines.local import Local, Progress, silent
from diffopt.estimation.sources.masked import Fixed
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sums.accumulator import Accumulator
from diffopt.foundation.guard import require

A = TypeVar("A", bound=Accumulator)


#: Sums, bad samples, and positions that never varied.
Task = tuple[A, dict[str, str], Fixed]


def part(samples: Samples, empty: A, start: int, stop: int) -> Task[A]:
    """Sum over samples `start` to `stop`, the bad samples among them and what never varied; runs on a worker."""
    fixed = Fixed()
    for after, block in samples.blocks(start, stop, fixed):
        if len(block):
            empty.add(block, after - len(block))
    return empty, samples.source.log.bad, fixed


def merge(parts: list[Task[A]]) -> Task[A]:
    """Sum of partial sums, in the order given; runs on a worker."""
    total, bad, fixed = parts[0][0].empty(), dict[str, str](), Fixed()
    for sums, skipped, same in parts:
        total.merge(sums)
        bad |= skipped
        fixed.merge(same)
    return total, bad, fixed


@dataclass
class Dask:
    """Sweeps on the workers of a client.

    Attributes
    ----------
    client : distributed.Client
        Connected to a scheduler.
    progress : callable
        Told after each chunk.
    chunks : int
        Number of parts of the data, about; it does not depend on the number of workers, which may
        come and go. A chunk lost with its worker is computed again by another one.
    fan : int
        Partial sums merged at a time.
    """

    client: Any
    progress: Progress = silent
    chunks: int = 32
    fan: int = 4

    def sweep(self, samples: Samples, into: A, stage: str) -> A:
        """Add all samples to `into`.

        Raises
        ------
        UnsupportedError
            A stream of unknown length, which cannot be divided.
        """
        if not into.sums():
            # Collecting the samples themselves gains nothing from workers.
            return Local(self.progress).sweep(samples, into, stage)
        count = samples.source.count
        if count is None or not samples.source.repeatable:
            raise UnsupportedError(
                f"{samples.source.label}: --engine dask needs data of known length; use local"
            )
        future = self._graph(samples, into, count, stage)
        try:
            sums, bad, samples.fixed = future.result()
        except OSError as error:
            raise InputError(f"dask lost its workers ({error}); start new ones") from error
        samples.source.log.bad.update(bad)
        into.merge(sums)
        self.progress(stage, count, count)
        return into

    def _graph(self, samples: Samples, into: A, count: int, stage: str) -> Any:
        """Future of the merged sums: a tree over chunks of whole blocks."""
        rows = samples.rows
        step = max(1, -(-count // (self.chunks * rows))) * rows
        options = {"pure": False, "retries": 3}
        with warnings.catch_warnings():
            # The vectors of lanczos make a large task, on purpose: as the result of a task they travel
            # once, and are made again when the worker that holds them dies (scattered data are not).
            warnings.simplefilter("ignore")
            shared = self.client.submit(pair, samples, into.empty(), **options)
        level = [
            self.client.submit(part_copy, shared, start, min(start + step, count), **options)
            for start in range(0, count, step)
        ]
        self._watch(level, stage, count)
        while len(level) > 1:
            groups = [level[i : i + self.fan] for i in range(0, len(level), self.fan)]
            level = [self.client.submit(merge, group, **options) for group in groups]
        return level[0]

    def _watch(self, futures: list[Any], stage: str, count: int) -> None:
        done = 0

        def finished(_future: Any) -> None:
            nonlocal done
            done += 1
            self.progress(stage, count * done // len(futures), count)

        for future in futures:
            future.add_done_callback(finished)


def pair(samples: Samples, empty: A) -> tuple[Samples, A]:
    """Hand both on; runs on a worker."""
    return samples, empty


def part_copy(shared: tuple[Samples, A], start: int, stop: int) -> Task[A]:
    """Do what :func:`part` does, leaving the shared accumulator of the worker empty."""
    return part(shared[0], shared[1].empty(), start, stop)


@contextmanager
def connected(scheduler: str | None, workers: int, progress: Progress = silent) -> Iterator[Dask]:
    """Engine on an existing scheduler (`tcp://host:port`), or on local processes.

    Raises
    ------
    InputError
        Nobody answers at that address.
    MissingExtraError
        dask.distributed is not installed.
    """
    distributed: Any = require("distributed", "dask[distributed]", "dask", "--engine dask")
    # What workers have to say about their end is no concern of the user.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    opened: list[Any] = []
    try:
        with undisturbed():
            _open(distributed, scheduler, workers, opened)
        yield Dask(opened[-1], progress)
    finally:
        with undisturbed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one in reversed(opened):
                with suppress(Exception):
                    one.close()


def _open(distributed: Any, scheduler: str | None, workers: int, opened: list[Any]) -> None:
    """Append a cluster of local processes, where no scheduler is given, and a client."""
    with warnings.catch_warnings():
        # A busy dashboard port is no concern of the user, who has asked for no dashboard.
        warnings.simplefilter("ignore")
        try:
            if scheduler is None:
                local = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
                opened.append(distributed.LocalCluster(n_workers=workers, silence_logs=logging.CRITICAL, **local))
            opened.append(distributed.Client(scheduler or opened[0], timeout="10s"))
        except (OSError, ValueError) as error:
            raise InputError(f"dask scheduler {scheduler}: no answer ({error}); is the address right?") from error


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold Ctrl-C back until the end of the body; processes started in it never see one.

    A worker that is interrupted writes a traceback, and a half-started cluster another; both are ended by us.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Its start lifts the block again, so it has to run before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
