"""The grid that a model runs by itself, and its shift, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffopt.hosts.offered import FOLLOWING

#: The row `own`, in a sentence.
MODELS_OWN = "the model's own grid"


def unshifted(data: Mapping[str, Any], schedule: str) -> str:
    """What a sentence adds to a row that would follow the model's shift, where nobody said that shift."""
    process = data.get("process") or {}
    known = process.get("name") != "flow" or process.get("model_shift") is not None
    return "" if known or schedule not in FOLLOWING else " at shift 1, not the model's (see the note on --shift)"
