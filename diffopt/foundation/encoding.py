"""From bytes to text: byte order marks, UTF-16 as Windows writes it, gzip."""

from __future__ import annotations

import codecs
import io
import re
import sys
from pathlib import Path
from typing import BinaryIO

from diffopt.errors import InputError
from diffopt.foundation.guard import reading
from diffopt.foundation.limits import expansion_flag, most_expanded
from diffopt.foundation.nearby import file_hint

#: Longer marks first: UTF-32 begins like UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


#: Blanks that no line is broken at stand inside numbers, between groups of thousands, and not between numbers.
GROUPED = re.compile(r"[0-9][\u00a0\u202f\u2007\u2009][0-9]{3}(?![0-9])")
#: Bytes of a stream that are read at once.
PART = 1 << 24
#: Bytes that tell the encoding.
HEAD = 200
#: How a compressed file begins.
GZIP = b"\x1f\x8b"


def decode(data: bytes, label: str) -> str:
    """Text of a file: UTF-8, or what its byte order mark says; UTF-16 without a mark by its zero bytes.

    Raises
    ------
    InputError
        Not text.
    """
    name, mark = encoding_of(data[:HEAD])
    return _decoded(data[mark:], name, label)


def encoding_of(head: bytes) -> tuple[str, int]:
    """Encoding of a text by its first HEAD bytes, and the length of the mark that says it.

    ASCII as UTF-16 without a mark has a zero in every second byte.
    """
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, len(mark)
    if len(head) > 3:
        for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            if not any(head[first::2]) and all(head[1 - first :: 2]):
                return name, 0
    return "utf-8", 0


def _decoded(data: bytes, name: str, label: str) -> str:
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        raise InputError(f"{label}: not text; numpy files need the extension .npy or .npz") from None
    if "\0" in text:
        raise InputError(f"{label}: not text (it holds zero bytes); numpy files need the extension .npy or .npz")
    return text


def stdin_bytes() -> bytes:
    """Standard input.

    Raises
    ------
    InputError
        A terminal, a closed stream, or more than is allowed of compressed files.
    """
    stream = sys.stdin
    if stream is None or stream.closed or stream.isatty():
        raise InputError("nothing on standard input; pipe numbers in, or name a file")
    try:
        return _not_endless(stream.buffer, "standard input")
    except (OSError, ValueError) as error:
        raise InputError(f"standard input cannot be read: {error}") from None


def _not_endless(stream: BinaryIO, label: str) -> bytes:
    """All of a stream whose length nobody knows."""
    parts, left = [], most_expanded()
    while part := stream.read(min(PART, left + 1)):
        parts.append(part)
        left -= len(part)
        if left < 0:
            raise InputError(
                f"{label}: more than {most_expanded()} bytes, and no end in sight; save it as a file and name that, "
                f"or raise {expansion_flag()} (gigabytes)"
            )
    return b"".join(parts)


def file_bytes(path: Path, label: str) -> bytes:
    """Bytes of a file; of pipes and devices as many as are allowed.

    Raises
    ------
    OSError
        As the system says it.
    InputError
        A pipe or a device without an end.
    """
    if path.is_file():
        return path.read_bytes()
    with path.open("rb") as stream:
        return _not_endless(stream, label)


def read_bytes(path: Path, label: str | None = None) -> bytes:
    """Bytes of a file, a `.gz` expanded; of standard input for `-`.

    Raises
    ------
    InputError
        Missing, unreadable, damaged, or a compressed file that expands beyond the limit.
    """
    name = label or str(path)
    if str(path) == "-":
        data = stdin_bytes()
        return expanded(data, name) if data[:2] == GZIP else data
    try:
        if path.is_dir():
            raise InputError(f"{name} is a folder; name a file in it")
        data = file_bytes(path, name)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file{file_hint(path)}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{name[:200]}: {getattr(error, 'strerror', None) or error}") from None
    return expanded(data, name) if path.suffix.lower() == ".gz" else data


def expanded(data: bytes, label: str) -> bytes:
    """Bytes of a gzip file.

    Raises
    ------
    InputError
        Damaged, or larger than the limit.
    """
    import gzip

    with reading(label), gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        plain = stream.read(most_expanded() + 1)
    if len(plain) > most_expanded():
        # How far it would go on is not known without going there.
        raise InputError(f"{label}: expands to more than {most_expanded()} bytes; raise {expansion_flag()} (gigabytes)")
    return plain


def suffix(path: Path) -> str:
    """Extension in small letters, that before `.gz` where the file is compressed."""
    last = path.suffix.lower()
    return Path(path.stem).suffix.lower() if last == ".gz" else last
