"""A hash of what was read, cheap enough for data of any size."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from diffopt.foundation.guard import reading

#: Files up to this size are hashed as a whole; of larger ones PIECES pieces, evenly spread.
WHOLE, PIECES, PIECE = 64 << 20, 64, 1 << 20


def source_hash(path: Path | None) -> dict[str, str] | None:
    """Kind and hexadecimal value of the hash of a file or folder; None for what has no path.

    `sha256` is that of the file; `sha256-sampled` that of its size and 64 pieces of 1 MiB, evenly
    spread from the first byte to the last; `sha256-listing` that of the names and sizes in a folder.
    """
    if path is None or not path.exists():
        return None
    with reading(str(path)):
        return {"kind": "sha256-listing", "value": _listing(path)} if path.is_dir() else _file(path)


def _file(path: Path) -> dict[str, str]:
    size = path.stat().st_size
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if size <= WHOLE:
            digest.update(file.read())
            return {"kind": "sha256", "value": digest.hexdigest()}
        digest.update(str(size).encode())
        for piece in range(PIECES):
            file.seek((size - PIECE) * piece // (PIECES - 1))
            digest.update(file.read(PIECE))
    return {"kind": "sha256-sampled", "value": digest.hexdigest()}


def last_change(path: Path) -> int:
    """Nanoseconds of the last change of a file, or of the latest of a folder's; a hash of samples of it may miss one."""
    if not path.is_dir():
        return path.stat().st_mtime_ns if path.exists() else 0
    files = (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    return max((file.lstat().st_mtime_ns for file in files), default=0)


def _listing(path: Path) -> str:
    digest = hashlib.sha256()
    for folder, below, files in os.walk(path):
        below.sort()
        for name in sorted(files):
            file = Path(folder, name)
            size = file.lstat().st_size
            digest.update(f"{file.relative_to(path).as_posix()}\0{size}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
