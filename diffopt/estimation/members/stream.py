"""A compressed file as a stream that only goes forward, and never hands out more than allowed at once."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from diffopt.estimation.readers.base import ReadOptions

OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


class Forward:
    """Bytes of a plain or compressed file, with `read`, `tell` and `seek` to later places.

    Parameters
    ----------
    path : Path
        Its first bytes tell the compression.
    options : ReadOptions
        Limits of one read and of the whole.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self.label, self.options = str(path), options
        self.stored = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(2)
        self._stream: IO[bytes] = OPENERS.get(start, open)(path, "rb")  # type: ignore[operator]
        self._place = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._stream.close()

    def tell(self) -> int:
        """Bytes handed out or left out so far."""
        return self._place

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; all there are is never asked for."""
        self.options.check_member(max(size, 0), self.label)
        data = self._stream.read(max(size, 0))
        self._place += len(data)
        if self._place > self.stored:
            self.options.check_expanded(self._place, self.stored, self.label)
        return data

    def seek(self, place: int) -> int:
        """Go forward to a place.

        Raises
        ------
        OSError
            Backward.
        """
        if place < self._place:
            raise OSError("the stream goes forward only")
        while place > self._place and self.read(min(place - self._place, 1 << 20)):
            pass
        return self._place
