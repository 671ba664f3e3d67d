"""Errors of runs as ends of chains over their steps, with derivatives by every squared eta."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import squares
from diffopt.studies.eta_curves import Curves, Stacked
from diffopt.studies.eta_ends import ChainEnds
from diffopt.studies.eta_kinks import Kinks
from diffopt.studies.eta_squares import EtaSquares
from diffopt.studies.noise_errors import NoiseErrors

#: Roundings of kinks, relative to the exact variance and to factors without noise, far from an end and near it.
SOFT, NEAR = (0.02, 1e-3, 1e-4), (1e-5, 1e-6)
#: Share of a factor below which it holds a run.
HELD = 0.01
#: Arrangements of runs that are kept.
KNOWN = 16


class EtaChain(EtaSquares):
    """An error of a scheme without memory, its steps given by curves (theory.md, eqs. 385, 405, 406)."""

    def __init__(self, errors: NoiseErrors, objective: str, curves: Curves) -> None:
        super().__init__(errors, objective)
        self.derivatives, self.curves, spectrum = self._model, curves, errors.problem.spectrum
        self.leading, half = objective != "exact", curves.first.size
        self.first = np.abs(curves.first) if self.kinked else curves.first
        self.kinks = self._bent_by(0.0)
        self.ends = ChainEnds.create(spectrum, curves.size[-1, half : half + spectrum.eig.size], self.leading)

    def roundings(self, near: bool) -> Sequence[EtaSquares]:
        """With kinks rounded less and less, where it has any; `near`: to follow what is close to the end already."""
        return [self._softened(soft) for soft in (NEAR if near else SOFT)] if self.leading else []

    def _softened(self, soft: float) -> EtaChain:
        """The same with |b| rounded to sqrt(b^2 + soft^2) - soft (eq. 386), and max(a, 0) alike (eq. 409), in own units."""
        other = copy(self)
        other.derivatives, other.kinks = other._model, self._bent_by(soft)
        return other

    @property
    def kind(self) -> Hashable:
        """Equal for errors of the same directions, with curves that may stand side by side."""
        if not isinstance(self.curves, Stacked):
            return id(self)
        return self.errors.problem.spectrum.sha256, type(self.curves)

    def _bent_by(self, soft: float) -> Kinks:
        """What bends the factors and the terms."""
        return Kinks.create(soft * self.curves.size, self.leading, self.kinked)

    def residuals(self, x: Array) -> Array:
        """r at squared etas, shape (B, N): shape (B, D)."""
        with np.errstate(all="ignore"):
            a, b = self._parts(self.curves.at(x))
            return self.ends.rest(self._ends(a, b)[-1])

    def totals(self, x: Array) -> Array:
        """Sums of squares, infinite where not finite; of few runs at once, whose arrays stay in caches."""
        parts = (x[i : i + self.few] for i in range(0, len(x), self.few))
        return np.concatenate([squares(self.residuals(part)) for part in parts])

    def one_by_one(self, x: Array, places: Array) -> tuple[Array, float]:
        """Squared etas, shape (N,), each in turn moved to the best of its `places`, shape (P, N), and the sum of squares.

        Steps before and after stay as they are: their factors and terms are known.
        """
        tried = np.concatenate([x[None], places])
        with np.errstate(all="ignore"):
            a, b = self._parts(self.curves.at(tried))
            scale, rest = [np.ones_like(self.first)], [np.zeros_like(self.first)]
            for k in range(self.steps - 1, 0, -1):
                rest.append(rest[-1] + scale[-1] * b[k, 0])
                scale.append(scale[-1] * a[k, 0])
            y, least, x = self.first, np.inf, x.copy()
            for k, after, added in zip(range(self.steps), reversed(scale), reversed(rest), strict=True):
                ends = a[k] * y + b[k]
                found = squares(self.ends.rest(after * ends + added))
                best = int(np.argmin(found))
                x[k], y, least = tried[best, k], ends[best], float(found[best])
        return x, least

    def _model(self, x: Array, bent: bool) -> tuple[Array, Array, Array | None]:
        """r, its slopes, shape (B, N, D), and with `bent` the sum of r times its second derivatives, shape (B, N, N)."""
        both, half = self.kinks.near(*self.curves.near(x), bent), self.first.shape[-1]
        # Values, slopes and second derivatives of the factors and of the terms.
        (a, da, dda), (b, db, ddb) = ([part[..., own] for part in both] for own in (np.s_[:half], np.s_[half:]))
        ends = self._ends(a, b)
        after = np.empty_like(a)
        after[-1] = 1
        np.multiply.accumulate(a[:0:-1], axis=0, out=after[-2::-1])
        moved = da * ends[:-1]
        moved += db
        moved *= after
        rest, (first, curved) = self.ends.rest(ends[-1]), self.ends.slopes(ends[-1])
        slopes = moved.transpose(1, 0, 2) * first[:, None]
        if not bent:
            return rest, slopes, None
        own = dda * ends[:-1]
        own += ddb
        own *= after
        # What the steps before k did to y_k, times what step k's eta does to that (eq. 429).
        share = np.divide(da, a, out=np.zeros_like(a), where=a != 0)
        share *= rest
        bend = np.matmul(slopes, share.transpose(1, 2, 0))
        bend *= self._earlier
        bend += bend.transpose(0, 2, 1)
        bend.reshape(len(x), -1)[:, :: self.steps + 1] = np.matmul(own.transpose(1, 0, 2), (rest * first)[..., None])[..., 0]
        if curved is not None:
            bend += np.matmul((moved * (rest * curved)).transpose(1, 0, 2), moved.transpose(1, 2, 0))
        return rest, slopes, bend

    @cached_property
    def _earlier(self) -> Array:
        """Pairs of steps, the first of them earlier."""
        return np.triu(np.ones((self.steps, self.steps)), 1)

    def held(self, x: Array) -> bool:
        """Whether kinks hold a run at squared etas x, shape (N,): it has any, or a step forgets the ones before it."""
        if not self.leading:
            return False
        half = self.first.size
        return self.kinked or bool(np.any(self.curves.at(x[None])[1:, 0, :half] <= HELD * self.curves.size[1:, :half]))

    def _parts(self, both: Array) -> tuple[Array, Array]:
        """Factors and terms of the steps, shape (N, B, D)."""
        half, bent = self.first.shape[-1], self.kinks.at(both)
        return bent[..., :half], bent[..., half:]

    def _ends(self, a: Array, b: Array) -> Array:
        """y before each step and at the end, shape (N + 1, B, D)."""
        ends = np.empty((len(a) + 1, *a.shape[1:]))
        ends[0] = self.first
        for k in range(len(a)):
            np.multiply(a[k], ends[k], out=ends[k + 1])
            ends[k + 1] += b[k]
        return ends


class ChainsBeside:
    """Chains of one kind, on other curves each, for runs side by side."""

    def __init__(self, chains: Sequence[EtaChain]) -> None:
        self.one, self.known = chains[0], dict[bytes, EtaChain]()
        curves = [chain.curves for chain in chains if isinstance(chain.curves, Stacked)]
        self.curves, self.first = curves[0].beside(curves), np.stack([chain.first for chain in chains])
        self.kinks = Kinks.beside([chain.kinks for chain in chains])
        self.ends = ChainEnds.beside([chain.ends for chain in chains])

    def of(self, places: NDArray[np.int_]) -> EtaChain:
        """The chain of each run, by its place among them."""
        key = places.tobytes()
        if key not in self.known:
            if len(self.known) >= KNOWN:
                self.known.clear()
            found = copy(self.one)
            found.curves, found.first = self.curves.of(places), self.first[places]
            found.kinks, found.ends, found.derivatives = self.kinks.of(places), self.ends.of(places), found._model
            self.known[key] = found
        return self.known[key]
