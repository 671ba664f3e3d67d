"""Array types of the numeric core."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Real numbers.
Array = NDArray[np.float64]
#: Real or complex numbers: formulas of processes, clocks and solvers accept both (complex-step derivatives).
Numbers = NDArray[Any]
