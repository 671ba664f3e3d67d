"""Reading a spectrum file with everything in it: numbers, provenance, ensemble."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents import spectrum_formats as spectrum_files
from diffopt.errors import InputError

#: What the numbers of a file say, and not its provenance.
NUMBERS = {
    "schema",
    "eigenvalues",
    "weights",
    "mean",
    "members",
    "dim",
    "trace",
    "max",
    "rank",
    "source",
    "sha256",
}
Loaded = tuple[Spectrum, dict[str, Any], Ensemble | None]


def load(argument: str) -> Loaded:
    """Spectrum, facts and ensemble of a path, `-` or `builtin:NAME`.

    Raises
    ------
    InputError
        Not a spectrum.
    """
    path = Path(argument)
    if path.is_file() and path.suffix.lower() == ".json":
        found = _json(path)
        if found is not None:
            return found
    if path.is_file() and path.suffix.lower() == ".npz":
        found = _npz(path)
        if found is not None:
            return found
    from diffopt.documents.spectrum_file import load_spectrum

    return load_spectrum(argument), {}, None


def _json(path: Path) -> Loaded | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if not isinstance(data, dict) or not str(data.get("schema", "")).startswith("diffopt."):
        return None
    made = spectrum_files.from_document(data, str(path))
    label = str(data.get("source", path))
    facts = {k: v for k, v in data.items() if k not in NUMBERS}
    if isinstance(made, Ensemble):
        return spectrum_files.pooled(data, label), facts, made
    return spectrum_files.pooled(data, label), facts, None


def _npz(path: Path) -> Loaded | None:
    from diffopt.foundation.guard import reading

    with reading(str(path)), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        if "facts" not in arrays or "eigenvalues" not in arrays:
            return None
        facts = json.loads(str(arrays["facts"]))
        label = str(facts.get("source", path))
        made = spectrum_files.from_npz(arrays, str(path))
        whole = spectrum_files.from_npz({k: arrays[k] for k in arrays.files if k != "probabilities"}, label)
    assert isinstance(whole, Spectrum)
    facts = {k: v for k, v in facts.items() if k not in NUMBERS}
    return whole, facts, made if isinstance(made, Ensemble) else None
