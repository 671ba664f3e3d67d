"""What schemes of the reverse SDE in a clock share."""

from __future__ import annotations

from typing import ClassVar

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.maps import StepMaps
from diffopt.solvers.table import Table


class ReverseSDE(Solver):
    """A scheme of the reverse SDE (theory.md, eq. 5) in a clock, that of time unless another is named."""

    default_eta = 1.0
    eta_meaning = "reverse SDE"
    uses_clock = True
    own_clock = "time"


class MappedSDE(ReverseSDE):
    """One whose steps no coefficients hold: each is a map, the last one to the data too."""

    stages = 2
    short_end = False
    #: The maps of its steps.
    step_maps: ClassVar[type[StepMaps]]

    def table(self, points: Points, eta: Numbers) -> Table:
        """The maps along a grid."""
        clock = self.clock_of(points.process)
        return Table.mapped(points, self.step_maps(points, eta, clock, nodes=self.nodes, floor=self.floor))
