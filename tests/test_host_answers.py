"""`compare` and `recommend` for a host judge what `optimize` for it does."""

from __future__ import annotations

import numpy as np
import pytest

import diffopt
from diffopt.errors import InputError

EIG = np.array([4.0, 1.0, 0.1, 0.02])
#: Solver, host and flags, and the scheme and start law there (docs/hosts.md; theory.md, section 28).
CASES = {
    "comfyui, flow": ("dpmpp_2m", "comfyui", {"process": "flow"}, "comfy_dpmpp_2m", "sigma"),
    "comfyui, table": (
        "dpmpp_2m", "comfyui", {"process": "table", "betas": "scaled_linear:0.00085,0.012,1000"}, "dpmpp_2m", "unit",
    ),
    "deepinv": ("heun", "deepinv", {"sigma_max": 40.0, "sigma_min": 0.02}, "heun", "sigma"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_compare_is_of_what_optimize_runs(case):
    solver, host, flags, scheme, start = CASES[case]
    table = diffopt.compare(EIG, solver, 4, host=host, only="sgm_uniform,exponential", **flags)
    best = diffopt.optimize(EIG, solver, 4, host=host, **flags)
    document, rows = table.document, table.document["rows"]
    assert {row["solver"] for row in rows} == {scheme} == {best.document["solver"]}
    assert (document["start"], document["end"]) == (start, best.document["end"])
    named = [row for row in rows if row["schedule"] in best.baselines]
    assert named
    for row in named:
        assert row["robust"] == pytest.approx(best.baselines[row["schedule"]]["robust"], rel=1e-6)
        assert row["clock"] == best.document["clock"]
    assert any("runs" in line and f"start {start}" in line for line in table.notes)


@pytest.mark.parametrize(
    ("solver", "host", "why"),
    [("dpmpp_2m,dpmpp_2m_sde", "comfyui", "one start and range"), ("unipc", "comfyui", "uni_pc"), ("ddim", "comfyui", "eta 0")],
)
def test_what_one_table_cannot_hold_is_refused(solver, host, why):
    with pytest.raises(diffopt.DiffoptError, match=why):
        diffopt.compare(EIG, solver, 4, host=host, process="flow", only="sgm_uniform")


def test_designs_have_no_host():
    with pytest.raises(InputError, match="designs"):
        diffopt.compare(EIG, "euler", 4, host="comfyui", kind="stochasticity")


def test_recommend_is_of_what_optimize_runs():
    found = diffopt.recommend(EIG, calls=4, process="flow", host="comfyui")
    rows = {row["solver"]: row for row in found.document["rows"] if row["schedule"] == "optimized"}
    assert "comfy_dpmpp_2m" in rows and "dpmpp_2m" not in rows
    assert {row["start"] for row in rows.values()} == {"sigma"}
    assert "--host comfyui" in found.command
    again = diffopt.optimize(EIG, "dpmpp_2m", 4, process="flow", host="comfyui")
    assert rows["comfy_dpmpp_2m"]["robust"] == pytest.approx(again.errors["robust"], rel=2e-2)
