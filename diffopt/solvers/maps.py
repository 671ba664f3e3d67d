"""Steps that no coefficient table can hold: random stages and functions of the Jacobian.

Such a step is given by a few numbers per step and a formula that turns them, with an eigenvalue, into
the step's multiplier, injected variance and mean defect. Random stages are averaged over quadrature
nodes, exactly in second moment (theory.md, eqs. 80-82).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes import Process
from diffopt.processes.clocks import Clock, Rates
from diffopt.processes.points import Points, StepEnds
from diffopt.solvers.averages import Averages
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.panels import NODES, Panels

#: (z, alpha, noise) -> model output, and (z, alpha, noise, direction) -> Jacobian of the denoiser times direction.
ModelCall = Callable[[NDArray[Any], float, float], NDArray[Any]]
JacobianProduct = Callable[[NDArray[Any], float, float, NDArray[Any]], NDArray[Any]]


#: Relative size of what is left of an exact 0: a step that lands on the denoiser's output.
ROUNDING = 2e-14


@dataclass(frozen=True, eq=False)
class Models:
    """What a sampler may call: denoiser, score and, where a scheme needs it, a Jacobian product."""

    denoiser: ModelCall
    score: ModelCall
    jacobian: JacobianProduct | None = None


@dataclass(frozen=True, eq=False)
class StepMaps(ABC):
    """Family of one-step maps; the author writes :meth:`numbers`, :meth:`law` and :meth:`advance`.

    Attributes
    ----------
    points : Points
        Grid on which the numbers were computed.
    eta : ndarray
        Diffusion-term coefficients, shape (..., N).
    clock : Clock
        Variable of the step.
    error : ModelError or None
        What the model is off by (theory.md, eqs. 250-253).
    nodes : int
        Nodes of a panel of the average over random fractions.
    floor : float
        Root of the smallest eigenvalue that is asked for.
    """

    #: Names of the numbers, whether a step draws a random fraction, and model calls per step.
    fields: ClassVar[tuple[str, ...]]
    random: ClassVar[bool] = False
    #: Whether `averages` needs few long arrays, which it handles in parts.
    short: ClassVar[bool] = False
    #: Numbers that all random fractions share: what is made of them alone is computed once a step.
    shared: ClassVar[tuple[str, ...]] = ()
    #: Units of the Brownian path of a random scheme: the clock's or those of sigma^2.
    brownian: ClassVar[str] = "clock"
    calls: ClassVar[int] = 2

    points: Points
    eta: Numbers
    clock: Clock
    error: ModelError | None = None
    nodes: int = NODES
    floor: float = 0.0

    @abstractmethod
    def numbers(self, ends: StepEnds, eta: Numbers, nodes: Array) -> dict[str, Numbers]:
        """Numbers by name, each broadcastable to (..., N, Q) for N steps; `nodes`: values of the random fraction, (N, Q)."""

    @abstractmethod
    def law(self, x: dict[str, Numbers], eig: Array) -> tuple[Numbers, Numbers, Numbers]:
        """(multiplier, injected variance, mean defect per unit mean) of z, analytic in x."""

    @abstractmethod
    def advance(
        self, x: dict[str, Any], z: NDArray[Any], models: Models, rng: np.random.Generator | None
    ) -> NDArray[Any]:
        """One step of the real sampler, with the numbers of one step and one random fraction."""

    def passed(self, x: dict[str, Numbers], eig: Array) -> list[tuple[str, Numbers]]:
        """Per model call, the suffix of its stage and what the step makes of a unit error of the denoiser there."""
        raise NotImplementedError

    def moments(self, x: dict[str, Numbers], eig: Array) -> tuple[Numbers, Numbers, Numbers]:
        """:meth:`law` with what independent errors of the calls add to the variance (eq. 251)."""
        m, n, b = self.law(x, eig)
        if self.error is not None and self.error.random:
            for suffix, share in self.passed(x, eig):
                alpha, level = self.stage_levels(x, suffix)
                n = n + (share * self.error.size(eig, level / alpha)) ** 2
        return m, n, b

    def stage_levels(self, x: dict[str, Numbers], suffix: str) -> tuple[Numbers, Numbers]:
        """Signal and noise scales of a stage."""
        return x["alpha" + suffix], x["level" + suffix]

    @property
    def systematic(self) -> ModelError | None:
        """The error where it is a wrong gain."""
        return None if self.error is None or self.error.random else self.error

    def noise(self, x: dict[str, Numbers], eig: Array, inner: Array, whole: Array) -> Array:
        """What the Brownian path, at the random fraction and at the end, adds to a step (for coupled paths)."""
        raise NotImplementedError

    @cached_property
    def panels(self) -> Panels:
        """Quadrature over the random fraction; of several grids, their steps one after the other."""
        points = self.points
        if self.random:
            return Panels.along(points, self.clock, self.nodes, self.floor)
        return Panels.single(points.steps * (points.sigma.size // (points.steps + 1) if points.several else 1))

    def averages(self, x: dict[str, Numbers], eig: Array) -> Averages | None:
        """Averages of :meth:`law` over the branches of exact models, with derivatives; None where branches are taken one by one.

        Numbers have shape (R, Q), shared ones (R, 1).
        """
        del x, eig
        return None

    def stacked(self) -> Numbers:
        """All numbers as one array, shape (..., R, Q, P); of several grids, the rows of one after the other."""
        panels, points = self.panels, self.points
        ends, eta = points.ends(panels.owner), self.eta
        if points.several:
            eta = np.broadcast_to(eta, (*points.sigma.shape[:-1], points.steps)).reshape(-1)
        named = self.numbers(ends, eta[..., panels.owner], panels.nodes)
        shape = (*ends.sigma_0.shape[:-1], *panels.nodes.shape, len(self.fields))
        whole = np.empty(shape, np.result_type(*named.values()))
        for i, name in enumerate(self.fields):
            whole[..., i] = named[name]
        return whole

    def named(self, stacked: Numbers) -> dict[str, Numbers]:
        """The inverse of :meth:`stacked`, with an axis for the eigenvalues, shape (..., R, Q, 1); shared ones (..., R, 1, 1)."""
        return {name: stacked[..., : 1 if name in self.shared else None, i, None] for i, name in enumerate(self.fields)}

    def states(
        self, z: NDArray[Any], models: Models, rng: np.random.Generator | None
    ) -> Iterator[NDArray[Any]]:
        """State after each step of the whole sampler; a random fraction is drawn once per step for the batch."""
        for k in range(self.points.steps):
            fraction = rng.uniform(size=(1, 1)) if rng is not None and self.random else np.full((1, 1), 0.5)
            pair = Points.create(self.points.process, self.points.sigma[..., k : k + 2])
            with np.errstate(all="ignore"):  # unused rates may be infinite at the data
                named = self.numbers(pair.ends(), self.eta[..., k : k + 1], fraction)
            z = self.advance({name: float(np.ravel(value)[0]) for name, value in named.items()}, z, models, rng)
            yield z


def stage(process: Process, rates: Rates, sigma: Numbers, time: Numbers, suffix: str) -> dict[str, Numbers]:
    """The six numbers that give the drift of y = scale z at one noise level."""
    alpha, level = process.levels(sigma, time)
    values = {
        "scale": rates.scale,
        "state": rates.state,
        "denoised": rates.denoised,
        "score": rates.score,
        "alpha": alpha,
        "level": level,
    }
    return {name + suffix: value for name, value in values.items()}


STAGE = ("scale", "state", "denoised", "score", "alpha", "level")


def slope(x: dict[str, Numbers], eig: Array, suffix: str, error: ModelError | None = None) -> Numbers:
    """K of a stage per eigenvalue, dy = K y du (theory.md, eq. 50), with a systematic error (eq. 250)."""
    alpha, level = x["alpha" + suffix], x["level" + suffix]
    v = alpha**2 * eig + level**2
    top = x["denoised" + suffix] * alpha * eig - x["score" + suffix]
    k = np.asarray(x["state" + suffix] + top / (v * x["scale" + suffix]))
    return k if error is None else k + wrong_slope(x, eig, suffix, error)


def slope_bars(x: dict[str, Array], eig: Array, suffix: str, bar: Array) -> dict[str, Array]:
    """Derivatives by a stage's six numbers, shape (N, 1), from those by its K, shape (N, d)."""
    alpha, level, scale, denoised = (x[name + suffix] for name in ("alpha", "level", "scale", "denoised"))
    v = alpha**2 * eig + level**2
    share = bar / (v * scale)
    turned = share * (denoised * alpha * eig - x["score" + suffix]) / v
    (pull, pull_eig), (turn, turn_eig) = (((a.sum(axis=-1, keepdims=True)), (a @ eig)[:, None]) for a in (share, turned))
    found = {
        "state": bar.sum(axis=-1, keepdims=True), "denoised": alpha * pull_eig, "score": -pull, "level": -2 * level * turn,
        "alpha": denoised * pull_eig - 2 * alpha * turn_eig, "scale": -(turned * v).sum(axis=-1, keepdims=True) / scale,
    }  # fmt: skip
    return {name + suffix: value for name, value in found.items()}


def by_error(x: dict[str, Numbers], suffix: str) -> Numbers:
    """What the drift makes of an error of the denoiser: denoised + score alpha/level^2."""
    return np.asarray(x["denoised" + suffix] + x["score" + suffix] * x["alpha" + suffix] / x["level" + suffix] ** 2)


def wrong_slope(x: dict[str, Numbers], eig: Array, suffix: str, error: ModelError) -> Numbers:
    """What a systematic error adds to K (eq. 250)."""
    alpha, level = x["alpha" + suffix], x["level" + suffix]
    gain = error.size(eig, level / alpha) / np.sqrt(alpha**2 * eig + level**2)
    return np.asarray(-by_error(x, suffix) * gain / x["scale" + suffix])


def cancelled(factor: Numbers, terms: Numbers, rounding: float = ROUNDING) -> Numbers:
    """A sum whose terms are of size `terms` with what rounding leaves of an exact 0 removed; derivatives pass."""
    return np.asarray(factor - np.where(np.abs(factor.real) < rounding * (1 + np.abs(terms.real)), factor.real, 0))


def mean_drift(x: dict[str, Numbers], suffix: str) -> Numbers:
    """Drift of y on the mean's track, per unit mean: state scale alpha + denoised."""
    return x["state" + suffix] * x["scale" + suffix] * x["alpha" + suffix] + x["denoised" + suffix]


def drift(x: dict[str, Any], y: NDArray[Any], models: Models, suffix: str) -> NDArray[Any]:
    """Drift of y with real models at a stage."""
    z, alpha, level = y / x["scale" + suffix], x["alpha" + suffix], x["level" + suffix]
    total = x["state" + suffix] * y
    if x["denoised" + suffix]:
        total = total + x["denoised" + suffix] * models.denoiser(z, alpha, level)
    if x["score" + suffix]:
        total = total + x["score" + suffix] * models.score(z, alpha, level)
    return np.asarray(total)
