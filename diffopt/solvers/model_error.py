"""How far a network's denoiser is from the exact one, per direction and noise ratio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from diffopt.foundation.arrays import Numbers

#: e(eig, sigma), elementwise and analytic (complex sigma is passed).
ErrorRule = Callable[[Numbers, Numbers], Numbers]
ErrorKind = Literal["relative", "absolute", "loss"]
KINDS: tuple[ErrorKind, ...] = ("relative", "absolute", "loss")


@dataclass(frozen=True, eq=False)
class _OfSigma:
    """A function of sigma as one of (eig, sigma)."""

    function: Callable[[Numbers], Numbers]

    def __call__(self, _: Numbers, sigma: Numbers) -> Numbers:
        return self.function(sigma)


@dataclass(frozen=True, eq=False)
class _Opposite:
    """A rule with the other sign."""

    rule: ErrorRule

    def __call__(self, eig: Numbers, sigma: Numbers) -> Numbers:
        return -self.rule(eig, sigma)


@dataclass(frozen=True, eq=False)
class ModelError:
    """Error of the denoiser per direction: standard deviation r(eig, sigma) in data units (theory.md, eq. 170).

    `relative` e: the score is (1 + e) S, so r = e sigma^2/sqrt(eig + sigma^2); `absolute` e: r = e; `loss` e: the
    squared error of the denoiser is the share e above its minimum, so r^2 = e eig sigma^2/(eig + sigma^2).

    Attributes
    ----------
    rule : callable
        e(eig, sigma).
    kind : {"relative", "absolute", "loss"}
        What e means.
    random : bool
        False: systematic, in proportion to the state, the score too large where e > 0. True: of mean 0 and
        independent from call to call, but the same in every step that reads one call's output.
    text : str
        As it was written, for the output.
    offset : callable or None
        Mean of the denoiser's error per unit mean of the data, of (eig, sigma), for a systematic error.
    """

    rule: ErrorRule
    kind: ErrorKind = "relative"
    random: bool = False
    text: str = ""
    offset: ErrorRule | None = None

    @classmethod
    def of(cls, error: ModelError | Callable[[Numbers], Numbers]) -> ModelError:
        """The error itself, or the relative systematic one e(sigma)."""
        if isinstance(error, ModelError):
            return error
        return cls(_OfSigma(error))

    def size(self, eig: Numbers, sigma: Numbers) -> Numbers:
        """r(eig, sigma), broadcast over both."""
        value = self.rule(eig, sigma)
        if self.kind == "absolute":
            return value + 0 * eig * sigma
        if self.kind == "loss":
            return np.sqrt(value * eig * sigma**2 / (eig + sigma**2))
        return value * sigma**2 / np.sqrt(eig + sigma**2)

    @property
    def opposite(self) -> ModelError | None:
        """The systematic error of the same size whose sign is the other one; None of a random error, which has none."""
        if self.random:
            return None
        rule, kind = (self.size, "absolute") if self.kind == "loss" else (self.rule, self.kind)
        offset = None if self.offset is None else _Opposite(self.offset)
        return replace(self, rule=_Opposite(rule), kind=kind, offset=offset, text="")

    def slope(self, eig: Numbers, sigma: Numbers) -> Numbers:
        """Derivative of r by sigma, a complex step."""
        step = 1e-30
        return np.asarray(self.size(eig, sigma + 1j * step * np.ones_like(sigma)).imag / step)
