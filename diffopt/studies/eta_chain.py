"""Errors of runs as ends of chains over their steps, with derivatives by every squared eta."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import squares
from diffopt.studies.eta_curves import Curves
from diffopt.studies.eta_squares import EtaSquares
from diffopt.studies.noise_errors import NoiseErrors

#: Roundings of kinks, relative to the exact variance and to factors without noise, far from an end and near it.
SOFT, NEAR = (0.02, 1e-3, 1e-4), (1e-5, 1e-6)
#: Share of a factor below which it holds a run, and what stands for 0 below a line.
HELD, TINY = 0.01, 1e-300


class EtaChain(EtaSquares):
    """An error of a scheme without memory, its steps given by curves (theory.md, eqs. 385, 405, 406)."""

    def __init__(self, errors: NoiseErrors, objective: str, curves: Curves) -> None:
        super().__init__(errors, objective)
        self.derivatives, self.curves, spectrum = self._model, curves, errors.problem.spectrum
        self.leading, self.soft = objective != "exact", 0.0
        self.first = np.abs(curves.first) if self.kinked else curves.first
        self.weight, self.count = np.sqrt(spectrum.weight), spectrum.eig.size
        half = curves.first.size
        # What kinks are rounded by, of factors and of terms.
        self.sizes = curves.size[:, None, :half], curves.size[:, None, half:]
        self.end = curves.size[-1, half : half + self.count]
        self.flat = bool(np.any(self.end == 0))
        self.mean = None if spectrum.mean is None else spectrum.mean * self.weight

    def roundings(self, near: bool) -> Sequence[EtaSquares]:
        """With kinks rounded less and less, where it has any; `near`: to follow what is close to the end already."""
        return [self._softened(soft) for soft in (NEAR if near else SOFT)] if self.leading else []

    def _softened(self, soft: float) -> EtaChain:
        """The same with |b| rounded to sqrt(b^2 + soft^2) - soft (eq. 386), and max(a, 0) alike (eq. 409), in own units."""
        other = copy(self)
        other.soft, other.derivatives = soft, other._model
        return other

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

    def _model(self, x: Array, bent: bool) -> tuple[Array, Array | None]:
        """Slopes of r, shape (B, N, D), and with `bent` the sum of r times its second derivatives, shape (B, N, N)."""
        here, slope, second = self.curves.near(x)
        a, b = self._parts(here)
        a1, b1 = self._moved(here, slope)
        ends = self._ends(a, b)
        own = a1 * ends[:-1] + b1
        first, curved = self._slopes(ends[-1])
        if not bent:
            after = np.ones_like(own)
            for k in reversed(range(self.steps - 1)):
                np.multiply(after[k + 1], a[k + 1], out=after[k])
            return np.ascontiguousarray(np.moveaxis(after * own * first, 0, 1)), None
        return self._bent(a, a1, own, ends, self._turned(here, slope, second), first, curved)

    def _bent(
        self, a: Array, a1: Array, own: Array, ends: Array, second: tuple[Array, Array], first: Array, curved: Array
    ) -> tuple[Array, Array]:
        """Slopes, and second derivatives by the chain's own (eq. 406)."""
        rest = self._rest(ends[-1])
        size, steps = len(rest), self.steps
        moved, bend = np.empty((size, steps, rest.shape[1])), np.empty((size, steps, steps))
        # What a change of y after step k does to the sum.
        pull = np.empty_like(a)
        pull[-1] = rest * first
        for k in range(steps - 1, 0, -1):
            np.multiply(pull[k], a[k], out=pull[k - 1])
        own_bend, passed = ((second[0] * ends[:-1] + second[1]) * pull).sum(axis=-1).T, (pull * a1)[..., None]
        moved[:, 0] = own[0]
        for k in range(1, steps):
            # What the steps before k did to y_k, times what step k's eta does to that.
            before = moved[:, :k]
            bend[:, :k, k] = bend[:, k, :k] = np.matmul(before, passed[k])[..., 0]
            before *= a[k][:, None]
            moved[:, k] = own[k]
        diagonal = np.arange(steps)
        bend[:, diagonal, diagonal] = own_bend
        if not self.leading or self.flat:
            bend += np.matmul(moved * (rest * curved)[:, None], moved.transpose(0, 2, 1))
        return moved * first[:, None], bend

    def held(self, x: Array) -> bool:
        """Whether kinks hold a run at squared etas x, shape (N,): it has any, or a step forgets the ones before it."""
        if not self.leading:
            return False
        half = self.first.size
        return self.kinked or bool(np.any(self.curves.at(x[None])[1:, :, :half] <= HELD * self.sizes[0][1:]))

    def _parts(self, both: Array) -> tuple[Array, Array]:
        """Factors and terms of the steps, shape (N, B, D)."""
        half = self.first.size
        a, b = both[..., :half], both[..., half:]
        if self.leading:
            a = np.maximum(a, 0) if self.soft == 0 else (a + np.hypot(a, self.soft * self.sizes[0])) / 2
        if not self.kinked:
            return a, b
        return a, np.abs(b) if self.soft == 0 else np.hypot(b, self.soft * self.sizes[1]) - self.soft * self.sizes[1]

    def _moved(self, here: Array, slope: Array) -> tuple[Array, Array]:
        """Derivatives of the parts."""
        half = self.first.size
        a, b = slope[..., :half], slope[..., half:]
        if self.leading:
            a = (1 + self._sign(here, 0)) / 2 * a
        return a, self._sign(here, 1) * b if self.kinked else b

    def _turned(self, here: Array, slope: Array, second: Array) -> tuple[Array, Array]:
        """Second derivatives of the parts."""
        found = list(self._moved(here, second))
        for i in (0, 1) if self.soft else ():
            if i == 0 or self.kinked:
                half, sign = self.first.size, self._sign(here, i)
                part = slice(i * half, (i + 1) * half)
                width = np.maximum(np.hypot(here[..., part], self.soft * self.sizes[i]), TINY)
                found[i] = found[i] + (1 - sign**2) * slope[..., part] ** 2 / width / (2 - i)
        return found[0], found[1]

    def _sign(self, here: Array, i: int) -> Array:
        """Slope of the rounded absolute values of factors (0) or terms (1)."""
        part = here[..., i * self.first.size : (i + 1) * self.first.size]
        return np.sign(part) if self.soft == 0 else part / np.maximum(np.hypot(part, self.soft * self.sizes[i]), TINY)

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
