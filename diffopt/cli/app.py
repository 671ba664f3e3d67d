"""The typer application; every command imports its numerics only when it runs."""

from __future__ import annotations

import typer

from diffopt import __version__

SETTINGS = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="diffopt",
    context_settings=SETTINGS,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"diffopt {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    _show_version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Optimal step grids for diffusion samplers, from a covariance spectrum."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


from diffopt.cli import posterior, spectrum  # noqa: E402
from diffopt.cli.compare import compare_schedules  # noqa: E402
from diffopt.cli.convergence import convergence  # noqa: E402
from diffopt.cli.eta import eta  # noqa: E402
from diffopt.cli.evaluate import evaluate  # noqa: E402
from diffopt.cli.listing import list_names, schema  # noqa: E402
from diffopt.cli.optimize import optimize  # noqa: E402

app.command("optimize")(optimize)
app.command("evaluate")(evaluate)
app.command("compare-schedules")(compare_schedules)
app.command("convergence")(convergence)
app.command("eta")(eta)
app.command("list")(list_names)
app.command("schema")(schema)
posterior.register(spectrum.app)
app.add_typer(spectrum.app, name="spectrum")
