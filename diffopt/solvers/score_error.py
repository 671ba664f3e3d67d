"""A relative error of the score, put into any solver's coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers import Solver
from diffopt.solvers.table import Table

#: e(sigma), analytic (complex sigma is passed).
ScoreError = Callable[[Numbers], Numbers]

#: Shapes of e(sigma): everywhere, at the data end, at the noise end.
SHAPES: dict[str, ScoreError] = {
    "constant": lambda sigma: np.ones_like(sigma),
    "data": lambda sigma: 1 / (1 + sigma**2),
    "noise": lambda sigma: sigma**2 / (1 + sigma**2),
}


def parse_score_error(text: str) -> ScoreError:
    """Error from `0.02` or `SHAPE:0.02`; shapes are constant, data (1/(1 + sigma^2)) and noise (1 - that).

    Raises
    ------
    InputError
        Unknown shape, or not a finite number above -1.
    """
    shape, _, number = text.rpartition(":")
    shape = shape or "constant"
    if shape not in SHAPES:
        raise InputError(f"score error shape {shape!r} is unknown; use one of {', '.join(SHAPES)}, e.g. data:0.02")
    try:
        size = float(number)
    except ValueError:
        raise InputError(f"score error {text!r} is no number; write 0.02 or data:0.02") from None
    if not (np.isfinite(size) and size > -1):
        raise InputError(f"score error must be a finite number above -1, got {number}")
    return lambda sigma: size * SHAPES[shape](sigma)


def with_score_error(solver: Solver, error: ScoreError) -> Solver:
    """The same solver run with the score (1 + e(sigma)) S, so D + e(sigma) (s^2/alpha) S for the denoiser.

    Only the coefficients change (theory.md, eq. 69), so laws, gradients and samplers need no further word.

    Raises
    ------
    UnsupportedError
        On use, for schemes that are no coefficient table, and for steps from pure noise.
    """
    base = type(solver)

    def table(self: Solver, points: Points, eta: Numbers) -> Table:
        return perturbed(base.table(self, points, eta), error)

    copy: Solver = object.__new__(type(f"{base.__name__}WithError", (base,), {"table": table, "__doc__": base.__doc__}))
    copy.__dict__.update(vars(solver))
    return copy


def perturbed(table: Table, error: ScoreError) -> Table:
    """C' = (1 + e) C + e (s^2/alpha) B at every node a row reads (theory.md, eq. 69)."""
    if table.maps is not None:
        raise UnsupportedError("a score error needs a solver that is a coefficient table, not a random or Jacobian one")
    score = table.score.copy()
    for row in range(table.rows):
        for lag in range(table.lags):
            used = table.node(row, lag) >= 0
            nodes = table.node(row, lag)[used]
            alpha, level = table.alpha[..., nodes], table.level[..., nodes]
            denoised = table.denoised[..., used, row, lag]
            if np.any((alpha.real == 0) & (denoised != 0)):
                raise UnsupportedError("a relative score error has no meaning at pure noise; give a finite --sigma-max")
            safe = np.where(alpha.real == 0, 1.0, alpha)
            e = error(level / safe)
            score[..., used, row, lag] = (1 + e) * score[..., used, row, lag] + e * level**2 / safe * denoised
    return replace(table, score=score)
