"""What the numbers of an axis are measured in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def units(scale: float | None, squared: bool = False) -> str:
    """The data's own units, or those of the model where samples x were multiplied by `scale` before the estimate."""
    power = " squared" * squared
    return f"data units{power}" if scale is None or scale == 1 else f"model units{power}, x * {scale:.3g}"


def unit(objective: str, scale: float | None = None) -> str:
    """Unit of an objective's values."""
    return "nats" if "kl" in objective else units(scale)


def scale_in(data: Mapping[str, Any]) -> float | None:
    """The factor that a document knows of its spectrum."""
    scale: float | None = data["spectrum"].get("scale")
    return scale
