"""`compare` and `recommend` for a host judge what `optimize` for it does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.errors import InputError
from diffopt.hosts.offered import offering

pytestmark = pytest.mark.usefixtures("no_optimum")

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


# --- the range of SD's models ---------------------------------------------------------------------------


def test_the_range_of_edm_is_said_where_hosts_run_sd_models() -> None:
    """14.61: scaled_linear betas multiplied up here."""
    beta = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.prod(1 - beta)
    words = f'end at {np.sqrt((1 - kept) / kept):.3g} (process="table", betas="scaled_linear:0.00085,0.012,1000")'
    for host in ("comfyui", "forge", "a1111", "sd_cpp"):
        found = diffopt.optimize(EIG, "euler", 3, host=host)
        answer = diffopt.check(found, host)
        notes = [row["message"] for row in answer.findings if row["kind"] == "note"]
        assert not answer.altered and any(words in note for note in notes)
        assert any(words in note for note in found.notes)
        assert any(words in line for line in diffopt.export(found, host).statement)
    for host, flags in (("comfyui", {"process": "flow"}), ("comfyui", {"sigma_max": 14.6}), ("k_diffusion", {})):
        found = diffopt.optimize(EIG, "euler", 3, host=host, **flags)
        assert not any('process="table", betas=' in text for text in (*found.notes, *diffopt.export(found, host).statement))


@pytest.mark.parametrize("host", ["comfyui", "forge", "sd_cpp"])
def test_optimize_export_and_check_say_which_models_the_values_are_for(host: str, tmp_path: Path) -> None:
    """An SDXL model that is given s in 0..1 begins with next to no noise."""
    beta = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - beta)
    high, low = (np.sqrt((1 - k) / k) for k in (kept[-1], kept[0]))
    for flags, words in (
        ({"process": "flow"}, f"s of flow models (SD3, Flux, Wan; 1 to 0); SD 1.5 and SDXL take sigma {high:.4f} to {low:.4f}"),
        ({"betas": SD, "process": "table"}, f"sigma of SD 1.5 and SDXL ({high:.4f} to {low:.4f}); flow models (SD3, Flux, Wan)"),
    ):
        found = diffopt.optimize(EIG, "euler", 4, host=host, **flags)
        assert sum(words in line for line in found.notes) == 1
        assert sum(words in line for line in diffopt.export(found, host).statement) == 1
        assert words in diffopt.check(found, host).document["read"]
        path = tmp_path / "pasted.txt"
        path.write_text(str(diffopt.export(found, "comfyui")))
        assert words in diffopt.check(path, host).document["read"]
    other = diffopt.optimize(EIG, "euler", 4, host=host, sigma_max=5.0)
    assert not any("SDXL" in text for text in (*other.notes, *diffopt.export(other, host).statement))


SD = "scaled_linear:0.00085,0.012,1000"

# --- forms that export writes ---------------------------------------------------------------------------

SDXL = {
    "_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
    "num_train_timesteps": 1000, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1,
}  # fmt: skip


def test_the_sequence_of_the_docs_ends_with_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("eig.npy", EIG)
    (tmp_path / "sdxl.json").write_text(json.dumps(SDXL))
    said = ["--scheduler-config", "sdxl.json"]
    assert main(["optimize", "eig.npy", "-s", "dpmpp_2m", "-n", "4", *said, "--host", "diffusers:snippet", "-o", "sd.json"]) == 0
    assert main(["export", "sd.json", "--to", "diffusers:snippet", *said, "-o", "grid.py"]) == 0
    capsys.readouterr()
    assert main(["check", "sd.json", "--host", "diffusers:snippet", *said]) == 0
    assert "DPMSolverMultistepScheduler" in capsys.readouterr().out
    assert main(["check", "sd.json", "--host", "diffusers:snippet", "-q"]) == 0
    assert main(["check", "sd.json", "--host", "diffusers", *said, "-q"]) == 4
    (tmp_path / "flow.json").write_text('{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}')
    assert main(["check", "sd.json", "--host", "diffusers:snippet", "--scheduler-config", "flow.json", "-q"]) == 4


def test_edm_takes_a_karras_grid_as_flags() -> None:
    """rho 5 by hand is flags exactly; a grid off it is not."""
    ramp = np.linspace(80 ** (1 / 5), 0.002 ** (1 / 5), 6) ** 5
    karras = {"sigmas": [*ramp, 0.0], "solver": "heun", "process": {"name": "ve"}, "start": "sigma"}
    for host in ("edm", "edm:flags", "edm:t_steps"):
        assert not diffopt.check(karras, host).altered, host
    said = re.search(r"--rho=([\d.]+) is this grid", diffopt.check(karras, "edm").findings[-1]["message"])
    assert said is not None and float(said.group(1)) == pytest.approx(5, abs=1e-5)
    text = str(diffopt.export(karras, "edm"))
    flags = next(line for line in text.splitlines() if "generate.py --" in line)
    given = dict(item.removeprefix("--").split("=") for item in flags.split()[2:])
    low, top = (float(given[name]) ** (1 / float(given["rho"])) for name in ("sigma_min", "sigma_max"))
    assert np.linspace(top, low, int(given["steps"])) ** float(given["rho"]) == pytest.approx(ramp, rel=1e-5)
    assert text.index("generate.py --") < text.index("t_steps = ")
    ramp[2] *= 1.05
    other = {**karras, "sigmas": [*ramp, 0.0]}
    assert {host: diffopt.check(other, host).altered for host in ("edm", "edm:flags", "edm:t_steps")} == {
        "edm": True, "edm:flags": True, "edm:t_steps": False,
    }  # fmt: skip
    assert "generate.py --" not in str(diffopt.export(other, "edm"))


# --- what is read -----------------------------------------------------------------------------------------


def test_a_word_or_a_decimal_comma_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("eig.npy", EIG)
    grids = {"word.txt": "14.61 8.2 abc 0.0", "comma.txt": "14,61 8,2 0"}
    for name, text in grids.items():
        (tmp_path / name).write_text(text)
    for host in ("comfyui", "forge", "sd_cpp"):
        found = diffopt.check("comma.txt", host)
        assert found.altered and ["write a point"] == [row["repair"] for row in found.findings]
        assert found.document["read"].startswith("3 levels, 14.61 to 0: sigma of SD 1.5 and SDXL")
        assert diffopt.check("word.txt", host).altered
    assert any("'abc' is no number" in row["message"] for row in diffopt.check("word.txt", "comfyui").findings)
    capsys.readouterr()
    for argv in (["export", "word.txt", "--to", "comfyui"], ["evaluate", "eig.npy", "--sigmas", "word.txt"]):
        assert main(argv) == 2
        out, err = capsys.readouterr()
        assert out == "" and "'abc' is no number" in err and err.count("\n") == 1


@pytest.mark.parametrize("content", ["14.61, 8.2, 0.0", '{"1": {"class_type": "ManualSigmas", "inputs": {"sigmas": "9, 0"}}}'])
def test_a_text_names_no_sampler(content: str, tmp_path: Path) -> None:
    """Nor does a workflow's node of numbers: there is nothing to judge but the values."""
    (tmp_path / "given.txt").write_text(content)
    found = diffopt.check(str(tmp_path / "given.txt"), "comfyui")
    assert found.document["sampler"] is None and found.document["solver"] is None
    assert str(found).startswith("comfyui: pasted text or workflow")


def test_check_says_what_was_read(capsys: Any) -> None:
    grid = diffopt.optimize(EIG, "euler", 3, process="flow")
    assert diffopt.check(grid, "comfyui").document["read"].startswith("4 levels, s 1 to 0: s of flow models")
    assert diffopt.check(grid, "azula").document["read"] == "4 levels, s 1 to 0"


# --- the score error of a file --------------------------------------------------------------------------


def test_errors_are_those_of_the_files_score_error() -> None:
    """Against evaluate with the rule given by hand."""
    made = diffopt.optimize(EIG, "heun", 4, score_error="0.05", host="k_diffusion")
    wish = diffopt.evaluate(EIG, sigmas=made.sigmas, solver="heun", start="sigma", score_error="0.05").errors["frechet"]
    exact = diffopt.evaluate(EIG, sigmas=made.sigmas, solver="heun", start="sigma").errors["frechet"]
    assert wish != pytest.approx(exact, rel=1e-2)
    document = diffopt.check(made, "k_diffusion", spectrum=EIG).document
    assert document["score_error"] == "0.05"
    assert document["errors"]["frechet"] == pytest.approx(wish, rel=1e-6)
    assert document["errors_there"]["frechet"] == pytest.approx(wish, rel=1e-3)
    lines = diffopt.export(made, "k_diffusion", spectrum=EIG).statement
    assert any(line.startswith("error of the grid of the file (score error 0.05)") for line in lines)


WIDE = [700.0, 3.0, 0.4, 0.02]
SHORT = {"sigma_max": 14.6, "sigma_min": 0.03}


@pytest.mark.parametrize("solver", ["dpmpp_2m", "euler_ancestral"])
@pytest.mark.parametrize("start", ["unit", "sigma"])
def test_robust_of_the_steps_is_that_of_the_exact_start(solver, start):
    """In evaluations, baselines and comparisons alike, whatever the start is; from the exact start it is `robust`."""
    asked = {"solver": solver, "steps": 6, **SHORT}
    far, near = (diffopt.evaluate(WIDE, schedule="karras", start=law, **asked) for law in (start, "exact"))
    assert far.errors["robust_steps"] == pytest.approx(near.errors["robust"], rel=1e-12)
    assert near.errors["robust_steps"] == near.errors["robust"]
    assert far.errors["robust"] > 2 * far.errors["robust_steps"]
    row = diffopt.compare(WIDE, only="karras", start=start, **asked)
    found = {each["schedule"]: each for each in row.rows()}
    assert found["karras"]["robust_steps"] == pytest.approx(near.errors["robust"], rel=1e-6)
    # Noise forgets the start along the way, more or less by the grid: then the whole value tells grids apart.
    key = "robust_steps" if solver == "dpmpp_2m" else "robust"
    ratio = found["karras"][key] / found["optimized"][key]
    assert found["karras"]["ratio"] == pytest.approx(ratio, rel=1e-9)


def test_answers_compare_the_steps_where_the_start_is_not_exact():
    """The start's part, which no grid mends, would hide a grid that is a third better."""
    found = diffopt.optimize(WIDE, "dpmpp_2m", 6, start="unit", **SHORT)
    said = found.render("table")
    karras = found.baselines["karras"]
    assert karras["robust"] / found.errors["robust"] < 1.02 < karras["robust_steps"] / found.errors["robust_steps"]
    assert "keep it" not in said
    assert f"robust_steps {found.errors['robust_steps']:.4g}" in said
    assert "robust_steps" not in diffopt.optimize(WIDE, "dpmpp_2m", 6, **SHORT).render("table")


@pytest.mark.parametrize("host", ["comfyui", "diffusers", "k_diffusion", None])
def test_a_rival_that_the_program_does_not_offer_is_said_to_be_none_of_its(host) -> None:
    """The best of the schedules beside an optimum, against the table of what programs offer; the file knows the program."""
    process = "ve" if host == "k_diffusion" else "flow"
    found = diffopt.optimize(EIG, "euler", 4, process=process, host=host)
    assert found.document["host"] == host
    parts = found.baselines
    best = min((name for name in parts if parts[name]["robust"] is not None), key=lambda name: parts[name]["robust"])
    assert best not in ("karras", "own") and f"below {best}" in found.answers()[0]
    marked = host is not None and host not in offering(best, process == "flow")
    assert (f"below {best} (not in {host} by name)" in found.answers()[0]) == marked


@pytest.mark.parametrize("process", ["flow", "ve"])
def test_a_workflow_says_what_stands_in_it_for_the_users_own(process, tmp_path):
    """Every number of the graph that is not of the grid."""
    path = tmp_path / "grid.json"
    diffopt.optimize([4.0, 1.0], "euler", 4, process=process).save(path)
    found = diffopt.export(path, "comfyui:workflow")
    graph, told = json.loads(found), " ".join(found.statement)
    inputs = {key: value for node in graph.values() for key, value in node["inputs"].items()}
    for said in (inputs["ckpt_name"], f"cfg {inputs['cfg']:g}", f"{inputs['width']} x {inputs['height']} pixels"):
        assert said in told
