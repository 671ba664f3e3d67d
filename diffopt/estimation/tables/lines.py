"""Lines of a text file of any length: byte order marks, UTF-16, gzip; comments and blank lines left out."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from diffopt.errors import InputError
from diffopt.estimation.members.stream import OPENERS
from diffopt.estimation.readers.base import ReadOptions
from diffopt.foundation.guard import reading

#: Longest line that is read; a line without end would fill the memory.
LINE = 1 << 26
#: Longer marks first: UTF-32 begins like UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
#: What an empty line is made of; the last is the end mark of MS-DOS.
BLANK = " \t\r\n\f\v\x1a"
#: First line with which Excel says what separates the cells.
SEPARATOR = re.compile(r"\"?sep=.\"?\s*\Z")
#: A line's number in the file, and its text.
Line = tuple[int, str]


def open_bytes(path: Path) -> IO[bytes]:
    """A file, expanded where its first bytes say that it is compressed."""
    with path.open("rb") as file:
        start = file.read(2)
    return OPENERS.get(start, open)(path, "rb")  # type: ignore[operator]


def encoding_of(head: bytes) -> str:
    """Encoding by the byte order mark, or, for UTF-16 without one, by the zeros in every second byte."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if len(head) > 3:
        for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            if not any(head[first::2]) and all(head[1 - first :: 2]):
                return name
    return "utf-8"


def lines_of(path: Path, options: ReadOptions) -> Iterator[Line]:
    """Lines with something on them, but comments (`#`, `%`), a first line `sep=;` and the end mark of old systems.

    Raises
    ------
    InputError
        Not text, a line without end, or a compressed file that expands too far.
    """
    label, stored, expanded = str(path), path.stat().st_size, 0
    with reading(label), open_bytes(path) as raw:
        head = raw.read(64)
        raw.seek(0)
        text = io.TextIOWrapper(raw, encoding=encoding_of(head), errors="strict")
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
