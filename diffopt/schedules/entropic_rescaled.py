"""Rescaled entropic time."""

from __future__ import annotations

import numpy as np

from diffopt.schedules.base import Array
from diffopt.schedules.density import DensitySchedule, Marginals


class EntropicRescaled(DensitySchedule):
    """Conditional entropy lost per step, weighted by sigma: the authors' better entropic time.

    sigma dH/dsigma = sum eig/V, whose integral is sum sqrt(eig) arctan(sigma/sqrt(eig)): for one
    eigenvalue the tangent law.

    Reference: Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, rescaled entropic time.
    """

    name = "entropic_rescaled"
    status = "read"
    slow = True
    reference = "Stancevic, Handke, Ambrogioni 2025, arXiv:2504.13612, rescaled entropic time"
    formula = "density sum eig/V"

    def density(self, m: Marginals) -> Array:
        """The density, as in the formula."""
        return np.asarray(m.sum(m.eig / m.variance))
