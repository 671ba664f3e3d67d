"""A spectrum from a denoising-error curve: for people who have a network and its losses rather than samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array

#: Candidate eigenvalues per decade, and how far below the smallest sigma^2 they go.
DENSITY, BELOW = 12, 0.1
#: Slope of log m against log sigma that counts as flat.
FLAT = 0.05
#: How many times the directions of the data a fit may have where their number is known.
MANY = 2.0
#: How many times the last level's error, as a share of sigma^2, a model's own error may be at the levels before.
EXCESS = 4.0


@dataclass(frozen=True, eq=False)
class LossFit:
    """Spectrum that explains a denoising-error curve, and how well.

    Attributes
    ----------
    spectrum : Spectrum
        Eigenvalues with (non-integer) multiplicities.
    misfit : float
        Root mean square relative residual over the levels used.
    used, given : int
        Levels used and given.
    eig_cap : float
        No eigenvalue is above it.
    model_error : float
        Squared error of the model itself, in units of sigma^2 and summed over directions; 0 where the curve
        shows none.
    """

    spectrum: Spectrum
    misfit: float
    used: int
    given: int
    eig_cap: float
    model_error: float


def spectrum_from_loss(
    sigma: ArrayLike,
    mse: ArrayLike,
    dim: float | None = None,
    sigma_cap: float | None = None,
    eig_cap: float | None = None,
    source: str = "loss curve",
) -> LossFit:
    """Nonnegative fit of m(sigma) = sum_i w_i eig_i sigma^2/(eig_i + sigma^2) (theory.md, eqs. 160, 161).

    Parameters
    ----------
    sigma, mse : array_like, shape (n,)
        Noise ratios and mean squared errors of the denoiser, summed over the sample (data units squared); with
        `dim`, per dimension.
    dim : float, optional
        Numbers in a sample: `mse`, their mean, is multiplied by it, and directions the curve does not see get eigenvalue 0.
    sigma_cap : float, optional
        Levels above it are left out.
    eig_cap : float, optional
        Largest eigenvalue allowed. Default: the error where the curve is flattest before a model's own error, as no
        eigenvalue exceeds the total variance; that error is fitted too where the curve grows again (eqs. 161, 350).
    source : str
        Label.

    Raises
    ------
    InputError
        Fewer than two levels, negative or non-finite numbers, repeated levels, caps that leave nothing, or a fit with
        more than twice the directions that `dim` allows.
    """
    levels, errors = _checked(sigma, mse, dim)
    keep = levels <= (np.inf if sigma_cap is None else sigma_cap) * (1 + 1e-12)
    if keep.sum() < 2:
        raise InputError(f"sigma cap {sigma_cap:g} leaves {int(keep.sum())} of {levels.size} levels; at least 2 are needed")
    x, y = levels[keep], errors[keep]
    flat, grows = _flattest(x, y)
    top, low = float(y[flat]) if eig_cap is None else float(eig_cap), BELOW * float(x[0]) ** 2
    if not top > low:
        raise InputError(f"eigenvalue cap {top:g} is below {low:g}, the smallest that sigma {x[0]:g} can see")
    eig = np.geomspace(low, top, max(2, int(DENSITY * np.log10(top / low)) + 1))
    columns = eig * x[:, None] ** 2 / (eig + x[:, None] ** 2)
    if grows:
        columns = np.column_stack([columns, x**2])
    weight, residual = nnls(columns / y[:, None], np.ones_like(y))
    spectrum = _spectrum(eig, weight[: eig.size], dim, source)
    model = float(weight[-1]) if grows else 0.0
    return LossFit(spectrum, float(residual / np.sqrt(x.size)), int(x.size), int(levels.size), top, model)


def _checked(sigma: ArrayLike, mse: ArrayLike, dim: float | None) -> tuple[Array, Array]:
    levels, errors = (np.asarray(a, dtype=np.float64) for a in (sigma, mse))
    if levels.ndim != 1 or levels.shape != errors.shape:
        raise InputError(f"a curve needs one error per sigma, got {levels.size} and {errors.size}")
    if levels.size < 2:
        raise InputError(f"a curve needs at least 2 points, better 30, got {levels.size}")
    for name, values in (("sigma", levels), ("mse", errors)):
        bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
        if bad.size:
            raise InputError(f"{name} must be positive and finite, got {values[bad[0]]:g} at point {bad[0] + 1}")
    if dim is not None and not (np.isfinite(dim) and dim > 0):
        raise InputError(f"dim must be positive, got {dim:g}")
    order = np.argsort(levels)
    with np.errstate(over="ignore"):
        levels, errors = levels[order], errors[order] * (dim or 1.0)
    if not np.all(np.isfinite(errors)):
        raise InputError(f"--dim {dim:g} times the errors leaves the range of doubles; give the number of dimensions")
    if np.any(np.diff(levels) <= 0):
        raise InputError(f"sigma {levels[:-1][np.diff(levels) <= 0][0]:g} occurs twice; average its errors first")
    return levels, errors


def _flattest(levels: Array, errors: Array) -> tuple[int, bool]:
    """Index of the level where the curve is flattest before a model's own error, and whether it grows again after it.

    Curves are flat also between small and large eigenvalues, and where a model does nothing at the smallest levels:
    what grows after those is more than a share of sigma^2 that the last level allows (theory.md, eq. 350).
    """
    slope = np.diff(np.log(errors)) / np.diff(np.log(levels))
    share = EXCESS * float(errors[-1] / levels[-1] ** 2)
    own = [np.all(errors[i + 2 :] - errors[i + 1] <= share * levels[i + 2 :] ** 2) for i in range(slope.size)]
    lowest = int(np.argmin(np.where(own, slope, np.inf)))
    grows = bool(slope[lowest:].max() > max(float(slope[lowest]), 0.0) + FLAT)
    return (lowest + 1 if grows else int(np.argmax(errors))), grows


def _spectrum(eig: Array, weight: Array, dim: float | None, source: str) -> Spectrum:
    seen = weight > 1e-9 * weight.sum()
    if not seen.any():
        raise InputError("no eigenvalue explains the curve; are the columns sigma and mse swapped?")
    eig, weight = eig[seen], weight[seen]
    if dim is not None and weight.sum() > MANY * dim:
        raise InputError(
            f"--dim {dim:g}, but the errors explain {weight.sum():.3g} directions: they look summed over the values of a sample; "
            "leave --dim out (if they are means, leave out levels at which mse exceeds sigma^2)"
        )
    if dim is not None and dim > weight.sum() * (1 + 1e-9):
        eig, weight = np.append(eig, 0.0), np.append(weight, dim - weight.sum())
    return Spectrum.create(eig, weight, source=source)
