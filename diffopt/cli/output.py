"""Where results go: stdout or a file, in the form asked for; notes to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

#: Names of standard output.
STANDARD = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")


def chosen_format(form: str | None, output: Path | None, forms: Mapping[str, str]) -> str:
    """JSON into files and pipes, a table on a terminal, unless `form` says otherwise.

    Raises
    ------
    InputError
        Neither a table nor one of the forms.
    """
    if form is None:
        return "table" if output is None and sys.stdout.isatty() else "json"
    known = (*forms.values(), "table")
    if form not in known:
        from diffopt.errors import InputError

        raise InputError(f"format {form!r} is unknown; use one of {', '.join(known)}")
    return form


def note(message: str, quiet: bool) -> None:
    """Talk on stderr: one line, which a terminal shows in its width; where nobody can hear it, nothing."""
    if quiet:
        return
    from diffopt.foundation.shown import visible

    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(_fitted(visible(message)) + "\n")
        sys.stderr.flush()


def _fitted(line: str) -> str:
    """The line as it is for files and pipes, broken between words for a terminal."""
    if not sys.stderr.isatty():
        return line
    import textwrap

    told = os.environ.get("COLUMNS", "")
    width = int(told) if told.isdigit() and int(told) > 0 else os.get_terminal_size(sys.stderr.fileno()).columns
    # A terminal that does not tell its size says 0.
    wrapped = textwrap.wrap(line, max(width, 20), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(wrapped) if width > 0 and wrapped else line


def target(text: str | None) -> Path | None:
    """File to write, None for standard output: no name, `-`, or one of the system's names of it.

    Raises
    ------
    InputError
        A name that ends with a slash.
    """
    if text is None or text in STANDARD:
        return None
    if text.endswith(("/", os.sep)):
        from diffopt.errors import InputError

        raise InputError(f"output {text} is a directory; name a file in it")
    return Path(text)


def is_stream(path: Path) -> bool:
    """Whether a name is no file but something that takes bytes as they come: a pipe, a device."""
    from diffopt.foundation.atomic import is_stream as check

    return check(path)


def check_paths(force: bool, output: Path | None, plot: Path | None = None, *others: Path | None) -> None:
    """Refuse bad targets, two of one name, and pictures that cannot be drawn, before any work is done."""
    paths = [path for path in (output, plot, *others) if path is not None]
    if not paths:
        return
    from diffopt.foundation.atomic import check_distinct, check_target

    for path in paths:
        check_target(path, force)
    check_distinct(paths)
    if plot is not None:
        from diffopt.api.pictures import check_picture

        check_picture(plot)


def emit(text: str, output: Path | None, force: bool, quiet: bool) -> None:
    """Write text to a file (atomically) or to stdout."""
    if output is None:
        _print(text)
        return
    from diffopt.foundation.atomic import write_atomic
    from diffopt.foundation.shown import ESCAPE

    write_atomic(output, text.encode("utf-8", ESCAPE), force)
    note(f"wrote {output}", quiet)


def emit_bytes(data: bytes, output: Path | None, force: bool, quiet: bool) -> None:
    """Write bytes to a file (atomically) or to stdout, where they are text unless stdout takes bytes."""
    if output is not None:
        from diffopt.foundation.atomic import write_atomic

        write_atomic(output, data, force)
        note(f"wrote {output}", quiet)
        return
    if not hasattr(sys.stdout, "buffer"):
        _print(data.decode())
        return
    with _reader_may_go():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _print(text: str) -> None:
    with _reader_may_go():
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _reader_may_go() -> Iterator[None]:
    """Where the reader has gone (`| head`), go on in silence; what is still to be flushed at the end goes nowhere."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def terminal_width() -> int:
    """Columns of the terminal, 100 where there is none."""
    return shutil.get_terminal_size((100, 40)).columns
