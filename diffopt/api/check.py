"""`diffopt.check`: what a host really does with a grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from diffopt import __version__
from diffopt.api.arguments import verb
from diffopt.api.found_churn import note_churn
from diffopt.api.hosting import config_for, data_of, error_of, run_of, the_grid
from diffopt.api.likes import ConfigLike, GridLike, SpectrumLike
from diffopt.api.results.check import CheckResult
from diffopt.documents.check_schema import CheckDocument
from diffopt.documents.given_file import GivenFile
from diffopt.documents.schemas import dump
from diffopt.errors import InputError
from diffopt.hosts.answer import HostAnswer, check_run, host_name, span_of
from diffopt.hosts.comfyui_graph import graph_findings
from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.pasted import PASTED, is_pasted, meant, pasted_findings
from diffopt.hosts.ranges import family


@verb
def check(
    schedule: GridLike, host: str, *, scheduler_config: ConfigLike | None = None, spectrum: SpectrumLike | None = None
) -> CheckResult:
    """Say what a host does with a grid's numbers as they are, and how to repair it.

    Parameters
    ----------
    schedule : path, result or array
        As in :func:`diffopt.export`; a path may also hold text as it is pasted into a host, or a workflow of ComfyUI.
    host : str
        Host, as `diffopt list hosts` names them; a scheduler of diffusers after a colon.
    scheduler_config : path, mapping or scheduler, optional
        diffusers: the model's scheduler_config.json.
    spectrum : optional
        Data for which the errors are stated; default the schedule's own.

    Returns
    -------
    CheckResult
        `.altered`, `.findings`.

    Raises
    ------
    InputError
        No schedule, an unknown host, a missing configuration.

    Examples
    --------
    >>> import diffopt
    >>> schedule = diffopt.optimize([4.0, 1.0, 0.1], process="flow", steps=3)
    >>> diffopt.check(schedule, "diffusers", scheduler_config={"shift": 3.0}).findings[0]["kind"]
    'reshifted'
    """
    name = host_name(host)
    given: Any = schedule
    if isinstance(schedule, str | Path):
        # Read once for its text and for its grid.
        file = GivenFile(str(schedule), "schedule")
        value, given = _json(file), file
        pasted = None if file.text is None else _pasted(file.text, value, file.name, name)
        if pasted is not None and (any(f.altered for f in pasted) or not isinstance(value, list)):
            return _result(HostAnswer(name, None, HostPlan("", None, pasted), read=_read(file.text, value, name)))
    grid = the_grid(given)
    run = run_of(grid)
    data = data_of(grid, spectrum)
    error = error_of(grid, data)
    note_churn(grid.content, host)
    return _result(check_run(run, host, config_for(host, scheduler_config), None if data is None else data.spectrum, error))


def _result(answer: HostAnswer) -> CheckResult:
    return CheckResult(dump(CheckDocument(**answer.document(), diffopt_version=__version__)))


def _json(file: GivenFile) -> Any:
    """Lists and objects of a text that begins as one, else None; what a schedule may not hold, such as NaN, a workflow may."""
    text = file.text or ""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        if isinstance(file.content, dict | list):
            return file.content
    except InputError:
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read(text: str | None, value: Any, host: str) -> str | None:
    """What stands in pasted text, and which models it is for; None of a workflow."""
    values = [] if text is None or isinstance(value, dict) else meant(text)
    models = family(host, values[0]) if values else ""
    return span_of(values) + (f": {models}" if models else "") if values else None


def _pasted(text: str, value: Any, schedule: str, host: str) -> list[Finding] | None:
    """Findings on pasted text or on a workflow; None where the file is a schedule."""
    if isinstance(value, dict):
        nodes = [v for v in value.values() if isinstance(v, dict) and "class_type" in v]
        if not nodes and not ("nodes" in value and "links" in value):
            return None
        if host != "comfyui":
            raise InputError(f"{schedule} is a workflow of ComfyUI; check it with --host comfyui")
        return graph_findings(value) + [f for n in nodes for f in _in_node(n)]
    if host not in PASTED:
        if isinstance(value, list):
            return None
        if text.startswith("# diffopt "):
            hint = f"give the grid file it was made of: diffopt check GRID.json --host {host} says what the program does with it"
            raise InputError(f"{schedule} is code that diffopt export wrote, not a schedule file; {hint}")
        raise InputError(f"{schedule} is not a schedule file; text as it is pasted is checked for {', '.join(PASTED)}")
    if not is_pasted(text):
        raise InputError(f"{schedule} is neither a schedule file nor a list of numbers; give what diffopt optimize -o wrote")
    return pasted_findings(text, host)


def _in_node(node: dict[str, Any]) -> list[Finding]:
    """Findings on the text of a ManualSigmas node."""
    value = node.get("inputs", {}).get("sigmas")
    if node.get("class_type") != "ManualSigmas" or not isinstance(value, str):
        return []
    return pasted_findings(value, "comfyui")
