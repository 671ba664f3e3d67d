"""The sampling loop: a table run with any denoiser, one state at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError, UnsupportedError
from diffopt.solvers.maps import JacobianProduct, ModelCall, Models
from diffopt.solvers.table import Table


@dataclass(frozen=True, eq=False)
class LoopState:
    """What a caller sees of a run at a grid point.

    Attributes
    ----------
    step : int
        Steps taken, 0 to N.
    alpha, level : float
        Signal and noise scale of the grid point.
    z : ndarray
        State, in the process's own coordinates.
    """

    step: int
    alpha: float
    level: float
    z: NDArray[Any]


def states(
    table: Table,
    denoiser: ModelCall,
    start: NDArray[Any],
    rng: np.random.Generator | None = None,
    score: ModelCall | None = None,
    jacobian: JacobianProduct | None = None,
) -> Iterator[LoopState]:
    """Run the table as a sampler with any denoiser: eq. (10), literally, as a generator of its states.

    Parameters
    ----------
    table : Table
        Real coefficients, no leading axes.
    denoiser : callable
        (z, alpha, noise) -> E[x_0 | z], same shape as z.
    start : ndarray
        Initial states z_0 = alpha_0 x_0 + noise_0 n, any shape.
    rng : Generator, optional
        Needed when the table injects noise.
    score : callable, optional
        Score of the marginals; made from the denoiser where it is not given: (alpha D - z)/noise^2.
    jacobian : callable, optional
        (z, alpha, noise, direction) -> Jacobian of the denoiser times direction, for schemes that need it.

    Yields
    ------
    LoopState
        The start, then the state after each of the N steps. The next step runs when the next state is asked for.

    Raises
    ------
    UnsupportedError
        A score is needed at noise level 0, where a denoiser does not determine it; or the run has an error that is
        not in its coefficients.
    InputError
        The run injects noise, and no `rng` is given.
    """
    if table.error is not None or (table.maps is not None and table.maps.error is not None):
        raise UnsupportedError("this run's score error depends on the spectrum; put it into the denoiser instead")
    if rng is None and table.stochastic:
        raise InputError("this run injects noise; give rng=numpy.random.default_rng(seed)")
    models = Models(denoiser, score or _score_of(denoiser), jacobian)
    steps = _table_steps(table, models, start, rng) if table.maps is None else table.maps.states(start, models, rng)
    alpha, level = table.alpha[:: table.rows], table.level[:: table.rows]
    yield LoopState(0, float(alpha[0]), float(level[0]), start)
    for k, z in enumerate(steps, 1):
        yield LoopState(k, float(alpha[k]), float(level[k]), z)


def sample(
    table: Table,
    denoiser: ModelCall,
    start: NDArray[Any],
    rng: np.random.Generator | None = None,
    score: ModelCall | None = None,
    jacobian: JacobianProduct | None = None,
) -> NDArray[Any]:
    """Last state of :func:`states`, which has the parameters and the errors."""
    last = start
    for state in states(table, denoiser, start, rng, score, jacobian):
        last = state.z
    return last


def _table_steps(
    table: Table, models: Models, start: NDArray[Any], rng: np.random.Generator | None
) -> Iterator[NDArray[Any]]:
    """State after each step; nodes that no later row reads are forgotten."""
    nodes: dict[int, NDArray[Any]] = {0: start}
    outputs: dict[tuple[int, int], NDArray[Any]] = {}

    def output(kind: int, node: int) -> NDArray[Any]:
        if (kind, node) not in outputs:
            call = models.score if kind else models.denoiser
            outputs[kind, node] = call(nodes[node], float(table.alpha[node]), float(table.level[node]))
        return outputs[kind, node]

    for k in range(table.steps):
        xi = [rng.standard_normal(start.shape) for _ in range(table.sources)] if rng is not None else []
        for row in range(table.rows):
            z = np.zeros_like(start)
            for lag in range(table.lags):
                node = k * table.rows + row - lag
                if node < 0:
                    break
                z = z + table.state[k, row, lag] * nodes[node]
                for kind, coefficients in enumerate((table.denoised, table.score)):
                    if coefficients[k, row, lag] != 0:
                        z = z + coefficients[k, row, lag] * output(kind, node)
            for source in range(table.sources):
                if table.noise[k, row, source] != 0:
                    z = z + table.noise[k, row, source] * xi[source]
            nodes[k * table.rows + row + 1] = z
        oldest = (k + 1) * table.rows - table.lags + 1
        nodes = {i: node for i, node in nodes.items() if i >= oldest}
        outputs = {key: made for key, made in outputs.items() if key[1] >= oldest}
        yield z


def _score_of(denoiser: ModelCall) -> ModelCall:
    """Score of the marginals from the denoiser: (alpha D - z)/noise^2."""

    def score(z: NDArray[Any], alpha: float, level: float) -> NDArray[Any]:
        if level == 0:
            raise UnsupportedError("the scheme evaluates the score at noise level 0; pass score=, or end above 0")
        return np.asarray((alpha * denoiser(z, alpha, level) - z) / level**2)

    return score
