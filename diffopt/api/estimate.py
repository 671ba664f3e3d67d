"""`diffopt.estimate`: the covariance spectrum of samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt.api.arguments import verb
from diffopt.data.dataset import Dataset
from diffopt.documents import spectrum_formats as forms
from diffopt.errors import InputError
from diffopt.estimation.engines.local import Engine
from diffopt.estimation.estimate import estimate as run
from diffopt.estimation.facts import facts
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.result import Estimate, MethodOptions
from diffopt.estimation.sources.scaling import Scaling
from diffopt.foundation.atomic import write_atomic


@dataclass(frozen=True, eq=False, repr=False)
class SpectrumResult:
    """A spectrum that was made; every verb takes it as its data.

    Attributes
    ----------
    dataset : Dataset
        Spectrum, members and facts.
    notes : tuple of str
        Sentences about how far it can be trusted.
    """

    dataset: Dataset
    notes: tuple[str, ...] = ()

    @property
    def spectrum(self) -> Any:
        """The :class:`Spectrum`."""
        return self.dataset.spectrum

    @property
    def eigenvalues(self) -> Any:
        """Eigenvalues (n,), descending, squared units of the data; `weights` are their multiplicities."""
        return self.dataset.spectrum.eig

    @property
    def weights(self) -> Any:
        """Multiplicities (n,)."""
        return self.dataset.spectrum.weight

    @property
    def facts(self) -> Any:
        """Provenance as plain JSON values."""
        return self.dataset.facts

    def to_dict(self) -> dict[str, Any]:
        """The document `diffopt.spectrum/1` or `diffopt.ensemble/1`."""
        return forms.document(self.spectrum, self.facts, self.dataset.members)

    def save(self, path: str | Path, force: bool = False) -> None:
        """Write .json, .npz, .csv or .npy, by the suffix.

        Raises
        ------
        InputError
            Another suffix, a form that cannot hold this spectrum, or a target that cannot be written.
        """
        kind = Path(path).suffix.lower()
        whole = {".json": forms.to_json, ".npz": forms.to_npz}
        bare = {".csv": forms.to_csv, ".npy": forms.to_npy}
        if kind in whole:
            write_atomic(path, whole[kind](self.spectrum, self.facts, self.dataset.members), force)
        elif kind in bare and self.dataset.members is None:
            write_atomic(path, bare[kind](self.spectrum), force)
        elif kind in bare:
            raise InputError(f"{path}: {kind} holds one spectrum, and this is an ensemble; use .npz or .json")
        else:
            raise InputError(f"{path}: unknown suffix {kind!r}; use .json, .npz, .csv or .npy")

    def _repr_html_(self) -> str:
        from html import escape

        from diffopt.report.spectrum import rows

        found = rows(self.spectrum, self.facts, self.dataset.members)
        return "<table>" + "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in found) + "</table>"

    def __repr__(self) -> str:
        s = self.spectrum
        return f"SpectrumResult({s.source}, dim {s.dim:g}, trace {s.trace:.4g}, max {s.max:.4g})"


@verb
def estimate(
    samples: Any,
    method: str = "auto",
    *,
    shrinkage: str = "none",
    scaling: Scaling | None = None,
    seed: int = 0,
    block: int = 0,
    read: ReadOptions | None = None,
    options: MethodOptions | None = None,
    engine: Engine | None = None,
) -> SpectrumResult:
    """Estimate the covariance spectrum of samples, in one pass where the method allows.

    Parameters
    ----------
    samples : path, array, iterable of blocks, or function that returns one
        Samples along the first axis.
    method : str
        `auto`, `pca`, `fourier` or `lanczos`.
    shrinkage : str
        `none`, `ledoit_wolf`, `oas`, `analytical` or `population`.
    scaling : Scaling, optional
        To model units; the default maps integer pixels and sound to [-1, 1] and leaves floats.
    seed, block : int
        Of the random vectors of `lanczos`; rows per block (0: by dimension).
    read, options, engine : optional
        Reader and method options in full; where the sweeps run.

    Returns
    -------
    SpectrumResult
        Taken as data by every verb.

    Raises
    ------
    InputError
        Data or options that are not allowed.

    Examples
    --------
    >>> import diffopt
    >>> import numpy as np
    >>> found = diffopt.estimate(np.random.default_rng(0).normal(size=(500, 4)))
    >>> found.eigenvalues.shape
    (4,)
    >>> diffopt.optimize(found, steps=3).steps
    3
    """
    if hasattr(samples, "detach"):
        # A tensor of torch, wherever it lives.
        samples = samples.detach().cpu().numpy()
    found: Estimate = run(
        samples, method, shrinkage=shrinkage, scaling=scaling, seed=seed, block=block, read=read, options=options,
        engine=engine,
    )  # fmt: skip
    said = facts(found)
    data = Dataset(found.spectrum, None, said, found.spectrum.source)
    return SpectrumResult(data, tuple(said["notes"]))
