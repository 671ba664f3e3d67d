"""Result of `siem`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffopt.api.results.base import Result

#: Unit of the metric by clock, g^4 dt (docs/theory.md, eq. 196).
UNITS = {"vp": ", without unit", "variance": " in squared data units"}


@dataclass(frozen=True, eq=False, repr=False)
class SiemResult(Result):
    """Metric of a score's error (`diffopt.siem/1`)."""

    @property
    def coherent(self) -> dict[str, float]:
        """Estimate and interval of the coherent variant."""
        return dict(self.document["coherent"])

    @property
    def per_particle(self) -> dict[str, float]:
        """Estimate and interval of the per-particle variant."""
        return dict(self.document["per_particle"])

    @property
    def mean_vector_norm(self) -> dict[str, float]:
        """Estimate and interval of the norm of the mean error."""
        return dict(self.document["mean_vector_norm"])

    def rows(self) -> list[dict[str, Any]]:
        """One row per quantity."""
        names = ("coherent", "per_particle", "mean_vector_norm")
        return [{"metric": n, **{k: self.document[n][k] for k in ("value", "low", "high")}} for n in names]

    def answers(self) -> list[str]:
        """Whether an error is seen, and what the number is compared with."""
        c, unit = self.document["coherent"], UNITS.get(self.document["clock"], "")
        seen = "above 0, so an error of the score is seen" if c["low"] > 0 else "no coherent error is seen with these rows"
        return [
            f"Coherent SIEM {c['value']:.4g}{unit} (95 %: {c['low']:.4g} to {c['high']:.4g}; a perfect score has 0): {seen}. "
            "There is no threshold: compare networks on one window, clock and eta."
        ]

    def __repr__(self) -> str:
        c = self.document["coherent"]
        return f"SiemResult(coherent {c['value']:.4g} [{c['low']:.4g}, {c['high']:.4g}], {self.document['rows_used']} rows)"
