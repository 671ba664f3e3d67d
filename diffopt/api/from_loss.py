"""`diffopt.from_loss`: a spectrum from the denoising errors of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.api.arguments import verb
from diffopt.api.likes import FileLike, NumbersLike
from diffopt.api.results.spectrum import SpectrumResult
from diffopt.data.dataset import Dataset
from diffopt.documents.numbers import parse_table
from diffopt.errors import InputError
from diffopt.estimation.from_loss import spectrum_from_loss
from diffopt.foundation.encoding import decode, file_bytes, stdin_bytes
from diffopt.foundation.guard import reading
from diffopt.foundation.tensors import numbers_of

#: Relative misfit above which a curve is far from that of any Gaussian.
MISFIT = 0.1
#: Directions below which a curve that counts as summed looks like one of means.
FEW = 1.5


@verb
def from_loss(
    curve: FileLike | NumbersLike, *, dim: float | None = None, sigma_cap: float | None = None, eig_cap: float | None = None
) -> SpectrumResult:
    """Make a spectrum from a denoising-error curve.

    Parameters
    ----------
    curve : path, str or array of shape (n, 2)
        Columns sigma and mse (mean squared error of the denoiser, summed over the sample), some thirty levels;
        `-` is standard input.
    dim : float, optional
        Numbers in a sample: the errors are means over them.
    sigma_cap, eig_cap : float, optional
        Leave out levels, bound the eigenvalues (see :func:`diffopt.estimation.from_loss.spectrum_from_loss`).

    Returns
    -------
    SpectrumResult
        Every verb takes it as its data.

    Raises
    ------
    InputError
        A file that is no such curve: other columns, one point, negative errors.

    Examples
    --------
    >>> import diffopt
    >>> curve = [(0.1, 0.0199), (1.0, 1.0), (10.0, 1.98), (100.0, 2.0)]
    >>> result = diffopt.from_loss(curve)
    >>> round(float(result.spectrum.trace), 1)
    2.0
    """
    rows, label = _rows(curve)
    try:
        fit = spectrum_from_loss(rows[:, 0], rows[:, 1], dim, sigma_cap, eig_cap, label)
    except InputError as error:
        raise InputError(f"{label}: {error}") from None
    notes = [f"note: {fit.used} of {fit.given} levels, relative misfit {fit.misfit:.2g}"]
    if dim is None:
        notes.append(_summed(float(fit.spectrum.dim)))
    if fit.model_error > 0:
        notes.append(f"note: the curve grows at high noise; an error of {fit.model_error:.3g} sigma^2 counts as the model's own")
    if fit.misfit > MISFIT:
        notes.append("note: no Gaussian has such a curve; the spectrum is the nearest, and its grids a guess")
    facts = {"method": "from_loss", "levels": fit.used, "misfit": fit.misfit, "eig_cap": fit.eig_cap,
             "model_error": fit.model_error}  # fmt: skip
    return SpectrumResult(Dataset(fit.spectrum, None, facts, label), tuple(notes))


def _summed(directions: float) -> str:
    """What was assumed of the errors, and how it looks where that is wrong."""
    told = f"note: the errors count as summed over the values of a sample, {directions:.4g} directions in all"
    return f"{told}; " + (
        "that few is what means over the values give: if they are, give --dim N, the number of values" if directions < FEW
        else "if they are means, give --dim N"
    )  # fmt: skip


def _rows(curve: Any) -> tuple[Any, str]:
    """Columns sigma and mse, and a name for messages."""
    if not isinstance(curve, str | Path):
        array = numbers_of(curve, "the curve", "a path or an array (n, 2), sigma and mse").astype(np.float64)
        if array.ndim != 2 or array.shape[1] != 2:
            raise InputError(f"a curve is an array of shape (n, 2), sigma and mse, got {array.shape}")
        return array, "curve"
    label = "standard input" if str(curve) == "-" else str(curve)
    with reading(f"curve {label}"):
        text = decode(stdin_bytes() if str(curve) == "-" else file_bytes(Path(curve), label), label)
    table = parse_table(text, label)
    if table.names is not None and {"sigma", "mse"} <= set(table.names):
        return np.column_stack([table.column("sigma"), table.column("mse")]), label
    if table.names is not None:
        raise InputError(f"{label}: columns {', '.join(table.names)}; a curve has sigma and mse")
    if table.rows.shape[1] != 2:
        raise InputError(f"{label}: {table.rows.shape[1]} columns; a curve has two, sigma and mse")
    return table.rows, label
