"""The choice of an array in a file that holds several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Log
from diffopt.foundation.arrays import Shape

#: Names of arrays of samples, and of what stands beside them.
USUAL = ("arr_0", "x", "data", "samples", "images", "latents")
MEANS, COVARIANCES = ("mu", "mean"), ("sigma", "cov", "covariance")
BESIDE = ("flipped", "mask", "original_size", "crop_ltrb", "_bnds", "_bounds")


def pick(shapes: Mapping[str, Shape | None], key: str | None, label: str, log: Log, axes: int = 2) -> str:
    """Name of the array to read: `key`, the only one with enough axes, or the only one called like data.

    Parameters
    ----------
    shapes : mapping
        Shape of each array; None where it is not known.
    key : str or None
        Its name, or the beginning of it up to an underscore (`latents` for `latents_64x64`).
    log : Log
        Told about a choice among several.
    axes : int
        Least number of axes.

    Raises
    ------
    InputError
        No such key, no candidate, or several; or statistics of samples, not samples.
    """
    _refuse_statistics(shapes, label)
    if key is not None:
        return _named(shapes, key, label)
    able = [name for name, shape in shapes.items() if shape is None or len(shape) >= axes]
    plain = [name for name in able if not any(word in name.lower() for word in BESIDE)]
    usual = [name for name in plain if name.rpartition("/")[2] in USUAL]
    latents = [name for name in plain if name.startswith("latents_")]
    for names in (able, plain, usual, latents):
        if len(names) == 1:
            others = [name for name in able if name != names[0]]
            if others:
                log.remark(f"array {names[0]!r} is read, {_names(others)} beside it not (--key)", label)
            return names[0]
    if not able:
        hint = "; it is a spectrum already: give it to diffopt as it is" if "eigenvalues" in shapes else ""
        raise InputError(
            f"{label}: no array of samples ({axes} axes or more); it has {_names(shapes) or 'none'}{hint}"
        )
    raise InputError(f"{label}: several arrays ({_names(able)}); choose one with --key")


def _named(shapes: Mapping[str, Shape | None], key: str, label: str) -> str:
    if key in shapes:
        return key
    begin = [n for n in shapes if n.startswith(key + "_") and not any(word in n.lower() for word in BESIDE)]
    if len(begin) == 1:
        return begin[0]
    raise InputError(f"{label}: no array {key!r}; it has {_names(shapes) or 'none'}")


def _refuse_statistics(shapes: Mapping[str, Shape | None], label: str) -> None:
    """A mean beside a square matrix of its length: what is left of samples, not samples."""
    last = {name.rpartition("/")[2].lower(): (name, shape) for name, shape in shapes.items()}
    for matrix in (c for c in COVARIANCES if c in last):
        name, shape = last[matrix]
        if shape is None or len(shape) != 2 or shape[0] != shape[1]:
            continue
        for mean in (m for m in MEANS if m in last and last[m][1] in ((shape[0],), (1, shape[0]))):
            raise InputError(
                f"{label}: {name!r} is a square matrix of {shape[0]} beside {last[mean][0]!r}: a covariance (FID "
                "reference?), not samples; give the file to diffopt optimize or evaluate as it is"
            )


def _names(names: Iterable[str]) -> str:
    listed = [str(n)[:60] for n in names]
    return ", ".join(listed[:8]) + (", ..." if len(listed) > 8 else "")
