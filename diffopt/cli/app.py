"""The typer application; every command imports its numerics only when it runs."""

from __future__ import annotations

import typer

from diffopt import __version__

app = typer.Typer(
    name="diffopt",
    help="Optimal step grids for diffusion samplers, from a covariance spectrum.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"diffopt {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Optimal step grids for diffusion samplers, from a covariance spectrum."""
