"""Whether pictures can be drawn, asked before any work is done."""

from __future__ import annotations

from pathlib import Path

from diffopt.report.picture_file import check_kind
from diffopt.report.style import figure


def check_picture(path: Path) -> None:
    """Refuse a picture that cannot be drawn.

    Raises
    ------
    InputError
        Neither .png nor .svg.
    MissingExtraError
        matplotlib is not installed.
    """
    check_kind(path)
    figure(1, [1])


def check_page() -> None:
    """Refuse a page whose pictures cannot be drawn.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    figure(1, [1])
