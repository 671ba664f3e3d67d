"""The noise levels of a trained model with a finite table of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.base import Process


@dataclass(frozen=True, eq=False)
class TrainedLevels(Process):
    """Variance-preserving model trained on the T levels alphas_cumprod[0..T-1].

    sigma_j = sqrt(1/alphas_cumprod_j - 1). Between the levels log sigma is linear in the index, as
    in k-diffusion and diffusers; the index is the model's timestep. Outside the table there is
    nothing the model was trained on, so sigma must stay inside (0 as the end excepted).

    A last alphas_cumprod of exactly 0 (zero terminal SNR, Lin et al. 2024, arXiv:2305.08891) is pure noise:
    the default start, reached at index T - 1; before it alpha is linear in the index.

    Raises
    ------
    InputError
        When the table is not strictly decreasing inside (0, 1), the last 0 excepted.
    """

    name = "table"
    of_latents = True
    continuous = False
    alphas_cumprod: Array
    #: Where the table came from: ("betas", rule), ("alphas_cumprod", file) or ("scheduler_config", file).
    source: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        table = np.asarray(self.alphas_cumprod, dtype=np.float64)
        if table.ndim != 1 or table.size < 2:
            raise InputError(f"alphas-cumprod must be a list of at least 2 numbers, got shape {table.shape}")
        if table[0] == 1 and np.all(np.diff(table) < 0):
            raise InputError("alphas-cumprod starts with 1, a level without noise; leave it out (no timestep has it)")
        finite = self._positive
        if not (finite.size > 1 and np.all(finite > 0) and np.all(finite < 1) and np.all(np.diff(finite) < 0)):
            raise InputError("alphas-cumprod must decrease strictly inside (0, 1), the last may be 0; for betas use --betas")

    @property
    def _positive(self) -> Array:
        """The table without a last 0."""
        table = np.asarray(self.alphas_cumprod, dtype=np.float64)
        return table[:-1] if table[-1] == 0 else table

    @cached_property
    def _finite(self) -> Array:
        """Logarithm of the finite noise ratios, ascending."""
        finite = self._positive
        return np.asarray(0.5 * (np.log1p(-finite) - np.log(finite)))

    @cached_property
    def log_sigma(self) -> Array:
        """Logarithm of the table's noise ratios, ascending, shape (T,); infinite at pure noise."""
        return np.append(self._finite, np.inf) if self.alphas_cumprod[-1] == 0 else self._finite

    @property
    def pure(self) -> bool:
        """Whether the last level is pure noise."""
        return bool(np.isinf(self.log_sigma[-1]))

    @property
    def sigma_limits(self) -> tuple[float, float]:  # type: ignore[override]
        """Ends of the table."""
        return float(np.exp(self.log_sigma[-1])), float(np.exp(self.log_sigma[0]))

    @property
    def default_sigma_max(self) -> float:  # type: ignore[override]
        """The table's own end."""
        return self.sigma_limits[0]

    @property
    def default_sigma_min(self) -> float:  # type: ignore[override]
        """The table's own end."""
        return self.sigma_limits[1]

    def start_time(self) -> float:
        """Index of pure noise."""
        return float(self.log_sigma.size - 1) if self.pure else np.inf

    def time(self, sigma: Numbers) -> Numbers:
        """Fractional index, linear in log sigma between neighbours; 0 below the table."""
        known = self._finite
        inside = sigma.real > 0
        logs = np.log(np.where(inside, sigma, 1.0))
        logs = np.where(inside, logs, known[0])
        j = np.clip(np.searchsorted(known, logs.real, side="right") - 1, 0, known.size - 2)
        low, high = known[j], known[j + 1]
        index = j + (logs - low) / (high - low)
        if not self.pure:
            return index
        return np.where(logs.real > known[-1], known.size - np.sqrt((1 + np.exp(2 * known[-1])) / (1 + sigma**2)), index)

    def levels(self, sigma: Numbers, time: Numbers) -> tuple[Numbers, Numbers]:
        """alpha = 1/sqrt(1 + sigma^2), noise = sigma alpha; 0 and 1 at pure noise."""
        alpha = 1 / np.sqrt(1 + sigma**2)
        noise = sigma * alpha
        if not self.pure:
            return alpha, noise
        end = time.real >= self.log_sigma.size - 1
        return np.where(end, 0.0, alpha), np.where(end, 1.0, noise)

    def sigma(self, time: Numbers) -> Numbers:
        """Noise ratio at a fractional index."""
        known = self._finite
        j = np.clip(np.floor(time.real).astype(int), 0, known.size - 2)
        low, high = known[j], known[j + 1]
        if not self.pure:
            return np.exp(low + (time - j) * (high - low))
        last = known.size - 1
        body = np.exp(low + (np.where(time.real > last, last, time) - j) * (high - low))
        rest = np.where(time.real < last + 1, last + 1 - time, 1.0)
        # alpha falls linearly from its value at the last finite level to 0 one index later.
        tail = np.sqrt(np.where(time.real > last, (1 + np.exp(2 * known[-1])) / rest**2 - 1, 1.0))
        return np.where(time.real >= last + 1, np.inf, np.where(time.real > last, tail, body))

    def alpha(self, time: Numbers) -> Numbers:
        """Signal scale at a fractional index."""
        return self.levels(self.sigma(time), time)[0]

    def noise(self, time: Numbers) -> Numbers:
        """Noise scale at a fractional index."""
        sigma = self.sigma(time)
        return self.levels(np.where(np.isinf(sigma), 1.0, sigma), time)[1]

    def drift(self, time: Numbers) -> Numbers:
        """A table has no continuous time."""
        raise UnsupportedError("the process 'table' has no continuous time; use --clock sigma, variance or logsnr")

    def diffusion(self, time: Numbers) -> Numbers:
        """A table has no continuous time."""
        return self.drift(time)

    def score_integral(self, sigma: Numbers, time: Numbers) -> Numbers:
        """2 / alpha, as for every variance-preserving process; by sigma, since the index stops short of 0."""
        whole = 2 * np.sqrt(1 + sigma**2)
        return np.where(time.real >= self.log_sigma.size - 1, np.inf, whole) if self.pure else whole

    def whole_levels(self) -> Array:
        """The table's own."""
        return np.asarray(np.exp(self.log_sigma))

    def timesteps(self, sigma: Array) -> Array:
        """Fractional index of each noise ratio."""
        finite = np.isfinite(sigma)
        return np.where(finite, self.time(np.where(finite, sigma, 1.0)), self.start_time())

    def origin(self) -> dict[str, str | list[float]]:
        """The setting that was given; the numbers themselves where they came from no file and no rule."""
        return {"alphas_cumprod": self.alphas_cumprod.tolist()} if self.source is None else dict([self.source])

    def parameters(self) -> dict[str, float]:
        """Length and ends of the table."""
        return {"levels": float(self.log_sigma.size)}
