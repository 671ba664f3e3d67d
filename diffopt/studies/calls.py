"""What a number of model calls buys."""

from __future__ import annotations

from diffopt.solvers import Solver


def steps_for(solver: Solver, calls: int, to_data: bool) -> int:
    """Largest number of steps whose model calls stay within `calls`, 0 where one step takes more.

    `to_data`: the last step goes to sigma = 0 (`Solver.calls`).
    """
    return next((n for n in range(calls, 0, -1) if solver.calls(n, to_data) <= calls), 0)
