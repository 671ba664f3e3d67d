"""How many samples a spectrum was estimated from, and whether they were enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Numbers a sample over samples from which on eigenvalues of samples are spread by more than a fifth.
FEW = 0.01


@dataclass(frozen=True)
class Sampling:
    """What an estimate says of its samples.

    Attributes
    ----------
    samples : int
        How many.
    numbers : float
        Numbers of each.
    shrinkage : str
        Rule by which the eigenvalues were corrected, or `none`.
    """

    samples: int
    numbers: float
    shrinkage: str

    @classmethod
    def of(cls, facts: Mapping[str, Any], dim: float) -> Sampling | None:
        """Of the facts of a spectrum; None where they do not say it, or each eigenvalue is an average over positions."""
        count, rule = facts.get("samples"), facts.get("shrinkage")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1 or facts.get("method") == "fourier":
            return None
        each = facts.get("samples_per_dimension")
        numbers = count / each if isinstance(each, int | float) and each > 0 else dim
        return cls(count, round(numbers), str(rule or "none"))

    @property
    def few(self) -> bool:
        """Whether the eigenvalues of the samples are spread by so few of them."""
        return self.numbers >= FEW * max(self.samples - 1, 1)

    @property
    def corrected(self) -> bool:
        """Whether the spread has been undone as far as it can."""
        return self.shrinkage in ("population", "analytical")

    def line(self) -> str:
        """The fact in one line; empty where there is nothing to say."""
        told = f"few samples: the spectrum is an estimate from {self.samples} samples of {self.numbers:g} numbers"
        if not self.few or (self.corrected and self.samples > self.numbers):
            return ""
        if self.corrected:
            return f"{told}, corrected by {self.shrinkage} shrinkage"
        return f"{told}: small eigenvalues are too small, large ones too large; --shrinkage population of spectrum estimate helps"
