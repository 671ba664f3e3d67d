"""`diffopt eta`: how much noise a sampler should inject."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from diffopt.cli import options as opt

Text = Optional[str]  # noqa: UP045
ScoreError = Annotated[
    Text,
    typer.Option("--score-error", help="Relative error of the score: 0.02, data:0.02 or noise:0.02.", metavar="RULE"),
]
Designs = Annotated[
    Text, typer.Option("--design", help="Comma list of none, constant, window, per_step [default: all].")
]
Objectives = Annotated[
    Text, typer.Option("--noise-objective", help="Comma list of exact, signed, absolute [default: all].")
]
Clocks = Annotated[Text, typer.Option("--clock", help="Comma list [default: every clock the solver can use].")]


def eta(
    spectrum: opt.Spectrum = None,
    solver: opt.Solver = None,
    steps: opt.Steps = None,
    schedule: opt.Schedule = None,
    score_error: ScoreError = None,
    design: Designs = None,
    noise_objective: Objectives = None,
    process: opt.Process = None,
    sigma_max: opt.SigmaMax = None,
    sigma_min: opt.SigmaMin = None,
    t_max: opt.TMax = None,
    t_min: opt.TMin = None,
    end: opt.End = None,
    start: opt.Start = None,
    clock: Clocks = None,
    beta_min: opt.BetaMin = None,
    beta_max: opt.BetaMax = None,
    key: opt.Key = None,
    feature_space: opt.FeatureSpace = False,
    config: opt.Config = None,
    output: opt.Output = None,
    form: opt.Format = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Best noise coefficient: none, constant, a window in log sigma, per step; by objective and clock.

    Example: diffopt eta builtin:photos -s ddim -n 20 --schedule karras --score-error data:0.05 --start sigma
    """
    flags: dict[str, Any] = dict(locals())
    from diffopt.cli import output as out
    from diffopt.cli import studies

    own = {name: flags.pop(name) for name in ("score_error", "design", "noise_objective", "clock")}
    out.check_paths(force, output)
    studies.eta(flags, own)
