"""What a schedule file says of the churn that a search found, where its run is handed to a host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffopt.documents.schemas import ScheduleDocument, dump
from diffopt.foundation.encoding import decode, read_bytes
from diffopt.foundation.notes import note
from diffopt.foundation.paths import is_file
from diffopt.hosts.answer import find_host
from diffopt.report.family import handed_on


def note_churn(schedule: Any, to: str) -> None:
    """Say in notes what the churn of a file, of a result or of a file's bytes rests on; nothing where none was searched for."""
    data = _searched(schedule)
    for line in [] if data is None else handed_on(data, find_host(to)[0].name == "edm"):
        note(line)


def _searched(schedule: Any) -> Mapping[str, Any] | None:
    """The document of a search whose churn still stands in its solver."""
    content = getattr(schedule, "document", schedule)
    if isinstance(schedule, str | Path | bytes):
        if not isinstance(schedule, bytes) and not is_file(schedule):
            return None
        raw = schedule if isinstance(schedule, bytes) else read_bytes(Path(schedule))
        try:
            content = json.loads(decode(raw, "-"))
        except (ValueError, RecursionError):
            return None
    try:
        data = dump(ScheduleDocument.model_validate(content))
    except (ValidationError, RecursionError):
        return None
    churn = (data["optimizer"].get("family") or {}).get("s_churn")
    return data if churn and data["solver_options"].get("s_churn") == churn else None
