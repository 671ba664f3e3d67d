"""The components of a mixture at one noise level: who answers for a state, and averages over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array


@dataclass(frozen=True, eq=False)
class Frame:
    """Components N(alpha m_j, U_j diag(total_j) U_j^T) of the law of z.

    Attributes
    ----------
    weights, means : ndarray, shapes (k,) and (k, d)
        Probabilities and means of x_0.
    total : ndarray, shape (k, d)
        Variances of z along the columns of the basis, positive.
    basis : ndarray of shape (d, d) or (k, d, d), or None
        As in `Mixture`.
    alpha : float
        Signal scale.
    memory : int
        Bytes of intermediate arrays.
    """

    weights: Array
    means: Array
    total: Array
    basis: Array | None
    alpha: float
    memory: int

    def average(self, z: Array, constant: Array, factor: Array) -> Array:
        """sum_j r_j(z) (constant_j + U_j factor_j U_j^T (z - alpha m_j)), shape (n, d), in chunks of rows.

        `constant` (k, d) stands in the axes of the data, `factor` (k, d) along the basis; r_j(z) is the
        probability of component j given z, from a log-sum-exp that neither over- nor underflows (eq. 150).
        """
        own = self.basis is not None and self.basis.ndim == 3
        rows = max(1, self.memory // (8 * self.weights.size * (4 * z.shape[1] if own else 4)))
        inner = self._own if own else self._common
        return np.concatenate([inner(z[i : i + rows], constant, factor) for i in range(0, len(z), rows)])

    def _common(self, z: Array, constant: Array, factor: Array) -> Array:
        """One basis for all: distances by one product."""
        turn = self.basis
        means, constant = (self.means, constant) if turn is None else (self.means @ turn, constant @ turn)
        z = z if turn is None else z @ turn
        # Distances from the middle of the means lose fewer digits than distances from 0.
        middle = self.weights @ means
        y, m, inverse = z - self.alpha * middle, self.alpha * (means - middle), 1 / self.total
        square = (y**2) @ inverse.T - 2 * y @ (m * inverse).T + np.sum(m**2 * inverse, axis=1)
        share = self._shares(square)
        out = share @ (constant - self.alpha * factor * means) + z * (share @ factor)
        return np.asarray(out if turn is None else out @ turn.T)

    def _own(self, z: Array, constant: Array, factor: Array) -> Array:
        """A basis for each component."""
        assert self.basis is not None
        y = np.matmul(z - self.alpha * self.means[:, None, :], self.basis)
        share = self._shares(np.sum(y**2 / self.total[:, None, :], axis=2).T)
        weighted = share.T[:, :, None] * factor[:, None, :] * y
        return np.asarray(share @ constant + np.matmul(weighted, self.basis.transpose(0, 2, 1)).sum(axis=0))

    def _shares(self, square: Array) -> Array:
        """Probabilities of the components given squared distances, shape (n, k)."""
        with np.errstate(divide="ignore"):
            logits = np.log(self.weights) - 0.5 * (square + np.sum(np.log(self.total), axis=1))
        share = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(share / share.sum(axis=1, keepdims=True))
