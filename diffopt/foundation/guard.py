"""Turns what libraries raise on broken files into one line that names the file or the member."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.nearby import file_hint


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Raise InputError naming `what` when the body fails on the bytes it was given.

    The body must be calls of decoders and nothing else. They raise whatever they like on hostile bytes
    (pillow SyntaxError, numpy TokenError, h5py RuntimeError), so every exception counts.
    """
    try:
        yield
    except DiffoptError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{what}: no such file{file_hint(error.filename) if error.filename else ''}") from error
    except PermissionError as error:
        raise InputError(f"{what}: permission denied") from error
    except Exception as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{what}: cannot be read ({reason}); check that the file is complete") from error


def require(module: str, package: str, extra: str, purpose: str) -> object:
    """Import an optional module or raise the one-line hint that installs it.

    Raises
    ------
    MissingExtraError
        The module is not installed.
    """
    import importlib

    from diffopt.errors import MissingExtraError

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, extra, purpose) from error
