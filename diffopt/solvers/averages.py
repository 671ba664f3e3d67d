"""Averages of a step over its branches that know their own derivatives."""

from __future__ import annotations

from abc import ABC, abstractmethod

from diffopt.foundation.arrays import Array, Numbers


class Averages(ABC):
    """A step's mean multiplier m, injected variance n and variance of the multiplier (None: no branches), shape (N, d)."""

    m: Array
    n: Array
    spread: Array | None = None

    @abstractmethod
    def pull(self, by_m: Array, by_n: Array, by_spread: Array | None) -> dict[str, Numbers]:
        """Derivatives by the step's numbers from those by m, n and spread: shape (R, Q), of numbers that branches share (N,)."""
