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
