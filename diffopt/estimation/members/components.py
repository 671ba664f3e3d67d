"""Several files of one sample, as in WebDataset: `0001.latent.npy` beside `0001.cond.npy`; one kind is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from diffopt.errors import InputError
from diffopt.estimation.members.kinds import KINDS, kind_of

#: Samples whose components are remembered.
REMEMBERED = 20_000


def split(name: str) -> tuple[str, str]:
    """Sample and component: what stands before and after the first dot of the file's name."""
    path = PurePosixPath(name)
    stem, _, component = path.name.partition(".")
    return f"{path.parent}/{stem}", component.lower()


def is_component(key: str | None) -> bool:
    """Whether a key names a kind of member (`latent.npy`, `npy`) and not an array in it."""
    return key is not None and any(f".{key.lower().rpartition('.')[2]}" in suffixes for suffixes in KINDS.values())


@dataclass
class Components:
    """Which kinds of member there are; asks when two kinds belong to the same samples.

    Attributes
    ----------
    label : str
        Of the archive.
    key : str or None
        The kind to read.
    """

    label: str
    key: str | None
    seen: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.key = self.key.lower().removeprefix(".") if is_component(self.key) and self.key else None

    def keeps(self, name: str) -> bool:
        """Whether a member is of the kind to read.

        Raises
        ------
        InputError
            No kind was asked for, and there are several of the same samples.
        """
        sample, component = split(name)
        if self.key is not None:
            return component == self.key or component.endswith(f".{self.key}")
        self._count(sample, component)
        self._check_kinds(name)
        return True

    def _count(self, sample: str, component: str) -> None:
        self.counts[component] += 1
        if len(self.counts) > REMEMBERED:
            self.counts.clear()
        first = self.seen.setdefault(sample, component)
        if len(self.seen) > REMEMBERED:
            self.seen.clear()
        if first != component:
            self.pairs.add((first, component))
        # Names with dots in them (`0.5_a.png`) have components that occur once; those of samples recur.
        for pair in self.pairs:
            if min(self.counts[c] for c in pair) > 1:
                raise InputError(
                    f"{self.label}: several files have the same name before the dot, some ending in .{sorted(pair)[0]} and "
                    f"some in .{sorted(pair)[1]}: name one file, or choose one with --key {sorted(pair)[0]} (that ending alone "
                    "is read)"
                )
        if len(self.pairs) > 100:
            self.pairs.clear()

    def _check_kinds(self, name: str) -> None:
        kind = kind_of(name)
        if kind is not None:
            self.kinds[PurePosixPath(name).suffix.lower().lstrip(".")] += 1
        present = {kind_of(f"a.{suffix}") for suffix in self.kinds}
        if "sound" in present and len(present) > 1:
            raise InputError(
                f"{self.label}: sound and other samples ({', '.join(sorted(self.kinds))}); choose with --key wav"
            )
