"""What `export` and `check` share: a schedule as a run, its spectrum, a scheduler's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffopt.api.grids import given_grid
from diffopt.data.dataset import Dataset
from diffopt.documents.number_list import stdin_bytes
from diffopt.documents.settings import Chosen, Settings
from diffopt.documents.spectrum_file import load_dataset
from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.notes import note
from diffopt.hosts.diffusers.config import load_config, read_config
from diffopt.hosts.run import Run


def piped(schedule: Any) -> Any:
    """What is given, or the bytes of standard input for `-`: a pipe can be read once."""
    return stdin_bytes() if isinstance(schedule, str) and schedule == "-" else schedule


def run_of(schedule: Any) -> Run:
    """A file, a result or a list of noise ratios as a run.

    Raises
    ------
    InputError
        What is no schedule.
    """
    grid = given_grid(schedule)
    if grid is None:
        raise InputError("no schedule: give a file that diffopt optimize wrote, a result or a list of sigmas")
    settings = grid.fill(Settings(), set())
    if grid.document is None or grid.document.solver is None:
        note(f"note: the grid names no solver; {settings.solver} on process {settings.process} is assumed")
    chosen = Chosen.create(settings)
    eta = grid.document.eta if grid.document is not None and chosen.solver.eta_meaning is not None else None
    return Run.create(chosen.process, grid.sigmas(chosen.process, settings.end), chosen.solver, eta, settings.start)  # type: ignore[arg-type]


def data_of(schedule: Any, spectrum: Any) -> Dataset | None:
    """Data for the errors: those given, those of a result, or the file's own where they are still the same."""
    if spectrum is not None:
        return load_dataset(spectrum)
    own = getattr(schedule, "data", None)
    if isinstance(own, Dataset):
        return own
    grid = given_grid(schedule)
    said = grid.document.spectrum_values() if grid is not None and grid.document is not None else {}
    source, digest = said.get("source"), said.get("sha256")
    if source is None or source in ("-", "array"):
        note("note: errors are not stated; give the spectrum with --spectrum")
        return None
    try:
        found = load_dataset(source)
    except DiffoptError:
        note(f"note: errors are not stated: {source} cannot be read here; give --spectrum")
        return None
    if digest is not None and found.spectrum.sha256 != digest:
        note(f"note: errors are not stated: {source} is not the spectrum of the file; give --spectrum")
        return None
    return found


def config_of(given: Any) -> Mapping[str, Any]:
    """Configuration of a path, a mapping, or a scheduler's own `config`.

    Raises
    ------
    InputError
        No such configuration.
    """
    if given is None:
        return {}
    if isinstance(given, str | Path):
        return load_config(str(given))
    config = getattr(given, "config", given)
    if not isinstance(config, Mapping):
        raise InputError(f"scheduler_config must be a path or a mapping, got {type(given).__name__}")
    found = dict(config)
    if hasattr(given, "config"):
        found.setdefault("_class_name", type(given).__name__)
    return read_config(found).values
