"""What a forward process is: two functions of time and their rates."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Numbers


class Process(ABC):
    """Forward process z_t = alpha(t) x_0 + noise(t) n with noise ratio sigma = noise / alpha.

    In SDE form dz = f(t) z dt + g(t) dW with f = alpha'/alpha and g^2 = alpha^2 (sigma^2)'
    (theory.md, eqs. 1 to 3). Times are the process's own: sigma for `ve`, t in [0, 1] for the
    variance-preserving ones, s in [0, 1] for `flow`. Functions are elementwise and analytic.
    """

    name: str
    #: Largest and smallest positive noise ratio the process can reach.
    sigma_limits: tuple[float, float] = (np.inf, 0.0)
    #: Noise ratio at which sampling starts unless the user says otherwise.
    default_sigma_max: float = 80.0
    default_sigma_min: float = 0.002
    #: Clock in which clock-dependent solvers step unless told otherwise.
    default_clock: str = "sigma"
    #: Time at which f and g^2 have a pole (alpha = 0), where there is one.
    pole: float = np.inf
    #: Whether f and g exist (a table of noise levels has no continuous time).
    continuous: bool = True
    #: Whether time is the noise ratio itself.
    time_is_sigma: bool = False
    #: Whether it is a rectified flow: programs write its levels as times s in [0, 1].
    flow: bool = False
    #: Whether its models mostly work on latents, whose scale and range are the model's own.
    of_latents: bool = False
    #: Parameters that a search may vary, names of `parameters`.
    family: tuple[str, ...] = ()
    #: Whether `reverse_rates` stay finite at the data, so that stages may be evaluated there.
    finite_at_data: bool = False

    @abstractmethod
    def time(self, sigma: Numbers) -> Numbers:
        """Time at which the noise ratio is `sigma` (finite)."""

    @abstractmethod
    def alpha(self, time: Numbers) -> Numbers:
        """Signal scale at `time`."""

    @abstractmethod
    def noise(self, time: Numbers) -> Numbers:
        """Noise scale at `time`."""

    @abstractmethod
    def drift(self, time: Numbers) -> Numbers:
        """Rate f(t) of the linear forward drift."""

    @abstractmethod
    def diffusion(self, time: Numbers) -> Numbers:
        """Squared diffusion coefficient g(t)^2."""

    def reverse_rates(self, time: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Reverse dynamics dz = (A z + B D + C S) d(-t) + noise: the tuple (A, B, C, variance rate).

        Here A = -f, B = 0, C = (1 + eta^2) g^2/2 and the rate is eta^2 g^2 (theory.md, eq. 5).
        """
        square = self.diffusion(time)
        return -self.drift(time), np.zeros_like(square), (1 + eta**2) / 2 * square, eta**2 * square

    def to_data(self, time: Numbers, eta: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """One Euler step of :meth:`reverse_rates` from `time` to 0: (1 + t A, t B, t C, t rate) (eq. 101)."""
        state, denoised, score, rate = self.reverse_rates(time, eta)
        return 1 + time * state, time * denoised, time * score, time * rate

    @abstractmethod
    def score_integral(self, sigma: Numbers, time: Numbers) -> Numbers:
        """Antiderivative of alpha with respect to sigma^2, i.e. of g^2/alpha with respect to time.

        Both names of the point are given; use the one in which the formula is regular.
        """

    def sigma(self, time: Numbers) -> Numbers:
        """Noise ratio noise/alpha at `time`; infinite where alpha is 0."""
        with np.errstate(divide="ignore"):
            return self.noise(time) / self.alpha(time)

    def start_time(self) -> float:
        """Time of pure noise (alpha = 0), for the processes that reach it."""
        return np.inf

    def levels(self, sigma: Numbers, time: Numbers) -> tuple[Numbers, Numbers]:
        """Pair (alpha, noise); processes without continuous time use `sigma` instead of `time`."""
        del sigma
        return self.alpha(time), self.noise(time)

    def timesteps(self, sigma: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Numbers a trained model is conditioned on, where the process knows them."""
        del sigma
        return None

    def whole_levels(self) -> NDArray[np.float64] | None:
        """Noise ratios of the whole timesteps, ascending, shape (T,); None without timesteps."""
        return None

    def origin(self) -> dict[str, str | list[float]]:
        """Settings that make the process again, where numbers do not (a table's file or rule)."""
        return {}

    def parameters(self) -> dict[str, float]:
        """Shape parameters, for the output file."""
        return {}
