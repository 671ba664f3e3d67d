"""`diffopt convergence`: observed orders and the cost of an accuracy."""

from __future__ import annotations

from pathlib import Path

from diffopt.api.flags import TABULAR
from diffopt.cli.command import command
from diffopt.cli.given import Given


@command("orders", forms=TABULAR)
def convergence(given: Given) -> None:
    """Observed order of each solver, and the steps and model calls that an accuracy takes.

    Example: diffopt convergence builtin:photos -s euler,heun,euler_maruyama,sra1 --sigma-min 0.02
    Example: diffopt convergence spectrum.npy -s heun,dpmpp_2m --metric frechet --accuracy 0.1
    """
    from diffopt.api.orders import orders
    from diffopt.cli import output as out
    from diffopt.cli.progress import groups

    data, flags = given.require_data(), dict(given.flags)
    target = Path(flags.pop("error_map")) if "error_map" in flags else None
    given.check()
    out.check_paths(given.force, None, target)
    with groups("measuring", given.quiet) as progress:
        result = orders(data, progress=progress, **flags)
    if target is not None:
        result.error_map(target, given.force)
        out.note(f"wrote {target}", given.quiet)
    given.finish(result)
