"""File formats of samples: one class per file, one line per format in the table."""

from __future__ import annotations

from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.members.kinds import HINTS, IMAGES
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.csv import CsvReader
from diffopt.estimation.readers.hdf5 import Hdf5Reader
from diffopt.estimation.readers.images import ImagesReader, TarReader, ZipReader
from diffopt.estimation.readers.npy import NpyReader
from diffopt.estimation.readers.npz import NpzReader
from diffopt.estimation.readers.safetensors import SafetensorsReader
from diffopt.estimation.readers.wav import WavReader
from diffopt.estimation.readers.zarr import ZarrReader
from diffopt.estimation.sources.source import Source
from diffopt.foundation.guard import reading
from diffopt.foundation.names import check_name
from diffopt.foundation.nearby import file_hint

#: Tried in this order; the first that recognises the path reads it.
READERS: dict[str, Reader] = {
    "npy": NpyReader(),
    "npz": NpzReader(),
    "safetensors": SafetensorsReader(),
    "hdf5": Hdf5Reader(),
    "csv": CsvReader(),
    "tar": TarReader(),
    "zarr": ZarrReader(),
    "zip": ZipReader(),
    "wav": WavReader(),
    "images": ImagesReader(),
}


def open_source(path: Path | str, options: ReadOptions | None = None, reader: str | None = None) -> Source:
    """Open a path of any known format.

    Raises
    ------
    InputError
        No such path, an unknown format, or a broken file.
    MissingExtraError
        The format needs a package that is not installed.
    """
    target = Path(path)
    if reader is not None:
        check_name(reader, READERS, "reader")
    with reading(str(path)):
        if not target.exists():
            raise InputError(f"{path}: no such file or directory{file_hint(path)}")
        chosen = READERS[reader] if reader else next((r for r in READERS.values() if r.recognises(target)), None)
    if chosen is None:
        raise InputError(f"{path}: {_unknown(target.suffix.lower())}")
    return chosen.open(target, options or ReadOptions())


def _unknown(suffix: str) -> str:
    """Why a suffix is not read, and what to do."""
    if suffix in IMAGES:
        return "a single image is one sample; give a folder or an archive of them"
    if suffix in HINTS:
        return f"{suffix} is not read; {HINTS[suffix]}"
    return f"unknown format {suffix or '(no suffix)'!r}; known: {', '.join(READERS)} (choose one with --reader)"
