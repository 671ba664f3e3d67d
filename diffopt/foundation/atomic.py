"""Writing files: whole or not at all, and never over somebody's work."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from diffopt.errors import InputError
from diffopt.foundation.shown import visible


def check_target(path: Path | str, force: bool = False) -> Path:
    """Refuse an output path before the work starts; a symbolic link is followed to its target.

    Pipes and devices of characters, such as /dev/null, take bytes as they come.

    Raises
    ------
    InputError
        A directory, another device, a missing parent directory, links in a circle, a name the system does not take, or
        an existing file without `force`.
    """
    if is_stream(path):
        return Path(path)
    shown = visible(str(path))[:200]
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        parent = _mode(target.parent)
    except (OSError, ValueError) as error:
        raise InputError(f"output {shown} cannot be written: {getattr(error, 'strerror', None) or error}") from None
    if mode is not None and stat.S_ISLNK(mode):
        raise InputError(f"output {shown} is a symbolic link that leads in a circle; choose another name")
    if mode is not None and stat.S_ISDIR(mode):
        raise InputError(f"output {shown} is a directory; name a file in it")
    if mode is not None and not stat.S_ISREG(mode):
        raise InputError(f"output {shown} is not a regular file; write to standard output instead")
    if mode is not None and not force:
        raise InputError(f"output {shown} exists; choose another name or add --force")
    if parent is None or not stat.S_ISDIR(parent):
        raise InputError(f"output {shown}: directory {visible(str(target.parent))} does not exist; create it first")
    return target


def is_stream(path: Path | str) -> bool:
    """Whether a path is a pipe or a device of characters: nothing there is overwritten, and nothing can be renamed."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def check_distinct(paths: Iterable[Path | str | None]) -> None:
    """Refuse two outputs of one name.

    Raises
    ------
    InputError
        Naming both.
    """
    seen: dict[str, str] = {}
    for path in paths:
        if path is None:
            continue
        try:
            real = str(path) if is_stream(path) else os.path.realpath(path)
        except (OSError, ValueError):
            continue
        if real in seen:
            raise InputError(f"outputs {visible(seen[real])} and {visible(str(path))} are the same file; give two names")
        seen[real] = str(path)


def _mode(path: Path) -> int | None:
    try:
        return os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def write_atomic(path: Path | str, data: bytes, force: bool = False) -> None:
    """Write `data` beside the target and move it there in one step.

    Without `force` the final name is created exclusively: of several writers at once one succeeds.

    Raises
    ------
    InputError
        The target is refused (see :func:`check_target`) or the system does not let us write.
    """
    target = check_target(path, force)
    shown = visible(str(path))[:200]
    if is_stream(target):
        _pour(target, data, shown)
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent)
    except (OSError, ValueError) as error:
        raise InputError(f"output {shown} cannot be written: {getattr(error, 'strerror', None) or error}") from None
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp makes private files; give the result the permissions any new file would get.
        os.chmod(name, 0o666 & ~_umask())
        if force:
            os.replace(name, target)
        else:
            _create(name, target)
    except FileExistsError:
        raise InputError(f"output {shown} exists; choose another name or add --force") from None
    except OSError as error:
        raise InputError(f"output {shown} cannot be written: {error.strerror or error}") from None
    finally:
        if os.path.exists(name):
            os.unlink(name)


def _pour(target: Path, data: bytes, shown: str) -> None:
    """Write into a pipe or a device."""
    try:
        with open(target, "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise InputError(f"output {shown} cannot be written: {error.strerror or error}") from None


def _create(name: str, target: Path) -> None:
    """Give the file its final name unless another has it; under a lock of the folder where there are no hard links."""
    try:
        os.link(name, target)
    except FileExistsError:
        raise
    except OSError:
        with _locked(target.parent):
            if os.path.lexists(target):
                raise FileExistsError(target) from None
            os.rename(name, target)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone among the writers of this program in a folder; a lock that ends with the process and leaves nothing behind."""
    try:
        import fcntl
    except ImportError:  # Windows, where renaming is exclusive by itself
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
