"""`diffopt.synthesize`: a made-up spectrum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from diffopt.api.arguments import verb
from diffopt.api.likes import FileLike, NumbersLike, ShapeLike
from diffopt.api.results.spectrum import SpectrumResult
from diffopt.data import synthetic
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.documents.values import number
from diffopt.errors import InputError
from diffopt.foundation.names import suggestion
from diffopt.foundation.tensors import numbers_of

#: Number of directions, and pooled standard deviation.
DIM, STD = 3072, 0.5


@verb
def synthesize(
    kind: str,
    *,
    dim: int | None = None,
    std: float | None = None,
    exponent: float | None = None,
    decades: float | None = None,
    ratio: float | None = None,
    fraction: float | None = None,
    table: FileLike | NumbersLike | None = None,
    shape: ShapeLike | None = None,
    spacing: float | None = None,
) -> SpectrumResult:
    """Make up a spectrum.

    Parameters
    ----------
    kind : {"power_law", "exponential", "two_level", "radial"}
        Its formula (docs/spectra.md).
    dim : int, optional
        Number of directions, 3072 unless said; of `radial` the shape says it.
    std : float, optional
        Pooled standard deviation, 0.5 unless said; of `radial` that of P(k).
    exponent, decades : float, optional
        `power_law`: eigenvalue i is i^-exponent; `exponential`: powers of ten from first to last.
    ratio, fraction : float, optional
        `two_level`: lower level over upper level, and share of the upper level.
    table : path or array (n, 2), optional
        `radial`: angular wave numbers k and P(k).
    shape, spacing : optional
        `radial`: sides of the grid, such as (64, 64) or "64,64"; distance of its points.

    Returns
    -------
    SpectrumResult
        Taken as data by every verb.

    Raises
    ------
    InputError
        An unknown kind, a value that is not allowed, or one that this kind does not have.

    Examples
    --------
    >>> import diffopt
    >>> diffopt.synthesize("power_law", dim=100, exponent=1.5).spectrum.dim
    100.0
    """
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is unknown; {suggestion(kind, KINDS)}")
    given = {"dim": dim, "std": std, "exponent": exponent, "decades": decades, "ratio": ratio, "fraction": fraction,
             "table": table, "shape": shape, "spacing": spacing}  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    make, takes = KINDS[kind]
    for name in given:
        if name not in takes:
            raise InputError(f"--{name} has no effect on {kind}, which takes --{', --'.join(takes)}; leave it out")
    made = make({name: number(v, name) if name not in ("table", "shape") else v for name, v in given.items()})
    return SpectrumResult(Dataset(made, None, {"method": "synthesize"}, made.source))


def _radial(given: dict[str, Any]) -> Spectrum:
    table, shape = given.pop("table", None), given.pop("shape", None)
    if table is None or shape is None:
        raise InputError("radial needs --table FILE (columns k, P) and --shape such as 64,64")
    wave, power = _pairs(table)
    return synthetic.radial(list(wave), list(power), _sides(shape), **given)


def _sides(shape: str | Sequence[int]) -> list[int]:
    try:
        return [int(part) for part in (shape.lower().replace("x", ",").split(",") if isinstance(shape, str) else shape)]
    except (TypeError, ValueError):
        raise InputError(f"--shape must look like 64,64, got {shape!r}") from None


def _listed(rule: Callable[..., Spectrum]) -> Callable[[dict[str, Any]], Spectrum]:
    """A rule whose directions are counted."""

    def make(given: dict[str, Any]) -> Spectrum:
        dim = given.pop("dim", DIM)
        if not float(dim).is_integer():
            raise InputError(f"dim must be a whole number, got {dim:g}")
        return rule(int(dim), **{"std": STD, **given})

    return make


#: Maker of each kind, and what it takes.
KINDS: dict[str, tuple[Callable[[dict[str, Any]], Spectrum], tuple[str, ...]]] = {
    "power_law": (_listed(synthetic.power_law), ("dim", "exponent", "std")),
    "exponential": (_listed(synthetic.exponential), ("dim", "decades", "std")),
    "two_level": (_listed(synthetic.two_level), ("dim", "ratio", "fraction", "std")),
    "radial": (_radial, ("table", "shape", "spacing", "std")),
}


def _pairs(table: Any) -> Any:
    """Wave numbers and power of a file, of a pipe, or of rows."""
    if not isinstance(table, str | Path):
        rows = numbers_of(table, "table", "a path or rows (n, 2) of k and P(k)")
        if rows.ndim != 2 or rows.shape[1] != 2:
            raise InputError(f"table: expected rows (n, 2) of k and P(k), got shape {rows.shape}")
        return rows.T
    # Most spectra are made up without a table.
    from diffopt.estimation.readers.piped import as_file
    from diffopt.estimation.tables.pairs import read_pairs

    with as_file(str(table)) as file:
        return read_pairs(Path(file), "P(k)")
