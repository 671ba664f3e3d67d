"""`diffopt.posterior`: the spectrum of x given y = A x + noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffopt.api.arguments import verb
from diffopt.api.estimate import SpectrumResult
from diffopt.data.dataset import Dataset
from diffopt.data.posterior.operators.base import MatrixOperator, Operator
from diffopt.data.posterior.posterior import Posterior, Prior
from diffopt.data.posterior.posterior import posterior as run
from diffopt.documents.operator_text import parse_operator
from diffopt.documents.prior_file import load_prior


@verb
def posterior(
    prior: Any,
    operator: Any,
    noise: float,
    *,
    shape: tuple[int, ...] | None = None,
    measurement: Any = None,
    method: str | None = None,
    key: str | None = None,
    seed: int = 0,
) -> SpectrumResult:
    """Compute the posterior covariance spectrum of a linear inverse problem.

    Parameters
    ----------
    prior : str, path, array or Prior
        Covariance in pixels (d, d) or a file of one, `power:EXPONENT`, or a SPECTRUM.
    operator : str, array or Operator
        Such as `inpainting:0.5` or `blur:1.5`, or a matrix (m, d).
    noise : float
        Standard deviation of the measurement noise, data units.
    shape : tuple of int, optional
        Shape of the data.
    measurement : array, optional
        y, for the posterior mean.
    method, key, seed : optional
        `fourier` or `dense`; array of a file; of random operators.

    Raises
    ------
    InputError
        A value that is not allowed.

    Examples
    --------
    >>> import diffopt
    >>> import numpy as np
    >>> found = diffopt.posterior(np.diag([4.0, 1.0]), np.array([[1.0, 0.0]]), 1.0)
    >>> [round(float(e), 12) for e in found.eigenvalues]
    [1.0, 0.8]
    """
    result, _ = posterior_of(prior, operator, noise, shape, measurement, method, key, seed)
    facts = {"method": result.method, "noise": noise}
    facts |= {k: v for k, v in (("prior", prior), ("operator", operator)) if isinstance(v, str)}
    return SpectrumResult(Dataset(result.spectrum, None, facts, "posterior"))


def posterior_of(
    prior: Any, operator: Any, noise: float, shape: tuple[int, ...] | None, measurement: Any, method: str | None,
    key: str | None, seed: int,
) -> tuple[Posterior, Prior]:  # fmt: skip
    """The posterior with its basis and mean in pixels, and the prior."""
    field = prior if isinstance(prior, Prior) else _prior(prior, shape, key)
    tool = operator if isinstance(operator, Operator) else _operator(operator, seed)
    given = None if measurement is None else np.asarray(measurement, dtype=np.float64)
    return run(field, tool, noise, given, method), field


def _prior(prior: Any, shape: tuple[int, ...] | None, key: str | None) -> Prior:
    if isinstance(prior, np.ndarray) and prior.ndim == 2:
        return Prior(shape or (prior.shape[0],), prior.astype(np.float64))
    if hasattr(prior, "dataset") or isinstance(prior, Dataset):
        return Prior.from_spectrum(getattr(prior, "dataset", prior).spectrum)
    return load_prior(str(prior), shape, key)


def _operator(operator: Any, seed: int) -> Operator:
    return parse_operator(operator, seed) if isinstance(operator, str) else MatrixOperator(np.asarray(operator, np.float64))
