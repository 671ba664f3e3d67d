"""The map that an estimate made of the stored numbers, where its grid is made and where it is handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diffopt.data.dataset import Dataset
from diffopt.documents.build import known_scale

if TYPE_CHECKING:
    from diffopt.api.grids import GivenGrid

#: Digits of the map; its inverse divides by the factor, so that those of a table are too few.
DIGITS = ".8g"


def map_notes(facts: Mapping[str, Any] | None) -> list[str]:
    """How samples go back to the stored numbers x: y = scale x + shift undone; nothing where that changes nothing."""
    scale, said = known_scale(facts), (facts or {}).get("scale")
    shift = said.get("shift") if isinstance(said, Mapping) else None
    if not scale:
        return []
    if not isinstance(shift, int | float):
        return _scale_notes(scale)
    if scale == 1 and shift == 0:
        return []
    factor, size = format(scale, DIGITS), format(abs(shift), DIGITS)
    there, back = f"x * {factor}", f"y / {factor}"
    if shift:
        there, back = f"{there} {'-' if shift < 0 else '+'} {size}", f"(y {'+' if shift < 0 else '-'} {size}) / {factor}"
    told = f"note: samples y are in the network's numbers, {there} of the stored x"
    return [f"{told}; where nothing else maps them back, x = {back}"]


def _scale_notes(scale: float) -> list[str]:
    """The same of a file that knows the factor alone."""
    if scale == 1:
        return []
    return [
        f"note: samples are in the network's numbers, the stored ones times {format(scale, DIGITS)} plus the estimate's shift, "
        "which is in the spectrum's file; map them back where nothing else does"
    ]


def handed_map(grid: GivenGrid, data: Dataset | None) -> list[str]:
    """The map of the spectrum that a schedule was made for, from its facts where `data` is that spectrum, else its factor."""
    said = {} if grid.document is None else grid.document.spectrum_values()
    if data is not None and said.get("sha256") in (None, data.spectrum.sha256):
        return map_notes(data.facts)
    scale = said.get("scale")
    return _scale_notes(scale) if scale else []
