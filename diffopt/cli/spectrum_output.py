"""Rendering spectra: files by suffix, a table on a terminal, JSON in a pipe; notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from diffopt import spectrum_files
from diffopt.ensemble import Ensemble
from diffopt.errors import InputError
from diffopt.files import write_atomic
from diffopt.spectrum import Spectrum

FORMATS = ("json", "npz", "npy", "csv", "table")


def say(lines: Iterable[str]) -> None:
    """Notes, one per line."""
    for line in lines:
        sys.stderr.write(f"note: {line}\n")


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
    chosen = form or (output.suffix.lower().lstrip(".") if output else "table" if sys.stdout.isatty() else "json")
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
        from diffopt.cli.spectrum_table import summary

        summary(spectrum, facts, ensemble)
        return
    data = encode(chosen, spectrum, facts, ensemble)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_atomic(output, data, force)
