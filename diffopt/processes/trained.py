"""The noise levels of a trained model with a finite table of them."""

from __future__ import annotations

from dataclasses import dataclass

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

    Raises
    ------
    InputError
        When the table is not strictly decreasing inside (0, 1).
    """

    name = "table"
    continuous = False
    alphas_cumprod: Array
    #: Where the table came from: ("betas", rule) or ("alphas_cumprod", file).
    source: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        table = np.asarray(self.alphas_cumprod, dtype=np.float64)
        if table.ndim != 1 or table.size < 2:
            raise InputError(f"alphas-cumprod must be a list of at least 2 numbers, got shape {table.shape}")
        if not (np.all(table > 0) and np.all(table < 1) and np.all(np.diff(table) < 0)):
            raise InputError("alphas-cumprod must decrease strictly inside (0, 1); is it betas? then use --betas")
        object.__setattr__(self, "_log_sigma", 0.5 * (np.log1p(-table) - np.log(table)))

    @property
    def log_sigma(self) -> Array:
        """Logarithm of the table's noise ratios, ascending, shape (T,)."""
        result: Array = self.__dict__["_log_sigma"]
        return result

    @property
    def sigma_limits(self) -> tuple[float, float]:  # type: ignore[override]
        """Ends of the table."""
        return float(np.exp(self.log_sigma[-1])), float(np.exp(self.log_sigma[0]))

    def time(self, sigma: Numbers) -> Numbers:
        """Fractional index, linear in log sigma between neighbours; 0 below the table."""
        inside = sigma.real > 0
        logs = np.log(np.where(inside, sigma, 1.0))
        logs = np.where(inside, logs, self.log_sigma[0])
        j = np.clip(np.searchsorted(self.log_sigma, logs.real, side="right") - 1, 0, self.log_sigma.size - 2)
        low, high = self.log_sigma[j], self.log_sigma[j + 1]
        return j + (logs - low) / (high - low)

    def levels(self, sigma: Numbers, time: Numbers) -> tuple[Numbers, Numbers]:
        """alpha = 1/sqrt(1 + sigma^2), noise = sigma alpha."""
        del time
        alpha = 1 / np.sqrt(1 + sigma**2)
        return alpha, sigma * alpha

    def sigma(self, time: Numbers) -> Numbers:
        """Noise ratio at a fractional index."""
        j = np.clip(np.floor(time.real).astype(int), 0, self.log_sigma.size - 2)
        low, high = self.log_sigma[j], self.log_sigma[j + 1]
        return np.exp(low + (time - j) * (high - low))

    def alpha(self, time: Numbers) -> Numbers:
        """Signal scale at a fractional index."""
        return 1 / np.sqrt(1 + self.sigma(time) ** 2)

    def noise(self, time: Numbers) -> Numbers:
        """Noise scale at a fractional index."""
        return self.sigma(time) * self.alpha(time)

    def drift(self, time: Numbers) -> Numbers:
        """A table has no continuous time."""
        raise UnsupportedError("the process 'table' has no continuous time; use --clock sigma, variance or logsnr")

    def diffusion(self, time: Numbers) -> Numbers:
        """A table has no continuous time."""
        return self.drift(time)

    def score_integral(self, sigma: Numbers, time: Numbers) -> Numbers:
        """2 / alpha, as for every variance-preserving process; by sigma, since the index stops short of 0."""
        del time
        return 2 * np.sqrt(1 + sigma**2)

    def timesteps(self, sigma: Array) -> Array:
        """Fractional index of each noise ratio."""
        return np.asarray(self.time(sigma), dtype=np.float64)

    def origin(self) -> dict[str, str]:
        """The setting that was given."""
        return {} if self.source is None else dict([self.source])

    def parameters(self) -> dict[str, float]:
        """Length and ends of the table."""
        return {"levels": float(self.log_sigma.size)}


def alphas_from_betas(rule: str) -> Array:
    """Turn `scaled_linear:0.00085,0.012,1000` (or `linear:...`) into alphas_cumprod.

    linear: beta_j equally spaced from start to end; scaled_linear: sqrt(beta_j) equally spaced.
    Reference: Rombach et al. (2022), arXiv:2112.10752 (scaled_linear); Ho et al. (2020) (linear).

    Raises
    ------
    InputError
        When the rule cannot be read.
    """
    kind, _, numbers = rule.partition(":")
    try:
        start, end, count = (float(part) for part in numbers.split(","))
        steps = int(count)
    except ValueError:
        raise InputError(f"betas {rule!r} is not KIND:START,END,COUNT, e.g. scaled_linear:0.00085,0.012,1000") from None
    if kind not in ("linear", "scaled_linear"):
        raise InputError(f"betas kind {kind!r} is unknown; use linear or scaled_linear")
    if not (0 < start < 1 and 0 < end < 1 and steps >= 2):
        raise InputError(f"betas {rule!r}: START and END must lie in (0, 1) and COUNT be at least 2")
    power = 0.5 if kind == "scaled_linear" else 1.0
    betas: Array = np.linspace(start**power, end**power, steps) ** (1 / power)
    return np.asarray(np.cumprod(1 - betas), dtype=np.float64)
