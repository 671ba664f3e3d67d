"""Files of mixtures and of linear measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.guard import reading
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.target import MEMORY


def read_mixture(path: str | Path, memory: int = MEMORY) -> Mixture:
    """Mixture of an .npz with `weights` (k,), `means` (k, d) and `variances` (k, d) or `covariances` (k, d, d).

    Raises
    ------
    InputError
        Missing or broken file, missing or superfluous arrays, or arrays that are no mixture.
    """
    arrays = _arrays(path, "mixture", {"weights", "means"}, {"variances", "covariances"})
    try:
        return Mixture.create(**arrays, memory=memory)
    except InputError as error:
        raise InputError(f"mixture {path}: {error}") from None


def read_measurement(path: str | Path) -> tuple[Any, Any, float]:
    """Matrix A (r, d), measurement y (r,) and its noise of an .npz with `matrix`, `measurement` and `noise`.

    Raises
    ------
    InputError
        Missing or broken file, or missing arrays.
    """
    arrays = _arrays(path, "measurement", {"matrix", "measurement", "noise"}, set())
    noise = np.asarray(arrays["noise"])
    if noise.size != 1 or noise.dtype.kind not in "fiu":
        raise InputError(f"measurement {path}: noise must be one number, got {noise.dtype} of shape {noise.shape}")
    return arrays["matrix"], arrays["measurement"], float(noise.reshape(-1)[0])


def _arrays(path: str | Path, what: str, needed: set[str], allowed: set[str]) -> dict[str, Any]:
    with reading(f"{what} {path}"):
        loaded = np.load(path, allow_pickle=False)
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        raise InputError(f"{what} {path} must be an .npz with {', '.join(sorted(needed | allowed))}")
    with loaded as archive:
        names = set(archive.files)
        if not needed <= names or names - needed - allowed:
            raise InputError(
                f"{what} {path} holds {', '.join(sorted(names)) or 'nothing'}; expected {', '.join(sorted(needed))}"
                + (f" and one of {', '.join(sorted(allowed))}" if allowed else "")
            )
        with reading(f"{what} {path}"):
            return {name: archive[name] for name in archive.files}
