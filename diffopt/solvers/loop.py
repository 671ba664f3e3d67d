"""The sampling loop: a table run with any denoiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import UnsupportedError
from diffopt.solvers.maps import JacobianProduct, Models
from diffopt.solvers.table import Table

#: denoiser(z, alpha, noise) -> E[x_0 | z]; z of any shape.
Denoiser = Callable[[NDArray[Any], float, float], NDArray[Any]]


def sample(
    table: Table,
    denoiser: Denoiser,
    start: NDArray[Any],
    rng: np.random.Generator | None = None,
    score: Denoiser | None = None,
    jacobian: JacobianProduct | None = None,
) -> NDArray[Any]:
    """Run the table as a sampler with any denoiser: eq. (10), literally.

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

    Raises
    ------
    UnsupportedError
        A score is needed at noise level 0, where a denoiser does not determine it.
    """
    if table.maps is not None:
        return table.maps.run(start, Models(denoiser, score or _score_of(denoiser), jacobian), rng)
    nodes = [start]
    models: list[dict[int, NDArray[Any]]] = [{}, {}]

    def model(kind: int, node: int) -> NDArray[Any]:
        if node not in models[kind]:
            models[kind][node] = _call(kind, nodes[node], float(table.alpha[node]), float(table.level[node]))
        return models[kind][node]

    def _call(kind: int, z: NDArray[Any], alpha: float, level: float) -> NDArray[Any]:
        if kind == 0:
            return denoiser(z, alpha, level)
        return (score or _score_of(denoiser))(z, alpha, level)

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
                        z = z + coefficients[k, row, lag] * model(kind, node)
            for source in range(table.sources):
                if table.noise[k, row, source] != 0:
                    z = z + table.noise[k, row, source] * xi[source]
            nodes.append(z)
    return nodes[-1]


def _score_of(denoiser: Denoiser) -> Denoiser:
    """Score of the marginals from the denoiser: (alpha D - z)/noise^2."""

    def score(z: NDArray[Any], alpha: float, level: float) -> NDArray[Any]:
        if level == 0:
            raise UnsupportedError("the scheme evaluates the score at noise level 0; pass score=, or end above 0")
        return np.asarray((alpha * denoiser(z, alpha, level) - z) / level**2)

    return score
