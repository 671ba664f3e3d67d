"""Files of mixtures and of linear measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.array_file import ZIP, Archive
from diffopt.foundation.encoding import read_bytes
from diffopt.foundation.limits import expanding
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.target import MEMORY


def read_mixture(path: str | Path, memory: int = MEMORY) -> Mixture:
    """Mixture of an .npz with `weights` (k,), `means` (k, d) and `variances` (k, d) or `covariances` (k, d, d).

    Raises
    ------
    InputError
        Missing or broken file, missing or superfluous arrays, or arrays that are no mixture.
    """
    arrays = _arrays(path, "mixture", {"weights", "means"}, {"variances", "covariances"}, memory)
    try:
        return Mixture.create(**arrays, memory=memory)
    except InputError as error:
        raise InputError(f"mixture {path}: {error}") from None


def read_measurement(path: str | Path, memory: int = MEMORY) -> tuple[Any, Any, float]:
    """Matrix A (r, d), measurement y (r,) and its noise of an .npz with `matrix`, `measurement` and `noise`.

    Raises
    ------
    InputError
        Missing or broken file, or missing arrays.
    """
    arrays = _arrays(path, "measurement", {"matrix", "measurement", "noise"}, set(), memory)
    noise = np.asarray(arrays["noise"])
    if noise.size != 1 or noise.dtype.kind not in "fiu":
        raise InputError(f"measurement {path}: noise must be one number, got {noise.dtype} of shape {noise.shape}")
    return arrays["matrix"], arrays["measurement"], float(noise.reshape(-1)[0])


def _arrays(path: str | Path, what: str, needed: set[str], allowed: set[str], memory: int) -> dict[str, Any]:
    label, either = f"{what} {path}", f" and one of {', '.join(sorted(allowed))}" if allowed else ""
    expected = ", ".join(sorted(needed)) + either
    data = read_bytes(Path(path), label)
    if data[:2] != ZIP:
        raise InputError(f"{label} must be an .npz with {expected}")
    # Whatever --memory says for distances, arrays of the usual size are read.
    with expanding(max(memory / 2**30, 1.0), "--memory"):
        archive = Archive(data, label)
        names = set(archive)
        if not needed <= names or names - needed - allowed:
            raise InputError(f"{label} holds {', '.join(sorted(names)) or 'nothing'}; expected {expected}")
        return {name: archive[name] for name in archive}
