"""Which groups of variables an optimization has."""

from __future__ import annotations

from collections.abc import Sequence

from diffopt.errors import InputError
from diffopt.objectives.problem import Problem
from diffopt.schedules import Schedule
from diffopt.search.family import FamilyBlock
from diffopt.search.variables import FREE, Block, EtaBlock, GridBlock


def blocks_of(problem: Problem, free: Sequence[str], schedule: Schedule) -> list[Block]:
    """Groups of variables by the names of what is free; coefficients follow the grid and need none.

    Raises
    ------
    InputError
        Unknown or contradictory names, or what the problem does not have.
    """
    check_free(free)
    if "coefficients" in free and not problem.solver.needs_data:
        raise InputError(f"solver {problem.solver.name!r} has no coefficients to fit; use fitted_2, fitted_3 or fitted_4")
    blocks: list[Block] = []
    if "grid" in free and problem.steps > 1:
        blocks.append(GridBlock(problem))
    if "eta" in free or "eta_per_step" in free:
        blocks.append(EtaBlock(problem, "eta_per_step" in free))
    if "family" in free:
        blocks.append(FamilyBlock(problem, schedule, "grid" not in free))
    return blocks


#: Parameters of families, which people name one by one.
PARAMETERS = (
    "sigma_min", "sigma_max", "rho", "s_churn", "s_noise", "s_tmin", "s_tmax", "s_min", "s_max", "beta_min", "beta_max",
)  # fmt: skip


def _hint(name: str) -> str:
    """What frees a parameter that is named as if it were a variable."""
    if name.lower() not in PARAMETERS:
        return ""
    return "; the parameters of a schedule, its range and churn are free together: --free family --start sigma"


def check_free(free: Sequence[str]) -> None:
    """Refuse names that are none, and two that exclude each other.

    Raises
    ------
    InputError
        Naming what is allowed.
    """
    for name in free:
        if name not in FREE:
            raise InputError(f"free variable {name!r} is unknown; use a comma list of {', '.join(FREE)}{_hint(name)}")
    if "eta" in free and "eta_per_step" in free:
        raise InputError("eta and eta_per_step cannot both be free; choose one")
    if "shared" in free and len(free) > 1:
        others = ",".join(name for name in free if name != "shared")
        raise InputError(f"a shared grid is free alone; use --free shared, or --free {others}")
    if not free:
        raise InputError(f"nothing is free; use a comma list of {', '.join(FREE)}")
