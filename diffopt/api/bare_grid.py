"""A grid from a file that holds levels and little else: what of its process is certain, and nothing that is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.api.grids import GivenGrid, file_settings
from diffopt.api.results.run import ScheduleResult
from diffopt.documents.chosen import Chosen
from diffopt.documents.grid_file import GridFile, grid_of, read_grid_file
from diffopt.documents.options import options_of
from diffopt.documents.settings import Settings
from diffopt.errors import InputError
from diffopt.processes.grid import Grid

#: What an eta means whose solver is not named.
UNNAMED = "the solver's, which the file does not name"


def bare_grid(path: str, content: Any = None) -> ScheduleResult:
    """A grid without errors: what the file says, and no solver where it names none; `content` is what was parsed before.

    Raises
    ------
    InputError
        No grid in it, times of a process that it does not name, or numbers that may be noise ratios or times of flow.
    """
    file = read_grid_file(path) if content is None else grid_of(content, path)
    process = _process(file, path)
    given = GivenGrid(file.sigmas, file.in_time, file.document, path)
    settings = given.fill(Settings() if process is None else Settings(process=process), {"process"} if process else set())
    chosen = Chosen.create(settings)
    listed = Grid.create(chosen.process, given.sigmas(chosen.process, settings.end))
    said = file_settings(file.document)
    fits = f"note: {path} names no process; {chosen.process.name} is what its numbers fit"
    notes: tuple[str, ...] = () if said.get("process") else (fits,)
    notes += () if said.get("solver") else (f"note: {path} names no solver; say which where the grid is used",)
    return ScheduleResult(_document(file, chosen, settings, listed, said), notes)


def _document(file: GridFile, chosen: Chosen, settings: Settings, listed: Grid, said: Mapping[str, Any]) -> dict[str, Any]:
    steps, named = listed.timesteps, said.get("solver") is not None
    eta = file.document.eta or [chosen.solver.default_eta if named else 0.0] * listed.steps
    meaning = chosen.solver.eta_meaning if named else UNNAMED if file.document.eta else None
    document: dict[str, Any] = {
        "solver": said.get("solver"), "steps": listed.steps, "clock": said.get("clock"),
        "process": {"name": chosen.process.name, **chosen.process.parameters(), **chosen.process.origin()},
        "start": settings.start, "end": "zero" if listed.sigmas[-1] == 0 else "sigma_min",
        "sigmas": [None if s == float("inf") else float(s) for s in listed.sigmas],
        "times": [float(t) for t in listed.times], "timesteps": None if steps is None else [float(t) for t in steps],
        "eta": list(eta), "solver_options": options_of(chosen.solver) if named else {}, "errors": {},
    }  # fmt: skip
    kept = {k: v for k, v in document.items() if v is not None or k == "timesteps"}
    return {**kept, "eta_meaning": meaning}


def _process(file: GridFile, path: str) -> str | None:
    """Process of which the columns are for certain; None where the file names one itself, or holds noise ratios alone."""
    if file.document.process is not None and file.document.process.name is not None:
        return None
    if "s" in file.beside or (file.in_time and file.name == "s"):
        return "flow"
    if file.in_time:
        raise _unnamed(path)
    times = next((file.beside[name] for name in ("time", "times") if name in file.beside), None)
    if times is not None and not np.allclose(times, file.sigmas, rtol=1e-9, atol=0):
        raise _unnamed(path)
    if times is None and not file.named and file.sigmas[0] <= 1:
        raise InputError(
            f"{path} starts at {file.sigmas[0]:g}: noise ratios, or times s of flow, as .txt of a flow grid holds them; give it "
            "to diffopt.evaluate as sigmas=PATH, or as times=PATH with process='flow'"
        )
    return None


def _unnamed(path: str) -> InputError:
    return InputError(
        f"{path} holds times of a process that it does not name; load the .json of this grid, or say "
        "diffopt.evaluate(data, PATH, process=NAME)"
    )
