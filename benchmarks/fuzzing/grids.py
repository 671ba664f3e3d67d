"""Grids: lists and schedule files."""

from __future__ import annotations

import json

import numpy as np

from fuzzing.dice import Dice, anything, mutated
from fuzzing.spectra import text_of


def grid(r: Dice, process: str) -> list[float]:
    """A list of noise ratios, mostly decreasing."""
    size, top = r.randrange(2, 8), 14.0 if process == "table" else 80.0
    values = sorted((top * 10 ** -r.uniform(0, 2.5) for _ in range(size)), reverse=True)
    values += [0.0] * (r.random() < 0.7)
    if r.wild(0.2):
        r.shuffle(values)
    if r.wild(0.1):
        values[r.randrange(len(values))] = r.choice((-1.0, float("nan"), float("inf"), 1e308, 1e-320))
    return values


def document(r: Dice, process: str) -> bytes:
    """A schedule file, whole, bare or with values of other kinds."""
    values = grid(r, process)
    content: dict = {"sigmas": [v if np.isfinite(v) else None for v in values], "steps": len(values) - 1}
    content |= {"solver": r.pick(("euler", "heun", "ddim", "dpmpp_2m"), ("nothing",), 0.1), "start": "exact", "end": "zero"}
    content["process"] = {"name": process if process != "table" else "ve", "sigma_max": values[0], "sigma_min": 0.002}
    if r.random() < 0.4:
        content["eta"] = [r.random() for _ in values[1:]]
    if r.wild(0.5):
        content[r.choice((*content, "solver_options", "clock", "spectrum"))] = anything(r)
    if r.wild(0.2):
        key = r.choice(("beta_min", "beta_max", "offset", "betas", "name"))
        content["process"] = {"name": "vp_linear", key: anything(r)}
    kind = r.random()
    if kind < 0.15:
        return text_of(values, r)
    return mutated(json.dumps(content if kind < 0.85 else content["sigmas"]).encode(), r, 0.1)
