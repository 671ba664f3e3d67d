"""Tensors of torch as arrays, without importing torch: whatever has `detach` is one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError

#: Longest list whose every item is looked at; of longer ones the first.
LOOKED_AT = 1000


def as_arrays(value: Any, name: str) -> Any:
    """A tensor as an array, also inside of a list, a tuple or a mapping; everything else as it is.

    Raises
    ------
    InputError
        A tensor that has no numbers here, or none that numpy knows.
    """
    if hasattr(value, "detach"):
        return _array(value, name)
    if isinstance(value, list | tuple):
        looked = value if len(value) <= LOOKED_AT else value[:1]
        if any(hasattr(item, "detach") for item in looked):
            return [as_arrays(item, name) for item in value]
    if type(value) is dict and any(hasattr(item, "detach") for item in value.values()):
        return {key: as_arrays(item, name) for key, item in value.items()}
    return value


def _array(tensor: Any, name: str) -> Any:
    """Values without the graph, on the host, in the next kind that numpy has: bfloat16 and smaller floats as float32."""
    kind = str(getattr(tensor, "dtype", "")).rpartition(".")[2]
    try:
        found = tensor.detach().cpu()
        return (found.float() if kind.startswith(("bfloat", "float8", "float4")) else found).numpy()
    except (TypeError, RuntimeError, NotImplementedError):
        where = getattr(tensor, "device", "?")
        raise InputError(
            f"{name}: a tensor of kind {kind} on {where} cannot be read as an array; give a dense tensor of real numbers, "
            "on the cpu or a device that holds them"
        ) from None


def numbers_of(value: Any, name: str, expected: str) -> NDArray[Any]:
    """Real numbers that were given as an array, a list or a tensor.

    Raises
    ------
    InputError
        Something else, named by its type and never by its numbers.
    """
    given = as_arrays(value, name)
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RuntimeError):
        array = np.empty(0, object)
    if array.dtype.kind not in "fiub":
        wanted = "real numbers" if array.dtype.kind == "c" else expected
        raise InputError(f"{name}: expected {wanted}, got {described(given)}")
    return array


def described(value: Any) -> str:
    """What was given, in a few words and never its numbers."""
    if value is None or isinstance(value, bool | int | float | complex | str):
        return repr(value)[:60]
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return f"an object of type {type(value).__name__}"
