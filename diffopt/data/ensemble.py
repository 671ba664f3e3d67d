"""Several spectra with probabilities: the classes, clusters, patches or bands of one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Spectra of parts of the data and how often each part occurs.

    Attributes
    ----------
    spectra : tuple of Spectrum
        One per member.
    probabilities : ndarray, shape (members,)
        Positive, summing to 1.
    labels : tuple of str
        One per member, unique.
    """

    spectra: tuple[Spectrum, ...]
    probabilities: NDArray[np.float64]
    labels: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Ensemble({len(self.spectra)} members)"

    @classmethod
    def create(
        cls,
        spectra: Sequence[Spectrum],
        probabilities: ArrayLike | None = None,
        labels: Sequence[str] | None = None,
    ) -> Ensemble:
        """Check and normalize the members; equal probabilities and running numbers by default.

        Raises
        ------
        InputError
            No member, lengths that differ, labels twice, or probabilities that are not positive and finite.
        """
        count = len(spectra)
        if not count:
            raise InputError("an ensemble needs at least one spectrum, got none")
        weights = np.asarray(np.ones(count) if probabilities is None else probabilities, dtype=np.float64)
        names = tuple(str(i) for i in range(count)) if labels is None else tuple(map(str, labels))
        if weights.shape != (count,) or len(names) != count:
            raise InputError(
                f"an ensemble of {count} spectra needs {count} probabilities and labels, "
                f"got {weights.size} and {len(names)}"
            )
        if not np.all(np.isfinite(weights)) or np.any(weights <= 0):
            raise InputError(
                "ensemble probabilities must be positive and finite; drop members of probability 0"
            )
        if len(set(names)) != count:
            raise InputError("ensemble labels must differ from each other")
        weights = weights / weights.sum()
        weights.flags.writeable = False
        return cls(tuple(spectra), weights, names)

    def union(self) -> Spectrum:
        """All members in one list, weights times probabilities.

        A mean over members of a sum over directions is one sum over this list, which is how the
        robust objective uses an ensemble. Means are left out.
        """
        return self._union

    @cached_property
    def _union(self) -> Spectrum:
        eig = np.concatenate([s.eig for s in self.spectra])
        weight = np.concatenate([s.weight * p for s, p in zip(self.spectra, self.probabilities, strict=True)])
        return Spectrum.create(eig, weight, source=f"ensemble of {len(self.spectra)}")
