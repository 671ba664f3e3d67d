"""The typer application; every command imports its numerics only when it runs."""

from __future__ import annotations

from importlib import import_module

import typer

from diffopt import __version__
from diffopt.cli.help import ALSO, GroupedCommand, WholeGroup

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

#: Commands in the order of the help: module and function (or group) of each.
COMMANDS = {
    "optimize": "optimize:optimize",
    "evaluate": "evaluate:evaluate",
    "compare-schedules": "compare:compare_schedules",
    "convergence": "convergence:convergence",
    "eta": "eta:eta",
    "recommend": "recommend:recommend",
    "shift": "shift:shift",
    "export": "export:export",
    "check": "check:check",
    "error-budget": "error_budget:error_budget",
    "siem": "siem:siem",
    "simulate": "simulate:simulate",
    "list": "listing:list_names",
    "schema": "listing:schema",
    "spectrum": "spectrum.group:app",
}


def _version(value: bool) -> None:
    if value:
        typer.echo(f"diffopt {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    _show_version: bool = typer.Option(False, "--version", "-V", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Optimal step grids for diffusion samplers, from a covariance spectrum."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def spelled(words: list[str]) -> list[str]:
    """Words of the command line with `help COMMAND` as `COMMAND --help` and other names of commands replaced."""
    if words[:1] == ["help"]:
        rest = [w for w in words[1:] if w not in ("-h", "--help")]
        words = [*rest, "--help"]
    if words and words[0] in ALSO and ALSO[words[0]] in COMMANDS:
        words = [ALSO[words[0]], *words[1:]]
    return words


def application(first: str | None = None) -> typer.Typer:
    """Application with every command, or with one alone: typer reads the options of all it is given.

    Parameters
    ----------
    first : str, optional
        First word of the command line; a command's name leaves out the others.
    """
    app = typer.Typer(
        name="diffopt", cls=WholeGroup, context_settings=SETTINGS, pretty_exceptions_enable=False, rich_markup_mode=None
    )
    app.callback(invoke_without_command=True)(root)
    for name in (first,) if first in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        target = getattr(import_module(f"diffopt.cli.{module}"), attribute)
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=name)
        else:
            app.command(name, cls=GroupedCommand)(target)
    return app
