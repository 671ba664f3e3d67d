"""Lines of a text file of any length: byte order marks, UTF-16, gzip; comments and blank lines left out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from diffopt.errors import InputError
from diffopt.estimation.members.stream import OPENERS
from diffopt.estimation.readers.base import ReadOptions
from diffopt.foundation.dialect import SEPARATOR, Line
from diffopt.foundation.encoding import HEAD, encoding_of
from diffopt.foundation.guard import reading

#: Longest line that is read; a line without end would fill the memory.
LINE = 1 << 26
#: What an empty line is made of; the last is the end mark of MS-DOS.
BLANK = " \t\r\n\f\v\x1a"


def open_bytes(path: Path) -> IO[bytes]:
    """A file, expanded where its first bytes say that it is compressed."""
    with path.open("rb") as file:
        start = file.read(2)
    return OPENERS.get(start, open)(path, "rb")  # type: ignore[operator]


def lines_of(path: Path, options: ReadOptions) -> Iterator[Line]:
    """Lines with something on them, but comments (`#`, `%`), a first line `sep=;` and the end mark of old systems.

    Raises
    ------
    InputError
        Not text, a line without end, or a compressed file that expands too far.
    """
    label, stored, expanded = str(path), path.stat().st_size, 0
    with reading(label), open_bytes(path) as raw:
        encoding, mark = encoding_of(raw.read(HEAD))
        raw.seek(mark)
        text = io.TextIOWrapper(raw, encoding=encoding, errors="strict")
        for number in range(1, 1 << 62):
            try:
                line = text.readline(LINE)
            except UnicodeDecodeError:
                raise InputError(f"{label}: line {number} or later is not UTF-8 text; save it as UTF-8") from None
            if not line:
                return
            expanded += len(line)
            if expanded > stored:
                options.check_expanded(expanded, stored, label)
            if len(line) == LINE:
                raise InputError(f"{label}: line {number} is longer than {LINE} characters")
            if "\0" in line:
                raise InputError(f"{label}: line {number} holds zero bytes; it is not text")
            if line.strip(BLANK) and not line.startswith(("#", "%")) and not (number == 1 and SEPARATOR.match(line)):
                yield number, line.rstrip("\r\n")
