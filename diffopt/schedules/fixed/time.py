"""Uniform in a time: the process's own, that of the linear model or its root, that of rectified flow."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.processes import VPLinear
from diffopt.processes.grid import process_times
from diffopt.processes.span import Span
from diffopt.schedules.base import Schedule


class UniformT(Schedule):
    """Equal steps in the process's own time, from the start to sigma_min (or to 0 if sigma_min is 0).

    For a variance-exploding process, whose time is sigma, this is uniform in sigma.
    Reference: Song et al. (2021), arXiv:2011.13456, app. D.
    """

    name = "uniform_t"
    reference = "Song et al. 2021, arXiv:2011.13456"
    formula = "t linear"
    analytic = True

    def levels(self, span: Span) -> Array:
        """Equally spaced times, mapped back to noise ratios."""
        ends = np.array([span.sigma_max, span.sigma_min])
        high, low = process_times(span.process, ends)
        levels: Array = span.process.sigma(high + span.ramp() * (low - high))
        levels[0], levels[-1] = ends
        return levels


class QuadraticT(Schedule):
    """Square root of the linear variance-preserving time equally spaced: denser near the data than `vp`.

    t = (sqrt(t(smax)) + u (sqrt(t(smin)) - sqrt(t(smax))))^2, beta from 0.1 to 20.
    Reference: Song, Meng, Ermon (2021), arXiv:2010.02502, app. D.2 (quadratic tau).
    """

    name = "quadratic_t"
    reference = "Song, Meng, Ermon 2021, arXiv:2010.02502, app. D.2"
    formula = "sqrt(exp(bd t^2/2 + bm t) - 1), sqrt(t) linear"

    def levels(self, span: Span) -> Array:
        """Squares of an equally spaced root."""
        high, low = span.finite(self.name)
        process = VPLinear()
        root = np.sqrt(process.time(np.array([high, low])))
        levels = np.asarray(process.sigma((root[0] + span.ramp() * (root[1] - root[0])) ** 2))
        levels[0], levels[-1] = high, low
        return levels


class UniformFlow(Schedule):
    """Equal steps in the rectified-flow time s = sigma/(1 + sigma).

    Reference: Liu et al. (2023), arXiv:2209.03003; density 1/(1 + sigma)^2.
    """

    name = "uniform_flow"
    reference = "Liu et al. 2023, arXiv:2209.03003"
    formula = "s/(1 - s), s linear"
    analytic = True

    def levels(self, span: Span) -> Array:
        """Equally spaced s."""
        high = 1.0 if np.isinf(span.sigma_max) else span.sigma_max / (1 + span.sigma_max)
        low = span.sigma_min / (1 + span.sigma_min)
        s = high + span.ramp() * (low - high)
        with np.errstate(divide="ignore"):
            levels: Array = s / (1 - s)
        levels[0], levels[-1] = span.sigma_max, span.sigma_min
        return levels


class UniformVP(Schedule):
    """Equal steps in the time of the linear variance-preserving process (beta from 0.1 to 20).

    sigma = sqrt(exp(bd t^2/2 + bm t) - 1), bd = 19.9, bm = 0.1, t linear.
    Reference: k-diffusion, get_sigmas_vp; Karras et al. (2022), table 1.
    """

    name = "vp"
    reference = "k-diffusion, get_sigmas_vp"
    formula = "sqrt(exp(bd t^2/2 + bm t) - 1), t linear"
    analytic = True

    def levels(self, span: Span) -> Array:
        """Equally spaced times."""
        high, low = span.finite(self.name)
        process = VPLinear()
        t = process.time(np.array([high, low]))
        levels: Array = process.sigma(t[0] + span.ramp() * (t[1] - t[0]))
        levels[0], levels[-1] = high, low
        return levels
