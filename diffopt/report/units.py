"""What the numbers of an axis are measured in."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

#: What the errors are whose names do not say it.
MISSED = {"robust": "what start and steps miss, uncancelled", "robust_steps": "what steps miss, uncancelled"}
#: Letters of a line below an axis, and beside one.
BELOW, BESIDE = 104, 44


def units(scale: float | None, squared: bool = False) -> str:
    """The data's own units, or those of the model where samples were multiplied by `scale` before the estimate."""
    power = " squared" * squared
    if scale is None or scale == 1:
        return f"data units{power}"
    factor = f"x * {scale:.3g}"
    return f"model units squared, ({factor})\u00b2" if squared else f"model units, {factor}"


def unit(objective: str, scale: float | None = None) -> str:
    """Unit of an objective's values."""
    return "nats" if "kl" in objective else units(scale)


def error_words(objective: str, scale: float | None = None, logarithmic: bool = True, letters: int = BELOW) -> str:
    """Name of an error's axis, and what is good; in as many lines as it needs."""
    missed = f": {MISSED[objective]}" if objective in MISSED else ""
    line, good = f"{objective} error ({unit(objective, scale)}){missed};", f"{'logarithmic, ' * logarithmic}less is better"
    return f"{line} {good}" if len(f"{line} {good}") <= letters else "\n".join([*wrap(line, letters), good])


def scale_in(data: Mapping[str, Any]) -> float | None:
    """The factor that a document knows of its spectrum."""
    scale: float | None = data["spectrum"].get("scale")
    return scale
