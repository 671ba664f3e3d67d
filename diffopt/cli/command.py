"""How a command is made of its verb's flags, and what it is given when it runs."""

from __future__ import annotations

import inspect
import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from diffopt.api.flags import GROUPS, HELP, OUTPUT, OWN, SUFFIXES, VERBS, Flag
from diffopt.cli.values import completer
from diffopt.cli.values import spectrum as complete_spectrum

#: Exit code of a search that did not converge.
NOT_CONVERGED = 3

#: What is no form of the result, and the flag that writes it.
ELSEWHERE = {
    ".html": "a page use compare-schedules --html {}",
    **dict.fromkeys((".png", ".svg", ".pdf"), "a picture use --plot {}"),
}

Spectrum = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(
        metavar="[SPECTRUM]",
        help="Path (.npy .npz .json .csv .txt), - for standard input, or builtin:NAME; without it a pipe is read.",
        autocompletion=complete_spectrum,
    ),
]


def given_or_piped(data: str | None, pipe: bool = True) -> str:
    """SPECTRUM, or `-` where something is piped in and `pipe` is for it.

    Raises
    ------
    InputError
        Neither an argument nor a pipe.
    """
    if data is None and not (pipe and piped()):
        from diffopt.errors import InputError

        raise InputError("no spectrum: give a path, - for standard input, or builtin:photos")
    return "-" if data is None else data


@dataclass(frozen=True)
class Given:
    """What a command was given: the data, keyword arguments of its verb, and where the result goes.

    Attributes
    ----------
    data : str or None
        SPECTRUM, `-` where a pipe is read.
    flags : dict
        Keyword arguments of the verb: flags over the config file over the environment over pyproject.toml.
    explicit : frozenset of str
        Names that were given as flags.
    arguments : dict
        Other positional arguments.
    """

    data: str | None
    flags: dict[str, Any]
    explicit: frozenset[str]
    arguments: dict[str, Any]
    output: Path | None
    format: str | None
    plot: Path | None
    force: bool
    quiet: bool

    def without(self, names: Iterable[str]) -> dict[str, Any]:
        """Keyword arguments without those of these names that were not given as flags."""
        return {k: v for k, v in self.flags.items() if k in self.explicit or k not in names}

    def require_data(self) -> str:
        """SPECTRUM.

        Raises
        ------
        InputError
            Neither an argument nor a pipe.
        """
        return given_or_piped(self.data, False)

    def check(self) -> None:
        """Refuse targets that cannot be written, before any work is done."""
        from diffopt.cli import output as out

        self.form()
        others = [Path(self.flags[name]) for name in ("html", "error_map") if self.flags.get(name)]
        out.check_paths(self.force, self.output, self.plot, *others)

    def form(self) -> str:
        """Form of the result by --format, by the suffix of -o, or by who is looking."""
        from diffopt.cli import output as out
        from diffopt.errors import InputError

        suffix = "" if self.output is None else self.output.suffix.lower()
        implied = SUFFIXES.get(suffix)
        if suffix in ELSEWHERE:
            raise InputError(f"-o {self.output} writes the numbers; for {ELSEWHERE[suffix].format(self.output)}")
        if self.format is None and suffix and implied is None:
            raise InputError(f"-o {self.output}: unknown suffix {suffix!r}; use one of {', '.join(SUFFIXES)}, or say --format")
        if self.format is not None and implied not in (None, self.format):
            raise InputError(f"-o {self.output} means {implied} and --format says {self.format}; leave one out")
        return out.chosen_format(self.format or implied, self.output)

    def finish(self, result: Any) -> None:
        """Notes, picture, and the result as a file or on standard output."""
        from diffopt.cli import output as out

        for note in (*result.notes, *result.remarks(self.form())):
            out.note(note, self.quiet)
        if self.plot is not None:
            result.plot(self.plot, self.force)
            out.note(f"wrote {self.plot}", self.quiet)
        if self.form() != "table":
            for answer in result.answers():
                out.note(answer, self.quiet)
        text = result.render(self.form(), out.terminal_width(), self.output is None and sys.stdout.isatty())
        out.emit(text, self.output, self.force, self.quiet)


def command(
    verb: str, plot: bool = True, arguments: Mapping[str, Any] | None = None, spectrum: bool = True
) -> Callable[[Callable[[Given], None]], Any]:
    """Make a function of `Given` a command that takes SPECTRUM, the verb's groups of flags, its own, and those of output.

    Parameters
    ----------
    verb : str
        Name in VERBS and OWN of `diffopt.api.flags`.
    plot : bool
        Whether the result can be drawn.
    arguments : mapping, optional
        Further positional arguments: annotation (of typer) by name, after SPECTRUM.
    spectrum : bool
        Whether the command takes SPECTRUM at all.
    """
    own = OWN.get(verb, ())
    names = {flag.name for flag in own}
    panels = [(title, flag) for group in VERBS.get(verb, ()) for title, flags in (GROUPS[group],) for flag in flags]
    panels = [(title, flag) for title, flag in panels if flag.name not in names]
    said = HELP.get(verb, {})
    panels = [(title, replace(flag, help=said.get(flag.name, flag.help))) for title, flag in panels]
    panels = [("Options", flag) for flag in own] + panels
    panels += [("Output", flag) for flag in OUTPUT if plot or flag.name != "plot"]

    def decorate(body: Callable[[Given], None]) -> Any:
        def run(**values: Any) -> None:
            given = gather(values, [flag for _, flag in panels], tuple(arguments or ()))
            if given is not None:
                body(given)

        extra = dict(arguments or {})
        parameters = [_parameter("spectrum", Spectrum)] if spectrum else []
        parameters += [_parameter(k, v) for k, v in extra.items()]
        parameters += [_option(title, flag) for title, flag in panels]
        run.__name__, run.__doc__ = body.__name__, body.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _option(title: str, flag: Flag) -> inspect.Parameter:
    spelled = [flag.long, *([flag.short] if flag.short else [])]
    # typer reads the kinds at run time; Optional keeps them readable on every supported Python.
    kind: Any = bool if flag.kind is bool else Optional[list[str]] if flag.kind is list else Optional[flag.kind]  # noqa: UP045
    option = typer.Option(
        *spelled, help=flag.help, metavar=flag.metavar, rich_help_panel=title, autocompletion=completer(flag.name)
    )
    default = False if flag.kind is bool else None
    return inspect.Parameter(flag.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])


def gather(values: dict[str, Any], flags: list[Flag], arguments: tuple[str, ...]) -> Given | None:
    """Values of the flags over those of the other sources; None after --show-settings."""
    from diffopt.cli.output import target
    from diffopt.cli.sources import merged, shown

    extra = {name: values.pop(name) for name in arguments}
    takes_data = "spectrum" in values
    data = values.pop("spectrum", None)
    explicit = {k: v for k, v in values.items() if v is not None and v is not False and v != []}
    steering = {flag.name for flag in OUTPUT}
    found, origin = merged(explicit, [flag for flag in flags if flag.name != "config"], explicit.get("config"))
    data = data if data is not None else found.pop("spectrum", None)
    if takes_data and data is None and piped() and "-" not in extra.values():
        data = "-"
    if data == "-" and "-" in extra.values():
        raise typer.BadParameter("SPECTRUM and the grid cannot both be standard input")
    if explicit.get("show_settings"):
        typer.echo(shown({"spectrum": data, **found}, origin), nl=False)
        return None
    output = found.get("output")
    return Given(
        data, {k: v for k, v in found.items() if k not in steering and k != "spectrum"}, frozenset(explicit), extra,
        target(output), found.get("format"),
        Path(found["plot"]) if found.get("plot") else None, bool(found.get("force")), bool(found.get("quiet")),
    )  # fmt: skip


def piped() -> bool:
    """Whether standard input is a pipe or a file that somebody redirected here."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
