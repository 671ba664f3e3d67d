"""A file that an argument names: read when it is first asked for, and once, for a pipe can be read only once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from diffopt.documents.number_list import content_of, holds_arrays
from diffopt.foundation.encoding import decode, read_bytes
from diffopt.foundation.shown import text as readable


@dataclass(frozen=True, eq=False)
class GivenFile:
    """A file, or standard input for `-`, with what it holds.

    Attributes
    ----------
    name : str
        Path or `-`.
    what : str
        Leads its name where it cannot be read.
    """

    name: str
    what: str = ""

    def __str__(self) -> str:
        return self.name

    @cached_property
    def data(self) -> bytes:
        """Its bytes, expanded where they are compressed.

        Raises
        ------
        InputError
            Missing or unreadable.
        """
        return read_bytes(Path(self.name), "-" if self.name == "-" else f"{self.what} {readable(self.name)[:200]}".lstrip())

    @cached_property
    def text(self) -> str | None:
        """Its text; None of a file of arrays.

        Raises
        ------
        InputError
            Unreadable, or neither text nor arrays.
        """
        return None if holds_arrays(self.data, self.name) else decode(self.data, self.name)

    @cached_property
    def content(self) -> Any:
        """What the bytes hold, parsed; see :func:`content_of`.

        Raises
        ------
        InputError
            Not of the kind that its name says.
        """
        return content_of(self.data, self.name)
