"""Questions about paths that never raise: names may be too long, hold zero bytes, or lie in closed folders."""

from __future__ import annotations

from pathlib import Path


def exists(path: Path | str) -> bool:
    """Whether there is something of that name, broken links and what may not be looked at included."""
    try:
        return Path(path).exists() or Path(path).is_symlink()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False


def is_file(path: Path | str) -> bool:
    """Whether there is a regular file of that name that may be looked at."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Whether there is a folder of that name that may be looked at."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False
