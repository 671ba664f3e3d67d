"""Spectral measure of the covariance by products with vectors: for dimensions that admit no matrix.

Two stages (docs/spectra.md, section 5): block Krylov subspaces resolve the largest eigenvalues one by
one; stochastic Lanczos quadrature on the rest gives nodes and weights, started from random
combinations of the samples, so that the null space is never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.methods.pca import need_two
from diffopt.estimation.methods.raw_spectrum import RawSpectrum, check_varies, mean_matters, pooled
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sums.moments import Energy
from diffopt.estimation.sums.products import Combination, Product
from diffopt.foundation.arrays import Array

#: Relative residual below which a Ritz value is an eigenvalue; its error is of the order of the square.
LOCK = 1e-4
#: Directions this far below the largest are rounding.
NOISE = 1e-13


@dataclass(frozen=True)
class LanczosOptions:
    """Sizes of the two stages; memory is about 8 d (width depth + probes steps) bytes at most.

    Attributes
    ----------
    width, depth : int
        Block Krylov stage: vectors per block and number of blocks, one pass each.
    probes, steps : int
        Quadrature stage: random starts and nodes per start, one pass per node.
    seed : int
        Of the random combinations.
    """

    width: int = 16
    depth: int = 12
    probes: int = 6
    steps: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "depth", "probes", "steps"):
            if not 1 <= getattr(self, name) <= 1024:
                raise InputError(f"lanczos {name} must be from 1 to 1024, got {getattr(self, name)}")
        if max(self.width, self.probes) > 64:
            raise InputError(
                f"lanczos width and probes must be at most 64, got {max(self.width, self.probes)}"
            )


def fitted(options: LanczosOptions, dim: int, memory: int) -> LanczosOptions:
    """Options with fewer blocks and nodes where the vectors would not fit.

    At most three sets of vectors live at once: a basis, the accepted eigenvectors and temporaries.

    Raises
    ------
    InputError
        Not even short bases fit.
    """
    columns = memory // (3 * 8 * dim)
    depth = min(options.depth, columns // options.width)
    steps = min(options.steps, columns // options.probes)
    if depth < min(3, options.depth) or steps < min(8, options.steps):
        need = 24 * dim * max(3 * options.width, 8 * options.probes)
        raise InputError(
            f"lanczos in {dim} dimensions needs --memory {need / 2**30:.3g} at least; or use --method fourier"
        )
    return replace(options, depth=depth, steps=steps)


@dataclass(frozen=True)
class SampleCovariance:
    """The sample covariance as a map of vectors, one pass per product."""

    samples: Samples
    engine: Engine
    center: Array
    count: int

    def __call__(self, vectors: Array, stage: str) -> Array:
        """Covariance times vectors, shape (d, p)."""
        product = Product(self.center, np.ascontiguousarray(vectors))
        return np.asarray(self.engine.sweep(self.samples, product, stage).image / (self.count - 1))

    def combinations(self, width: int, seed: int, stage: str) -> Array:
        """Random combinations of the centered samples, Y'w / sqrt(n - 1), shape (d, width)."""
        sums = self.engine.sweep(self.samples, Combination(self.center, width, seed), stage)
        return np.asarray(sums.image / np.sqrt(self.count - 1))


def lanczos(
    samples: Samples, engine: Engine, keep_mean: bool = True, options: LanczosOptions | None = None
) -> RawSpectrum:
    """Compressed spectrum: the largest eigenvalues with weight 1, quadrature nodes for the others.

    Raises
    ------
    InputError
        A stream that can be read only once, or fewer than two samples.
    """
    options = options or LanczosOptions()
    if not samples.source.repeatable:
        raise InputError(
            f"{samples.source.label}: lanczos reads the samples many times; give a function that returns "
            "a fresh generator, or a file"
        )
    energy = engine.sweep(samples, Energy(samples.pilot()), "mean and trace")
    n, d = need_two(float(energy.count), samples), samples.dim
    mean = energy.pilot + energy.linear / n
    trace = (float(energy.squares) - float(energy.linear @ energy.linear) / n) / (n - 1)
    check_varies(trace, float(mean @ mean), samples.source.label)
    operator = SampleCovariance(samples, engine, mean, n)
    top, vectors = leading(operator, options, min(n - 1, d))
    nodes, weights = remainder(operator, options, top, vectors, trace, min(n - 1, d))
    eig, weight = np.concatenate([top, nodes]), np.concatenate([np.ones_like(top), weights])
    null = d - float(weight.sum())
    if null > 1e-9 * d:
        eig, weight = np.append(eig, 0.0), np.append(weight, null)
    projections = _mean_parts(mean, vectors, eig, d) if keep_mean and mean_matters(mean, trace, n) else None
    note = f"{len(top)} eigenvalues one by one, {len(nodes)} quadrature nodes for the others"
    return RawSpectrum(
        eig, weight, projections, n, trace, *pooled(mean, trace, n), float(mean @ mean), None, (note,)
    )


def _mean_parts(mean: Array, vectors: Array, eig: Array, dim: int) -> Array:
    """Mean along each resolved direction; what is left is spread evenly over the other directions."""
    parts = np.abs(vectors.T @ mean)
    rest = max(float(mean @ mean) - float(parts @ parts), 0.0)
    return np.append(parts, np.full(len(eig) - len(parts), np.sqrt(rest / max(dim - len(parts), 1))))


def orthonormal(block: Array, against: Array, scale: float) -> Array:
    """Orthonormal basis of what `block` adds to the columns of `against`; empty when nothing is added."""
    for _ in range(2):  # twice is enough (Giraud, Langou and Rozloznik 2005)
        block = block - against @ (against.T @ block)
    basis, upper, _ = scipy.linalg.qr(block, mode="economic", pivoting=True, check_finite=False)
    size = np.abs(np.diag(upper))
    keep = int(np.count_nonzero(size > NOISE * scale * np.sqrt(len(block))))
    basis = basis[:, :keep] - against @ (against.T @ basis[:, :keep])
    return np.linalg.qr(basis)[0] if keep else basis


def leading(operator: SampleCovariance, options: LanczosOptions, rank: int) -> tuple[Array, Array]:
    """Converged largest eigenvalues, descending, and eigenvectors (d, r), from a block Krylov space.

    The projected matrix Q'SQ is formed in full from the products, so loss of orthogonality cannot hide.
    """
    start = operator.combinations(options.width, options.seed, "random combinations")
    dim = start.shape[0]
    basis = np.empty((dim, options.width * options.depth), order="F")
    projected = np.zeros((basis.shape[1], basis.shape[1]))
    block = orthonormal(start, basis[:, :0], float(np.linalg.norm(start, axis=0).max()))
    used, coupling = 0, np.zeros((0, 0))
    for step in range(options.depth):
        now = used + block.shape[1]
        basis[:, used:now] = block
        image = operator(block, f"largest eigenvalues {step + 1}/{options.depth}")
        column = basis[:, :now].T @ image
        projected[:now, used:now] = column
        projected[used:now, :now] = column.T
        following = orthonormal(image, basis[:, :now], float(np.linalg.norm(image, axis=0).max()))
        coupling = following.T @ image
        last, used, block = used, now, following
        if block.shape[1] == 0 or used >= min(rank, dim):
            break
        block = block[:, : basis.shape[1] - used] if basis.shape[1] > used else block
    values, ritz = scipy.linalg.eigh(projected[:used, :used])
    values, ritz = values[::-1], ritz[:, ::-1]
    residual = np.linalg.norm(coupling @ ritz[last:used], axis=0) if coupling.size else np.zeros(used)
    good = (residual <= LOCK * np.maximum(values, 0)) & (values > NOISE * values[0] * dim)
    # Only an unbroken run from the top: a gap would leave an eigenvalue to the quadrature.
    run = used if good.all() else int(np.argmin(good))
    return values[:run].copy(), basis[:, :used] @ ritz[:, :run]


def remainder(
    operator: SampleCovariance, options: LanczosOptions, top: Array, vectors: Array, trace: float, rank: int
) -> tuple[Array, Array]:
    """Nodes and weights of the eigenvalues that :func:`leading` left (docs/spectra.md, eq. 7 and 8)."""
    left, room = trace - float(top.sum()), rank - len(top)
    if room < 1 or left <= 1e-12 * trace:
        return np.zeros(0), np.zeros(0)
    start = operator.combinations(options.probes, options.seed + 1, "random probes")
    for _ in range(2):
        start -= vectors @ (vectors.T @ start)
    square = np.einsum("ij,ij->j", start, start)
    alphas, betas = tridiagonals(operator, start / np.sqrt(square), vectors, options.steps)
    nodes, weights = [], []
    for probe in range(options.probes):
        theta, tau = gauss(alphas[probe], betas[probe])
        # Nodes within rounding of the largest eigenvalue are 0 (theory.md, eq. 103).
        largest = max(theta.max(), top.max(initial=0.0), 1e-300)
        real = theta > max(NOISE * theta.max(), len(vectors) * np.finfo(float).eps * largest)
        nodes.append(theta[real])
        # The start is in the range, so the rule is for the measure lambda dmu; divide by lambda.
        weights.append(square[probe] * tau[real] / theta[real] / options.probes)
    return balanced(np.concatenate(nodes), np.concatenate(weights), left, room, options.probes)


def balanced(nodes: Array, weights: Array, left: float, room: int, probes: int) -> tuple[Array, Array]:
    """Make the trace exact, and the number of directions where the estimate agrees with the rank."""
    weights = weights * (left / float(weights @ nodes))
    total = float(weights.sum())
    noise = 3 * np.sqrt(2.0 / (probes * room))
    if total > room or abs(total - room) <= noise * room:
        weights, nodes = weights * (room / total), nodes * (total / room)
    return nodes, weights


def tridiagonals(
    operator: SampleCovariance, start: Array, locked: Array, steps: int
) -> tuple[list[list[float]], list[list[float]]]:
    """Lanczos coefficients of each column of `start`; they share the passes. Full reorthogonalization."""
    dim, probes = start.shape
    bases = np.empty((probes, steps, dim))
    alphas: list[list[float]] = [[] for _ in range(probes)]
    betas: list[list[float]] = [[] for _ in range(probes)]
    current, alive = start, list(range(probes))
    for step in range(steps):
        for column, probe in enumerate(alive):
            bases[probe, step] = current[:, column]
        image = operator(current, f"quadrature {step + 1}/{steps}")
        following, survivors = [], []
        for column, probe in enumerate(alive):
            vector, size = image[:, column], float(np.linalg.norm(image[:, column]))
            alphas[probe].append(float(bases[probe, step] @ vector))
            for _ in range(2):
                vector = vector - locked @ (locked.T @ vector)
                vector = vector - bases[probe, : step + 1].T @ (bases[probe, : step + 1] @ vector)
            beta = float(np.linalg.norm(vector))
            if beta > 1e-10 * size and step + 1 < steps:
                betas[probe].append(beta)
                following.append(vector / beta)
                survivors.append(probe)
        if not survivors:
            break
        current, alive = np.stack(following, axis=1), survivors
    return alphas, betas


def gauss(alpha: list[float], beta: list[float]) -> tuple[Array, Array]:
    """Nodes and weights (summing to 1) of the Gauss rule of a Jacobi matrix (Golub and Welsch 1969)."""
    theta, vectors = scipy.linalg.eigh_tridiagonal(alpha, beta)
    return np.asarray(theta, np.float64), vectors[0] ** 2
