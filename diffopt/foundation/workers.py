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
        Processes, this one among them; 1 stays in it. The others are fresh interpreters: threads of the caller do no harm.
    """
    count = min(workers, len(items))
    if count <= 1:
        for item in items:
            yield work(shared, item)
        return
    with ProcessPoolExecutor(count - 1, multiprocessing.get_context("spawn"), _remember, (shared,)) as pool:
        futures = [pool.submit(_call, work, item) for item in items]
        own: dict[int, R] = {}
        try:
            for i, future in enumerate(futures):
                # This process is one of them: while it would wait, it does what no other has begun.
                while not (i in own or future.done()):
                    free = next((j for j in range(i, len(items)) if futures[j].cancel()), None)
                    if free is None:
                        break
                    own[free] = work(shared, items[free])
                yield own.pop(i) if i in own else future.result()
        finally:
            for future in futures:
                future.cancel()


def _remember(shared: Any) -> None:
    _SHARED[:] = [shared]


def _call(work: Callable[[Any, Any], Any], item: Any) -> Any:
    return work(_SHARED[0], item)
