"""The same work on many items, in this process or in several, with results in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

#: What the processes of a pool were started with.
_SHARED: list[Any] = []


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def results(work: Callable[[S, T], R], shared: S, items: Sequence[T], workers: int = 1) -> Iterator[R]:
    """Yield `work(shared, item)` for every item, in order.

    Parameters
    ----------
    work : callable
        A function of a module (processes find it by name); deterministic in its arguments.
    shared : object
        Sent once to every process.
    items : sequence
        What differs.
    workers : int
        Processes; 1 stays in this one. Fresh interpreters are started, so that threads of the caller do no harm.
    """
    count = min(workers, len(items))
    if count <= 1:
        for item in items:
            yield work(shared, item)
        return
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _remember, (shared,)) as pool:
        futures = [pool.submit(_call, work, item) for item in items]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _remember(shared: Any) -> None:
    _SHARED[:] = [shared]


def _call(work: Callable[[Any, Any], Any], item: Any) -> Any:
    return work(_SHARED[0], item)
