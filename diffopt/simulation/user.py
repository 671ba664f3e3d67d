"""A user's own denoiser, f(x, sigma) in the noise-ratio picture, watched while it runs."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from diffopt.errors import DiffoptError, InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.foundation.nearby import file_hint
from diffopt.simulation.target import Target, score_from_denoiser

#: f(x, sigma) -> E[x_0 | x], x = x_0 + sigma n of shape (n, *shape).
Function = Callable[[Any, float], Any]


@dataclass(frozen=True, eq=False)
class UserDenoiser(Target):
    """A law known through f(x, sigma) = E[x_0 | x_0 + sigma n = x]; the process's state is z = alpha x.

    Attributes
    ----------
    function : callable
        f; gets float64 arrays of shape (n, *shape) and a float; returns an array or a tensor of any device and precision.
    shape : tuple of int
        Shape of one sample.
    label : str
        Name in messages.
    data : ndarray of shape (m, d) or None
        Samples to draw from, where there are any.
    """

    function: Function
    shape: tuple[int, ...]
    label: str = "denoiser"
    data: Array | None = None

    @property
    def dim(self) -> int:
        """Numbers in one sample."""
        return int(np.prod(self.shape))

    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """f(z/alpha, noise/alpha), shape (n, d).

        Raises
        ------
        InputError
            The function raises, returns another shape or something that is no finite real number.
        UnsupportedError
            At pure noise, where the noise ratio is infinite.
        """
        if alpha == 0:
            raise UnsupportedError("a denoiser f(x, sigma) has no value at pure noise; give a finite --sigma-max")
        x, sigma = (z / alpha).reshape(-1, *self.shape), noise / alpha
        where = f"denoiser {self.label} at sigma {sigma:.4g}"
        try:
            raw = self.function(x.copy(), sigma)
            values = np.asarray(raw.detach().cpu().double() if hasattr(raw, "detach") else raw)
        except DiffoptError:
            raise
        except (Exception, SystemExit) as error:
            raise InputError(f"{where} raised {_said(error)}") from error
        if values.dtype.kind not in "fiub":
            raise InputError(f"{where} returned {type(raw).__name__} of {values.dtype}; it must return real numbers")
        if values.shape != x.shape:
            raise InputError(f"{where} returned shape {values.shape} for an input of shape {x.shape}; they must agree")
        if not np.isfinite(values).all():
            raise InputError(f"{where} returned NaN or infinite values ({np.sum(~np.isfinite(values))} of {values.size})")
        return values.reshape(z.shape).astype(np.float64)

    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """Score from the denoiser, shape (n, d)."""
        return score_from_denoiser(self.denoise(z, alpha, noise), z, alpha, noise)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Some of the samples that were given.

        Raises
        ------
        UnsupportedError
            None were.
        """
        if self.data is None:
            raise UnsupportedError("a denoiser alone has no samples to start from; use --start sigma")
        return np.asarray(self.data[rng.integers(len(self.data), size=count)])


def find_function(text: str) -> Function:
    """Function of `MODULE:FUNCTION`, the module looked for as Python does, the current directory first.

    `MODULE` may also be the path of a .py file; `FUNCTION` may have dots.

    Raises
    ------
    InputError
        A text of another form, a module that does not import, or a name that is missing or not callable.
    """
    name, colon, attribute = text.rpartition(":")
    if not (colon and name and attribute):
        raise InputError(f"denoiser {text!r} must be MODULE:FUNCTION, e.g. my_model:denoise")
    value: Any = _import(name)
    for part in attribute.split("."):
        if not hasattr(value, part):
            names = [n for n in vars(value) if not n.startswith("_") and callable(getattr(value, n))][:8]
            raise InputError(f"denoiser {text!r}: {name} has no {part!r}; it has {', '.join(names) or 'no functions'}")
        value = getattr(value, part)
    if not callable(value):
        raise InputError(f"denoiser {text!r} is a {type(value).__name__}, not a function")
    found: Function = value
    return found


def _import(name: str) -> ModuleType:
    try:
        if name.endswith(".py"):
            return _from_file(name)
        here = os.getcwd()
        sys.path.insert(0, here)
        try:
            return importlib.import_module(name)
        finally:
            # The module may have changed the directory or the path.
            if here in sys.path:
                sys.path.remove(here)
    except (Exception, SystemExit) as error:
        raise InputError(f"denoiser module {name!r} does not import: {_said(error)}") from error


def _said(error: BaseException) -> str:
    """Name and words of an error of the user's code on one line."""
    words = " ".join(str(error).split())[:160]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _from_file(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise FileNotFoundError(f"no file {path}{file_hint(path)}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
