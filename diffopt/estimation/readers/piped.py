"""Samples out of a pipe: kept in a temporary file for the time of the run, since most methods read them more than once."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from diffopt.errors import InputError
from diffopt.estimation.members.stream import OPENERS
from diffopt.foundation.guard import reading

#: First bytes of a file, and the suffix of its kind.
MARKS = {
    b"\x93NUMPY": ".npy", b"\x89HDF": ".h5", b"CDF": ".nc", b"RIFF": ".wav", b"RF64": ".wav", b"RIFX": ".wav",
}  # fmt: skip
#: Where a tar archive says what it is.
USTAR = slice(257, 262)


@contextlib.contextmanager
def as_file(path: str) -> Iterator[str]:
    """The path itself, or of `-` and named pipes a temporary file with their bytes; errors name the pipe.

    Raises
    ------
    InputError
        A terminal, an empty or a broken pipe.
    """
    if path != "-" and not _is_pipe(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="diffopt-") as folder:
        file = Path(folder, "samples")
        with reading(path), file.open("wb") as kept:
            if path == "-":
                _copy_stdin(kept)
            else:
                with open(path, "rb") as pipe:
                    shutil.copyfileobj(pipe, kept, 1 << 20)
        if not file.stat().st_size:
            raise InputError(f"{path}: is empty; pipe samples in, or name a file")
        named = file.rename(file.with_name("samples" + suffix_of(file)))
        try:
            yield str(named)
        except InputError as error:
            raise type(error)(str(error).replace(str(named), path)) from None


def _is_pipe(path: str) -> bool:
    try:
        return Path(path).is_fifo()
    except (OSError, ValueError):
        return False


def _copy_stdin(kept: IO[bytes]) -> None:
    stream = sys.stdin
    if stream is None or stream.closed or stream.isatty():
        raise InputError("nothing on standard input; pipe samples in, or name a file")
    shutil.copyfileobj(stream.buffer, kept, 1 << 20)


def suffix_of(file: Path) -> str:
    """Suffix that a file should have, by its first bytes; text where nothing else is seen."""
    with file.open("rb") as stream:
        head = stream.read(512)
    for mark, suffix in MARKS.items():
        if head.startswith(mark):
            return suffix
    if head.startswith(b"PK"):
        return _of_zip(file)
    if head[USTAR] == b"ustar":
        return ".tar"
    if head[:2] in OPENERS:
        with contextlib.suppress(OSError, EOFError), OPENERS[head[:2]](file, "rb") as inner:  # type: ignore[operator]
            head = inner.read(512)
        return ".tar.gz" if head[USTAR] == b"ustar" else ".csv.gz"
    long = int.from_bytes(head[:8], "little")
    return ".safetensors" if head[8:9] == b"{" and long < file.stat().st_size else ".csv"


def _of_zip(file: Path) -> str:
    """An .npz holds arrays alone, side by side."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return ".zip"
    return ".npz" if names and all(n.endswith(".npy") and "/" not in n for n in names) else ".zip"
