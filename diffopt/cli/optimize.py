"""`diffopt optimize`: the main job."""

from __future__ import annotations

from typing import Any

import typer

from diffopt.cli import options as opt

NOT_CONVERGED = 3


def optimize(
    spectrum: opt.Spectrum = None,
    solver: opt.Solver = None,
    steps: opt.Steps = None,
    process: opt.Process = None,
    objective: opt.Objective = None,
    free: opt.Free = None,
    schedule: opt.Schedule = None,
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
    seed: opt.Seed = None,
    quiet: opt.Quiet = False,
) -> None:
    """The best step grid for a spectrum, a solver and a budget.

    Example: diffopt optimize builtin:photos --solver heun --steps 10 -o grid.json
    """
    flags: dict[str, Any] = dict(locals())
    from diffopt.cli import output as out
    from diffopt.cli import setup

    job = setup.start(flags)
    out.check_paths(force, output, plot)
    data, converged = setup.optimize(job)
    if plot is not None:
        setup.plot_run(job, data, plot, force)
    out.emit(out.render_run(data, out.chosen_format(job.settings.format, output)), output, force, job.settings.quiet)
    if not converged:
        out.note(f"not converged: {data['optimizer']['message']}", quiet=False)
        raise typer.Exit(NOT_CONVERGED)
