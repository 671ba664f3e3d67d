"""Which columns of a table are eigenvalues, weights and means; or whether it is a covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.documents.column_meanings import meaning_of, wave_numbers
from diffopt.documents.numbers import NumberTable, counts
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.notes import note

#: Names of columns by role, in small letters, `_` as a blank.
ROLES = {
    "eigenvalue": (
        "eigenvalue", "eigenvalues", "eigval", "eigvals", "evals", "eval", "eig", "lambda", "λ", "variance", "variances",
        "explained variance", "value", "values", "var",
    ),
    "weight": ("weight", "weights", "multiplicity", "multiplicities", "count", "counts", "w"),
    "mean": ("mean", "mu"),
}  # fmt: skip
#: Columns that follow from the eigenvalues.
DERIVED = (
    "explained variance ratio", "ratio", "percent", "%", "percentage", "proportion", "cumulative", "cum", "cumsum",
    "cumulative variance", "cumulative percent", "std", "standard deviation", "singular value", "singular values",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Columns:
    """Eigenvalues, shape (n,), or a covariance, shape (d, d); weights and mean where there are columns of them."""

    values: Array
    weight: Array | None = None
    mean: Array | None = None


def columns_of(table: NumberTable) -> Columns:
    """Spectrum in a table.

    Raises
    ------
    InputError
        Several columns that no header explains and that are no symmetric matrix.
    """
    bare = table.without_index()
    rows, names = bare.rows, bare.names
    _refuse_others(table, bare)
    named = None if names is None else _named(bare, names)
    if named is not None:
        return named
    if bare.square or min(rows.shape) == 1:
        return Columns(rows if bare.square else rows.ravel())
    raise InputError(_unclear(bare))


def _refuse_others(table: NumberTable, bare: NumberTable) -> None:
    """Refuse one column whose name says that it holds something else."""
    if bare.names is None or len(bare.names) != 1:
        return
    name = bare.names[0]
    other = meaning_of(name)
    if other is None and name in (*ROLES["weight"], *ROLES["mean"]):
        other = "no eigenvalues beside it; a table has the columns eigenvalue,weight or eigenvalue,mean"
    if other is None and table is not bare and wave_numbers(table.names, name):
        other = "a power spectrum, whose wave numbers stand for many directions each; use `spectrum synthesize radial --table`"
    if other is not None:
        raise InputError(f"{table.label}: column {name!r}: {other}")


def _named(table: NumberTable, names: tuple[str, ...]) -> Columns | None:
    """Columns by their names; None where no name says what it is."""
    roles = {role: [n for n in names if n in known] for role, known in ROLES.items()}
    if not roles["eigenvalue"]:
        if any(roles.values()) and len(names) > 1:
            raise InputError(_unclear(table))
        return None
    used = [found[0] for found in roles.values() if found]
    if any(len(found) > 1 for found in roles.values()) or len(set(names)) < len(names):
        raise InputError(_unclear(table))
    left = [n for n in names if n not in used]
    if any(n not in DERIVED for n in left):
        raise InputError(_unclear(table))
    if left:
        note(f"note: {table.label}: column {', '.join(left)} is left out")
    parts = [table.column(found[0]) if found else None for found in roles.values()]
    assert parts[0] is not None
    return Columns(parts[0], parts[1], parts[2])


def _unclear(table: NumberTable) -> str:
    n, m = table.rows.shape
    shown = f" ({', '.join(name or '(none)' for name in table.names)})" if table.names is not None else " without a header"
    hint = "; the first counts the rows" if counts(table.rows[:, 0]) else ""
    if n == m and np.all(np.isfinite(table.rows)):
        hint = "; as a covariance it would have to be symmetric"
    return (
        f"{table.label}: {n} x {m}: {m} columns{shown[:80]}{hint}; a spectrum has one column, or the header eigenvalue,weight, "
        "or is a symmetric matrix; for samples use `diffopt spectrum estimate`"
    )
