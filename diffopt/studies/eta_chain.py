"""Errors of runs as ends of chains over their steps, with derivatives by every squared eta."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import squares
from diffopt.studies.eta_curves import Curves, Stacked
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
        self.leading = objective != "exact"
        self.first = np.abs(curves.first) if self.kinked else curves.first
        self.weight, self.count = np.sqrt(spectrum.weight), spectrum.eig.size
        half = curves.first.size
        self.kinks = self._bent_by(0.0)
        self.end = curves.size[-1, half : half + self.count]
        self.flat = bool(np.any(self.end == 0))
        # Slopes of r where it is linear.
        self.line = np.divide(self.weight, 2 * np.sqrt(self.end), out=np.zeros(self.count), where=self.end != 0)
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

    def _bent_by(self, soft: float) -> Kinks | None:
        """What bends the factors and the terms."""
        return Kinks(soft * self.curves.size[:, None], self.kinked) if self.leading else None

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

    def _model(self, x: Array, bent: bool) -> tuple[Array, Array, Array | None]:
        """r, its slopes, shape (B, N, D), and with `bent` the sum of r times its second derivatives, shape (B, N, N)."""
        both, half = self.curves.near(x), self.first.size
        if self.kinks is not None:
            both = self.kinks.near(*both)
        # Values, slopes and second derivatives of the factors and of the terms.
        a, b = [part[..., :half] for part in both], [part[..., half:] for part in both]
        ends = self._ends(a[0], b[0])
        after = np.empty_like(a[0])
        after[-1] = 1
        np.multiply.accumulate(a[0][:0:-1], axis=0, out=after[-2::-1])
        moved = a[1] * ends[:-1]
        moved += b[1]
        moved *= after
        rest, (first, curved) = self._rest(ends[-1]), self._slopes(ends[-1])
        slopes = np.moveaxis(moved, 0, 1) * np.expand_dims(first, -2)
        if not bent:
            return rest, slopes, None
        own = a[2] * ends[:-1]
        own += b[2]
        own *= after
        # What the steps before k did to y_k, times what step k's eta does to that (eq. 429).
        share = np.divide(a[1], a[0], out=np.zeros_like(a[0]), where=a[0] != 0)
        share *= rest
        bend = np.triu(np.matmul(slopes, share.transpose(1, 2, 0)), 1)
        bend += bend.transpose(0, 2, 1)
        diagonal = np.arange(self.steps)
        bend[:, diagonal, diagonal] = np.matmul(own.transpose(1, 0, 2), (rest * first)[..., None])[..., 0]
        if curved is not None:
            bend += np.matmul((moved * (rest * curved)).transpose(1, 0, 2), moved.transpose(1, 2, 0))
        return rest, slopes, bend

    def held(self, x: Array) -> bool:
        """Whether kinks hold a run at squared etas x, shape (N,): it has any, or a step forgets the ones before it."""
        if not self.leading:
            return False
        half = self.first.size
        return self.kinked or bool(np.any(self.curves.at(x[None])[1:, 0, :half] <= HELD * self.curves.size[1:, :half]))

    def _parts(self, both: Array) -> tuple[Array, Array]:
        """Factors and terms of the steps, shape (N, B, D)."""
        half = self.first.size
        bent = both if self.kinks is None else self.kinks.at(both)
        return bent[..., :half], bent[..., half:]

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
        elif self.flat:
            part = np.where(self.end == 0, np.sqrt(np.maximum(v, 0)) * self.weight, v * self.line)
        else:
            part = v * self.line
        return part if self.mean is None else np.concatenate([part, y[:, self.count :] * self.mean], axis=-1)

    def _slopes(self, y: Array) -> tuple[Array, Array | None]:
        """First and second derivatives of r by y, no second where r is linear; 0 where a root ends."""
        if self.leading and not self.flat:
            return self.line if self.mean is None else np.concatenate([self.line, self.mean]), None
        v = y[:, : self.count]
        there = v > 0 if not self.leading else (v > 0) & (self.end == 0)
        root = np.sqrt(np.where(there, v, 1.0))
        first = np.where(there, 0.5 / root, 0.0) * self.weight
        second = np.where(there, -0.25 / root**3, 0.0) * self.weight
        if self.leading:
            first = first + self.line
        if self.mean is None:
            return first, second
        both = np.concatenate([first, np.broadcast_to(self.mean, v.shape)], axis=-1)
        return both, np.concatenate([second, np.zeros_like(second)], axis=-1)


class ChainsBeside:
    """Chains of one kind, on other curves each, for runs side by side."""

    def __init__(self, chains: Sequence[EtaChain]) -> None:
        self.first, self.known = chains[0], dict[bytes, EtaChain]()
        curves = [chain.curves for chain in chains if isinstance(chain.curves, Stacked)]
        self.curves = curves[0].beside(curves)
        kinks = [chain.kinks for chain in chains if chain.kinks is not None]
        self.kinks = Kinks.beside(kinks) if kinks else None

    def of(self, places: NDArray[np.int_]) -> EtaChain:
        """The chain of each run, by its place among them."""
        key = places.tobytes()
        if key not in self.known:
            if len(self.known) >= KNOWN:
                self.known.clear()
            found = copy(self.first)
            found.curves, found.kinks = self.curves.of(places), None if self.kinks is None else self.kinks.of(places)
            found.derivatives = found._model
            self.known[key] = found
        return self.known[key]
