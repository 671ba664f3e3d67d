"""Flags and files that a command does not take: why, and what takes them."""

from __future__ import annotations

import re

_END = (
    "orders are measured on grids that stop at sigma_min, since a last step to 0 is of first order for every scheme; "
    "one grid with that step is judged by diffopt evaluate --end zero"
)
_START = (
    "orders are measured from the exact law at sigma_max, since the error of a start does not fall with the steps; "
    "one grid from noise is judged by diffopt evaluate --start sigma"
)
_GRID = (
    "orders need a rule that makes grids of any number of steps (--schedule NAME); one grid is judged by "
    "diffopt evaluate SPECTRUM GRID"
)
_PLOT = "No such option: --plot"
_SHOWN = "diffopt spectrum show FILE --plot PICTURE draws what -o FILE wrote"
_DRAWN = "diffopt evaluate SPECTRUM GRID --plot PICTURE draws a grid"
#: Command, beginning of the complaint, and what is said instead.
ELSEWHERE: tuple[tuple[str, str, str], ...] = (
    ("convergence", "No such option: --end", f"convergence takes no --end: {_END}"),
    ("convergence", "No such option: --start", f"convergence takes no --start: {_START}"),
    ("convergence", "No such option: --sigmas", f"convergence takes no --sigmas: {_GRID}"),
    ("convergence", "No such option: --times", f"convergence takes no --times: {_GRID}"),
    ("convergence", "Got unexpected extra argument", f"convergence takes no grid file: {_GRID}"),
    *((name, _PLOT, f"{name} takes no --plot; {_DRAWN}") for name in ("check", "export")),
    *((name, _PLOT, f"{name} takes no --plot: it makes no picture") for name in ("list", "schema", "siem")),
    *(
        (f"spectrum {name}", _PLOT, f"spectrum {name} takes no --plot; {_SHOWN}")
        for name in ("estimate", "synthesize", "convert", "posterior", "from-loss")
    ),
)


def elsewhere(command: str, message: str) -> str | None:
    """The reason why a command does not take what it was given, or which commands do; None where there is neither."""
    said = next((said for name, begins, said in ELSEWHERE if name == command and message.startswith(begins)), None)
    flag = re.match(r"No such option: --([a-z][a-z0-9-]*)", message)
    if said is not None or flag is None:
        return said
    from diffopt.api.takers import listed, takers

    others = [f"diffopt {name}" for name in takers(flag[1].replace("-", "_")) if name != command]
    return f"{command or 'diffopt'} takes no --{flag[1]}; {listed(others)}" if others else None
