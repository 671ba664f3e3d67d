"""The file forms of a spectrum or an ensemble: JSON, NPZ, CSV. Pure functions between bytes and objects."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.array_file import write_npz
from diffopt.foundation.arrays import Array
from diffopt.foundation.nearness import whole
from diffopt.foundation.strict_json import numbers

SPECTRUM_SCHEMA = "diffopt.spectrum/1"
ENSEMBLE_SCHEMA = "diffopt.ensemble/1"


def document(
    spectrum: Spectrum, facts: Mapping[str, Any] | None = None, ensemble: Ensemble | None = None
) -> dict[str, Any]:
    """JSON object of a spectrum, with `facts` (provenance) beside the numbers.

    With an ensemble the schema is `diffopt.ensemble/1` and `eigenvalues`, `weights`, `mean` stay the
    pooled spectrum's, so that a reader which knows no ensembles still finds a spectrum.
    """
    result: dict[str, Any] = {"schema": SPECTRUM_SCHEMA if ensemble is None else ENSEMBLE_SCHEMA}
    result |= {"dim": whole(spectrum.dim), "trace": spectrum.trace, "max": spectrum.max, "rank": whole(spectrum.rank)}
    result |= {"source": spectrum.source, "sha256": spectrum.sha256}
    result |= dict(facts or {})
    result |= _numbers(spectrum)
    if ensemble is not None:
        result["members"] = [
            {"label": label, "probability": float(p), **_numbers(member)}
            for label, p, member in zip(
                ensemble.labels, ensemble.probabilities, ensemble.spectra, strict=True
            )
        ]
    return result


def _numbers(spectrum: Spectrum) -> dict[str, Any]:
    mean = None if spectrum.mean is None else spectrum.mean.tolist()
    return {"eigenvalues": spectrum.eig.tolist(), "weights": spectrum.weight.tolist(), "mean": mean}


def to_json(
    spectrum: Spectrum, facts: Mapping[str, Any] | None = None, ensemble: Ensemble | None = None
) -> bytes:
    """Bytes of the JSON form; floats in their shortest exact spelling."""
    return (json.dumps(document(spectrum, facts, ensemble), allow_nan=False, indent=2) + "\n").encode()


def to_npz(
    spectrum: Spectrum, facts: Mapping[str, Any] | None = None, ensemble: Ensemble | None = None,
    covariance: Array | None = None, center: Array | None = None,
) -> bytes:  # fmt: skip
    """Bytes of the NPZ form: arrays `eigenvalues`, `weights`, `mean`, and `facts` as one JSON string.

    Members of an ensemble are `eigenvalues_0`, `weights_0`, `mean_0`, ... with `probabilities`, `labels`. The covariance and the
    mean in pixels, where they are known, are `covariance` and `mu`.
    """
    arrays = _arrays(spectrum, "")
    arrays |= {} if covariance is None else {"covariance": covariance}
    arrays |= {} if center is None else {"mu": center}
    text = json.dumps({"source": spectrum.source, **dict(facts or {})}, allow_nan=False)
    arrays["facts"] = np.array(text)
    if ensemble is not None:
        arrays["probabilities"], arrays["labels"] = ensemble.probabilities, np.array(ensemble.labels)
        for index, member in enumerate(ensemble.spectra):
            arrays |= _arrays(member, f"_{index}")
    return write_npz(arrays)


def _arrays(spectrum: Spectrum, suffix: str) -> dict[str, Any]:
    arrays = {"eigenvalues" + suffix: spectrum.eig, "weights" + suffix: spectrum.weight}
    return arrays if spectrum.mean is None else arrays | {"mean" + suffix: spectrum.mean}


def to_csv(spectrum: Spectrum) -> bytes:
    """Bytes of the CSV form: a header `eigenvalue,weight[,mean]` and a row per entry."""
    columns = [spectrum.eig, spectrum.weight] + ([] if spectrum.mean is None else [spectrum.mean])
    header = ",".join(["eigenvalue", "weight", "mean"][: len(columns)])
    rows = [",".join(map(repr, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return ("\n".join([header, *rows]) + "\n").encode()


def to_npy(spectrum: Spectrum) -> bytes:
    """Bytes of a plain `.npy` of eigenvalues, each repeated by its (integer) multiplicity.

    Raises
    ------
    InputError
        The weights are not integers, or a mean would be lost; NPZ and JSON keep both.
    """
    if np.any(spectrum.weight != np.rint(spectrum.weight)) or spectrum.mean is not None:
        raise InputError(
            ".npy holds eigenvalues only, and this spectrum has weights or a mean; use .npz or .json"
        )
    if spectrum.dim > 1e8:
        raise InputError(f".npy would repeat {spectrum.dim:g} eigenvalues; use .npz or .json")
    buffer = io.BytesIO()
    np.save(buffer, np.repeat(spectrum.eig, spectrum.weight.astype(int)), allow_pickle=False)
    return buffer.getvalue()


def from_document(data: Any, source: str = "json") -> Spectrum | Ensemble:
    """Spectrum or ensemble of a parsed JSON document.

    Raises
    ------
    InputError
        Not one of the two schemas, or numbers that :meth:`Spectrum.create` refuses.
    """
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema == ENSEMBLE_SCHEMA:
        members = data.get("members")
        if not isinstance(members, list) or not all(isinstance(m, dict) for m in members):
            raise InputError(f"{source}: `members` must be a list of objects")
        spectra = [_spectrum(m, f"{source}[{m.get('label', i)}]") for i, m in enumerate(members)]
        chances = [m.get("probability", 1.0) for m in members]
        chances = numbers(chances, f"{source}: member probabilities")
        return Ensemble.create(spectra, chances, [str(m.get("label", i)) for i, m in enumerate(members)])
    if schema != SPECTRUM_SCHEMA:
        raise InputError(
            f"{source}: schema is {schema!r}, expected {SPECTRUM_SCHEMA!r} or {ENSEMBLE_SCHEMA!r}"
        )
    return _spectrum(data, source)


def _spectrum(data: Mapping[str, Any], source: str) -> Spectrum:
    if data.get("eigenvalues") is None:
        raise InputError(f"{source}: no `eigenvalues`")
    eig = _list(data, "eigenvalues") or []
    return Spectrum.create(eig, _list(data, "weights"), _list(data, "mean"), source=source)


def _list(data: Mapping[str, Any], key: str) -> list[float] | None:
    values = data.get(key)
    made: list[float] | None = None if values is None else numbers(values, f"`{key}`")
    return made


def from_npz(arrays: Mapping[str, Any], source: str = "npz") -> Spectrum | Ensemble:
    """Spectrum or ensemble of an opened NPZ (`np.load(..., allow_pickle=False)`).

    Raises
    ------
    InputError
        No `eigenvalues`, or numbers that :meth:`Spectrum.create` refuses.
    """
    if "probabilities" not in arrays:
        return _from_arrays(arrays, "", source)
    chances = arrays["probabilities"]
    labels = [str(x) for x in arrays["labels"]] if "labels" in arrays else None
    spectra = [_from_arrays(arrays, f"_{i}", f"{source}[{i}]") for i in range(np.size(chances))]
    return Ensemble.create(spectra, chances, labels)


def _from_arrays(arrays: Mapping[str, Any], suffix: str, source: str) -> Spectrum:
    if f"eigenvalues{suffix}" not in arrays:
        raise InputError(
            f"{source}: no array `eigenvalues{suffix}`; found {', '.join(sorted(arrays)[:8]) or 'none'}"
        )
    names = ("weights", "mean")
    weight, mean = (arrays[k + suffix] if k + suffix in arrays else None for k in names)
    return Spectrum.create(arrays[f"eigenvalues{suffix}"], weight, mean, source=source)
