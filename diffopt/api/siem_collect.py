"""`diffopt.siem_collect`: a network's outputs in the form that `siem` reads; PyTorch is used only where it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from sys import modules
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffopt.api.speech import said_in_python
from diffopt.errors import InputError
from diffopt.foundation.array_file import write_npz
from diffopt.foundation.atomic import check_target, write_atomic
from diffopt.foundation.tensors import described, numbers_of


@said_in_python
def siem_collect(
    predict: Callable[[Any, Any], Any],
    batches: Iterable[Any],
    sigmas: ArrayLike,
    path: str | Path | None = None,
    seed: int = 0,
    force: bool = False,
) -> dict[str, NDArray[Any]]:
    """Run a network on noised data: every batch at every noise ratio.

    Parameters
    ----------
    predict : callable
        predict(y, sigma) -> estimate of the noise n in y = x_0 + sigma n, of the shape of y. y (m, ...) and sigma (m,), one
        noise ratio a sample, are of the kind of the batches: `sigma.reshape(-1, *[1] * (y.ndim - 1))` multiplies y.
    batches : iterable of array or tensor
        Clean data (m, ...).
    sigmas : array_like, shape (k,)
        Noise ratios.
    path : path, optional
        `.npz` to write.
    seed : int
        Of the noise.

    Returns
    -------
    dict
        `x0`, `noise`, `predicted`, `sigma` for :func:`diffopt.siem`.

    Raises
    ------
    InputError
        No batches, or noise ratios that are not positive.

    Examples
    --------
    >>> import numpy as np, diffopt
    >>> arrays = diffopt.siem_collect(lambda y, sigma: y / sigma[:, None], [np.zeros((4, 2))], [1.0, 2.0])
    >>> arrays["predicted"].shape
    (8, 2)
    """
    levels = np.atleast_1d(numbers_of(sigmas, "sigmas", "noise ratios (k,)").astype(np.float64))
    if levels.ndim != 1 or not np.all(np.isfinite(levels)) or np.any(levels <= 0):
        raise InputError("sigmas must be positive and finite")
    if path is not None:
        check_target(path, force)
    rng, torch = np.random.default_rng(seed), modules.get("torch")
    found: dict[str, list[NDArray[Any]]] = {"x0": [], "noise": [], "predicted": [], "sigma": []}
    if not isinstance(batches, Iterable) or isinstance(batches, str | bytes):
        raise InputError(f"batches: expected an iterable of arrays or tensors (m, ...), got {described(batches)}")
    for batch in batches:
        tensor = torch is not None and isinstance(batch, torch.Tensor)
        clean = numbers_of(batch, "batches", "clean data (m, ...)")
        if not clean.ndim:
            raise InputError("batches: expected an iterable of arrays or tensors (m, ...), got single numbers")
        for sigma in levels:
            noise = rng.standard_normal(clean.shape).astype(clean.dtype)
            y, each = clean + clean.dtype.type(sigma) * noise, np.full(len(clean), sigma, clean.dtype)
            with torch.no_grad() if tensor and torch is not None else nullcontext():
                given: list[Any] = [y, each]
                if tensor and torch is not None:
                    given = [torch.from_numpy(a).to(batch.device, batch.dtype) for a in given]
                out = predict(*given)
            out = numbers_of(out, "predict", "an estimate of the noise of the shape of y")
            if out.shape != clean.shape:
                raise InputError(
                    f"predict returned shape {out.shape} for data of shape {clean.shape}; sigma comes as {each.shape}, one a "
                    "sample: sigma.reshape(-1, *[1] * (y.ndim - 1)) multiplies y"
                )
            for name, value in (("x0", clean), ("noise", noise), ("predicted", out), ("sigma", each)):
                found[name].append(value)
    if not found["x0"]:
        raise InputError("batches hold no data")
    arrays = {name: np.concatenate(parts) for name, parts in found.items()}
    if path is not None:
        write_atomic(path, write_npz(arrays), force)
    return arrays
