"""Local linearization: the drift's Jacobian frozen over a step, with and without its time derivative."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.foundation.krylov import apply_function
from diffopt.foundation.phi import phi1, phi1_slope, phi2
from diffopt.processes.points import StepEnds
from diffopt.solvers.averages import Averages
from diffopt.solvers.maps import (
    STAGE,
    Models,
    StepMaps,
    by_error,
    cancelled,
    drift,
    mean_drift,
    slope,
    slope_bars,
    stage,
    wrong_slope,
)
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.reverse_sde import MappedSDE

#: Distance of neighbouring points of a central difference of order 8, relative to that of the nearest singularity.
DISTANCE = 1e-2
#: Relative accuracy of the differences beside a pole.
LOST = 1e-11
#: Weights of f(u + k h) - f(u - k h), k = 1 to 4, that give h f'(u) (Fornberg 1988, Math. Comp. 51, table 1).
CENTRAL = (4 / 5, -1 / 5, 4 / 105, -1 / 280)


class LinearizationMaps(StepMaps):
    """Numbers of the start of the step; with `moving`, their derivatives along the clock too."""

    moving: ClassVar[bool] = False
    fields = (*(s + "0" for s in STAGE), "h", "rate0", "rate1", "scale1", "alpha1")

    def numbers(self, ends: StepEnds, eta: Numbers, nodes: Array) -> dict[str, Numbers]:
        """Rates at the start, the noise rate at both ends."""
        del nodes
        process, clock = ends.process, self.clock
        start = clock.value(process, ends.sigma_0, ends.time_0)
        h = clock.value(process, ends.sigma_1, ends.time_1) - start
        first = clock.rates(process, ends.sigma_0, ends.time_0, eta)
        named = stage(process, first, ends.sigma_0, ends.time_0, "0")
        last = self._last_rate(ends, eta) if self.moving else first.noise
        named |= {"h": h, "rate0": first.noise, "rate1": last}
        named |= {"scale1": clock.scale(ends.alpha_1), "alpha1": ends.alpha_1}
        if self.moving:
            named |= self._derivatives(ends, start, eta)
        return {name: np.asarray(value)[..., None] for name, value in named.items()}

    def _last_rate(self, ends: StepEnds, eta: Numbers) -> Numbers:
        """Noise rate at the end of the step."""
        # At the data only the noise rate is asked for; the drift's, which may be infinite there, is not used.
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.clock.rates(ends.process, ends.sigma_1, ends.time_1, eta).noise

    def _derivatives(self, ends: StepEnds, start: Numbers, eta: Numbers) -> dict[str, Numbers]:
        """d/du of the stage's numbers by a central difference (real, so that complex steps pass through)."""
        process, clock = ends.process, self.clock
        step = DISTANCE * self._room(ends, start.real)
        shifts = np.array([k * sign for k in range(1, len(CENTRAL) + 1) for sign in (1, -1)])
        weights = np.array([weight * sign for weight in CENTRAL for sign in (1, -1)])
        sigma, time = clock.locate(process, start + shifts.reshape(-1, *[1] * start.ndim) * step)
        values = stage(process, clock.rates(process, sigma, time, eta), sigma, time, "0")
        return {name + "'": np.tensordot(weights, value + 0 * sigma, axes=1) / step for name, value in values.items()}

    def _room(self, ends: StepEnds, start: Array) -> Array:
        """Distance in the clock to the nearest singularity of the rates: the data, or the pole at pure noise."""
        if self.clock.name == "logsnr":
            return np.ones_like(start)
        room = np.where(start == 0, 1.0, np.abs(start))
        if self.clock.name == "time":
            left = ends.process.pole + start
            # At pure noise itself the rates are infinite, or, without noise, regular.
            room = np.where(left > 0, np.minimum(room, left), room)
        return np.asarray(room)

    def law(self, x: dict[str, Numbers], eig: Array) -> tuple[Numbers, Numbers, Numbers]:
        """m = exp(hK) [+ h^2 phi2(hK) K'], n = h [B phi1(2hK) + (B' - B) phi2(2hK)] (eqs. 85, 86)."""
        h, k = x["h"], slope(x, eig, "0", self.systematic)
        grown, one = np.exp(h * k), phi1(h * k)
        # phi1(2x) = phi1(x) (1 + exp(x))/2.
        n = h * x["rate0"] * one * (1 + grown) / 2
        track, rate = x["scale0"] * x["alpha0"], mean_drift(x, "0")
        m, mean = grown, track + h * one * rate
        if self.moving:
            two, slope_k, slope_rate = phi2(h * k), *_moving(x, eig, self.systematic)
            m = cancelled(m + h**2 * two * slope_k, h**2 * slope_k, LOST)
            mean = mean + h**2 * two * (slope_rate - k * rate)
            n = n + h * (x["rate1"] - x["rate0"]) * phi2(2 * h * k)
        return m * x["scale0"] / x["scale1"], n / x["scale1"] ** 2, mean / x["scale1"] - x["alpha1"]

    def averages(self, x: dict[str, Numbers], eig: Array) -> Averages | None:
        """Without the time derivative."""
        return None if self.moving else FrozenAverages(x, eig)

    def passed(self, x: dict[str, Numbers], eig: Array) -> list[tuple[str, Numbers]]:
        """h phi1(hK) P of the drift's call; the Jacobian of an error without a state is 0 (eq. 251)."""
        if self.moving:
            raise UnsupportedError(
                "local_linearization_time differentiates the model along the clock, and errors independent from call to call "
                "have no derivative; use a systematic score error or local_linearization"
            )
        h = x["h"]
        return [("0", h * phi1(h * slope(x, eig, "0")) * by_error(x, "0") / x["scale1"])]

    def advance(
        self, x: dict[str, Any], z: NDArray[Any], models: Models, rng: np.random.Generator | None
    ) -> NDArray[Any]:
        """y' = y + h phi1(hJ) b [+ h^2 phi2(hJ) db/du] + N(0, n(J)) with Jacobian products."""
        if models.jacobian is None:
            raise UnsupportedError("local linearization needs a Jacobian product of the denoiser; pass jacobian=")
        shape, h, y = z.shape, x["h"], np.atleast_2d(x["scale0"] * z)
        flat = y.reshape(y.shape[0], -1)

        def product(rows: NDArray[Any]) -> NDArray[Any]:
            return self._jacobian(x, y, rows.reshape(y.shape), models).reshape(flat.shape)

        here = drift(x, y, models, "0")
        new = flat + h * apply_function(product, lambda k: phi1(h * k), here.reshape(flat.shape))
        if self.moving:
            change = _partial(x, y, here, models).reshape(flat.shape)
            new = new + h**2 * apply_function(product, lambda k: phi2(h * k), change)
        if x["rate0"] > 0 and rng is not None:
            rise = x["rate1"] - x["rate0"]

            def deviation(k: NDArray[Any]) -> NDArray[Any]:
                spread = h * (x["rate0"] * phi1(2 * h * k) + rise * phi2(2 * h * k))
                return np.asarray(np.sqrt(np.maximum(spread, 0)))

            new = new + apply_function(product, deviation, rng.standard_normal(flat.shape))
        return np.asarray(new.reshape(shape) / x["scale1"])

    def _jacobian(self, x: dict[str, Any], y: NDArray[Any], rows: NDArray[Any], models: Models) -> NDArray[Any]:
        """Jacobian of the drift times rows: state + denoised D' + score (alpha D' - 1)/level^2, over scale."""
        assert models.jacobian is not None
        z, alpha, level = y / x["scale0"], x["alpha0"], x["level0"]
        moved = rows / x["scale0"]
        image = models.jacobian(z, alpha, level, moved)
        total = x["state0"] * rows + x["denoised0"] * image
        return total + x["score0"] * (alpha * image - moved) / level**2 if x["score0"] else np.asarray(total)


class FrozenAverages(Averages):
    """Eq. (85) with its derivatives: phi1' (theory.md, eq. 402)."""

    def __init__(self, x: dict[str, Array], eig: Array) -> None:
        self.x, self.eig = x, eig
        self.k = slope(x, eig, "0")
        self.grown, self.one = np.exp(x["h"] * self.k), phi1(x["h"] * self.k)
        self.twice, self.ratio, self.scale = self.one * (1 + self.grown) / 2, x["scale0"] / x["scale1"], x["scale1"] ** -2
        self.m, self.n = self.grown * self.ratio, x["h"] * x["rate0"] * self.scale * self.twice

    def pull(self, by_m: Array, by_n: Array, by_spread: Array | None) -> dict[str, Numbers]:
        """Through the functions of hK, then through K."""
        x, h, noise = self.x, self.x["h"], by_n * self.scale
        # d phi1(2x)/dx, twice the slope of phi1 there.
        bend = 2 * phi1_slope(2 * h * self.k, self.grown**2, self.twice)
        by_hk = by_m * self.m + noise * h * x["rate0"] * bend
        one, m, n = (v.sum(axis=-1, keepdims=True) for v in (noise * self.twice, by_m * self.m, by_n * self.n))
        found = slope_bars(x, self.eig, "0", by_hk * h)
        found["scale0"] = found["scale0"] + m / x["scale0"]
        by_h = (by_hk * self.k).sum(axis=-1, keepdims=True) + x["rate0"] * one
        return found | {"h": by_h, "rate0": h * one, "scale1": -(m + 2 * n) / x["scale1"]}


class MovingLinearizationMaps(LinearizationMaps):
    """With the time derivative."""

    moving = True
    calls = 3
    fields = (*LinearizationMaps.fields, *(s + "0'" for s in STAGE))


def _moving(x: dict[str, Numbers], eig: Array, error: ModelError | None) -> tuple[Numbers, Numbers]:
    """d/du of K and of the mean's drift, by the product rule; of an error's share of K by a central difference."""
    alpha, level, scale, denoised = x["alpha0"], x["level0"], x["scale0"], x["denoised0"]
    v = alpha**2 * eig + level**2
    v_slope = 2 * alpha * x["alpha0'"] * eig + 2 * level * x["level0'"]
    top = denoised * alpha * eig - x["score0"]
    top_slope = (x["denoised0'"] * alpha + denoised * x["alpha0'"]) * eig - x["score0'"]
    bottom, bottom_slope = v * scale, v_slope * scale + v * x["scale0'"]
    k_slope = x["state0'"] + top_slope / bottom - top * bottom_slope / bottom**2
    if error is not None:
        k_slope = k_slope + _wrong_slope_moving(x, eig, error)
    track, track_slope = scale * alpha, scale * x["alpha0'"] + x["scale0'"] * alpha
    return k_slope, x["state0'"] * track + x["state0"] * track_slope + x["denoised0'"]


def _wrong_slope_moving(x: dict[str, Numbers], eig: Array, error: ModelError) -> Numbers:
    """d/du of what a systematic error adds to K, order 8, real steps."""
    moving = [np.abs((x[s + "0'"] / np.where(x[s + "0"] == 0, np.inf, x[s + "0"])).real) for s in STAGE]
    rate = np.max(np.stack(np.broadcast_arrays(*moving)), axis=0)
    step = DISTANCE / np.where(rate > 0, rate, 1.0)
    total: Numbers = np.zeros(())
    for k, weight in enumerate(CENTRAL, 1):
        sides = ({s + "0": x[s + "0"] + sign * k * step * x[s + "0'"] for s in STAGE} for sign in (1, -1))
        up, down = (wrong_slope(moved, eig, "0", error) for moved in sides)
        total = total + weight * (up - down)
    return np.asarray(total / step)


def _partial(
    x: dict[str, Any], y: NDArray[Any], here: NDArray[Any], models: Models, share: float = 1e-5
) -> NDArray[Any]:
    """Derivative of the drift by the clock at fixed y: the moved numbers, one more model call."""
    shift = share * x["h"]
    moved = {s + "0": x[s + "0"] + shift * x[s + "0'"] for s in STAGE}
    return np.asarray((drift(moved, y, models, "0") - here) / shift)


class LocalLinearization(MappedSDE):
    """y' = y + J^-1 (exp(hJ) - 1) b + N(0, B (exp(2hJ) - 1)/(2J)), J the Jacobian of the drift, frozen.

    Exact where the drift does not change in time; order 1 otherwise, also on Gaussian data.
    Reference: Ozaki (1992); Shoji and Ozaki (1998); for diffusions Yu and Yu (2025), arXiv:2502.04849.
    """

    name = "local_linearization"
    law_order = 1
    reference = "Ozaki 1992; Yu, Yu 2025, arXiv:2502.04849 (Hessian-based)"
    kernels = ("clock",)
    # Eq. (85).
    step_maps = LinearizationMaps


class LocalLinearizationTime(MappedSDE):
    """Local linearization with the drift's and the noise rate's change over the step, to first order.

    y' = y + h phi1(hJ) b + h^2 phi2(hJ) db/du + N(0, h [B phi1(2hJ) + (B' - B) phi2(2hJ)]); order 2 in law.
    For data that are not Gaussian the term (B/2) laplacian b of Shoji and Ozaki is left out.
    Reference: Shoji and Ozaki (1998), Stoch. Anal. Appl. 16; the noise term is derived here (eq. 86).
    """

    name = "local_linearization_time"
    law_order = 2
    stages = 3
    reference = "Shoji, Ozaki 1998, Stoch. Anal. Appl. 16"
    kernels = ("clock",)
    # Eq. (86).
    step_maps = MovingLinearizationMaps
