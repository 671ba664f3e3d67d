"""Results that are spectra: every verb takes them as its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffopt.api.results.base import Result
from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.api.speech import said_in_python
from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.posterior.posterior import Posterior
from diffopt.data.spectrum import Spectrum
from diffopt.documents import prior_file
from diffopt.documents import spectrum_formats as forms
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    # Reading a spectrum needs nothing of what estimates one.
    from diffopt.estimation.engines.checkpoint import Checkpoint

#: Lists of numbers of the document that a summary leaves out.
LONG = ("eigenvalues", "weights", "mean", "bootstrap", "members")
SUMMARY = "diffopt.summary/1"


@dataclass(frozen=True, eq=False, repr=False)
class SpectrumResult:
    """A spectrum that was made or read; every verb takes it as its data.

    Attributes
    ----------
    dataset : Dataset
        Spectrum, members and facts.
    notes : tuple of str
        Sentences about how far it can be trusted.
    checkpoint : Checkpoint or None
        What :meth:`save` throws away when the spectrum is written.
    """

    dataset: Dataset
    notes: tuple[str, ...] = ()
    checkpoint: Checkpoint | None = None

    @property
    def spectrum(self) -> Spectrum:
        """The :class:`Spectrum`."""
        return self.dataset.spectrum

    @property
    def eigenvalues(self) -> Array:
        """Eigenvalues (n,), descending, squared units of the data; `weights` are their multiplicities."""
        return self.dataset.spectrum.eig

    @property
    def weights(self) -> Array:
        """Multiplicities (n,)."""
        return self.dataset.spectrum.weight

    @property
    def facts(self) -> Mapping[str, Any]:
        """Provenance as plain JSON values."""
        return self.dataset.facts

    def to_dict(self) -> dict[str, Any]:
        """The document `diffopt.spectrum/1` or `diffopt.ensemble/1`."""
        return forms.document(self.spectrum, self.facts, self.dataset.members)

    def content(self, form: str) -> bytes:
        """Bytes of a file in the form json, npz, npy or csv.

        Raises
        ------
        InputError
            Another form, or one that cannot hold this spectrum.
        """
        members = self.dataset.members
        if form in ("json", "npz"):
            return (forms.to_json if form == "json" else forms.to_npz)(self.spectrum, self.facts, members)
        check_name(form, SPECTRUM_FORMS.values(), "format")
        if members is not None:
            raise InputError(f"format {form} holds one spectrum, and this is an ensemble; use .npz or .json")
        return (forms.to_csv if form == "csv" else forms.to_npy)(self.spectrum)

    @said_in_python
    def save(self, path: str | Path, force: bool = False) -> None:
        """Write .json, .npz, .csv or .npy, by the suffix.

        Raises
        ------
        InputError
            Another suffix, a form that cannot hold this spectrum, or a target that cannot be written.
        """
        from diffopt.foundation.atomic import write_atomic

        kind = Path(path).suffix.lower()
        if kind not in SPECTRUM_FORMS:
            raise InputError(f"{path}: unknown suffix {kind!r}; use one of {', '.join(SPECTRUM_FORMS)}")
        write_atomic(path, self.content(SPECTRUM_FORMS[kind]), force)
        self.finished()

    def finished(self) -> None:
        """The spectrum is written: a checkpoint is no longer needed."""
        if self.checkpoint is not None:
            self.checkpoint.discard()

    def summary(self) -> SummaryResult:
        """Facts and shape without the long lists, as `diffopt spectrum show` prints them."""
        document = self.to_dict()
        short = {k: v for k, v in document.items() if k not in LONG} | {"schema": SUMMARY}
        short["members"] = [
            {"label": m["label"], "probability": m["probability"], "entries": len(m["eigenvalues"])}
            for m in document.get("members", [])
        ]
        return SummaryResult(short, self.notes, self.dataset)

    @said_in_python
    def plot(self, path: str | Path | None = None, force: bool = False) -> Figure:
        """Draw; write a .png or .svg where a path is given, return the matplotlib figure."""
        return self.summary().plot(path, force)

    def _repr_html_(self) -> str:
        from html import escape

        found = self.summary().rows()
        body = "".join(f"<tr><th>{escape(row['name'])}</th><td>{escape(row['value'])}</td></tr>" for row in found)
        return f"<table>{body}</table>"

    def __repr__(self) -> str:
        s = self.spectrum
        return f"{type(self).__name__}({s.source}, dim {s.dim:g}, trace {s.trace:.4g}, max {s.max:.4g})"


@dataclass(frozen=True, eq=False, repr=False)
class CovarianceResult(SpectrumResult):
    """An estimate that knows its covariance in pixels, which `posterior` takes; its .npz holds it.

    Attributes
    ----------
    covariance : ndarray, shape (d, d)
        With the eigenvalues of the spectrum.
    center : ndarray of shape (d,) or None
        Mean in pixels; None where it is no more than noise.
    """

    covariance: Array | None = None
    center: Array | None = None

    def content(self, form: str) -> bytes:
        """Bytes of a file in the form npz, the one that holds a matrix."""
        if form != "npz" or self.covariance is None:
            raise InputError(f"format {form} holds no covariance; use .npz, or leave out --covariance")
        return forms.to_npz(self.spectrum, self.facts, self.dataset.members, self.covariance, self.center)


@dataclass(frozen=True, eq=False, repr=False)
class PosteriorResult(SpectrumResult):
    """A posterior's spectrum; its .npz holds the basis and the mean in pixels, where there are any.

    Attributes
    ----------
    posterior : Posterior
        Basis and mean in pixels.
    """

    posterior: Posterior | None = None

    def content(self, form: str) -> bytes:
        """Bytes of a file in the form json, npz, npy or csv."""
        if form == "npz" and self.posterior is not None:
            return prior_file.to_npz(self.posterior, dict(self.facts))
        return super().content(form)


@dataclass(frozen=True, eq=False, repr=False)
class SummaryResult(Result):
    """A spectrum in a few lines, a chart and a picture.

    Attributes
    ----------
    dataset : Dataset
        The spectrum itself.
    """

    dataset: Dataset | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One row per fact."""
        from diffopt.report.spectrum import rows

        return [{"name": name, "value": value} for name, value in rows(*self._parts())]

    def _parts(self) -> tuple[Spectrum, Mapping[str, Any], Ensemble | None]:
        assert self.dataset is not None
        return self.dataset.spectrum, self.dataset.facts, self.dataset.members

    def render(self, form: str = "json", width: int = 100, colour: bool = False) -> str:
        """Text in one of the forms json, table, csv and markdown."""
        if form == "table":
            from diffopt.report.spectrum import summary

            return summary(*self._parts(), width, colour)
        if form == "csv":
            from diffopt.report.spectrum import plain_rows
            from diffopt.report.text import to_csv

            return to_csv(plain_rows(*self._parts()))
        return super().render(form, width, colour)

    def headline(self) -> list[str]:
        """In how few directions the variance lies."""
        from diffopt.report.spectrum_figures import concentration

        return [concentration(self._parts()[0])]

    def figure(self) -> Figure:
        """Eigenvalues and cumulative variance by rank, and densities on the scale of sigma."""
        from diffopt.report.spectrum_figures import spectrum_picture

        return spectrum_picture(*self._parts())

    def __repr__(self) -> str:
        return f"SummaryResult({self.document['source']}, dim {self.document['dim']:g})"
