"""Operators from text: NAME, NAME:ARGUMENT or NAME:ARGUMENT:ARGUMENT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.data.posterior.operators import OPERATORS
from diffopt.data.posterior.operators.base import MatrixOperator, Operator
from diffopt.data.posterior.operators.blur import GaussianBlur
from diffopt.data.posterior.operators.compressed_sensing import CompressedSensing
from diffopt.data.posterior.operators.diagonal import Diagonal
from diffopt.data.posterior.operators.inpainting import Inpainting
from diffopt.data.posterior.operators.super_resolution import SuperResolution
from diffopt.documents.number_list import load_array
from diffopt.errors import InputError


def parse_operator(text: str, seed: int = 0) -> Operator:
    """Operator of the command line.

    Raises
    ------
    InputError
        Unknown name, or arguments that its class refuses.
    """
    name, *arguments = text.split(":")
    if name not in OPERATORS:
        raise InputError(f"operator {name!r} is unknown; use one of {', '.join(OPERATORS)}, e.g. blur:1.5")
    try:
        if len(arguments) > MOST.get(name, 1) and name not in OF_FILES:
            raise ValueError
        return _MAKERS[name](arguments, seed)
    except (ValueError, IndexError):
        raise InputError(f"operator {text!r} cannot be read: {OPERATORS[name].summary}") from None


def _inpainting(arguments: list[str], seed: int) -> Operator:
    if arguments[1:] not in ([], ["box"]):
        raise ValueError
    return Inpainting(float(arguments[0]) if arguments else 0.5, arguments[1:] == ["box"], seed)


def _file(path: str) -> np.ndarray:
    return load_array(path, "operator file")


def _diagonal(arguments: list[str], seed: int) -> Operator:
    del seed
    text = ":".join(arguments) or "?"
    try:
        return Diagonal(np.array([float(text)]))
    except ValueError:
        return Diagonal(_file(text))


#: Operators whose argument may be a path, with colons of its own; most arguments of those that have several.
OF_FILES, MOST = ("diagonal", "matrix"), {"inpainting": 2}
_MAKERS: dict[str, Callable[[list[str], int], Operator]] = {
    "inpainting": _inpainting,
    "blur": lambda a, _: GaussianBlur(*map(float, a)),
    "super_resolution": lambda a, _: SuperResolution(*map(int, a)),
    "compressed_sensing": lambda a, seed: CompressedSensing(int(a[0]), seed),
    "diagonal": _diagonal,
    "matrix": lambda a, _: MatrixOperator(_file(":".join(a) or "?")),
}


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Shape from `16,16`.

    Raises
    ------
    InputError
        Not positive whole numbers.
    """
    if text is None:
        return None
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise InputError(f"--shape {text!r} must be positive whole numbers, e.g. 16,16")
    return shape
