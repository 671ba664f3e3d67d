"""The same work on many items, in this process or in several, with results in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from threading import Lock
from typing import Any, Generic, TypeVar

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
        Processes, this one among them; 1 stays in it.
    """
    count = min(workers, len(items))
    if count <= 1:
        for item in items:
            yield work(shared, item)
        return
    with ProcessPoolExecutor(count - 1, multiprocessing.get_context(_way()), _remember, (shared,)) as pool:
        shop = _Shop(work, shared, items, pool)
        try:
            for _ in range(count - 1):
                shop.hand_out()
            for i in range(len(items)):
                yield shop.result(i)
        finally:
            shop.close()


def _way() -> str:
    """How processes begin: as copies of this one where it has one thread, which no lock outlives, else anew."""
    tasks = "/proc/self/task"
    return "fork" if os.path.isdir(tasks) and len(os.listdir(tasks)) == 1 else "spawn"


class _Shop(Generic[S, T, R]):
    """Items that wait, in order: a process takes the next when it has done its last, this one while it would wait.

    A pool that was given all at once would keep some beside those that it does, and this process would be idle.
    """

    def __init__(self, work: Callable[[S, T], R], shared: S, items: Sequence[T], pool: ProcessPoolExecutor) -> None:
        self.work, self.shared, self.items, self.pool = work, shared, items, pool
        self.waiting = deque(range(len(items)))
        self.lock = Lock()
        self.away: dict[int, Future[R]] = {}
        self.own: dict[int, R] = {}

    def hand_out(self, done: object = None) -> None:
        """Give the next item to the pool, again when it is done."""
        del done
        with self.lock:
            if not self.waiting:
                return
            i = self.waiting.popleft()
            self.away[i] = self.pool.submit(_call, self.work, self.items[i])
        self.away[i].add_done_callback(self.hand_out)

    def result(self, i: int) -> R:
        """Result of item i; while it is not there, others are done here."""
        while i not in self.own and not (i in self.away and self.away[i].done()):
            with self.lock:
                j = self.waiting.popleft() if self.waiting else None
            if j is None:
                break
            self.own[j] = self.work(self.shared, self.items[j])
        return self.own.pop(i) if i in self.own else self.away.pop(i).result()

    def close(self) -> None:
        """Let nothing more begin."""
        with self.lock:
            self.waiting.clear()


def _remember(shared: Any) -> None:
    _SHARED[:] = [shared]


def _call(work: Callable[[Any, Any], Any], item: Any) -> Any:
    return work(_SHARED[0], item)
