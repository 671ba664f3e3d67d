"""Exponential integrator with a midpoint at a random place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.points import StepEnds
from diffopt.solvers.averages import Averages
from diffopt.solvers.base import Solver
from diffopt.solvers.maps import Models, StepMaps, cancelled
from diffopt.solvers.panels import NODES, Panels
from diffopt.solvers.reverse_sde import MappedSDE


class ExponentialMidpointMaps(StepMaps):
    """In y = z/alpha and q = sigma^2: coefficients of the two scores and the variances of the noise."""

    fields = ("alpha0", "q0", "alphau", "qu", "alpha1", "q1", "stage", "step", "eta")
    shared = ("alpha0", "q0", "alpha1", "q1", "eta")
    random = True
    short = True
    brownian = "variance"

    def numbers(self, ends: StepEnds, eta: Numbers, nodes: Array) -> dict[str, Numbers]:
        """`stage` = a (I_0 - I_U), `step` = h a alpha_U |dq/du|_U."""
        process, clock = ends.process, self.clock
        start = clock.value(process, ends.sigma_0, ends.time_0)
        h = clock.value(process, ends.sigma_1, ends.time_1) - start
        sigma, time = clock.locate(process, start[..., None] + h[..., None] * nodes)
        alpha_u = process.levels(sigma, time)[0]
        rates = clock.rates(process, sigma, time, np.ones_like(sigma))
        speed = rates.noise / (rates.scale * alpha_u) ** 2
        a = ((1 + eta**2) / 2)[..., None]
        at_start = process.score_integral(ends.sigma_0, ends.time_0)[..., None]
        fall = at_start - process.score_integral(sigma, time)
        named = {"alpha0": ends.alpha_0, "q0": ends.sigma_0 ** 2, "alpha1": ends.alpha_1}
        named |= {"q1": ends.sigma_1 ** 2, "eta": eta}
        named = {name: np.asarray(value)[..., None] for name, value in named.items()}
        step = h[..., None] * a * alpha_u * speed
        return named | {"alphau": alpha_u, "qu": sigma**2, "stage": a * fall, "step": step}

    def law(self, x: dict[str, Numbers], eig: Array) -> tuple[Numbers, Numbers, Numbers]:
        """m = 1 - k (1 - s), n = eta^2 [(q - q') - 2 k (q - q_U) + k^2 (q - q_U)] (eq. 84)."""
        first = x["stage"] * self._score(x, eig, "0") * x["alpha0"]
        k = self._kick(x, eig)
        inner, whole = x["q0"] - x["qu"], x["q0"] - x["q1"]
        n = x["eta"] ** 2 * (whole - inner * (k * (2 - k)))
        m = cancelled(1 - k * (1 - first), k)
        return m * (x["alpha1"] / x["alpha0"]), n * x["alpha1"] ** 2, np.zeros(())

    def averages(self, x: dict[str, Numbers], eig: Array) -> Averages:
        """Sums of powers."""
        return MidpointAverages(x, eig, self.panels)

    def _score(self, x: dict[str, Numbers], eig: Array, suffix: str) -> Numbers:
        """-S(z)/z at a stage: 1/v, and alpha r/(level^2 sqrt v) with a systematic error (eq. 250)."""
        alpha, q = x["alpha" + suffix], x["q" + suffix]
        v = alpha**2 * (eig + q)
        if self.systematic is None:
            return np.asarray(1 / v)
        return np.asarray(1 / v + self.systematic.size(eig, np.sqrt(q)) / (alpha * q * np.sqrt(v)))

    def _kick(self, x: dict[str, Numbers], eig: Array) -> Numbers:
        return np.asarray(x["step"] * x["alphau"] * self._score(x, eig, "u"))

    def passed(self, x: dict[str, Numbers], eig: Array) -> list[tuple[str, Numbers]]:
        """Through the scores, 1/(alpha q) of a denoiser's error each, the first also through the second (eq. 251)."""
        first, second = (x[name] / (x["alpha" + s] * x["q" + s]) for name, s in (("stage", "0"), ("step", "u")))
        return [("0", -x["alpha1"] * self._kick(x, eig) * first), ("u", x["alpha1"] * second)]

    def stage_levels(self, x: dict[str, Numbers], suffix: str) -> tuple[Numbers, Numbers]:
        """alpha and alpha sqrt(q)."""
        alpha = x["alpha" + suffix]
        return alpha, alpha * np.sqrt(x["q" + suffix])

    def noise(self, x: dict[str, Numbers], eig: Array, inner: Array, whole: Array) -> Array:
        """eta (W - k W_U) in the units of q."""
        k = self._kick(x, eig)
        return np.asarray(x["eta"] * (whole - k * inner) * x["alpha1"])

    def advance(
        self, x: dict[str, Any], z: NDArray[Any], models: Models, rng: np.random.Generator | None
    ) -> NDArray[Any]:
        """The two stages with one Brownian path in q."""
        y = z / x["alpha0"]
        inner = rest = np.zeros_like(y)
        if x["eta"] > 0 and rng is not None:
            inner = x["eta"] * np.sqrt(x["q0"] - x["qu"]) * rng.standard_normal(y.shape)
            rest = x["eta"] * np.sqrt(x["qu"] - x["q1"]) * rng.standard_normal(y.shape)
        level_0, level_u = (x["alpha" + s] * np.sqrt(x["q" + s]) for s in ("0", "u"))
        middle = y + x["stage"] * models.score(z, x["alpha0"], level_0) + inner
        slope = models.score(x["alphau"] * middle, x["alphau"], level_u)
        return np.asarray((y + x["step"] * slope + inner + rest) * x["alpha1"])


class MidpointAverages(Averages):
    """Averages over U as sums of powers of r_U = q/(eig + q_U) (theory.md, eqs. 400, 401)."""

    def __init__(self, x: dict[str, Array], eig: Array, panels: Panels) -> None:
        self.x, self.panels, unit = x, panels, x["q0"]
        g, self.s = x["step"] / (x["alphau"] * unit), x["stage"] / (x["alpha0"] * unit)
        one, inner = np.ones_like(g), unit - x["qu"]
        self.once_g, self.twice_g = (panels.weight * g)[:, None], (panels.weight * g**2)[:, None]
        self.ones, self.twos = np.stack([one, self.s, inner], axis=1), np.stack([one, self.s, self.s**2, inner], axis=1)
        self.eig, self.parts = eig, panels.parts(eig.size)
        once, twice = self.once_g * self.ones, self.twice_g * self.twos
        rows = np.empty((len(g), once.shape[1] + twice.shape[1], eig.size))
        for part, r in self._powers():
            np.matmul(once, r, out=rows[:, : once.shape[1], part])
            np.matmul(twice, np.square(r, out=r), out=rows[:, once.shape[1] :, part])
        sums = panels.per_step(rows)
        self.first, self.second = sums[:, : once.shape[1]], sums[:, once.shape[1] :]
        # From here on by step.
        self.unit, self.alpha0, self.alpha1, q1, self.eta = (x[n][panels.first] for n in ("q0", "alpha0", "alpha1", "q1", "eta"))
        self.start = self.unit / (eig + self.unit)
        (k, ks, ki), (kk, kks, kkss, kki) = np.moveaxis(self.first, 1, 0), np.moveaxis(self.second, 1, 0)
        self.k = k - ks * self.start
        self.left = cancelled(1 - self.k, self.k)
        self.varied = np.maximum(kk - (2 * kks - kkss * self.start) * self.start - self.k**2, 0)
        self.fresh = self.unit - q1 - 2 * ki + kki
        self.ratio, self.scale = self.alpha1 / self.alpha0, (self.eta * self.alpha1) ** 2
        self.m, self.spread, self.n = self.ratio * self.left, self.ratio**2 * self.varied, self.scale * self.fresh

    def _powers(self) -> Iterator[tuple[slice, Array]]:
        """r_U of some eigenvalues after the other, shape (R, Q, ...)."""
        unit, qu = self.x["q0"][..., None], self.x["qu"][..., None]
        for part in self.parts:
            r = self.eig[part] + qu
            yield part, np.divide(unit, r, out=r)

    def pull(self, by_m: Array, by_n: Array, by_spread: Array | None) -> dict[str, Numbers]:
        """Backwards through both sums."""
        assert by_spread is not None
        start, noise, by_second = self.start, self.scale * by_n, self.ratio**2 * by_spread
        by_k = -self.ratio * by_m - 2 * by_second * self.k
        turned = by_second * start
        branch = self._by_branch([by_k, -by_k * start, -2 * noise], [by_second, -2 * turned, turned * start, noise])
        by_start = 2 * (turned * self.second[:, 2] - by_second * self.second[:, 1]) - by_k * self.first[:, 1]
        by_ratio = (by_m * self.left + 2 * self.ratio * by_spread * self.varied).sum(axis=-1)
        by_scale, whole, by_first = (by_n * self.fresh).sum(axis=-1), noise.sum(axis=-1), branch.pop("first")
        unit, alpha0, alpha1, eta = (a[:, 0] for a in (self.unit, self.alpha0, self.alpha1, self.eta))
        return branch | {
            "q0": branch.pop("inner") + whole - (by_start * start**2).sum(axis=-1) / unit, "q1": -whole,
            "alpha0": -(by_first + by_ratio * alpha1 / alpha0) / alpha0,
            "alpha1": by_ratio / alpha0 + 2 * by_scale * eta**2 * alpha1, "eta": 2 * by_scale * eta * alpha1**2,
        }  # fmt: skip

    def _by_branch(self, by_first: list[Array], by_second: list[Array]) -> dict[str, Array]:
        """Derivatives by the branches' numbers, and parts `first` and `inner` of those by shared ones, from those by the sums."""
        x, panels = self.x, self.panels
        bars = panels.per_row(np.stack([*by_first, *by_second], axis=1))
        count = len(by_first)
        # Sums over the eigenvalues of the first bars times r, of all times r^2, of the second times r^3.
        totals = [np.zeros((*self.ones.shape[:1], n, self.ones.shape[2])) for n in (count, bars.shape[1], len(by_second))]
        for part, power in self._powers():
            some, r = bars[..., part], np.swapaxes(power, 1, 2)
            totals[0] += some[:, :count] @ r
            square = r**2
            totals[1] += some @ square
            totals[2] += some[:, count:] @ np.multiply(square, r, out=r)
        totals[1:2] = totals[1][:, count:], totals[1][:, :count]
        once, twice, by_once, by_twice = (g * t for g, t in zip((self.once_g, self.twice_g) * 2, totals, strict=True))
        by_power = (self.ones * by_once).sum(axis=1) + 2 * (self.twos * by_twice).sum(axis=1)
        by_g = (self.ones * once).sum(axis=1) + 2 * (self.twos * twice).sum(axis=1)
        by_s, by_inner = once[:, 1] + twice[:, 1] + 2 * self.s * twice[:, 2], once[:, 2] + twice[:, 3]
        first, inner = panels.per_step(np.stack([by_s * self.s, by_inner], axis=1).sum(axis=-1)).T
        return {
            "step": by_g / x["step"], "alphau": -by_g / x["alphau"], "qu": -by_inner - by_power / x["q0"],
            "stage": by_s / (x["alpha0"] * x["q0"]), "first": first, "inner": inner,
        }  # fmt: skip


class RandomizedExponentialMidpoint(MappedSDE):
    """y_U = y + a (I - I_U) S(y) + eta W_{q - q_U}, y' = y + h a alpha_U |dq/du|_U S(y_U) + eta W_{q - q'}.

    y = z/alpha, q = sigma^2, I the antiderivative of alpha in q, U uniform on the step in the clock u.
    Reference: Yu and Yu (2025), arXiv:2502.04849 (REI); the form for any process is derived here
    (theory.md, eqs. 81-84).
    """

    name = "randomized_exponential_midpoint"
    law_order = 2
    reference = "Yu, Yu 2025, arXiv:2502.04849 (REI)"
    nodes = NODES
    kernels = ()
    # Eq. (84).
    step_maps = ExponentialMidpointMaps

    def averaged(self, nodes: int, floor: float) -> Solver:
        """With other panels; errors of the model may have poles anywhere near the data."""
        return _Averaged(clock=self.clock, error=self.error, nodes=nodes, floor=0.0 if self.error else floor)


@dataclass(frozen=True)
class _Averaged(RandomizedExponentialMidpoint):
    nodes: int = NODES  # type: ignore[misc]
    floor: float = 0.0  # type: ignore[misc]
