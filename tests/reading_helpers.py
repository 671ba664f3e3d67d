"""What the tests of the readers share: all samples of a path, the command line's answer, the trace by numpy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.cli.main import main
from diffopt.estimation.readers import open_source
from diffopt.estimation.readers.base import ReadOptions


def collected(path: Path, **options: Any) -> np.ndarray:
    """All samples, in stored units."""
    source = open_source(path, ReadOptions(**options))
    return np.concatenate([block for _, block in source.rows(0, None, 7)])


def remarks(path: Path, **options: Any) -> str:
    """What the reader says about a path after a pass."""
    read = ReadOptions(**options)
    source = open_source(path, read)
    for _ in source.rows(0, None, 7):
        pass
    return "\n".join([*source.notes(), *read.log.lines()])


def trace(samples: np.ndarray) -> float:
    return float(np.trace(np.atleast_2d(np.cov(np.asarray(samples, float).reshape(len(samples), -1).T))))


def answer(capsys: Any, path: Path, *flags: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, document and messages of `spectrum estimate`."""
    capsys.readouterr()
    code = main(["spectrum", "estimate", str(path), *flags])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def refused(capsys: Any, path: Path, *flags: str) -> str:
    """The one line of an error; nothing on standard output."""
    code, document, err = answer(capsys, path, *flags)
    assert (code, document) == (2, {}), err
    assert err.startswith("error: ") and err.count("\n") == 1 and len(err) < 500, err
    return err
