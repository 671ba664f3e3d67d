"""`diffopt evaluate`: exact errors of a given grid."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from diffopt.cli import options as opt

Grid = Annotated[Optional[str], typer.Argument(metavar="[SCHEDULE.json]", help="File written by optimize.")]  # noqa: UP045
Sigmas = Annotated[Optional[str], typer.Option("--sigmas", help='Comma list, e.g. "80,20,5,1,0".')]  # noqa: UP045


def evaluate(
    spectrum: opt.Spectrum = None,
    grid: Grid = None,
    schedule: opt.Schedule = None,
    sigmas: Sigmas = None,
    solver: opt.Solver = None,
    steps: opt.Steps = None,
    process: opt.Process = None,
    sigma_max: opt.SigmaMax = None,
    sigma_min: opt.SigmaMin = None,
    t_max: opt.TMax = None,
    t_min: opt.TMin = None,
    end: opt.End = None,
    start: opt.Start = None,
    eta: opt.Eta = None,
    clock: opt.Clock = None,
    beta_min: opt.BetaMin = None,
    beta_max: opt.BetaMax = None,
    alphas_cumprod: opt.Alphas = None,
    betas: opt.Betas = None,
    s_churn: opt.Churn = None,
    s_tmin: opt.ChurnMin = None,
    s_tmax: opt.ChurnMax = None,
    s_noise: opt.ChurnNoise = None,
    key: opt.Key = None,
    feature_space: opt.FeatureSpace = False,
    config: opt.Config = None,
    output: opt.Output = None,
    form: opt.Format = None,
    plot: opt.Plot = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Exact errors of a grid on a spectrum.

    Example: diffopt evaluate builtin:photos --schedule karras --solver heun --steps 10
    """
    flags: dict[str, Any] = dict(locals())
    from diffopt.cli import output as out
    from diffopt.cli import setup

    job = setup.start(flags, grid)
    out.check_paths(force, output, plot)
    data = setup.evaluate(job)
    if plot is not None:
        setup.plot_run(job, data, plot, force)
    out.emit(out.render_run(data, out.chosen_format(job.settings.format, output)), output, force, job.settings.quiet)
