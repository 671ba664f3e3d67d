"""The carrier: what is known about the data, from file, pipe, array or estimate to every error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from diffopt.data.compression import Accuracy, short
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Spectrum, members of an ensemble, and facts about where they come from.

    Attributes
    ----------
    spectrum : Spectrum
        All data in one: eigenvalues (n,), squared units of the data.
    members : Ensemble or None
        Spectra of parts of the data (classes, patches, bands); where they are known, `robust` runs over them.
    facts : mapping
        Provenance as plain JSON values.
    label : str
        What the data are called in messages.
    """

    spectrum: Spectrum
    members: Ensemble | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    label: str = "array"

    def __repr__(self) -> str:
        members = "" if self.members is None else f", {len(self.members.spectra)} members"
        return f"Dataset({self.spectrum!r}{members})"

    @classmethod
    def of(cls, data: Dataset | Spectrum) -> Dataset:
        """The data themselves, or a bare spectrum as data."""
        return data if isinstance(data, Dataset) else cls(data, label=data.source)

    def short(self, accuracy: Accuracy) -> Spectrum:
        """Few eigenvalues that stand for all of them, remembered (theory.md, eqs. 35-36)."""
        return short(self.spectrum, accuracy)

    def shortened(self, accuracy: Accuracy) -> Dataset:
        """The same data on the short spectrum; members stay as they are."""
        return replace(self, spectrum=self.short(accuracy))
