"""What every generator works with: an input, random numbers, damage."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass
class Case:
    """Words of the command line and the files they speak of."""

    words: list[str]
    files: dict[str, bytes] = field(default_factory=dict)


class Dice(random.Random):
    """Random numbers, and how wild an input is: half of them are mostly sensible."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.chaos = 1.0 if self.random() < 0.5 else 0.08

    def wild(self, chance: float) -> bool:
        """Whether something odd is done here."""
        return self.random() < chance * self.chaos

    def pick(self, good, bad, chance: float = 0.3):
        """One of the good ones, or with some chance of the bad ones."""
        return self.choice(bad if self.wild(chance) else good)


WILD = (
    "0", "-1", "1e-320", "1e308", "1e999", "nan", "inf", "1_0", "x", "", "0x10", "1e-9", "80", "½", "1,5", " 3 ", "--", "[/x]",
)  # fmt: skip
NAMES = (
    "e.txt", "e.json", "e.csv", "e.npy", "e.npz", "e.tsv", "e.csv.gz", "e", "e.JSON", "[x].json", "a b.txt", "=1.csv", "$x$.npz",
)  # fmt: skip


def anything(r: Dice, depth: int = 0):
    """Any JSON value."""
    kinds = [None, True, False, 0, -1, 1, 3.5, 1e308, 10**400, "", "x", "3", [], {}, [1, 2], ["a"], {"a": 1}, [[1]], float("nan")]
    if depth < 2 and r.random() < 0.2:
        return [anything(r, depth + 1) for _ in range(r.randrange(4))]
    return r.choice(kinds)


def mutated(data: bytes, r: Dice, chance: float) -> bytes:
    """The bytes, or with a part flipped, cut, doubled or replaced."""
    if not r.wild(chance) or not data:
        return data
    kind, place = r.randrange(5), r.randrange(len(data))
    if kind == 0:
        changed = bytearray(data)
        changed[place] ^= 1 << r.randrange(8)
        return bytes(changed)
    if kind == 1:
        return data[:place]
    if kind == 2:
        return data[:place] + data[place:][:40] + data[place:]
    if kind == 3:
        return data[:place] + r.randbytes(r.randrange(1, 30)) + data[place:]
    return r.choice((b"", b"\0" * 100, b"[" * 5000, b"PK\x03\x04", b"\x93NUMPY", b"\xff\xfe", b"{" * 3000))
