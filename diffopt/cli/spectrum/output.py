"""Rendering spectra: files by suffix, a table on a terminal, JSON in a pipe; notes on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffopt.cli import output as out
from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents import spectrum_formats as spectrum_files
from diffopt.errors import InputError
from diffopt.foundation.notes import listening

FORMATS = ("json", "npz", "npy", "csv", "table")


def say(lines: Iterable[str]) -> None:
    """Write notes to standard error, one per line."""
    for line in lines:
        out.note(f"note: {line}", quiet=False)


@contextmanager
def spoken(quiet: bool = False) -> Iterator[None]:
    """Say what readers assume inside; also before an error."""
    with listening() as heard:
        try:
            yield
        finally:
            for line in heard:
                out.note(line, quiet)


def encode(form: str, spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None) -> bytes:
    """Bytes of a spectrum in one of the formats.

    Raises
    ------
    InputError
        Unknown format, or one that cannot hold this spectrum.
    """
    if form == "json":
        return spectrum_files.to_json(spectrum, facts, ensemble)
    if form == "npz":
        return spectrum_files.to_npz(spectrum, facts, ensemble)
    if ensemble is not None:
        raise InputError(f"format {form} holds one spectrum, and this is an ensemble; use .npz or .json")
    if form == "csv":
        return spectrum_files.to_csv(spectrum)
    if form == "npy":
        return spectrum_files.to_npy(spectrum)
    raise InputError(f"format must be one of {', '.join(FORMATS)}; got {form!r}")


def format_of(output: Path | None, form: str | None) -> str:
    """Format by flag, by suffix, or by whether a person is looking.

    Raises
    ------
    InputError
        A suffix or a flag that names no format.
    """
    chosen = form or (
        output.suffix.lower().lstrip(".") if output else "table" if sys.stdout.isatty() else "json"
    )
    if chosen not in FORMATS:
        raise InputError(f"format must be one of {', '.join(FORMATS)}; got {chosen or 'no suffix'!r}")
    if chosen == "table" and output is not None:
        raise InputError("a table is for the terminal; write .json, .npz, .npy or .csv")
    return chosen


def write(
    spectrum: Spectrum,
    facts: Mapping[str, Any],
    ensemble: Ensemble | None,
    output: Path | None,
    form: str | None,
    force: bool,
) -> None:
    """Write a file, or data to standard output."""
    chosen = format_of(output, form)
    if chosen == "table":
        from diffopt.report.spectrum import summary

        out.emit(summary(spectrum, facts, ensemble, out.terminal_width(), sys.stdout.isatty()), None, False, True)
        return
    out.emit_bytes(encode(chosen, spectrum, facts, ensemble), output, force, True)


def show(
    data: Dataset, plot: Path | None, form: str | None, force: bool
) -> None:
    """Summary on a terminal, the same facts as JSON (without the long lists) in a pipe."""
    from diffopt.report import spectrum as spectrum_table

    spectrum, facts, ensemble = data.spectrum, data.facts, data.members
    if plot is not None:
        from diffopt.report.spectrum_figures import save

        save(spectrum, facts, ensemble, plot, force)
    chosen = format_of(None, form)
    if chosen == "table":
        text = spectrum_table.summary(spectrum, facts, ensemble, out.terminal_width(), sys.stdout.isatty())
        out.emit(text, None, False, True)
    elif chosen == "json":
        document = spectrum_files.document(spectrum, facts, ensemble)
        short = {
            k: v for k, v in document.items() if k not in ("eigenvalues", "weights", "mean", "bootstrap")
        }
        short["members"] = [
            {"label": m["label"], "probability": m["probability"], "entries": len(m["eigenvalues"])}
            for m in document.get("members", [])
        ]
        out.emit(json.dumps(short, allow_nan=False, indent=1) + "\n", None, False, True)
    else:
        raise InputError(f"show prints a table or json, got {chosen!r}; use `diffopt spectrum convert`")
