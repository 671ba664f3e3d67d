"""Errors of runs as ends of chains over their steps, with derivatives by every squared eta."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import squares
from diffopt.studies.eta_curves import Curves, Stacked
from diffopt.studies.eta_kinks import Kink
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
        self.leading = objective != "exact"
        self.first = np.abs(curves.first) if self.kinked else curves.first
        self.weight, self.count = np.sqrt(spectrum.weight), spectrum.eig.size
        half = curves.first.size
        # What kinks are rounded by, of factors and of terms.
        self.sizes = curves.size[:, None, :half], curves.size[:, None, half:]
        self.kinks = self._bent_by(0.0)
        self.end = curves.size[-1, half : half + self.count]
        self.flat = bool(np.any(self.end == 0))
        self.mean = None if spectrum.mean is None else spectrum.mean * self.weight

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
        """Equal for the same error of the same directions, with curves that may stand side by side."""
        if not isinstance(self.curves, Stacked):
            return id(self)
        return self.objective, self.errors.problem.spectrum.sha256, type(self.curves)

    def _bent_by(self, soft: float) -> tuple[Kink | None, Kink | None]:
        """What bends the factors and the terms."""
        factors, terms = (soft * size for size in self.sizes)
        return Kink(factors, True) if self.leading else None, Kink(terms, False) if self.kinked else None

    def residuals(self, x: Array) -> Array:
        """r at squared etas, shape (B, N): shape (B, D)."""
        with np.errstate(all="ignore"):
            a, b = self._parts(self.curves.at(x))
            return self._rest(self._ends(a, b)[-1])

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
                found = squares(self._rest(after * ends + added))
                best = int(np.argmin(found))
                x[k], y, least = tried[best, k], ends[best], float(found[best])
        return x, least

    def _model(self, x: Array, bent: bool, rest: Array | None = None) -> tuple[Array, Array | None]:
        """Slopes of r, shape (B, N, D), and with `bent` the sum of r times its second derivatives, shape (B, N, N)."""
        both, half = self.curves.near(x), self.first.size
        # Values, slopes and second derivatives of the factors and of the terms.
        a, b = (
            parts if kink is None else kink.near(*parts)
            for kink, parts in zip(self.kinks, ([p[..., :half] for p in both], [p[..., half:] for p in both]), strict=True)
        )
        ends = self._ends(a[0], b[0])
        after = np.empty_like(a[0])
        after[-1] = 1
        np.multiply.accumulate(a[0][:0:-1], axis=0, out=after[-2::-1])
        moved = a[1] * ends[:-1]
        moved += b[1]
        moved *= after
        first, curved = self._slopes(ends[-1])
        slopes = np.moveaxis(moved, 0, 1) * np.expand_dims(first, -2)
        if not bent:
            return slopes, None
        rest = self._rest(ends[-1]) if rest is None else rest
        own = a[2] * ends[:-1]
        own += b[2]
        own *= after
        own *= rest * first
        # What the steps before k did to y_k, times what step k's eta does to that (eq. 429).
        share = np.divide(a[1], a[0], out=np.zeros_like(a[0]), where=a[0] != 0)
        share *= rest
        bend = np.triu(np.matmul(slopes, share.transpose(1, 2, 0)), 1)
        bend += bend.transpose(0, 2, 1)
        diagonal = np.arange(self.steps)
        bend[:, diagonal, diagonal] = own.sum(axis=-1).T
        if not self.leading or self.flat:
            bend += np.matmul((moved * (rest * curved)).transpose(1, 0, 2), moved.transpose(1, 2, 0))
        return slopes, bend

    def held(self, x: Array) -> bool:
        """Whether kinks hold a run at squared etas x, shape (N,): it has any, or a step forgets the ones before it."""
        if not self.leading:
            return False
        half = self.first.size
        return self.kinked or bool(np.any(self.curves.at(x[None])[1:, :, :half] <= HELD * self.sizes[0][1:]))

    def _parts(self, both: Array) -> tuple[Array, Array]:
        """Factors and terms of the steps, shape (N, B, D)."""
        half = self.first.size
        a, b = (
            part if kink is None else kink.at(part)
            for kink, part in zip(self.kinks, (both[..., :half], both[..., half:]), strict=True)
        )
        return a, b

    def _ends(self, a: Array, b: Array) -> Array:
        """y before each step and at the end, shape (N + 1, B, D)."""
        ends = np.empty((len(a) + 1, *a.shape[1:]))
        ends[0] = self.first
        for k in range(len(a)):
            np.multiply(a[k], ends[k], out=ends[k + 1])
            ends[k + 1] += b[k]
        return ends

    def _rest(self, y: Array) -> Array:
        """r of the ends of the chains."""
        v = y[:, : self.count]
        if not self.leading:
            part = (np.sqrt(v) - np.sqrt(self.end)) * self.weight
        else:
            flat = self.end == 0
            half = v / (2 * np.sqrt(np.where(flat, 1, self.end)))
            part = (np.where(flat, np.sqrt(np.maximum(v, 0)), half) if flat.any() else half) * self.weight
        return part if self.mean is None else np.concatenate([part, y[:, self.count :] * self.mean], axis=-1)

    def _slopes(self, y: Array) -> tuple[Array, Array]:
        """First and second derivatives of r by y; 0 where a root ends."""
        v = y[:, : self.count]
        rooted = np.ones(self.count, bool) if not self.leading else self.end == 0
        there = rooted & (v > 0)
        root = np.sqrt(np.where(there, v, 1.0))
        line = np.where(rooted, 0.0, 1 / (2 * np.sqrt(np.where(rooted, 1.0, self.end))))
        first = np.where(there, 0.5 / root, line) * self.weight
        second = np.where(there, -0.25 / root**3, 0.0) * self.weight
        if self.mean is None:
            return first, second
        first, second = np.broadcast_to(first, v.shape), np.broadcast_to(second, v.shape)
        both = np.concatenate([first, np.broadcast_to(self.mean, v.shape)], axis=-1)
        return both, np.concatenate([second, np.zeros_like(second)], axis=-1)


class ChainsBeside:
    """Chains of one kind, on other curves each, for runs side by side."""

    def __init__(self, chains: Sequence[EtaChain]) -> None:
        self.first, self.known = chains[0], dict[bytes, EtaChain]()
        curves = [chain.curves for chain in chains if isinstance(chain.curves, Stacked)]
        self.curves = curves[0].beside(curves)
        self.kinks = [Kink.beside([chain.kinks[i] for chain in chains]) for i in (0, 1)]

    def of(self, places: NDArray[np.int_]) -> EtaChain:
        """The chain of each run, by its place among them."""
        key = places.tobytes()
        if key not in self.known:
            if len(self.known) >= KNOWN:
                self.known.clear()
            factors, terms = (None if kink is None else kink.of(places) for kink in self.kinks)
            found = copy(self.first)
            found.curves, found.kinks, found.derivatives = self.curves.of(places), (factors, terms), found._model
            self.known[key] = found
        return self.known[key]
