"""Objectives; OBJECTIVES is the table of names."""

from __future__ import annotations

from diffopt.objectives.base import Objective
from diffopt.objectives.frechet import Discretization, Frechet
from diffopt.objectives.kl import KL, KLDiscretization
from diffopt.objectives.path_kl import PathKL
from diffopt.objectives.robust import Robust

OBJECTIVES: dict[str, type[Objective]] = {
    cls.name: cls for cls in (Robust, Frechet, KL, Discretization, KLDiscretization, PathKL)
}

__all__ = ["OBJECTIVES", "Objective"]
