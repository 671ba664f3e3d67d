"""`diffopt compare-schedules`: every published step grid in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from diffopt.cli import options as opt

# typer reads these annotations at run time; Optional keeps them readable on every supported Python.
Text = Optional[str]  # noqa: UP045
Solvers = Annotated[Text, typer.Option("--solver", "-s", help="Solvers, comma list [default: euler].", metavar="LIST")]
Budgets = Annotated[
    Text, typer.Option("--steps", "-n", help="Budgets in denoiser calls, comma list [default: 10].", metavar="LIST")
]
Only = Annotated[Text, typer.Option("--only", help="Schedules, comma list with wildcards.", metavar="LIST")]
Skip = Annotated[Text, typer.Option("--skip", help="Schedules to leave out, with wildcards.", metavar="LIST")]
Kind = Annotated[
    Text,
    typer.Option("--kind", help="fixed, table, spectrum, stochasticity, added, optimized; comma list.", metavar="LIST"),
]
Sort = Annotated[Text, typer.Option("--sort", help="Column, with - in front for descending.", metavar="COLUMN")]
Top = Annotated[Optional[int], typer.Option("--top", help="Best rows kept per group.", metavar="N")]  # noqa: UP045
Add = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--add", help='Your own grid: a JSON file or "14.6,...,0"; may be repeated.', metavar="GRID"),
]
Explain = Annotated[Text, typer.Option("--explain", help="What a row is, and nothing else.", metavar="NAME")]
Html = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--html", help="One self-contained page.", metavar="FILE"),
]
EqualSteps = Annotated[bool, typer.Option("--equal-steps", help="Budgets are solver steps, not denoiser calls.")]


def compare_schedules(
    spectrum: opt.Spectrum = None,
    solver: Solvers = None,
    steps: Budgets = None,
    only: Only = None,
    skip: Skip = None,
    kind: Kind = None,
    sort: Sort = None,
    top: Top = None,
    add: Add = None,
    explain: Explain = None,
    html: Html = None,
    equal_steps: EqualSteps = False,
    process: opt.Process = None,
    objective: opt.Objective = None,
    sigma_max: opt.SigmaMax = None,
    sigma_min: opt.SigmaMin = None,
    t_max: opt.TMax = None,
    t_min: opt.TMin = None,
    end: opt.End = None,
    start: opt.Start = None,
    clock: opt.Clock = None,
    beta_min: opt.BetaMin = None,
    beta_max: opt.BetaMax = None,
    alphas_cumprod: opt.Alphas = None,
    betas: opt.Betas = None,
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
    """What every published schedule costs on a spectrum, and how far it is from the optimum.

    Example: diffopt compare-schedules builtin:photos -n 5,10,20 -s euler,heun,dpmpp_2m
    """
    flags: dict[str, Any] = dict(locals())
    from diffopt.cli import comparing
    from diffopt.cli import output as out

    if explain is not None:
        out.emit(comparing.explanation(explain, form), output, force, quiet)
        return
    out.check_paths(force, output, plot)
    comparing.check_page(html, force)
    job = comparing.prepare(flags)
    result = comparing.run(job)
    comparing.pictures(job, result, plot, html, force)
    out.emit(comparing.render(job, result, out.chosen_format(job.settings.format, output)), output, force, quiet)
