"""A wrong score, put into any run's coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Numbers
from diffopt.solvers.model_error import KINDS, ErrorKind, ModelError
from diffopt.solvers.table import Table

#: Shapes of e(sigma): everywhere, at the data end, at the noise end.
SHAPES: dict[str, Callable[[Numbers], Numbers]] = {
    "constant": lambda sigma: np.ones_like(sigma),
    "data": lambda sigma: 1 / (1 + sigma**2),
    "noise": lambda sigma: sigma**2 / (1 + sigma**2),
}


#: Eigenvalues at which a rule of unknown kind is asked whether it looks at them.
PROBES = np.geomspace(1e-3, 1e3, 5)[:, None]

#: Why a run from pure noise has no score error.
PURE_NOISE = "a score error has no meaning at pure noise; give a finite --sigma-max (or --t-max)"


def parse_score_error(text: str) -> ModelError:
    """Error from `[random:][relative:|absolute:|loss:][SHAPE:]NUMBER`, e.g. `0.02` or `random:data:0.02`.

    Shapes are constant, data (1/(1 + sigma^2)) and noise (1 - that).

    Raises
    ------
    InputError
        Unknown word, not a finite number, a relative error of -1 or less, or a negative size.
    """
    *words, number = text.split(":")
    random = "random" in words
    kinds = [word for word in words if word in KINDS]
    shapes = [word for word in words if word in SHAPES]
    unknown = [word for word in words if word not in ("random", *KINDS, *SHAPES)]
    if unknown or len(kinds) > 1 or len(shapes) > 1:
        allowed = ", ".join(("random", *KINDS, *SHAPES))
        raise InputError(f"score error {text!r}: use words of {allowed}, one of a sort, e.g. random:data:0.02")
    try:
        size = float(number)
    except ValueError:
        raise InputError(f"score error {text!r} is no number; write 0.02 or data:0.02") from None
    kind: ErrorKind = next((k for k in KINDS if k in kinds), "relative")
    lowest = -1.0 if kind == "relative" and not random else 0.0
    if not np.isfinite(size) or size < lowest or size == -1:
        raise InputError(f"score error must be a finite number above {lowest:g}, got {number}")
    return ModelError(Shaped(size, shapes[0] if shapes else "constant"), kind, random, text)


@dataclass(frozen=True)
class Shaped:
    """e(sigma) of a size and one of SHAPES."""

    size: float
    shape: str = "constant"

    def __call__(self, _: Numbers, sigma: Numbers) -> Numbers:
        """e at noise ratios, whatever the eigenvalue."""
        return self.size * SHAPES[self.shape](sigma)


def perturbed(table: Table, error: ModelError | Callable[[Numbers], Numbers]) -> Table:
    """The same run with a wrong model.

    A relative systematic e(sigma) changes coefficients only, C' = (1 + e) C + e (s^2/alpha) B at every node a row
    reads (theory.md, eq. 69). Other systematic errors are left to the response (eq. 171). A random error gives every
    model call a node of its own, beside the node it is made at (eq. 172). Steps that are maps have it in their formulas
    (eqs. 250-253).

    Raises
    ------
    UnsupportedError
        For calls at pure noise and scores without noise.
    """
    error = ModelError.of(error)
    if table.maps is not None:
        if np.any(table.alpha[..., 0] == 0):
            raise UnsupportedError(PURE_NOISE)
        return replace(table, maps=replace(table.maps, error=error))
    _check_nodes(table, error)
    if error.random:
        return replace(_with_error_nodes(table), error=error)
    if error.kind == "relative" and error.offset is None and _ignores_eigenvalue(error, table):
        return _relative(table, error)
    return replace(table, error=error)


def _ignores_eigenvalue(error: ModelError, table: Table) -> bool:
    """Whether e is a function of sigma alone."""
    if isinstance(error.rule, Shaped):
        return True
    sigma = _ratios(table).ravel()
    values = np.broadcast_to(error.rule(PROBES, sigma[None]), (PROBES.size, sigma.size))
    return bool(np.all(values == values[:1]))


def _ratios(table: Table) -> Numbers:
    """Noise ratio of every node, 1 at pure noise."""
    pure = table.alpha.real == 0
    return np.where(pure, 1.0, table.level / np.where(pure, 1.0, table.alpha))


def _reads(table: Table) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """Per place (row, lag): which steps read there, and the nodes they read."""
    places = product(range(table.rows), range(table.lags))
    return [(row, lag, table.node(row, lag) >= 0, table.node(row, lag)) for row, lag in places]


def _nodes(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Node that each place (step, row, lag) reads, 0 where there is none, and whether there is one."""
    return _places(table.steps, table.rows, table.lags)


@lru_cache(maxsize=64)
def _places(steps: int, rows: int, lags: int) -> tuple[np.ndarray, np.ndarray]:
    """The same for tables of a shape, which a search asks for thousands of times; not to be written to."""
    nodes = np.arange(steps)[:, None, None] * rows + np.arange(rows)[:, None] - np.arange(lags)
    return np.maximum(nodes, 0), nodes >= 0


def _check_nodes(table: Table, error: ModelError) -> None:
    relative = error.kind == "relative" and not error.random
    pure, clean = table.alpha.real == 0, table.level.real == 0
    if not np.any(pure) and (relative or not np.any(clean)):
        return
    nodes, used = _nodes(table)
    if np.any(used & pure[..., nodes] & (table.denoised != 0)):
        raise UnsupportedError(PURE_NOISE)
    if not relative and np.any(used & clean[..., nodes] & (table.score != 0)):
        raise UnsupportedError("the score is called at noise 0, where only a relative error is defined; use --end sigma_min")


def _relative(table: Table, error: ModelError) -> Table:
    """Eq. (69)."""
    # Per node first (no row reads the last), then at once to every place that reads there.
    alpha, level = table.alpha[..., :-1], table.level[..., :-1]
    e = np.broadcast_to(error.rule(np.ones(1), _ratios(table)[..., :-1]), level.shape)
    through = e * level**2 / np.where(alpha.real == 0, 1.0, alpha)
    nodes, used = _nodes(table)
    score = np.where(used, (1 + e[..., nodes]) * table.score + through[..., nodes] * table.denoised, table.score)
    return replace(table, score=score)


def _with_error_nodes(table: Table) -> Table:
    """Node i becomes 2 i, and 2 i + 1 is a unit error of the denoiser called there; its size is the response's.

    Row r becomes 2 r + 1 and reads at lag l the node at lag 2 l + 1 and its error at lag 2 l, the latter with
    B + C alpha/s^2.
    """
    rows, lags, sources = table.rows, table.lags, table.sources
    lead = table.state.shape[:-2]
    state, denoised, score = (np.zeros((*lead, 2 * rows, 2 * lags), table.state.dtype) for _ in range(3))
    noise = np.zeros((*lead, 2 * rows, sources + rows), table.noise.dtype)
    for new, old in ((state, table.state), (denoised, table.denoised), (score, table.score)):
        new[..., 1::2, 1::2] = old
    noise[..., 1::2, :sources] = table.noise
    for row in range(rows):
        noise[..., 2 * row, sources + row] = 1.0
    for row, lag, used, nodes in _reads(table):
        alpha, level = table.alpha[..., nodes[used]], table.level[..., nodes[used]]
        safe = np.where(level.real == 0, 1.0, level)
        passed = table.denoised[..., used, row, lag] + table.score[..., used, row, lag] * alpha / safe**2
        state[..., used, 2 * row + 1, 2 * lag] = passed
    return Table(_spaced(table.alpha), _spaced(table.level), state, denoised, score, noise)


def _spaced(nodes: Numbers) -> Numbers:
    """Values at even places and zeros between them."""
    wide = np.zeros((*nodes.shape[:-1], 2 * nodes.shape[-1] - 1), nodes.dtype)
    wide[..., ::2] = nodes
    return wide
