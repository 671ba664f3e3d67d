"""Named schedules; SCHEDULES is the table of names."""

from __future__ import annotations

from diffopt.schedules.base import ENDS, End, Request, Schedule
from diffopt.schedules.exponential import Exponential
from diffopt.schedules.first_order import FirstOrder, FirstOrder2M, FirstOrderHeun
from diffopt.schedules.karras import Karras
from diffopt.schedules.tangent import KLOptimal
from diffopt.schedules.uniform import UniformFlow, UniformT, UniformVP

SCHEDULES: dict[str, type[Schedule]] = {
    cls.name: cls for cls in (Karras, Exponential, UniformT, UniformFlow, UniformVP, KLOptimal, FirstOrder, FirstOrderHeun, FirstOrder2M)
}

__all__ = ["ENDS", "SCHEDULES", "End", "Request", "Schedule"]
