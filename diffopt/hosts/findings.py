"""What a host does with a grid: findings, and the run that comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from diffopt.hosts.run import Run
from diffopt.solvers.model_error import ModelError

FindingKind = Literal[
    "dropped", "clipped", "duplicated", "reshifted", "rounded", "misread", "recurrence", "eta", "refused",
    "start", "end", "conditioning", "note",
]  # fmt: skip

#: Kinds that leave the grid and the scheme as they are.
HARMLESS: tuple[FindingKind, ...] = ("start", "conditioning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that the host does differently.

    Attributes
    ----------
    kind : str
        What happens to the values or to the sampler.
    message : str
        A sentence with the numbers.
    repair : str
        What to do about it.
    """

    kind: FindingKind
    message: str
    repair: str = ""

    @property
    def altered(self) -> bool:
        """Whether the grid or the scheme is not the one in the file."""
        return self.kind not in HARMLESS


@dataclass(frozen=True, eq=False)
class HostPlan:
    """What the host will run.

    Attributes
    ----------
    sampler : str
        Its name there.
    run : Run or None
        The run after the host's rounding, clipping, formula and start law; None where it has no closed form.
    findings : list of Finding
        What differs from the file.
    told : ModelError or None
        What the network is off by because the host tells it another level than the state's.
    """

    sampler: str
    run: Run | None
    findings: list[Finding] = field(default_factory=list)
    told: ModelError | None = None

    @property
    def altered(self) -> bool:
        """Whether the host would alter the grid or the scheme."""
        return any(finding.altered for finding in self.findings)

    @property
    def refusal(self) -> Finding | None:
        """Why nothing can be exported, if so."""
        return next((finding for finding in self.findings if finding.kind == "refused"), None)
