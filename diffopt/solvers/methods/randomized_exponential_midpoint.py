"""Exponential integrator with a midpoint at a random place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.maps import Models, StepMaps, cancelled
from diffopt.solvers.table import Table


class ExponentialMidpointMaps(StepMaps):
    """In y = z/alpha and q = sigma^2: coefficients of the two scores and the variances of the noise."""

    fields = ("alpha0", "q0", "alphau", "qu", "alpha1", "q1", "stage", "step", "eta")
    shared = ("alpha0", "q0", "alpha1", "q1", "eta")
    random = True
    brownian = "variance"

    def numbers(self, points: Points, eta: Numbers, nodes: Array) -> dict[str, Numbers]:
        """`stage` = a (I_0 - I_U), `step` = h a alpha_U |dq/du|_U."""
        process, clock = points.process, self.clock
        start = clock.value(process, points.sigma[..., :-1], points.time_0)
        h = clock.value(process, points.sigma[..., 1:], points.time_1) - start
        sigma, time = clock.locate(process, start[..., None] + h[..., None] * nodes)
        alpha_u = process.levels(sigma, time)[0]
        rates = clock.rates(process, sigma, time, np.ones_like(sigma))
        speed = rates.noise / (rates.scale * alpha_u) ** 2
        a = ((1 + eta**2) / 2)[..., None]
        at_start = process.score_integral(points.sigma[..., :-1], points.time_0)[..., None]
        fall = at_start - process.score_integral(sigma, time)
        named = {"alpha0": points.alpha_0, "q0": points.sigma[..., :-1] ** 2, "alpha1": points.alpha_1}
        named |= {"q1": points.sigma[..., 1:] ** 2, "eta": eta}
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


class RandomizedExponentialMidpoint(Solver):
    """y_U = y + a (I - I_U) S(y) + eta W_{q - q_U}, y' = y + h a alpha_U |dq/du|_U S(y_U) + eta W_{q - q'}.

    y = z/alpha, q = sigma^2, I the antiderivative of alpha in q, U uniform on the step in the clock u.
    Reference: Yu and Yu (2025), arXiv:2502.04849 (REI); the form for any process is derived here
    (theory.md, eqs. 81-84).
    """

    name = "randomized_exponential_midpoint"
    law_order = 2
    stages = 2
    short_end = False
    reference = "Yu, Yu 2025, arXiv:2502.04849 (REI)"
    default_eta = 1.0
    eta_meaning = "reverse SDE"
    uses_clock = True
    own_clock = "time"
    kernels = ()

    def table(self, points: Points, eta: Numbers) -> Table:
        """Maps, eq. (84)."""
        return Table.mapped(points, ExponentialMidpointMaps(points, eta, self.clock_of(points.process)))
