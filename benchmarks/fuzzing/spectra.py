"""Spectra as files: text, JSON, arrays, archives."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from fuzzing.dice import NAMES, Case, Dice, anything, mutated


def eigenvalues(r: Dice) -> list[float]:
    """A plausible spectrum most of the time."""
    size = r.choice((1, 2, 3, 4, 5, 8, 20, 60))
    kind = r.random() * (0.3 + 0.7 * r.chaos)
    if kind < 0.6:
        power = r.uniform(0.2, 3)
        return [r.uniform(0.5, 30) * (i + 1) ** -power for i in range(size)]
    if kind < 0.75:
        return [r.choice((0.0, 1e-12, 1e-3, 1.0, 4.0, 100.0)) for _ in range(size)]
    if kind < 0.85:
        return [10 ** r.uniform(-8, 6) for _ in range(size)]
    return [r.choice((-1e-9, -1.0, 1e-300, 1e130, 1e300, 1e308, float("nan"), 1.0)) for _ in range(size)]


def text_of(values: list[float], r: Dice) -> bytes:
    """A list as people write it, sometimes damaged."""
    mark = r.pick(".", ",", 0.25)
    words = [repr(v).replace(".", mark) for v in values]
    separator = r.pick(("\n", "\r\n", ";"), (",", ", ", ";", " ", "\t", "; ", ",\n"), 0.7)
    body = separator.join(words)
    body = r.pick(("", "# note\n"), ("eigenvalue\n", "eig;weight\n", ",0\n", "[", "sigma\n", "lambda,w\n")) + body
    body += r.pick(("", "\n", "\n\n", " # end"), (",", "]", ";"))
    return body.encode(r.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")))


def weighted_of(values: list[float], r: Dice) -> bytes:
    """Two columns with a header."""
    names = ["eigenvalue", "weight"]
    rows = [[repr(v), str(r.pick((1, 2, 3, 0.5), (0, -1, ""), 0.05))] for v in values]
    if r.random() < 0.5:
        names, rows = names[::-1], [row[::-1] for row in rows]
    separator = r.choice((",", ";", "\t", " "))
    return "\n".join(separator.join(row) for row in [names, *rows]).encode()


def json_of(values: list[float], r: Dice) -> bytes:
    """A list or an object, sometimes with values of other kinds."""
    kind = r.random()
    if kind < 0.4:
        return json.dumps(values).encode()
    content: dict = {"eigenvalues": values, "weights": [r.choice((1, 2, 1.5)) for _ in values], "mean": None}
    if kind < 0.6:
        content["mean"] = [r.gauss(0, 1) for _ in values]
    if kind < 0.7:
        content |= {"schema": "diffopt.spectrum/1", "source": r.choice(("x", "[/x]", "\x1b[0m", "=1", "$a$")), "samples": 5}
    if r.wild(0.3):
        content[r.choice(list(content))] = anything(r)
    return mutated(json.dumps(content).encode(), r, 0.1)


def npy_of(values: list[float], r: Dice) -> bytes:
    """An array: eigenvalues or a covariance."""
    buffer = io.BytesIO()
    array = np.array(values)
    if r.random() < 0.3 and len(values) < 30 and np.all(np.isfinite(array)):
        turn = np.linalg.qr(np.random.default_rng(r.randrange(99)).normal(size=(len(values),) * 2))[0]
        with np.errstate(all="ignore"):
            array = turn @ np.diag(array) @ turn.T
    with np.errstate(all="ignore"):
        small = np.all(np.abs(array) < 1e9)
        np.save(buffer, array.astype(r.pick(("f8", ">f8"), ("f4", "i4", "c16", "S3")) if small else "f8"))
    return mutated(buffer.getvalue(), r, 0.15)


def npz_of(values: list[float], r: Dice) -> bytes:
    """An archive with one of the known names, or others."""
    buffer = io.BytesIO()
    arrays = {r.pick(("eigenvalues", "eig", "evals", "sigmas"), ("x", "cov", "alphas_cumprod")): np.array(values)}
    if r.random() < 0.3:
        arrays["weights"] = np.ones(len(values))
    if r.random() < 0.1:
        arrays["facts"] = np.array(r.choice(("{}", "[1]", "{", '{"source": "[/x]"}', '{"samples": NaN}')))
    (np.savez_compressed if r.random() < 0.5 else np.savez)(buffer, **arrays)
    return mutated(buffer.getvalue(), r, 0.25)


def spectrum(r: Dice, case: Case) -> str:
    """A SPECTRUM argument and its file."""
    if r.wild(0.1):
        return r.choice(("builtin:power2", "builtin:nothing", "none.npy", "-", ".", "x" * 300, "a\ud800b"[:1]))
    values, name = eigenvalues(r), r.choice(NAMES)
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    writers = {".json": json_of, ".npy": npy_of, ".npz": npz_of}
    write = writers.get(suffix, text_of if r.random() < 0.75 else weighted_of)
    data = write(values, r)
    if name.endswith(".gz"):
        import gzip

        data = mutated(gzip.compress(data), r, 0.2)
    case.files[name] = data
    return name
