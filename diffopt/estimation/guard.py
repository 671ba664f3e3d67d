"""Turns what libraries raise on broken files into one line that names the file or the member."""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from diffopt.errors import DiffoptError, InputError

#: What decoders raise on damaged or hostile bytes; SyntaxError is pillow's for a broken PNG.
BROKEN = (
    OSError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, MemoryError, RuntimeError,
    AttributeError, SyntaxError, ArithmeticError, AssertionError, RecursionError,
    struct.error, zlib.error, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Raise InputError naming `what` when the body fails on the bytes it was given."""
    try:
        yield
    except DiffoptError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{what}: no such file") from error
    except PermissionError as error:
        raise InputError(f"{what}: permission denied") from error
    except BROKEN as error:
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
