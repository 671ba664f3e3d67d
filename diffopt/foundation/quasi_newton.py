"""Minimization inside bounds by limited-memory BFGS.

Written here because importing `scipy.optimize` takes longer than most searches: half a second of a command.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.line_search import line_search

#: Variables -> loss, and its gradient.
Loss = Callable[[Array], tuple[float, Array]]

#: Pairs of steps and changes of the gradient that are remembered.
MEMORY = 20
#: Least curvature of a pair, relative to the slope along the step: less is rounding.
ROUNDING = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a minimization ended: variables, loss, gradient, evaluations."""

    x: Array
    value: float
    gradient: Array
    count: int


def minimize(
    loss: Loss, x: Array, bounds: Sequence[tuple[float, float]], budget: int, gain: float, slope: float
) -> Minimum:
    """Minimize from x, shape (n,), between `bounds`.

    Variables at a bound that the gradient pushes outwards rest; the others take the quasi-Newton step, cut off at
    the bounds (projected Newton, Bertsekas 1982, SIAM J. Control Optim. 20), with the two loops of Nocedal (1980,
    Math. Comp. 35) and a line search for Wolfe's conditions.

    Parameters
    ----------
    loss : callable
        Loss and gradient; both finite.
    budget : int
        Evaluations after which no further step begins.
    gain : float
        Decrease of a step, relative to the larger of 1 and the loss, below which it is the last.
    slope : float
        Largest component of the projected gradient at which the search ends.
    """
    low, high = np.array(bounds, dtype=float).reshape(-1, 2).T
    x = np.clip(x, low, high)
    value, gradient = loss(x)
    count, memory = 1, _Memory()
    while count <= budget:
        resting = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        if np.max(np.abs(np.clip(x - gradient, low, high) - x), initial=0.0) <= slope:
            break
        free = ~resting
        step = np.clip(x + memory.direction(gradient, free), low, high) - x
        if not gradient @ step < 0:
            memory.clear()
            step = np.clip(x - np.where(free, gradient, 0.0), low, high) - x
        found = line_search(loss, x, value, gradient, step, low, high)
        count += found.count
        if found.x is None:
            if not memory.pairs:
                break
            memory.clear()
            continue
        memory.add(found.x - x, found.gradient - gradient, -found.length * float(gradient @ step))
        drop = value - found.value
        scale = max(abs(value), abs(found.value), 1.0)
        x, value, gradient = found.x, found.value, found.gradient
        if drop <= gain * scale:
            break
    return Minimum(x, value, gradient, count)


class _Memory:
    """The inverse Hessian as the last pairs of steps and changes of the gradient."""

    def __init__(self) -> None:
        self.pairs: deque[tuple[Array, Array]] = deque(maxlen=MEMORY)

    def clear(self) -> None:
        """Forget all."""
        self.pairs.clear()

    def add(self, step: Array, change: Array, expected: float) -> None:
        """Keep a pair with positive curvature."""
        if step @ change > ROUNDING * expected:
            self.pairs.append((step, change))

    def direction(self, gradient: Array, free: NDArray[np.bool_]) -> Array:
        """Minus inverse Hessian times gradient, in the free variables."""
        d = np.where(free, -gradient, 0.0)
        pairs = list(self.pairs) if free.all() else [(s * free, y * free) for s, y in self.pairs]
        kept = [(s, y, float(s @ y)) for s, y in pairs]
        kept = [(s, y, curvature) for s, y, curvature in kept if curvature > 0]
        if not kept:
            return d
        shares = []
        for s, y, curvature in reversed(kept):
            share = (s @ d) / curvature
            d -= share * y
            shares.append(share)
        s, y, curvature = kept[-1]
        d *= curvature / (y @ y)
        for (s, y, curvature), share in zip(kept, reversed(shares), strict=True):
            d += (share - (y @ d) / curvature) * s
        return d
