"""`diffopt.estimate`: the covariance spectrum of samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Unpack

from diffopt.api.arguments import check_names, verb
from diffopt.api.estimate_flags import EstimateFlags
from diffopt.api.estimate_request import Request
from diffopt.api.estimate_run import estimate_request
from diffopt.api.likes import SamplesLike
from diffopt.api.results.spectrum import SpectrumResult


@verb
def estimate(
    samples: SamplesLike,
    method: str = "auto",
    *,
    progress: Callable[[str, int, int | None], None] | None = None,
    **flags: Unpack[EstimateFlags],
) -> SpectrumResult:
    """Estimate the covariance spectrum of samples, in one pass where the method allows.

    Parameters
    ----------
    samples : path, array, iterable of blocks, or function that returns one
        Samples along the first axis.
    method : str
        `auto`, `pca`, `fourier` or `lanczos`.
    progress : callable, optional
        Called with (stage, samples done, in all or None).
    **flags
        The flags of `diffopt spectrum estimate` with underscores, such as `shrinkage="population"`, `scale=0.18215`,
        `n_boot=20`; instead of `resume` a path `checkpoint`, which `.save` removes.

    Returns
    -------
    SpectrumResult
        Taken as data by every verb.

    Raises
    ------
    InputError
        Data or flags that are not allowed, contradict each other, or have no effect.
    TypeError
        An unknown keyword, with the nearest one.

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
    check_names("estimate", flags, [field.name for field in fields(Request) if field.name != "samples"])
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    return estimate_request(Request(samples, method, **given), progress or _silent)


def _silent(*_: object) -> None:
    """Nobody looks."""
