"""How a step with noise passes on the variance errors before it, with derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import safe


@dataclass(frozen=True, eq=False)
class Damping:
    """Factors kappa by which steps pass a relative variance error on (theory.md, eq. 33).

    With s = share of the state in the variance and t = share + fresh noise, both relative to v:
    kappa = min(s, 1) / min(t, 1), which tends to 1 as the noise vanishes.

    Attributes
    ----------
    share, fresh, both : ndarray, shape (N, ..., d)
        s, the fresh noise, and min(t, 1).
    kappa : ndarray, shape (N, ..., d)
        The factors.
    passed : ndarray, shape (N + 1, ..., d)
        Products of all later kappas, with the step's own and, one place on, without.
    inverse : ndarray, shape (N, ..., d)
        1/v after each step, 0 where v is.
    """

    inverse: Array
    share: Array
    fresh: Array
    both: Array
    kappa: Array
    passed: Array

    @classmethod
    def of(cls, moved: Array, noise: Array, root: Array) -> Damping:
        """From the deviation that the state carries, the fresh variance, and the exact deviation after each step."""
        inverse = safe(1.0, root**2)
        share, fresh = moved**2 * inverse, noise * inverse
        both = np.minimum(share + fresh, 1)
        kappa = safe(np.minimum(share, 1), both)
        passed = np.ones((kappa.shape[0] + 1, *kappa.shape[1:]))
        np.multiply.accumulate(kappa[::-1], out=passed[-2::-1])
        return cls(inverse, share, fresh, both, kappa, passed)

    def by_kappa(self, bar: Array, relative: Array) -> Array:
        """Derivative of sum(bar * sums of `relative` times `passed`) by kappa."""
        found: Array = (bar[:, None] * relative).sum(axis=0)
        for before, kappa, here in zip(found, self.kappa, found[1:], strict=False):
            here += kappa * before
        found *= self.passed[1:]
        return found

    def pulled(self, kappa_bar: Array, moved: Array, root: Array) -> tuple[Array, Array, Array]:
        """Derivatives by the carried deviation, by the fresh variance and by the exact deviation."""
        squared = safe(kappa_bar, self.both**2)
        by_share, by_fresh = squared * self.fresh, squared * -self.share
        if self.both.max() >= 1:
            # d kappa/d share: fresh/both^2 where both < 1, 1 where share < 1 <= both, else 0.
            capped = self.both >= 1
            by_share = np.where(capped, np.where(self.share < 1, kappa_bar, 0.0), by_share)
            by_fresh = np.where(capped, 0.0, by_fresh)
        lost = (by_share * self.share + by_fresh * self.fresh) * self.inverse
        return 2 * by_share * moved * self.inverse, by_fresh * self.inverse, -2 * lost * root
