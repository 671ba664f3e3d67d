"""A list of named files, wherever they are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import PurePosixPath

from diffopt.errors import InputError
from diffopt.estimation.members.components import Components
from diffopt.estimation.members.kinds import LeftOut
from diffopt.estimation.readers.base import ReadOptions


class Members(ABC):
    """Files of a folder or an archive that hold samples, in a fixed order.

    Attributes
    ----------
    label : str
        Name for people and error messages.
    options : ReadOptions
        Limits, and the kind of member that was asked for.
    names : tuple of str or None
        In order; None where they are only known after a pass.
    left_out : LeftOut
        Files of other kinds, by suffix.
    components : Components
        Kinds of member, of which only one is read.
    """

    label: str
    options: ReadOptions
    names: tuple[str, ...] | None
    left_out: LeftOut
    components: Components

    @abstractmethod
    def read(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Names and contents of members `start`, `start + 1`, ...; or the error of reading one."""

    def wanted(self, name: str) -> bool:
        """Whether a member holds samples and is of the component asked for; counts those of other kinds."""
        return self.left_out.keeps(name) and self.components.keeps(name)


def check_name(name: str, label: str) -> None:
    """Refuse member names that point outside of the archive.

    Nothing is ever written, so they could do no harm; but who made such an archive is not to be trusted.

    Raises
    ------
    InputError
        An absolute name, a parent reference or a NUL.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or "\0" in name or (len(name) > 1 and name[1] == ":"):
        raise InputError(
            f"{label}: member {name[:80]!r} points outside of the archive; the archive is refused"
        )
