"""Outputs of a score network as rows: which arrays there must be, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.documents.row_arrays import EXPECTED, ArrayMember, Member, array_members, members_of
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name
from diffopt.studies.siem.sums import Rows

#: Bytes of one block of one array.
BLOCK = 1 << 24
#: Signal scale of a state by its noise ratio.
PICTURES = {
    "ve": lambda sigma: np.ones_like(sigma), "vp": lambda sigma: 1 / np.sqrt(1 + sigma**2), "flow": lambda sigma: 1 / (1 + sigma),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class SiemInput:
    """Arrays `x0` (or `xt`), `noise`, `predicted`, `sigma`, and `weights` if there are any.

    Attributes
    ----------
    sigma : ndarray, shape (n,)
        Noise ratio of every row.
    dim : int
        Numbers in one sample.
    """

    members: Mapping[str, Member | ArrayMember]
    reference: Member | ArrayMember | None
    sigma: Array
    dim: int
    picture: str

    @classmethod
    def read(cls, given: Any, reference: Any = None, picture: str | None = None) -> SiemInput:
        """Check names and shapes of a file or a mapping of arrays.

        Raises
        ------
        InputError
            Missing arrays, or shapes that differ.
        """
        if picture is not None:
            check_name(picture, PICTURES, "picture")
        label, members = _opened(given)
        missing = [name for name in ("noise", "predicted", "sigma") if name not in members]
        missing += [] if {"x0", "xt"} & set(members) else ["x0 (or xt)"]
        if missing:
            has = ", ".join(members) or "none"
            raise InputError(f"{label}: no array {', '.join(missing)}; it has {has}; expected {EXPECTED}")
        if picture is not None and "x0" in members:
            raise InputError(f"--picture {picture} has no effect: it is the scale of xt, and {label} has x0; leave it out")
        names = ["x0" if "x0" in members else "xt", "noise", "predicted"]
        shape = members["noise"].shape
        for name in names:
            _same(members[name], shape)
        if len(shape) < 2 or 0 in shape:
            raise InputError(f"{label}: noise has shape {shape}; expected samples first, then their numbers")
        other = None
        if reference is not None:
            where, found = _opened(reference)
            if "predicted" not in found:
                raise InputError(f"{where}: a reference has the array predicted; it has {', '.join(found) or 'none'}")
            other = found["predicted"]
            _same(other, shape)
        for name in ("sigma", "weights"):
            if name in members and members[name].shape not in ((shape[0],), (shape[0], 1)):
                raise InputError(f"{members[name].label} has shape {members[name].shape}; expected ({shape[0]},), one a row")
        return cls(members, other, members["sigma"].whole().reshape(-1), int(np.prod(shape[1:])), picture or "ve")

    def rows(self) -> Iterator[Rows]:
        """Blocks of all rows."""
        size = max(1, BLOCK // (8 * self.dim))
        clean = "x0" in self.members
        parts = [self.members["x0" if clean else "xt"], self.members["noise"], self.members["predicted"]]
        parts += [] if self.reference is None else [self.reference]
        weights = self.members["weights"].whole().reshape(-1) if "weights" in self.members else None
        begin = 0
        for blocks in zip(*(part.blocks(size) for part in parts), strict=True):
            data, noise, predicted, *other = (block.reshape(len(block), -1) for block in blocks)
            sigma = self.sigma[begin : begin + len(data), None]
            state = data + sigma * noise if clean else data / PICTURES[self.picture](sigma)
            weight = None if weights is None else weights[begin : begin + len(data)]
            begin += len(data)
            yield Rows(state, noise, predicted, other[0] if other else None, weight)


def _opened(given: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(given, str | Path):
        return str(given), members_of(Path(given))
    if isinstance(given, Mapping):
        return "the arrays", array_members(given)
    raise InputError(f"expected a file or a mapping of arrays, got {type(given).__name__}")


def _same(member: Any, shape: tuple[int, ...]) -> None:
    if member.shape != shape:
        raise InputError(f"{member.label} has shape {member.shape}, noise has {shape}; they must be equal, samples first")
