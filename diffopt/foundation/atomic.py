"""Writing files: whole or not at all, and never over somebody's work."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from diffopt.errors import InputError


def check_target(path: Path | str, force: bool = False) -> Path:
    """Refuse an output path before the work starts; a symbolic link is followed to its target.

    Raises
    ------
    InputError
        A directory, a device, a missing parent directory, or an existing file without `force`.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(f"output {path} is a directory; name a file in it")
    if target.exists() and not target.is_file():
        raise InputError(f"output {path} is not a regular file; write to standard output instead")
    if target.exists() and not force:
        raise InputError(f"output {path} exists; choose another name or add --force")
    if not target.parent.is_dir():
        raise InputError(f"output {path}: directory {target.parent} does not exist; create it first")
    return target


def write_atomic(path: Path | str, data: bytes, force: bool = False) -> None:
    """Write `data` beside the target and move it there in one step.

    Raises
    ------
    InputError
        The target is refused (see :func:`check_target`) or the system does not let us write.
    """
    target = check_target(path, force)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise InputError(f"output {path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; give the result the permissions any new file would get.
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except OSError as error:
        raise InputError(f"output {path} cannot be written: {error.strerror}") from error
    finally:
        if os.path.exists(name):
            os.unlink(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
