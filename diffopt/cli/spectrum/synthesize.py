"""What `diffopt spectrum synthesize` does with its flags."""

from __future__ import annotations

from pathlib import Path

from diffopt.data import synthetic as synthesis
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError

KINDS = ("power_law", "exponential", "two_level", "radial")


def make(
    kind: str,
    dim: int,
    exponent: float,
    decades: float,
    ratio: float,
    fraction: float,
    table: Path | None,
    shape: str | None,
    spacing: float,
    std: float | None,
) -> Spectrum:
    """Spectrum of one of the kinds.

    Raises
    ------
    InputError
        An unknown kind or parameters that are not allowed.
    """
    spread = 0.5 if std is None else std
    if kind == "power_law":
        return synthesis.power_law(dim, exponent, spread)
    if kind == "exponential":
        return synthesis.exponential(dim, decades, spread)
    if kind == "two_level":
        return synthesis.two_level(dim, ratio, fraction, spread)
    if kind != "radial":
        raise InputError(f"kind must be one of {', '.join(KINDS)}; got {kind!r}")
    if table is None or shape is None:
        raise InputError("radial needs --table FILE (columns k, P) and --shape such as 64,64")
    from diffopt.estimation.tables.pairs import read_pairs

    wave, power = read_pairs(table, "P(k)")
    return synthesis.radial(wave, power, sides(shape), spacing, std)


def sides(text: str) -> list[int]:
    """Sides of a grid from text such as 64,64.

    Raises
    ------
    InputError
        Not whole numbers.
    """
    try:
        return [int(part) for part in text.lower().replace("x", ",").split(",")]
    except ValueError:
        raise InputError(f"--shape must look like 64,64, got {text!r}") from None
