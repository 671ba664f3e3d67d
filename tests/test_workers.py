"""Work in several processes: every item once, in order, and a failure reaches the caller."""

from __future__ import annotations

import os
import time

import pytest

from diffopt.foundation.workers import results


def described(shared: str, item: int) -> tuple[int, str]:
    """Who did an item; long enough for every process to have one."""
    time.sleep(0.1)
    if item < 0:
        raise ValueError(f"item {item}")
    return os.getpid(), f"{shared} {item}"


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_item_is_done_once_and_results_come_in_order(workers: int) -> None:
    found = list(results(described, "item", range(12), workers))
    assert [text for _, text in found] == [f"item {i}" for i in range(12)]
    doing = {process for process, _ in found}
    # The caller's process works too, and no more processes than were asked for.
    assert os.getpid() in doing and len(doing) <= workers


@pytest.mark.parametrize("items", [[-1, 2, 3, 4], [1, 2, 3, -4]])
def test_a_failure_reaches_the_caller(items: list[int]) -> None:
    with pytest.raises(ValueError, match=f"item {min(items)}"):
        list(results(described, "item", items, 2))


def slow(shared: float, item: int) -> int:
    """The first item takes as long as all others."""
    time.sleep(shared if item == 0 else 0.02)
    return os.getpid()


def test_a_process_that_is_busy_keeps_no_item_from_the_others() -> None:
    """The first item goes to the other process; this one does nearly all of the rest meanwhile."""
    found = list(results(slow, 1.5, range(12), 2))
    assert found[0] != os.getpid()
    assert found[1:].count(os.getpid()) >= 10
