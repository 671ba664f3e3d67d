"""How a command is made of its verb's flags."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Optional, get_args

import typer

from diffopt.api.flag import Flag
from diffopt.api.flags import GROUPS, HELP, OUTPUT, OWN, SUFFIXES, VERBS
from diffopt.cli.given import Given, gather
from diffopt.cli.sources import sourced
from diffopt.cli.values import completer
from diffopt.cli.values import spectrum as complete_spectrum
from diffopt.errors import DiffoptError

#: Exit code of a search that did not converge.
NOT_CONVERGED = 3


def optional(metavar: str, what: str, kind: Any = str, complete: Callable[..., Any] | None = None) -> Any:
    """Annotation of a positional argument that may be left out."""
    # typer reads it at run time; Optional keeps it readable on every supported Python.
    return Annotated[Optional[kind], typer.Argument(metavar=f"[{metavar}]", help=what, autocompletion=complete)]  # noqa: UP045


SpectrumArgument = optional(
    "SPECTRUM", "Path (.npy .npz .json .csv .txt), - for standard input, or builtin:NAME; without it a pipe is read.",
    complete=complete_spectrum,
)  # fmt: skip


def piped(name: str, metavar: str, what: str) -> dict[str, Any]:
    """What :func:`command` is told of a positional argument that a pipe stands in for."""
    told = optional(metavar, f"{what}; - for standard input; without it a pipe is read.")
    return {"arguments": {name: told}, "needs": name}


def command(
    verb: str,
    *,
    spectrum: bool = True,
    arguments: Mapping[str, Any] | None = None,
    needs: str | None = None,
    leave_out: Collection[str] = (),
    forms: Mapping[str, str] = SUFFIXES,
) -> Callable[[Callable[[Given], None]], Any]:
    """Make a function of `Given` a command that takes SPECTRUM, the verb's groups of flags, its own, and those of output.

    Parameters
    ----------
    verb : str
        Name in VERBS and OWN of `diffopt.api.flags`.
    spectrum : bool
        Whether the command takes SPECTRUM.
    arguments : mapping, optional
        Further positional arguments: annotation (of typer) by name, after SPECTRUM.
    needs : str, optional
        The one of these arguments that a pipe stands in for, and without which nothing is done.
    leave_out : collection of str
        Flags of output that the command does not have.
    forms : mapping
        Form of the result by suffix.
    """
    named = ", ".join(forms.values())
    panels = [(title, replace(flag, help=flag.help.replace("{forms}", named))) for title, flag in panels_of(verb)]
    panels = [(title, flag) for title, flag in panels if flag.name not in leave_out]

    def decorate(body: Callable[[Given], None]) -> Any:
        def run(**values: Any) -> None:
            given = gather(values, [flag for _, flag in panels], tuple(arguments or ()), spectrum, forms)
            if given is None:
                return
            if needs is not None:
                given = given.with_pipe(needs)
            with explained(given):
                body(given)

        place = body.__name__
        parameters = [_parameter("spectrum", SpectrumArgument)] if spectrum else []
        parameters += [_parameter(k, v) for k, v in (arguments or {}).items()]
        parameters += [_option(title, flag, place) for title, flag in panels]
        run.__name__, run.__doc__ = place, body.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


@contextmanager
def explained(given: Given) -> Iterator[None]:
    """What was said on the way is heard before an error too; a value that no flag gave is told with its source."""
    try:
        yield
    except DiffoptError as error:
        from diffopt.cli import output as out

        for line in getattr(error, "__notes__", ()):
            out.note(line, given.quiet)
        sources = sourced(str(error), given.flags, given.origin)
        if sources:
            error.args = (f"{error} ({'; '.join(sources)})", *error.args[1:])
        raise


def panels_of(verb: str) -> list[tuple[str, Flag]]:
    """Flags of a command with the title of each one's panel, in the order of the help."""
    own = OWN.get(verb, ())
    names, said = {flag.name for flag in own}, HELP.get(verb, {})
    panels = [(flag.panel, flag) for flag in own]
    panels += [(title, f) for group in VERBS.get(verb, ()) for title, flags in (GROUPS[group],) for f in flags]
    panels = panels[: len(own)] + [(title, flag) for title, flag in panels[len(own) :] if flag.name not in names]
    panels += [("Output", flag) for flag in OUTPUT]
    return [(title, replace(flag, help=said.get(flag.name, flag.help))) for title, flag in panels]


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    """A positional argument; text without Optional is needed."""
    needed = get_args(annotation)[0] is str
    default = inspect.Parameter.empty if needed else None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _option(title: str, flag: Flag, place: str) -> inspect.Parameter:
    spelled = [f"{flag.long}/--no-{flag.long[2:]}" if flag.off else flag.long, *([flag.short] if flag.short else [])]
    # typer reads the kinds at run time; Optional keeps them readable on every supported Python.
    bare = flag.kind is bool and not flag.off
    kind: Any = bool if bare else Optional[list[str]] if flag.kind is list else Optional[flag.kind]  # noqa: UP045
    known = complete_spectrum if flag.name == "spectrum" else completer(flag.name, place)
    option = typer.Option(
        *spelled, help=flag.help, metavar=flag.metavar, rich_help_panel=title, autocompletion=known, hidden=flag.hidden
    )
    default = False if bare else None
    return inspect.Parameter(flag.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
