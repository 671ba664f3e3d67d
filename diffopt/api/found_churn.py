"""What a schedule file says of the churn that a search found, where its run is handed to a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from diffopt.documents.schemas import ScheduleDocument, dump
from diffopt.foundation.notes import note
from diffopt.hosts.answer import host_name
from diffopt.report.family import handed_on


def note_churn(content: Mapping[str, Any], to: str) -> None:
    """Say in notes what the churn of a schedule's document rests on; nothing where none was searched for."""
    data = _searched(content)
    for line in [] if data is None else handed_on(data, host_name(to) == "edm"):
        note(line)


def _searched(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The document of a search whose churn still stands in its solver."""
    try:
        data = dump(ScheduleDocument.model_validate(content))
    except ValidationError:
        return None
    churn = (data["optimizer"].get("family") or {}).get("s_churn")
    return data if churn and data["solver_options"].get("s_churn") == churn else None
