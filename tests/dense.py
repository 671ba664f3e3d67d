"""Full-matrix Gaussian truth: no eigenbasis, no scalar recurrence, only products of matrices."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cholesky, sqrtm
from scipy.stats import special_ortho_group

Array = np.ndarray


def rotated(eig: Array, mean: Array | None = None, seed: int = 0) -> tuple[Array, Array, Array]:
    """(covariance, mean, rotation) of a Gaussian with these eigenvalues in a random basis."""
    rotation = special_ortho_group.rvs(len(eig), random_state=np.random.default_rng(seed))
    mu = np.zeros(len(eig)) if mean is None else rotation @ np.asarray(mean)
    return rotation @ np.diag(eig) @ rotation.T, mu, rotation


def output_law(table, covariance: Array, mu: Array, start: str) -> tuple[Array, Array]:
    """Mean and covariance of the output: every node as an affine map of all the randomness."""
    d = len(mu)
    width = d + table.steps * table.sources * d
    alpha, level = table.alpha, table.level

    def affine(z: tuple[Array, Array], i: int, score: bool) -> tuple[Array, Array]:
        inverse = np.linalg.inv(alpha[i] ** 2 * covariance + level[i] ** 2 * np.eye(d))
        gain = -inverse if score else alpha[i] * covariance @ inverse
        return gain @ z[0], gain @ (z[1] - alpha[i] * mu) + (0 if score else mu)

    signal = {"exact": covariance, "sigma": 0 * covariance, "unit": np.eye(d)}[start]
    first = np.zeros((d, width))
    first[:, :d] = cholesky(alpha[0] ** 2 * signal + level[0] ** 2 * np.eye(d), lower=True)
    nodes = [(first, alpha[0] * mu if start == "exact" else 0 * mu)]
    for k in range(table.steps):
        for row in range(table.rows):
            m, c = np.zeros((d, width)), np.zeros(d)
            for lag in range(table.lags):
                i = k * table.rows + row - lag
                if i < 0:
                    continue
                parts = [(table.state[k, row, lag], nodes[i])]
                if table.denoised[k, row, lag]:
                    parts.append((table.denoised[k, row, lag], affine(nodes[i], i, False)))
                if table.score[k, row, lag]:
                    parts.append((table.score[k, row, lag], affine(nodes[i], i, True)))
                for factor, (matrix, offset) in parts:
                    m, c = m + factor * matrix, c + factor * offset
            for s in range(table.sources):
                at = d + (k * table.sources + s) * d
                m[:, at : at + d] += table.noise[k, row, s] * np.eye(d)
            nodes.append((m, c))
    m, c = nodes[-1]
    return c, m @ m.T


def wasserstein(m_1: Array, c_1: Array, m_2: Array, c_2: Array) -> float:
    """2-Wasserstein distance of Gaussians by matrix square roots (Dowson, Landau 1982)."""
    root = np.real(sqrtm(c_1))
    cross = np.real(sqrtm(root @ c_2 @ root))
    return float(np.sqrt(((m_1 - m_2) ** 2).sum() + np.trace(c_1 + c_2 - 2 * cross)))


def divergence(m_1: Array, c_1: Array, m_2: Array, c_2: Array) -> float:
    """KL(N(m_1, c_1) || N(m_2, c_2)), textbook."""
    inverse, gap = np.linalg.inv(c_2), m_2 - m_1
    logs = np.linalg.slogdet(c_2)[1] - np.linalg.slogdet(c_1)[1]
    return float(0.5 * (np.trace(inverse @ c_1) - len(m_1) + gap @ inverse @ gap + logs))
