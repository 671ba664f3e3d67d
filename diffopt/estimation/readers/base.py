"""What every reader has in common: the interface, the options, the choice of an array in a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Log, Source


@dataclass(frozen=True)
class ReadOptions:
    """Choices of the caller that readers may need.

    Attributes
    ----------
    key : str or None
        Array inside a file that holds several.
    channels : str
        `auto`, `first`, `last` or `none`: where the channels of an array of samples are.
    window, hop : int
        Length of, and distance between, windows of sound, in frames; hop 0 means window.
    max_expanded : int
        Most bytes that one archive may expand to.
    max_member : int
        Most bytes of one member, and most pixels of one image.
    max_members : int
        Most members of an archive or folder.
    log : Log
        Whether to skip bad members, and those skipped.
    """

    key: str | None = None
    channels: str = "auto"
    window: int = 16384
    hop: int = 0
    max_expanded: int = 1 << 40
    max_member: int = 1 << 28
    max_members: int = 20_000_000
    log: Log = field(default_factory=Log)

    def __post_init__(self) -> None:
        if self.channels not in ("auto", "first", "last", "none"):
            raise InputError(f"channels must be auto, first, last or none, got {self.channels!r}")
        if self.window < 2 or self.hop < 0:
            raise InputError(
                f"window must be at least 2 and hop at least 0, got {self.window} and {self.hop}"
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


def channel_axis(shape: tuple[int, ...], choice: str) -> int | None:
    """Axis of a sample that holds channels.

    `auto` takes the first axis of a sample with 3 or more axes if it has at most 4 entries, else the
    last one under the same condition, else none.

    Raises
    ------
    InputError
        `first` or `last` for samples with one axis.
    """
    if choice == "none":
        return None
    if choice != "auto":
        if len(shape) < 2:
            raise InputError(f"--channels {choice} needs samples with 2 axes or more, got shape {shape}")
        return 0 if choice == "first" else len(shape) - 1
    if len(shape) < 3:
        return None
    ends = [axis for axis in (0, len(shape) - 1) if shape[axis] <= 4]
    return ends[0] if ends else None


def pick(shapes: Mapping[str, tuple[int, ...] | None], key: str | None, label: str) -> str:
    """Name of the array to read: `key`, or the only one (or only one called like data) with 2 axes or more.

    Raises
    ------
    InputError
        No such key, no candidate, or several.
    """
    if key is not None:
        if key not in shapes:
            raise InputError(f"{label}: no array {key!r}; it has {_names(shapes) or 'none'}")
        return key
    able = [name for name, shape in shapes.items() if shape is None or len(shape) >= 2]
    usual = [name for name in able if name in ("arr_0", "x", "data", "samples", "images", "latents")]
    for names in (able, usual):
        if len(names) == 1:
            return names[0]
    if not able:
        raise InputError(f"{label}: no array of samples (2 axes or more); it has {_names(shapes) or 'none'}")
    raise InputError(f"{label}: several arrays ({_names(dict.fromkeys(able))}); choose one with --key")


def _names(shapes: Mapping[str, Any]) -> str:
    names = [str(n)[:60] for n in list(shapes)[:8]]
    return ", ".join(names) + (", ..." if len(shapes) > 8 else "")
