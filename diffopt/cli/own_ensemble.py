"""The robust objective over the ensemble in a spectrum file, where it has one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffopt.cli.output import note
from diffopt.objectives import Objective
from diffopt.objectives.robust import Robust


def with_ensemble(objective: Objective, argument: str | None, quiet: bool) -> Objective:
    """Let `robust` run over the file's own members instead of scaled copies of the pooled spectrum."""
    if not isinstance(objective, Robust) or argument is None:
        return objective
    if not Path(argument).is_file() or Path(argument).suffix.lower() not in (".json", ".npz"):
        return objective
    # Only files that may hold an ensemble pay for its reader.
    from diffopt.documents.spectrum_load import load

    ensemble = load(argument)[2]
    if ensemble is None:
        return objective
    note(f"note: robust runs over the {len(ensemble.spectra)} spectra of the file", quiet)
    return replace(objective, data=ensemble.union())
