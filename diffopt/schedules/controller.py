"""Step-size control in the limit of small steps."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from diffopt.schedules.base import Array, Request, Schedule
from diffopt.schedules.density import NODES, Marginals, spectrum_of

#: Absolute tolerance of the published controllers, per pixel.
ABSOLUTE = 0.0078


class Controller(Schedule):
    """Levels where a controller with relative tolerance eps_rel accepts steps of error exactly 1.

    An embedded pair whose difference is C(sigma) h^order per pixel takes 1/h = (C/tol)^(1/order)
    steps per unit of sigma, tol = max(ABSOLUTE, eps_rel rms(x)); eps_rel follows from the count N.
    Real samples give random step sizes; on Gaussian data the root mean square is exact.
    """

    kind = "spectrum"
    uses_solver = False
    status = "derived"
    #: Power of the step in the pair's difference.
    order: ClassVar[float]

    @abstractmethod
    def error(self, m: Marginals) -> Array:
        """C(sigma), root mean square over directions, shape (G,)."""

    def levels(self, request: Request) -> Array:
        """Equal shares of the number of steps."""
        spectrum = spectrum_of(request, self.name)
        high, low = request.finite(self.name)
        sigma = np.geomspace(low, high, NODES)
        m = Marginals(sigma[:, None], spectrum.eig, spectrum.weight)
        error = np.maximum(self.error(m), 1e-300)
        size = np.sqrt(m.sum(m.variance) / spectrum.weight.sum())
        total = self._count(error, size, sigma, request.levels - 1)
        levels = np.exp(np.interp((1 - request.ramp()) * total[-1], total, np.log(sigma)))
        levels[0], levels[-1] = high, low
        return np.asarray(levels)

    def _count(self, error: Array, size: Array, sigma: Array, wanted: int) -> Array:
        """Cumulative number of steps; bisection on log eps_rel for the total."""
        bounds = [-30.0, 30.0]
        for _ in range(50):
            middle = sum(bounds) / 2
            rho = (error / np.maximum(ABSOLUTE, np.exp(middle) * size)) ** (1 / self.order) * sigma
            steps = np.log(sigma[1] / sigma[0]) * np.concatenate([[0.0], np.cumsum((rho[1:] + rho[:-1]) / 2)])
            bounds[int(steps[-1] < wanted)] = middle
        return np.asarray(steps)
