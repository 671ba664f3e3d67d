"""Noise tables of trained models from files: betas and alphas_cumprod told apart, by name or by their course."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.documents.given_file import GivenFile
from diffopt.documents.number_list import list_of, load_list
from diffopt.documents.scheduler_config import process_of
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.encoding import suffix
from diffopt.foundation.notes import note
from diffopt.foundation.paths import exists
from diffopt.processes import TrainedLevels
from diffopt.processes.beta_rules import KINDS, alphas_from_betas, cumulated, spelled_out

CUMULATED = ("alphas_cumprod", "alpha_cumprod", "alphas_cumulative", "alphas_bar", "alpha_bar", "abar", "acp")
BETAS = ("betas", "trained_betas", "beta")
ALPHAS = ("alphas", "alpha")
SIGMAS = ("sigmas", "sigma")
#: Square roots that programs keep beside them; roots of alphas_cumprod and of 1 - alphas_cumprod.
ROOTS = ("sqrt_alphas_cumprod", "sqrt_alpha_cumprod", "sqrt_alphas_bar", "sqrt_alpha_bar")
ONE_MINUS_ROOTS = ("sqrt_one_minus_alphas_cumprod", "sqrt_one_minus_alpha_cumprod", "sqrt_one_minus_alphas_bar")
NAMES = (*CUMULATED, *BETAS, *ALPHAS, *SIGMAS, *ROOTS, *ONE_MINUS_ROOTS)
KIND_OF = (
    (CUMULATED, "alphas_cumprod"), (BETAS, "betas"), (ALPHAS, "alphas"), (SIGMAS, "sigmas"), (ROOTS, "sqrt_alphas_cumprod"),
    (ONE_MINUS_ROOTS, "sqrt_one_minus_alphas_cumprod"),
)  # fmt: skip
#: A table of this many levels that begins below this alphas_cumprod destroys the data at once; one that ends above never.
LONG, SIGNAL = 50, 0.5


def table_process(alphas_cumprod: Any, betas: str | None) -> TrainedLevels:
    """Process `table` of an array or a file (`alphas_cumprod`), or of a rule or a file (`betas`).

    Raises
    ------
    InputError
        None or both given, unreadable, or numbers that are neither betas nor alphas_cumprod.
    """
    if alphas_cumprod is not None and betas:
        raise InputError("give --betas or --alphas-cumprod, not both")
    if betas:
        betas = spelled_out(betas)
        content = _held(betas)
        if (process := _of_config(content, betas)) is not None:
            return process
        kind = betas.partition(":")[0].strip()
        if kind not in KINDS and (betas == "-" or exists(betas)):
            return TrainedLevels(load_table(betas, True, content), ("betas", betas))
        return TrainedLevels(alphas_from_betas(betas), ("betas", betas))
    if alphas_cumprod is not None and not isinstance(alphas_cumprod, str):
        return TrainedLevels(np.asarray(alphas_cumprod, dtype=np.float64))
    if not alphas_cumprod:
        raise InputError(
            "process 'table' needs --betas sd (or a rule, scaled_linear:0.00085,0.012,1000), --alphas-cumprod FILE or "
            "--scheduler-config FILE"
        )
    content = _held(alphas_cumprod)
    process = _of_config(content, alphas_cumprod)
    return process or TrainedLevels(load_table(alphas_cumprod, False, content), ("alphas_cumprod", alphas_cumprod))


def _held(path: str) -> Any:
    """What a pipe or a file of JSON holds, a table or a scheduler's config; None for other files and rules."""
    given = path == "-" or (suffix(Path(path)) == ".json" and exists(path))
    return GivenFile(path).content if given else None


def _of_config(content: Any, path: str) -> TrainedLevels | None:
    """Process of a scheduler's config that is given where a table is expected; None for other files."""
    if not isinstance(content, dict) or not {"_class_name", "beta_schedule", "beta_start"} & set(content):
        return None
    process = process_of(content, path, path)
    if not isinstance(process, TrainedLevels):
        raise InputError(f"{path}: a config of process {process.name!r}; leave out --process table, or use --scheduler-config")
    return process


def load_table(path: str, betas: bool = False, content: Any = None) -> Array:
    """alphas_cumprod, shape (T,), of a file that holds them, betas, alphas or sigmas.

    Parameters
    ----------
    path : str
        Any file of numbers (see :func:`load_list`).
    betas : bool
        What the caller takes an unnamed list for; names and the course of the numbers overrule it, with a note.
    content : optional
        What was read of the file before.

    Raises
    ------
    InputError
        Unreadable, or numbers that are none of these.
    """
    found = load_list(path, NAMES) if content is None else list_of(content, NAMES, None, path)
    values, kind = found.values, _kind(found.name, found.values, path)
    expected = "betas" if betas else "alphas_cumprod"
    if found.name not in NAMES:
        note(f"note: {path}: {_assumed(kind)}")
    elif kind != expected:
        note(f"note: {path}: the numbers are taken for {kind} (named {found.name!r})")
    if kind in ("sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"):
        return values**2 if kind == "sqrt_alphas_cumprod" else 1 - values**2
    if kind == "alphas_cumprod":
        return values
    if kind == "sigmas":
        ascending = values if values[0] < values[-1] else values[::-1]
        return 1 / (1 + ascending[ascending > 0] ** 2)
    return cumulated(values if kind == "betas" else 1 - values)


def _kind(name: str | None, values: Array, path: str) -> str:
    for known, kind in KIND_OF:
        if name in known:
            return kind
    if not np.all(np.isfinite(values)) or values.size < 2 or values.min() < 0 or values.max() > 1:
        raise InputError(f"{path}: a noise table is at least 2 numbers from 0 to 1, betas or alphas_cumprod")
    if not np.all(np.diff(values) < 0):
        return "betas"
    if values.size >= LONG and values[-1] > SIGNAL:
        raise InputError(
            f"{path}: the last value {values[-1]:g} leaves most of the data; are these alphas = 1 - betas? "
            "name the list `alphas` in a .npz, .json or .csv, or give alphas_cumprod"
        )
    if values.size >= LONG and values[0] < SIGNAL:
        raise InputError(
            f"{path}: the first value {values[0]:g} leaves little of the data; are these betas in reverse? "
            "Tables run from the least noise to the most"
        )
    return "alphas_cumprod"


def _assumed(kind: str) -> str:
    """What a list without a known name is taken for, and what else it could be."""
    course, other = ("do not decrease", ONE_MINUS_ROOTS[0]) if kind == "betas" else ("decrease", ROOTS[0])
    return (
        f"the numbers are taken for {kind} (they {course}); nothing names them: "
        f"if they are {other}, name them so in a .npz, .json or .csv"
    )
