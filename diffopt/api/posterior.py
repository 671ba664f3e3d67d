"""`diffopt.posterior`: the spectrum of x given y = A x + noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.api.arguments import telling, verb
from diffopt.api.likes import FileLike, NumbersLike, ShapeLike, SpectrumLike
from diffopt.api.results.spectrum import CovarianceResult, PosteriorResult
from diffopt.data.dataset import Dataset
from diffopt.data.posterior.operators.base import MatrixOperator, Operator
from diffopt.data.posterior.posterior import DENSE, MAKE, Prior
from diffopt.data.posterior.posterior import posterior as run
from diffopt.data.spectrum import Spectrum
from diffopt.documents.held_numbers import Held
from diffopt.documents.operator_text import parse_operator, parse_shape
from diffopt.documents.prior_file import load_measurement, load_prior, prior_of
from diffopt.documents.spectrum_file import DATA
from diffopt.documents.values import number
from diffopt.errors import InputError
from diffopt.foundation.limits import expanding
from diffopt.foundation.notes import note
from diffopt.foundation.shown import text
from diffopt.foundation.tensors import numbers_of

#: What a posterior keeps of the estimate of its prior.
SAMPLES = ("samples", "samples_per_dimension", "shrinkage")


@verb
def posterior(
    prior: SpectrumLike | Prior,
    operator: str | NumbersLike | Operator,
    noise: float,
    *,
    shape: ShapeLike | None = None,
    measurement: FileLike | NumbersLike | None = None,
    method: str | None = None,
    dense: int = DENSE,
    key: str | None = None,
    max_member: float | None = None,
    seed: int | None = None,
    basis: bool = True,
) -> PosteriorResult:
    """Compute the posterior covariance spectrum of a linear inverse problem.

    Parameters
    ----------
    prior : str, path, array, estimate or Prior
        Covariance in pixels (d, d), a file of one or `diffopt.estimate(samples, covariance=True)`; `power:EXPONENT`; or a
        SPECTRUM, whose directions are their own.
    operator : str, array or Operator
        Such as `inpainting:0.5` or `blur:1.5`, or a matrix (m, d).
    noise : float
        Standard deviation of the measurement noise, data units.
    shape : sequence of int or str, optional
        Shape of the data, such as (16, 16) or "16,16"; an estimate knows its own.
    measurement : path or array, optional
        y, for the posterior mean.
    method : {"fourier", "dense"}, optional
        Forced; default `fourier` where it is possible.
    dense : int
        Most directions for dense algebra.
    key, max_member : optional
        Array of a file, and gigabytes that it may take.
    seed : int, optional
        Of random operators; default 0.
    basis : bool
        Whether the eigenvectors are wanted, which `.save("p.npz")` writes; without them half of the time is saved.

    Returns
    -------
    PosteriorResult
        Taken as data by every verb; `.posterior` has the basis and the mean in pixels.

    Raises
    ------
    InputError
        A value that is not allowed, or one that has no effect.

    Examples
    --------
    >>> import diffopt
    >>> import numpy as np
    >>> found = diffopt.posterior(np.diag([4.0, 1.0]), np.array([[1.0, 0.0]]), 1.0)
    >>> [round(float(e), 12) for e in found.eigenvalues]
    [1.0, 0.8]
    """
    noise = number(noise, "noise")
    sides = parse_shape(shape) if isinstance(shape, str) or shape is None else tuple(int(n) for n in shape)
    if dense < 1:
        raise InputError(f"--dense must be a positive whole number, got {dense}")
    with telling(), expanding(max_member):
        field = _prior(prior, sides, key, dense)
        given = load_measurement(str(measurement)) if isinstance(measurement, str | Path) else measurement
    y = None if given is None else numbers_of(given, "the measurement", "a path or numbers (m,)").astype(np.float64)
    found = run(field, _operator(operator, seed), noise, y, method, dense, basis)
    _note_null(found.spectrum, field)
    facts: dict[str, Any] = {"method": found.method}
    if field.facts.get("method") != "fourier":
        facts |= {k: field.facts[k] for k in SAMPLES if field.facts.get(k) is not None}
    facts |= {k: v for k, v in (("prior", prior), ("operator", operator)) if isinstance(v, str)} | {"noise": noise}
    said = f"{found.spectrum.dim:g} directions, trace {found.spectrum.trace:.4g}, {found.method}"
    return PosteriorResult(Dataset(found.spectrum, None, facts, "posterior"), (said,), posterior=found)


def _prior(prior: Any, shape: tuple[int, ...] | None, key: str | None, dense: int) -> Prior:
    if isinstance(prior, Prior):
        return prior
    if isinstance(prior, CovarianceResult) and prior.covariance is not None:
        held = Held(prior.covariance, None, prior.center, "the prior", None, prior.facts)
        return prior_of(held, "the prior", shape, dense)
    data = getattr(prior, "dataset", prior)
    if isinstance(data, Dataset | Spectrum):
        known = Dataset.of(data)
        return Prior.from_spectrum(known.spectrum, dense, known.facts)
    if not isinstance(prior, str | Path):
        return prior_of(Held(numbers_of(prior, "the prior", DATA), None, None, "the prior"), "the prior", shape, dense)
    if key is not None and not Path(str(prior)).suffix:
        raise InputError(f"--key has no effect: it is for files, and the prior is {text(str(prior))[:60]}")
    return load_prior(str(prior), shape, key, dense)


def _note_null(spectrum: Spectrum, prior: Prior) -> None:
    """A covariance in pixels without variance in some directions is mostly one of few samples."""
    null = round(spectrum.dim - spectrum.rank)
    if null and not prior.directions:
        rank = round(spectrum.rank)
        note(
            f"note: the covariance has rank {rank} of {rank + null}: the other directions are exactly 0 in the posterior too. If "
            f"it is of about {rank + 1} samples, they are not 0 in the data: {MAKE} --shrinkage analytical"
        )


def _operator(operator: Any, seed: int | None) -> Operator:
    if isinstance(operator, Operator):
        return operator
    if not isinstance(operator, str):
        return MatrixOperator(_matrix(operator))
    tool = parse_operator(operator, seed or 0)
    if seed is not None and not tool.random:
        raise InputError(f"--seed has no effect: nothing of {operator} is random; leave it out")
    return tool


def _matrix(operator: Any) -> Any:
    """Matrix of an operator that is given as numbers."""
    matrix = numbers_of(operator, "the operator", "a name such as blur:1.5 or a matrix (m, d)")
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"the operator: expected a matrix (m, d), got shape {matrix.shape}")
    return matrix.astype(np.float64)
