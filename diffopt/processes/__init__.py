"""Forward processes; PROCESSES is the table of names."""

from __future__ import annotations

from diffopt.processes.base import Process
from diffopt.processes.flow import Flow
from diffopt.processes.trained import TrainedLevels
from diffopt.processes.ve import VE
from diffopt.processes.vp import VPCosine, VPLinear

PROCESSES: dict[str, type[Process]] = {
    cls.name: cls for cls in (VE, VPLinear, VPCosine, Flow, TrainedLevels)
}

__all__ = ["PROCESSES", "VE", "Flow", "Process", "TrainedLevels", "VPCosine", "VPLinear"]
