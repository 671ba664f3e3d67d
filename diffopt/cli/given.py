"""What a command is given when it runs, and where its result goes."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import typer

from diffopt.api.flag import Flag, blank
from diffopt.api.flags import OUTPUT

#: What is no form of the result, and the flag that writes it.
ELSEWHERE = {
    ".html": "a page use compare-schedules --html {}",
    **dict.fromkeys((".png", ".svg", ".pdf"), "a picture use --plot {}"),
}


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
    origin : dict
        Where each of the flags comes from: `flag`, a variable or a file.
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
    forms: Mapping[str, str]
    origin: Mapping[str, str] = field(default_factory=dict)

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
        if self.data is None:
            from diffopt.errors import InputError

            raise InputError("no spectrum: give a path, - for standard input, or builtin:photos")
        return self.data

    def with_pipe(self, name: str) -> Given:
        """The same with a pipe as this argument where it is not given.

        Raises
        ------
        InputError
            Neither an argument nor a pipe that is not read by something else.
        """
        if self.arguments[name] is not None:
            return self
        if not piped() or piped_into(self.flags):
            from diffopt.errors import InputError

            raise InputError(f"Missing argument '{name.upper()}': name a file, or - for standard input")
        return replace(self, arguments={**self.arguments, name: "-"})

    def check(self) -> None:
        """Refuse targets that cannot be written, before any work is done."""
        from diffopt.cli import output as out

        self.form()
        for name in WRITTEN[1:]:
            if str(self.plot if name == "plot" else self.flags.get(name)) == "-":
                from diffopt.errors import InputError

                raise InputError(f"--{name.replace('_', '-')} -: standard output is for the result; name a file")
        others = [Path(self.flags[name]) for name in ("html", "error_map") if self.flags.get(name)]
        out.check_paths(self.force, self.output, self.plot, *others)

    def form(self) -> str:
        """Form of the result by --format, by the suffix of -o, or by who is looking."""
        from diffopt.cli import output as out
        from diffopt.errors import InputError

        suffix = "" if self.output is None or out.is_stream(self.output) else self.output.suffix.lower()
        implied = self.forms.get(suffix)
        if suffix in ELSEWHERE:
            raise InputError(f"-o {self.output} writes the numbers; for {ELSEWHERE[suffix].format(self.output)}")
        if self.format is None and suffix and implied is None:
            raise InputError(f"-o {self.output}: unknown suffix {suffix!r}; use one of {', '.join(self.forms)}, or say --format")
        file = self.output is not None and not out.is_stream(self.output)
        if self.format is None and file and not suffix and ".npz" in self.forms:
            raise InputError(f"-o {self.output}: no suffix says the form; use one of {', '.join(self.forms)}, or say --format")
        # A table has no suffix of its own: who asks for it in words means it.
        if self.format not in (None, "table") and implied not in (None, self.format):
            raise InputError(f"-o {self.output} means {implied} and --format says {self.format}; leave one out")
        return out.chosen_format(self.format or implied, self.output, self.forms)

    def finish(self, result: Any) -> None:
        """Notes, picture, and the result as a file or on standard output."""
        from diffopt.cli import output as out

        form = self.form()
        # A table on standard output says it itself.
        once = result.heading if form == "table" and self.output is None else None
        self._say(note for note in (*result.notes, *result.remarks(form)) if once is None or not note.startswith(once))
        if self.plot is not None:
            result.plot(self.plot, self.force)
            out.note(f"wrote {self.plot}", self.quiet)
        if form != "table" and not self.quiet:
            self._say(result.answers())
        out.emit(self._text(result), self.output, self.force, self.quiet)

    def write(self, result: Any) -> None:
        """Notes, and a spectrum or another thing of bytes as a file or on standard output."""
        from diffopt.cli import output as out

        form = self.form()
        content = None if form == "table" else result.content(form)
        self._say(result.notes)
        if content is None:
            out.emit(self._text(result.summary()), None, self.force, self.quiet)
            return
        out.emit_bytes(content, self.output, self.force, self.quiet)
        result.finished()

    def _text(self, result: Any) -> str:
        from diffopt.cli import output as out

        return str(result.render(self.form(), out.terminal_width(), self.output is None and sys.stdout.isatty()))

    def _say(self, lines: Iterable[str]) -> None:
        from diffopt.cli import output as out

        for line in lines:
            out.note(line, self.quiet)


def gather(
    values: dict[str, Any], flags: list[Flag], arguments: tuple[str, ...], spectrum: bool, forms: Mapping[str, str]
) -> Given | None:
    """Values of the flags over those of the other sources; None after --show-settings."""
    from diffopt.cli.output import target
    from diffopt.cli.sources import merged, shown

    extra = {name: values.pop(name) for name in arguments}
    data = values.pop("spectrum", None) if spectrum else None
    off = {flag.name for flag in flags if flag.off}
    explicit = {k: v for k, v in values.items() if v is not None and (v is not False or k in off) and v != []}
    steering = {flag.name for flag in OUTPUT}
    offered = [flag for flag in flags if flag.name != "config" and not flag.hidden]
    _refuse_blanks(explicit, {}, flags)
    found, origin = merged(explicit, offered, explicit.get("config"))
    _refuse_blanks(found, origin, flags)
    setting = found.pop("spectrum", None) if spectrum or not any(flag.name == "spectrum" for flag in flags) else None
    taken = [*piped_into(extra), *(f"--{name.replace('_', '-')}" for name in piped_into(found))]
    data = _data(data, setting, taken) if spectrum else None
    _once(["SPECTRUM", *taken] if data == "-" else taken)
    if explicit.get("show_settings"):
        typer.echo(shown({"spectrum": data, **found}, origin), nl=False)
        return None
    for flag in flags:
        if flag.required and flag.name not in found:
            from diffopt.errors import InputError

            raise InputError(f"{flag.long} {flag.metavar} is missing: {flag.help}")
    if "format" not in explicit and found.get("format") not in (*forms.values(), "table"):
        # A setting for all commands; this one has no such form.
        found.pop("format", None)
    return Given(
        data, {k: v for k, v in found.items() if k not in steering}, frozenset(explicit), extra,
        target(found.get("output")), found.get("format"),
        Path(found["plot"]) if found.get("plot") else None, bool(found.get("force")), bool(found.get("quiet")), forms,
        origin,
    )  # fmt: skip


def _refuse_blanks(found: Mapping[str, Any], origin: Mapping[str, str], flags: Iterable[Flag]) -> None:
    """Refuse values that name nothing; the default is what is meant by leaving them out."""
    for flag in flags:
        if blank(found.get(flag.name)):
            from diffopt.errors import InputError

            source = origin.get(flag.name, "flag")
            where = flag.long if source == "flag" else f"{source}: {flag.name} ="
            raise InputError(f"{where} {found[flag.name]!r} is empty; give {flag.metavar or 'a value'}, or leave it out")


#: Files that are written; standard output is for the result alone.
WRITTEN = ("output", "plot", "html", "error_map", "kernel")


def piped_into(values: Mapping[str, Any]) -> list[str]:
    """Names of arguments that read standard input: `-`, or `-` as the file of a rule such as curve:-."""
    found = []
    for name, value in values.items():
        items = value if isinstance(value, list) else [value]
        reads = [item for item in items if isinstance(item, str) and (item == "-" or item.endswith(":-"))]
        found += [name] * len(reads) if name not in WRITTEN else []
    return found


def _once(taken: list[str]) -> None:
    """Refuse two arguments that read the one standard input."""
    if len(taken) > 1:
        from diffopt.errors import InputError

        names = " and ".join(name.upper() if name.islower() and not name.startswith("-") else name for name in taken)
        raise InputError(f"{names} cannot both come from standard input; name a file for one of them")


def _data(given: str | None, setting: str | None, taken: list[str]) -> str | None:
    """SPECTRUM as an argument, a setting, or a pipe that nothing else reads."""
    data = given if given is not None else setting
    return "-" if data is None and not taken and piped() else data


def piped() -> bool:
    """Whether standard input is a pipe or a file that somebody redirected here."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)
