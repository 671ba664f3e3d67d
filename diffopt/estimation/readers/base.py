"""What every reader has in common: the interface and the options."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.sources.channels import check_choice
from diffopt.estimation.sources.source import Log, Source
from diffopt.estimation.tables.choice import check_header

#: Most bytes that an archive may expand to, and fewer for what shrinks to less than 1/RATIO of its size.
EXPANDED, SUSPECT, RATIO = 1 << 40, 1 << 34, 200
MODES = ("L", "RGB")


@dataclass(frozen=True)
class ReadOptions:
    """Choices of the caller that readers may need.

    Attributes
    ----------
    key : str or None
        Array inside a file that holds several, or the kind of member of an archive (`latent.npy`).
    channels : str
        `auto`, `first`, `last`, `none` or the number of an axis: where the channels of a sample are.
    columns : str or None
        Columns of a table of text: `all`, or names, numbers from 1 and ranges; None leaves out what looks like an index.
    header : str
        `auto`, `yes` or `no`: whether the first line of a table holds names.
    mode : str or None
        `L` or `RGB`: convert every image to it; None takes them as they are.
    window, hop : int
        Length of, and distance between, windows of sound, in frames; hop 0 means window.
    max_expanded : int or None
        Most bytes that one archive may expand to; None is 1 TiB, or 16 GiB for what shrinks by more than 200.
    max_member : int
        Most bytes of one member, one chunk or one image in memory.
    max_members : int
        Most members of an archive or folder.
    log : Log
        Whether to skip bad members, and those skipped.
    """

    key: str | None = None
    channels: str = "auto"
    columns: str | None = None
    header: str = "auto"
    mode: str | None = None
    window: int = 16384
    hop: int = 0
    max_expanded: int | None = None
    max_member: int = 1 << 29
    max_members: int = 20_000_000
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        check_choice(self.channels)
        check_header(self.header)
        if self.mode is not None and self.mode not in MODES:
            raise InputError(f"mode must be {' or '.join(MODES)}, got {self.mode!r}")
        if self.window < 2 or self.hop < 0:
            raise InputError(
                f"window must be at least 2 and hop at least 0, got {self.window} and {self.hop}"
            )

    def check_member(self, size: int, what: str) -> None:
        """Refuse a member, a chunk or an image that would take too much memory.

        Raises
        ------
        InputError
            More than `max_member` bytes.
        """
        if size > self.max_member:
            raise InputError(f"{what}: {size} bytes; allowed are {self.max_member}; raise --max-member")

    def check_expanded(self, size: int, stored: int, what: str) -> None:
        """Refuse an archive that expands too far.

        Raises
        ------
        InputError
            More than `max_expanded` bytes.
        """
        limit = self.max_expanded
        if limit is None:
            limit = SUSPECT if size > RATIO * stored else EXPANDED
        if size > limit:
            raise InputError(
                f"{what}: expands from {stored} to {size} bytes; allowed are {limit}; raise --max-expanded"
            )


class Reader(ABC):
    """One file format."""

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Whether the path looks like this format, by its name or its directory layout."""

    @abstractmethod
    def open(self, path: Path, options: ReadOptions) -> Source:
        """Open an existing path.

        Raises
        ------
        InputError
            Not this format, broken, empty, or beyond the limits.
        MissingExtraError
            An optional package is missing.
        """
