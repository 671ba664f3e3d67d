"""Which eta is advised: what holds where data are not Gaussian, the simplest of what is equal; else the present setting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.nearness import within
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.studies.claims import Claim
from diffopt.studies.eta import ETA_DESIGNS, NoiseDesign
from diffopt.studies.eta_claim import GAIN, Ends, Scaled, gained


@dataclass(frozen=True, eq=False)
class Judged:
    """What is said of one answer.

    Attributes
    ----------
    over_present : str or None
        On which data it gains over the present setting (theory.md, eq. 423), with no error that is larger where none
        cancels, nor with eta 0 or 1; None where the present setting has no finite error.
    over_ends : str or None
        On which data a constant eta gains over 0 and 1 (eq. 342); None of other designs.
    mixed : float
        Root mean square of the exact error and the one in which nothing cancels.
    """

    over_present: Claim | None
    over_ends: Claim | None
    mixed: float


def judged(problem: Problem, grid: Grid, answers: Sequence[NoiseDesign], now: NoiseDesign | None) -> list[Judged]:
    """What is said of each answer."""
    rival = None if now is None else Scaled(problem, grid).runs(now.eta[None])[..., 0]
    found: dict[int, Judged] = {}
    for clock in dict.fromkeys(answer.clock for answer in answers):
        solver = problem.solver if clock is None else replace(problem.solver, clock=clock)
        places = [i for i, answer in enumerate(answers) if answer.clock == clock]
        ends = Ends(replace(problem, solver=solver), grid, np.array([answers[i].eta for i in places]))
        for place, i in enumerate(places):
            own, top = ends.more[..., place], float(np.max(answers[i].eta))
            over = None
            if rival is not None and now is not None:
                # More noise than the present one damps at a larger rate, as in the rule over 0 and 1.
                moderate = top <= max(1.0, float(np.max(now.eta)))
                over = gained(own, rival, moderate and _firm(own, rival) and (top == 0 or bool(np.all(own <= ends.least))))
            ends_of = gained(own, ends.least, top <= 1) if answers[i].design == "constant" else None
            found[i] = Judged(over, ends_of, float(own[0, 1]))
    return [found[i] for i in range(len(answers))]


def _firm(own: Array, rival: Array) -> bool:
    """Whether errors with none cancelling are no larger: they and the exact ones have the mixed ones as root mean square."""
    left, right = (2 * errors[:, 1] ** 2 - errors[:, 0] ** 2 for errors in (own, rival))
    return bool(np.all(left <= right))


def advised(answers: Sequence[NoiseDesign], said: Sequence[Judged]) -> int | None:
    """Place of the answer that is advised; None: the present setting is kept.

    Only what gains over the present setting also where data are not Gaussian is believed; any, where that has no finite
    error. Of those within a twentieth of the least error it is the simplest.
    """
    believed = [i for i, one in enumerate(said) if one.over_present in (None, "wider")]
    least = min((said[i].mixed for i in believed), default=0.0)
    equal = [i for i in believed if within(GAIN, said[i].mixed, least)]
    return min(equal, key=lambda i: (ETA_DESIGNS.index(answers[i].design), said[i].mixed), default=None)
