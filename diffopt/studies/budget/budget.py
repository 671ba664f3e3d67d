"""The budget of one setting: the terms, the total, and whether the expansion reaches that far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from diffopt.data.compression import short, shortened
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.studies.budget.kernel import (
    Kernel,
    Spread,
    exact_sampling,
    sampling_spread,
    training_spread,
    wasserstein_kernel,
)
from diffopt.studies.budget.sampler import LinearSampler, Output
from diffopt.studies.budget.training import ScoreTraining

TERMS = ("generalization", "optimization", "discretization", "noise_floor", "initialization")
#: Largest mean relative spread at which the second order is said to be within a tenth (eq. 186): one random source, both.
REACH, REACH_BOTH = 0.2, 0.15
#: The same for the relative standard deviation of a direction's variance; a Langevin chain with a trained score is more
#: sensitive, since its variance has the score in the denominator.
SWING, SWING_CONFINED = 0.18, 0.12
#: Distinct eigenvalues up to which no compression is needed.
EXACT = 400
#: Points at which derivatives for the bound of the compression are measured.
GRID = 120


@dataclass(frozen=True, eq=False)
class BudgetSetting:
    """What a budget is asked for; a source that is None is exact.

    Attributes
    ----------
    spectrum : Spectrum
        Data.
    sampler : LinearSampler
        Diffusion sampler, Langevin chain, or the exact flow.
    samples : float or None
        Number n of training samples.
    training : ScoreTraining or None
        Descent on the score-matching loss.
    """

    spectrum: Spectrum
    sampler: LinearSampler
    samples: float | None = None
    training: ScoreTraining | None = None

    @cached_property
    def short(self) -> Spectrum:
        """Spectrum the kernels are evaluated on: one entry per distinct eigenvalue, or compressed where they are many."""
        return short(self.spectrum, "design" if self.compressed else "distinct")

    @property
    def compressed(self) -> bool:
        """Whether eigenvalues stand for others."""
        return short(self.spectrum, "distinct").eig.size > EXACT


@dataclass(frozen=True, eq=False)
class Budget:
    """Expected squared 2-Wasserstein errors, data units squared (theory.md, eqs. 188-190).

    Attributes
    ----------
    terms : dict
        Each source alone, the others exact; None where it is infinite.
    total : float or None
        All of them together.
    interaction : float or None
        Total minus the sum of the terms.
    reasons : tuple of str
        Why the prediction is not to be trusted; empty where it is.
    ratio : float
        Size of the expansion's parameter.
    kernels : dict of Kernel
        Of the two random terms.
    spectrum : Spectrum
        On which the sums were taken.
    """

    terms: dict[str, float | None]
    total: float | None
    interaction: float | None
    reasons: tuple[str, ...]
    ratio: float
    spectrum: Spectrum
    kernels: dict[str, Kernel] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether the total is claimed to be right within a tenth."""
        return not self.reasons

    @property
    def dominant(self) -> str | None:
        """Largest term; an infinite one first."""
        infinite = [name for name, value in self.terms.items() if value is None]
        if infinite:
            return infinite[0]
        largest = max(TERMS, key=lambda name: self.terms[name] or 0.0)
        return largest if self.terms[largest] else None


def budget(setting: BudgetSetting) -> Budget:
    """All terms and the total of a setting."""
    return _Work(setting).result()


class _Work:
    """One evaluation; the spectrum is the short one."""

    def __init__(self, setting: BudgetSetting, spectrum: Spectrum | None = None) -> None:
        self.setting, self.spectrum = setting, setting.short if spectrum is None else spectrum
        self.weight, sampler = self.spectrum.weight, setting.sampler
        self.data = Output(self.spectrum.eig, np.zeros_like(self.spectrum.eig))
        self.limit = sampler.limit(self.spectrum)
        self.exact = sampler.output(self.spectrum, None, exact_start=True)
        self.started = sampler.output(self.spectrum)
        self.unstable = self._unstable()
        self.kernels: dict[str, Kernel] = {}
        self.swing = 0.0

    def _unstable(self) -> str | None:
        training = self.setting.training
        if training is None:
            return None
        for sigma in self.setting.sampler.sigmas():
            if training.load(self.spectrum, sigma) >= 1:
                limit = training.limit(self.spectrum, sigma)
                hint = "" if training.scale is not None else ", or --precondition"
                return (
                    f"score matching with tau {training.tau:g} diverges at sigma {sigma:.4g}, where it must be below {limit:.3g};"
                    f" take a smaller --tau{hint}"
                )
        return None

    def _optimization(self) -> tuple[float | None, Spread, Output]:
        """Term, randomness and biased law of a trained score."""
        training, spectrum = self.setting.training, self.spectrum
        if training is None or self.unstable:
            return (0.0 if training is None else None), Spread.zero(spectrum.eig.size), self.started
        biased = self.setting.sampler.output(spectrum, training)
        spread = training_spread(self.setting.sampler, spectrum, training)
        moved = Output(biased.variance + spread.shift, biased.mean_error)
        kernel = wasserstein_kernel(moved.variance, self.started.variance, spread, self.weight)
        self.kernels["optimization"] = kernel
        self.swing = float(np.max(np.sqrt(spread.own) / np.where(moved.variance > 0, moved.variance, 1.0)))
        return moved.distance(self.started, self.weight) + kernel.value(self.weight), spread, moved

    def _generalization(self) -> float:
        if self.setting.samples is None:
            return 0.0
        spread = exact_sampling(self.spectrum, self.setting.samples)
        self.kernels["generalization"] = wasserstein_kernel(self.spectrum.eig, self.spectrum.eig, spread, self.weight)
        return self.kernels["generalization"].value(self.weight)

    def result(self) -> Budget:
        """Terms and total."""
        optimization, spread, moved = self._optimization()
        terms: dict[str, float | None] = {
            "generalization": self._generalization(),
            "optimization": optimization,
            "discretization": _finite(self.exact.distance(self.limit, self.weight)),
            "noise_floor": _finite(self.limit.distance(self.data, self.weight)),
            "initialization": _finite(self.started.distance(self.exact, self.weight)),
        }
        moved, kernel = self._everything(spread, moved)
        total = _finite(moved.distance(self.data, self.weight) + kernel.value(self.weight))
        if any(value is None for value in terms.values()):
            total = None
        interaction = None if total is None else total - sum(v for v in terms.values() if v is not None)
        return Budget(terms, total, interaction, self._reasons(terms, kernel), kernel.ratio, self.spectrum, self.kernels)

    def _everything(self, spread: Spread, moved: Output) -> tuple[Output, Kernel]:
        """Mean law and kernel of the total (eq. 190)."""
        if self.setting.samples is not None:
            sampled = sampling_spread(self.setting.sampler, self.spectrum, self.setting.samples, self._training)
            moved, spread = replace(moved, variance=np.maximum(moved.variance + sampled.shift, 0)), spread + sampled
        return moved, wasserstein_kernel(moved.variance, self.spectrum.eig, spread, self.weight)

    def shares(self) -> Array:
        """Share of every direction in the total, shape (d,)."""
        _, spread, moved = self._optimization()
        moved, kernel = self._everything(spread, moved)
        gap = np.sqrt(moved.variance) - np.sqrt(self.spectrum.eig)
        return gap**2 + moved.mean_error**2 + kernel.by_eigenvalue(self.weight)

    @property
    def _training(self) -> ScoreTraining | None:
        return None if self.unstable else self.setting.training

    def _reasons(self, terms: dict[str, float | None], kernel: Kernel) -> tuple[str, ...]:
        reasons = [] if self.unstable is None else [self.unstable]
        if any(value is None for name, value in terms.items() if name != "optimization"):
            reasons.append("the sampler's output is not finite")
        ratios = {name: k.ratio for name, k in self.kernels.items()}
        worst = max(ratios, key=lambda name: ratios[name], default="")
        size = max(kernel.ratio, max(ratios.values(), default=0.0))
        swing = SWING_CONFINED if self.setting.sampler.confined else SWING
        if self.swing > swing:
            reasons.append(
                f"trained scores differ too much: a direction's variance spreads by {self.swing:.2g} of itself, "
                f"the expansion is for at most {swing:g}; take a smaller --tau"
            )
        reach = REACH if self.setting.samples is None or self.setting.training is None else REACH_BOTH
        if size > reach:
            cause = {"generalization": "too few --samples", "optimization": "too large a --tau"}.get(worst, "too large errors")
            reasons.append(f"{cause}: the covariance spreads by {size:.2g} of itself, the expansion is for at most {reach:g}")
        return tuple(reasons)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def compression_bound(setting: BudgetSetting) -> float:
    """Most that the compression may change the total: eq. (36) for each of the kernel's variables.

    The fourth derivative of a direction's share by log eig is measured on a grid over the range of the spectrum, whose
    points take part with no weight.
    """
    if not setting.compressed:
        return 0.0
    few, coefficient = setting.short, shortened(setting.spectrum, "design").coefficient
    positive = few.eig[few.eig > 0]
    grid, step = np.linspace(np.log(positive[0]), np.log(positive[-1]), GRID, retstep=True)
    eig = np.concatenate([few.eig, np.exp(grid)])
    weight = np.concatenate([few.weight, np.full(GRID, 1e-9)])
    work = _Work(replace(setting, spectrum=Spectrum(eig, weight, None, few.source)), Spectrum(eig, weight))
    share = work.shares()[few.eig.size :]
    fourth = np.convolve(share, [1, -4, 6, -4, 1], "valid") / step**4
    return float(2 * coefficient * np.max(np.abs(fourth)))
