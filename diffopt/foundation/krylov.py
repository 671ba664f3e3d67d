"""Functions of a symmetric operator that is known by its products only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Krylov dimension at most, and the relative residual at which a space counts as invariant.
DEPTH, INVARIANT = 24, 1e-12


def apply_function(
    product: Callable[[NDArray[Any]], NDArray[Any]],
    function: Callable[[NDArray[Any]], NDArray[Any]],
    start: NDArray[Any],
) -> NDArray[Any]:
    """f(J) b for every row of b by Lanczos; exact once J has at most DEPTH distinct eigenvalues in b.

    Parameters
    ----------
    product : callable
        Rows (M, d) -> J times the rows; J symmetric, possibly another one for every row.
    function : callable
        f, elementwise on eigenvalues.
    start : ndarray, shape (M, d)
        b.

    Notes
    -----
    Lanczos (1950); f(J) b = |b| Q f(T) e_1. Full reorthogonalization, as the dimension is small.
    """
    norm = np.linalg.norm(start, axis=-1, keepdims=True)
    basis = [start / np.where(norm > 0, norm, 1)]
    depth = min(DEPTH, start.shape[-1])
    matrix = np.zeros((start.shape[0], depth, depth))
    for j in range(depth):
        image = product(basis[j])
        for _ in range(2):
            for i, vector in enumerate(basis):
                part = np.sum(vector * image, axis=-1)
                matrix[:, i, j] += part
                image = image - part[:, None] * vector
        size = np.linalg.norm(image, axis=-1)
        alive = size > INVARIANT * np.maximum(np.abs(matrix).sum(axis=(1, 2)), 1e-300)
        if j + 1 == depth or not alive.any():
            depth = j + 1
            break
        matrix[:, j + 1, j] = np.where(alive, size, 0)
        basis.append(np.where(alive, 1, 0)[:, None] * image / np.where(alive, size, 1)[:, None])
    small = matrix[:, :depth, :depth]
    values, vectors = np.linalg.eigh((small + small.transpose(0, 2, 1)) / 2)
    weights = np.einsum("mij,mj,mj->mi", vectors, function(values), vectors[:, 0, :])
    return np.asarray(norm * np.einsum("jmd,mj->md", np.stack(basis[:depth]), weights))
