"""Euler-Maruyama with a midpoint at a random place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.points import StepEnds
from diffopt.solvers.base import Solver
from diffopt.solvers.maps import STAGE, Models, StepMaps, by_error, cancelled, drift, mean_drift, slope, stage
from diffopt.solvers.panels import NODES
from diffopt.solvers.reverse_sde import MappedSDE


class MidpointMaps(StepMaps):
    """Numbers of the start and of the random stage."""

    fields = (*(s + "0" for s in STAGE), *(s + "u" for s in STAGE), "h", "part", "rate", "scale1", "alpha1")
    shared = (*(s + "0" for s in STAGE), "h", "scale1", "alpha1")
    random = True

    def numbers(self, ends: StepEnds, eta: Numbers, nodes: Array) -> dict[str, Numbers]:
        """Rates at u and at u + U h; the noise rate is taken at the stage."""
        process, clock = ends.process, self.clock
        start = clock.value(process, ends.sigma_0, ends.time_0)
        h = clock.value(process, ends.sigma_1, ends.time_1) - start
        first = clock.rates(process, ends.sigma_0, ends.time_0, eta)
        sigma, time = clock.locate(process, start[..., None] + h[..., None] * nodes)
        inner = clock.rates(process, sigma, time, eta[..., None])
        named = stage(process, first, ends.sigma_0, ends.time_0, "0")
        named |= {"h": h, "scale1": clock.scale(ends.alpha_1), "alpha1": ends.alpha_1}
        named = {name: np.asarray(value)[..., None] for name, value in named.items()}
        part = nodes * np.ones_like(h)[..., None]
        return named | stage(process, inner, sigma, time, "u") | {"part": part, "rate": inner.noise}

    def law(self, x: dict[str, Numbers], eig: Array) -> tuple[Numbers, Numbers, Numbers]:
        """m = 1 + h K_U (1 + U h K_0), n = h B_U [1 + 2 U h K_U + U (h K_U)^2] (eq. 83)."""
        h, part = x["h"], x["part"]
        k0, ku = slope(x, eig, "0", self.systematic), slope(x, eig, "u", self.systematic)
        m = cancelled(1 + h * ku * (1 + part * h * k0), h * ku)
        n = h * x["rate"] * (1 + 2 * part * h * ku + part * (h * ku) ** 2)
        track0, track_u = x["scale0"] * x["alpha0"], x["scaleu"] * x["alphau"]
        off = track0 + part * h * mean_drift(x, "0") - track_u
        mean = track0 + h * (mean_drift(x, "u") + ku * off)
        return m * x["scale0"] / x["scale1"], n / x["scale1"] ** 2, mean / x["scale1"] - x["alpha1"]

    def passed(self, x: dict[str, Numbers], eig: Array) -> list[tuple[str, Numbers]]:
        """Start: U h P_0 through the stage, h K_U; stage: h P_U (eq. 251)."""
        h, ku = x["h"] / x["scale1"], slope(x, eig, "u")
        return [("0", h * ku * x["part"] * x["h"] * by_error(x, "0")), ("u", h * by_error(x, "u"))]

    def noise(self, x: dict[str, Numbers], eig: Array, inner: Array, whole: Array) -> Array:
        """sqrt(B_U) (W_h + h K_U W_{Uh})."""
        return np.asarray(np.sqrt(x["rate"]) * (whole + x["h"] * slope(x, eig, "u", self.systematic) * inner) / x["scale1"])

    def advance(
        self, x: dict[str, Any], z: NDArray[Any], models: Models, rng: np.random.Generator | None
    ) -> NDArray[Any]:
        """y_U = y + U h K(y) + W_{Uh}; y' = y + h K(y_U) + W_h, one Brownian path."""
        h, part, y = x["h"], x["part"], x["scale0"] * z
        inner = rest = np.zeros_like(y)
        if x["rate"] > 0 and rng is not None:
            inner = np.sqrt(x["rate"] * part * h) * rng.standard_normal(y.shape)
            rest = np.sqrt(x["rate"] * (1 - part) * h) * rng.standard_normal(y.shape)
        stage_y = y + part * h * drift(x, y, models, "0") + inner
        return np.asarray((y + h * drift(x, stage_y, models, "u") + inner + rest) / x["scale1"])


class RandomizedMidpoint(MappedSDE):
    """y_U = y + U h K(y) + sqrt(B_U) W_{Uh}, y' = y + h K_U(y_U) + sqrt(B_U) W_h with U uniform on (0, 1).

    The random stage makes the local bias one order smaller; second moments are averaged over U exactly.
    Reference: Shen and Lee (2019), arXiv:1909.05503; for diffusions Yu and Yu (2025), arXiv:2502.04849 (REM);
    the formulas for a general clock are derived here (theory.md, eqs. 81-83).
    """

    name = "randomized_midpoint"
    law_order = 2
    reference = "Shen, Lee 2019, arXiv:1909.05503; Yu, Yu 2025, arXiv:2502.04849"
    nodes = NODES
    kernels = ()
    # Eq. (83).
    step_maps = MidpointMaps

    def averaged(self, nodes: int, floor: float) -> Solver:
        """With other panels; errors of the model may have poles anywhere near the data."""
        return _Averaged(clock=self.clock, error=self.error, nodes=nodes, floor=0.0 if self.error else floor)


@dataclass(frozen=True)
class _Averaged(RandomizedMidpoint):
    nodes: int = NODES  # type: ignore[misc]
    floor: float = 0.0  # type: ignore[misc]
