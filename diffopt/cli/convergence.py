"""`diffopt convergence`: observed orders and the cost of an accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from diffopt.cli import options as opt

Text = Optional[str]  # noqa: UP045
Solvers = Annotated[Text, typer.Option("--solver", "-s", help="Comma list [default: first and second order ones].")]
Steps = Annotated[Text, typer.Option("--steps", "-n", help="Comma list [default: 20 to 640; strong: 16 to 256].")]
Metrics = Annotated[Text, typer.Option("--metric", help="Comma list of frechet, weak, strong [default: all].")]
Accuracy = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option("--accuracy", help="Error for which steps are counted [default: 1 % of the root trace]."),
]
Paths = Annotated[int, typer.Option("--paths", help="Coupled paths that are simulated, a multiple of 20.")]
ErrorMap = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--error-map", help="Picture of where the first solver's error is made.", metavar="FILE"),
]


def convergence(
    spectrum: opt.Spectrum = None,
    solver: Solvers = None,
    steps: Steps = None,
    metric: Metrics = None,
    accuracy: Accuracy = None,
    paths: Paths = 2000,
    schedule: opt.Schedule = None,
    process: opt.Process = None,
    sigma_max: opt.SigmaMax = None,
    sigma_min: opt.SigmaMin = None,
    t_max: opt.TMax = None,
    t_min: opt.TMin = None,
    eta: opt.Eta = None,
    clock: opt.Clock = None,
    beta_min: opt.BetaMin = None,
    beta_max: opt.BetaMax = None,
    key: opt.Key = None,
    feature_space: opt.FeatureSpace = False,
    config: opt.Config = None,
    output: opt.Output = None,
    form: opt.Format = None,
    plot: opt.Plot = None,
    error_map: ErrorMap = None,
    force: opt.Force = False,
    seed: opt.Seed = None,
    quiet: opt.Quiet = False,
) -> None:
    """Observed order of each solver, and the steps and model calls that an accuracy takes.

    Example: diffopt convergence builtin:photos -s euler,heun,euler_maruyama,sra1 --sigma-min 0.02
    """
    flags: dict[str, Any] = dict(locals())
    from diffopt.cli import output as out
    from diffopt.cli import studies

    own = {name: flags.pop(name) for name in ("metric", "accuracy", "paths", "error_map")}
    out.check_paths(force, output, plot)
    studies.convergence(flags, own)
