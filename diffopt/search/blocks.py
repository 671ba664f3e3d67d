"""Which groups of variables an optimization has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.schedules import SCHEDULES, Schedule
from diffopt.search.family import FamilyBlock
from diffopt.search.knobs import SHARED, no_end
from diffopt.search.variables import FREE, Block, EtaBlock, GridBlock


def blocks_of(problem: Problem, free: Sequence[str], schedule: Schedule) -> list[Block]:
    """Groups of variables by the names of what is free; coefficients follow the grid and need none.

    Raises
    ------
    InputError
        Unknown or contradictory names, or what the problem does not have.
    """
    check_free(free, schedule)
    if "coefficients" in free and not problem.solver.needs_data:
        raise InputError(f"solver {problem.solver.name!r} has no coefficients to fit; use fitted_2, fitted_3 or fitted_4")
    numbers, blocks = [name for name in free if name not in FREE], list[Block]()
    if "grid" in free:
        for name in ("sigma_min", "sigma_max"):
            if name in free and (why := no_end(name, problem)):
                raise InputError(f"--free {name}: {why}")
        # The last level above 0 of a free grid moves down to sigma_min anyway.
        numbers = [name for name in numbers if name not in ("sigma_min", "sigma_max")]
        if problem.steps > 1:
            blocks.append(GridBlock(problem, "sigma_max" in free))
    if "eta" in free or "eta_per_step" in free:
        blocks.append(EtaBlock(problem, "eta_per_step" in free))
    if numbers:
        blocks.append(FamilyBlock(problem, schedule, "grid" not in free, numbers))
    if "family" in free:
        blocks[len(blocks) - bool(numbers) :] = [FamilyBlock(problem, schedule, "grid" not in free)]
    return blocks


def named_ends(free: Sequence[str], sigmas: Array) -> dict[str, float]:
    """Ends of a free grid that were asked for by name."""
    if "grid" not in free or sigmas.size < 3:
        return {}
    ends = {"sigma_min": float(sigmas[-2]), "sigma_max": float(sigmas[0])}
    return {name: value for name, value in ends.items() if name in free}


#: Names of EDM's generate.py that are others here.
ALIASES = {"s_min": "s_tmin", "s_max": "s_tmax"}


def canonical(free: Iterable[str]) -> list[str]:
    """Names of what is free as they stand here: S_min is s_tmin, sigma-min is sigma_min; each once."""
    plain = (name.lower().replace("-", "_") for name in free)
    return list(dict.fromkeys(ALIASES.get(name, name) for name in plain))


def check_free(free: Sequence[str], schedule: Schedule) -> None:
    """Refuse names that are none, and two that exclude each other.

    Raises
    ------
    InputError
        Naming what is allowed.
    """
    for name in free:
        if name not in (*FREE, *SHARED, *schedule.family) and not ("grid" in free and _owners(name)):
            raise InputError(_unknown(name, schedule))
    if "eta" in free and "eta_per_step" in free:
        raise InputError("eta and eta_per_step cannot both be free; choose one")
    if "shared" in free and len(free) > 1:
        others = ",".join(name for name in free if name != "shared")
        raise InputError(f"a shared grid is free alone; use --free shared, or --free {others}")
    if not free:
        raise InputError(f"nothing is free; use a comma list of {', '.join(FREE)}, or names of numbers such as rho,sigma_min")


def _owners(name: str) -> list[str]:
    return [other for other in SCHEDULES if name in SCHEDULES[other].family]


def _unknown(name: str, schedule: Schedule) -> str:
    """What is free instead of a name that nothing here has."""
    owners = _owners(name)
    if owners:
        own = ", ".join(schedule.family) or "no number of its own"
        return f"schedule {schedule.name!r} has no {name} to free, it has {own}; {name} is of --schedule {', '.join(owners)}"
    every = [*FREE, *SHARED, *dict.fromkeys(n for other in SCHEDULES for n in SCHEDULES[other].family)]
    near = difflib.get_close_matches(name, every, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"use a comma list of {', '.join(every)}"
    return f"free variable {name!r} is unknown; {hint}"
