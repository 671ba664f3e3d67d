"""Minimization inside bounds by limited-memory BFGS.

Written here because importing `scipy.optimize` takes longer than most searches: half a second of a command.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.line_search import FEW, TRIALS, inside, line_search

#: Variables -> loss, and its gradient.
Loss = Callable[[Array], tuple[float, Array]]

#: A step, the change of the gradient along it, and their product.
Pair = tuple[Array, Array, float]

#: Pairs of steps and changes of the gradient that are remembered.
PAIRS = 20
#: Least curvature of a pair, relative to the slope along the step: less is rounding.
ROUNDING = float(np.finfo(float).eps)
#: Largest change of a slope whose square is summed.
STEEP = 1e150
#: Evaluations in which a search among kinks must gain something, at least.
PACE = 10
#: How near to a known minimum a quasi-Newton step must lead, and how well its fall must agree, to be on the way there.
NEAR, FALL = 0.4, 0.25


class Memory:
    """The inverse Hessian as the last pairs of steps and changes of the gradient."""

    def __init__(self, pairs: Iterable[Pair] = (), scale: float | None = None) -> None:
        self.pairs: deque[Pair] = deque(pairs, maxlen=PAIRS)
        self.scale = scale

    def copy(self) -> Memory:
        """One that may be changed."""
        return Memory(self.pairs, self.scale)

    def clear(self) -> None:
        """Forget all."""
        self.pairs.clear()

    def add(self, step: Array, change: Array, expected: float) -> None:
        """Keep a pair with positive curvature; next to a zero of a logarithm slopes have squares beyond doubles."""
        if np.max(np.abs(change), initial=0.0) > STEEP:
            return
        curvature = float(step @ change)
        if curvature > ROUNDING * expected:
            self.pairs.append((step, change, curvature))

    def direction(self, gradient: Array, free: NDArray[np.bool_]) -> Array:
        """Minus inverse Hessian times gradient, in the free variables."""
        if free.all():
            d, kept = -gradient, list(self.pairs)
        else:
            d = np.where(free, -gradient, 0.0)
            kept = [(s * free, y * free, float((s * free) @ y)) for s, y, _ in self.pairs]
            kept = [pair for pair in kept if pair[2] > 0]
        if not kept:
            return d if self.scale is None else self.scale * d
        shares = []
        for s, y, curvature in reversed(kept):
            share = (s @ d) / curvature
            d -= share * y
            shares.append(share)
        _, y, curvature = kept[-1]
        d *= curvature / (y @ y) if self.scale is None else self.scale
        for (s, y, curvature), share in zip(kept, reversed(shares), strict=True):
            d += (share - (y @ d) / curvature) * s
        return d


@dataclass(frozen=True, eq=False)
class Minimum:
    """Where a minimization ended: variables, loss, gradient, evaluations, the curvature that it learned, whether by crawling."""

    x: Array
    value: float
    gradient: Array
    count: int
    memory: Memory
    crawled: bool = False

    def explains(self, x: Array, value: float, gradient: Array, step: Array) -> bool:
        """Whether a quasi-Newton step from x leads to this minimum, in place and in value: x lies in its basin.

        The step's quadratic model ends at x + step, at value + gradient @ step/2.
        """
        far, left = np.max(np.abs(x - self.x)), np.max(np.abs(x + step - self.x))
        gap, fall = value - self.value, -0.5 * float(gradient @ step)
        return bool(left <= NEAR * far and abs(fall - gap) <= FALL * gap)


def pace(variables: int) -> int:
    """Evaluations in which a search among kinks must gain something."""
    return max(PACE, variables // 2)


def minimize(
    loss: Loss, x: Array, bounds: Sequence[tuple[float, float]], budget: int, gain: float, slope: float,
    known: Minimum | None = None, scale: float | None = None, crawl: float = 0.0,
) -> Minimum:  # fmt: skip
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
    known : Minimum, optional
        Another minimum: its curvature is the first guess, and the search ends where the rest of its way leads there.
    crawl : float
        Among kinks, where no gradient tells the end: decrease over `pace` evaluations, relative as `gain`, below which it
        has come. Line searches are then short, and what they saw beyond a kink is curvature too (theory.md, sec. 7).
    """
    low, high = np.array(bounds, dtype=float).reshape(-1, 2).T
    x = np.clip(x, low, high)
    value, gradient = loss(x)
    crawled = False
    count, memory = 1, Memory(scale=scale) if known is None else known.memory.copy()
    trials, passed = FEW if crawl else TRIALS, deque([np.inf] * pace(x.size), pace(x.size))
    while count <= budget:
        resting = ((x <= low) & (gradient > 0)) | ((x >= high) & (gradient < 0))
        if np.max(np.abs(inside(x - gradient, low, high) - x), initial=0.0) <= slope:
            break
        free = ~resting
        step = inside(x + memory.direction(gradient, free), low, high) - x
        if not gradient @ step < 0:
            memory.clear()
            step = inside(x - np.where(free, gradient, 0.0), low, high) - x
        elif known is not None and known.explains(x, value, gradient, step):
            break
        found = line_search(loss, x, value, gradient, step, low, high, trials)
        count += found.count
        if found.x is None:
            if not memory.pairs:
                break
            memory.clear()
            continue
        memory.add(found.x - x, found.gradient - gradient, -found.length * float(gradient @ step))
        if crawl and found.beyond is not None:
            memory.add(found.beyond[0] - found.x, found.beyond[1] - found.gradient, 0.0)
        drop = value - found.value
        size = max(abs(value), abs(found.value), 1.0)
        x, value, gradient = found.x, found.value, found.gradient
        if drop <= gain * size or passed[0] - value < crawl * size:
            crawled = drop > gain * size
            break
        passed.extend([value] * found.count)
    return Minimum(x, value, gradient, count, memory, crawled)
