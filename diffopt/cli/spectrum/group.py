"""`diffopt spectrum`: from samples to a spectrum, looking at one, making one up, converting files."""

from __future__ import annotations

from importlib import import_module

import typer

from diffopt.cli.help import GroupedCommand, WholeGroup

#: Commands in the order of the help; each is the function of its name in the module of its name.
COMMANDS = ("estimate", "show", "synthesize", "convert", "posterior", "from-loss")

app = typer.Typer(
    help="Estimate, show, make and convert covariance spectra.", cls=WholeGroup, rich_markup_mode=None
)


@app.callback(invoke_without_command=True)
def group(context: typer.Context) -> None:
    """Estimate, show, make and convert covariance spectra."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _name in COMMANDS:
    _place = _name.replace("-", "_")
    _command = getattr(import_module(f"diffopt.cli.spectrum.{_place}"), _place)
    app.command(_name, cls=GroupedCommand)(_command)
