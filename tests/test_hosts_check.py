"""What `check` reports beside the numbered pitfalls of test_pitfalls.py, and how exports read back."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from problems import EXAMPLES, spectrum

import diffopt
from diffopt.cli.main import main
from diffopt.documents.schemas import DOCUMENTS
from diffopt.errors import UnsupportedError
from diffopt.hosts import HOSTS
from diffopt.hosts.answer import check_run, export_run
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.hosts.text import comma
from diffopt.solvers import SOLVERS

SD = [14.6, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
S = np.array([1.0, 0.93, 0.8, 0.62, 0.43, 0.25, 0.09, 0.0])
SHIFT = {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}


def run(
    solver: str = "euler", process: str = "table", sigmas: Any = None, eta: Any = None, start: Any = "exact", **options: Any
) -> Run:
    if sigmas is None:
        with np.errstate(divide="ignore"):
            sigmas = S / (1 - S) if process == "flow" else SD
    return Run.create(EXAMPLES[process], sigmas, SOLVERS[solver](**options), eta, start)


def config(name: str, **values: Any) -> dict[str, Any]:
    return {"_class_name": f"{name}Scheduler", **({} if "Flow" in name else BETAS), **values}


def found(case: Run, host: str, values: dict[str, Any] | None = None) -> list[Finding]:
    return check_run(case, host, values).plan.findings


def kinds(case: Run, host: str, values: dict[str, Any] | None = None) -> set[str]:
    return {f.kind for f in found(case, host, values)}


#: Beside the pitfalls of test_pitfalls.py: the run, the host, the scheduler's configuration, and what `check` says (kind, words).
OTHERS: dict[str, tuple[Run, str, dict[str, Any], str, str]] = {
    "text box": (run("euler", "flow"), "forge", {}, "misread", "fractions"),
    "start": (run("euler"), "k_diffusion", {}, "start", "sigma_0^2"),
    "eta fixed": (run("euler_ancestral", eta=0.5), "diffusers", config("EulerAncestralDiscrete"), "eta", "always runs 1"),
    "eta per step": (run("euler_ancestral", eta=np.linspace(0, 1, 10)), "comfyui", {}, "eta", "one eta"),
    "eta squared": (run("ddim", "ve", [80.0, 1.0, 0.1, 0.0], 0.5), "azula", {}, "eta", "square"),
    "bh1": (run("unipc"), "diffusers", config("UniPCMultistep", solver_type="bh1"), "refused", "NaN"),
    "unipc order": (run("unipc"), "diffusers", config("UniPCMultistep", solver_order=3), "recurrence", "order=3"),
    "unipc without argument": (run("unipc"), "diffusers", config("UniPCMultistep"), "dropped", "no argument"),
    "last order": (run("dpmpp_2m", sigmas=SD[:-1]), "diffusers", config("DPMSolverMultistep"), "recurrence", "lower_order_final"),
    "other scheduler": (run("dpmpp_2m"), "diffusers", config("EulerDiscrete"), "recurrence", "not dpmpp_2m"),
    "clipping": (run("ddpm"), "diffusers", config("DDPM"), "refused", "clip_sample"),
    "edm": (run("heun", "ve", [80.0, 1.0, 0.1, 0.0]), "edm", {}, "dropped", "no list"),
    "s below one": (run("euler", "flow", [4.0, 1.0, 0.0]), "diffusers", {**SHIFT, "shift": 1.0}, "start", "N(0, 1)"),
    "other table": (run("euler"), "diffusers", {**config("EulerDiscrete"), "beta_end": 0.02}, "conditioning", "made for 1000"),
    "2M SDE from s = 1": (run("dpmpp_2m_sde", "flow"), "comfyui", {}, "clipped", "0.9999"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_check_reports_what_the_host_does(name: str) -> None:
    case, host, values, kind, words = OTHERS[name]
    said = [f for f in found(case, host, values) if f.kind == kind]
    assert said, f"{name}: {found(case, host, values)}"
    assert any(words in f.message for f in said), said
    if kind in ("start", "conditioning", "note"):
        assert not any(f.altered for f in said)
    else:
        assert check_run(case, host, values).altered
        assert any(f.repair or ";" in f.message for f in said), "an altered grid needs a repair"


#: Runs that the hosts take as they are.
CLEAN = [
    (run("euler", start="sigma"), "diffusers", config("EulerDiscrete")),
    (run("euler", "flow"), "diffusers", {**SHIFT, "shift": 1.0}),
    (run("euler", "ve", [700.0, 20.0, 0.5, 0.0], start="sigma"), "diffusers",
     config("EulerDiscrete", timestep_type="continuous", prediction_type="v_prediction")),
    (run("comfy_dpmpp_2m", "flow"), "comfyui", {}),
    (run("heun", "flow"), "sd_cpp", {}),
    (run("flow_ancestral", "flow", eta=0.5), "comfyui", {}),
    (run("heun", "ve", [80.0, 9.0, 0.5, 0.0], start="sigma"), "k_diffusion", {}),
    (run("dpmpp_2m", start="unit", sigmas=[*np.exp(EXAMPLES["table"].log_sigma[[999, 700, 300, 20]]), 0.0]), "diffusers",
     config("DPMSolverMultistep")),
]  # fmt: skip


@pytest.mark.parametrize(("case", "host", "values"), CLEAN, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_clean_is_not_reported(case: Run, host: str, values: dict[str, Any]) -> None:
    assert not check_run(case, host, values).altered
    assert not {"start"} & kinds(case, host, values)


def test_the_repair_of_a_shift_is_exact() -> None:
    answer = export_run(run("euler", "flow"), "diffusers", SHIFT)
    names: dict[str, Any] = {}
    exec(re.search(r"GRID = \[.*?\]", str(answer.text), re.S).group(0), names)  # type: ignore[union-attr]
    u = np.array(names["GRID"])
    np.testing.assert_allclose(3 * u / (1 + 2 * u), S[:-1], rtol=1e-12)


def test_errors_there_are_those_of_the_altered_run() -> None:
    """The shifted grid, evaluated on its own."""
    answer = check_run(run("euler", "flow"), "diffusers", SHIFT, spectrum())
    shifted = 3 * S / (1 + 2 * S)
    wish = diffopt.evaluate(spectrum(), times=shifted, process="flow").errors
    assert answer.after is not None and answer.before is not None
    assert answer.after["frechet"] == pytest.approx(wish["frechet"], rel=1e-5)
    assert answer.before["frechet"] != pytest.approx(wish["frechet"], rel=1e-2)


# --- text ---------------------------------------------------------------------------------------------


def comfyui_reads(text: str) -> list[float]:
    """ManualSigmas: every match of a sign, digits, dots and a last digit, to single precision."""
    return [struct.unpack("f", struct.pack("f", float(m)))[0] for m in re.findall(r"[-+]?(?:\d*\.*\d+)", text)]


def sd_cpp_reads(text: str) -> list[float]:
    """--sigmas: brackets stripped, split at commas, each item a number to its end."""
    items = text.strip().removeprefix("[").removesuffix("]").split(",")
    return [struct.unpack("f", struct.pack("f", float(item)))[0] for item in items]


@given(st.lists(st.floats(-5, 3), min_size=2, max_size=30, unique=True), st.booleans())
def test_exported_text_reads_back_in_both_parsers(logs: list[float], zero: bool) -> None:
    """From 1e-5 to 1000: no exponent, a leading digit, every value back to 1e-7."""
    values = np.unique(10.0 ** np.array(logs))[::-1]
    values = np.append(values, 0.0) if zero else values
    text = comma(values)
    assert "e" not in text.lower() and not re.search(r"(?<!\d)\.", text)
    for reader in (comfyui_reads, sd_cpp_reads):
        got = np.array(reader(text))
        assert got.shape == values.shape
        np.testing.assert_allclose(got, values, rtol=1e-7, atol=0)
    exact = np.array([float(item) for item in text.split(",")])
    np.testing.assert_allclose(exact, values, rtol=1e-9)


@pytest.mark.parametrize("host", ["comfyui", "sd_cpp"])
@pytest.mark.parametrize("process", ["table", "flow"])
def test_an_exported_grid_reads_back(host: str, process: str) -> None:
    case = run("euler", process)
    text = str(export_run(case, host).text)
    inner = re.search(r'--sigmas "(.*?)"', text).group(1) if host == "sd_cpp" else text  # type: ignore[union-attr]
    reader = sd_cpp_reads if host == "sd_cpp" else comfyui_reads
    np.testing.assert_allclose(reader(inner), case.levels, rtol=1e-7)


TEXTS = {
    "14.6, 2.9e-2, 0": ("comfyui", "misread"),
    "10 steps: 14.6, 1, 0": ("comfyui", "misread"),
    "14,6; 1,5; 0": ("comfyui", "misread"),
    "1_000.5, 1, 0": ("comfyui", "misread"),
    "nan": ("comfyui", "misread"),
    "inf": ("comfyui", "misread"),
    "5..3, 0": ("comfyui", "misread"),
    "14.6, .5, 0": ("comfyui", "note"),
    "1, 14.6, 0": ("comfyui", "misread"),
    "14.6, 1": ("comfyui", "end"),
    "14.6, 1, 1, 0": ("sd_cpp", "duplicated"),
    "14.6, 0, 1, 0": ("sd_cpp", "misread"),
    "14.6, nan, 0": ("sd_cpp", "misread"),
    "14.6, x, 0": ("sd_cpp", "misread"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_pasted_text_is_read_as_the_host_reads_it(text: str, tmp_path: Any) -> None:
    host, kind = TEXTS[text]
    path = tmp_path / "pasted.txt"
    path.write_text(text)
    said = {f["kind"] for f in diffopt.check(path, host).findings}
    assert kind in said, said


# --- workflow -------------------------------------------------------------------------------------------

#: Inputs of ComfyUI's nodes: links by kind, widgets by Python type.
NODES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "CheckpointLoaderSimple": ({"ckpt_name": str}, ("MODEL", "CLIP", "VAE")),
    "CLIPTextEncode": ({"text": str, "clip": "CLIP"}, ("CONDITIONING",)),
    "EmptyLatentImage": ({"width": int, "height": int, "batch_size": int}, ("LATENT",)),
    "EmptySD3LatentImage": ({"width": int, "height": int, "batch_size": int}, ("LATENT",)),
    "ManualSigmas": ({"sigmas": str}, ("SIGMAS",)),
    "KSamplerSelect": ({"sampler_name": str}, ("SAMPLER",)),
    "SamplerEulerAncestral": ({"eta": float, "s_noise": float}, ("SAMPLER",)),
    "SamplerDPMPP_2M_SDE": ({"solver_type": str, "eta": float, "s_noise": float, "noise_device": str}, ("SAMPLER",)),
    "SamplerDPMPP_3M_SDE": ({"eta": float, "s_noise": float, "noise_device": str}, ("SAMPLER",)),
    "SamplerDPMPP_SDE": ({"eta": float, "s_noise": float, "r": float, "noise_device": str}, ("SAMPLER",)),
    "SamplerDPMPP_2S_Ancestral": ({"eta": float, "s_noise": float}, ("SAMPLER",)),
    "SamplerCustom": ({"model": "MODEL", "add_noise": bool, "noise_seed": int, "cfg": float, "positive": "CONDITIONING",
                       "negative": "CONDITIONING", "sampler": "SAMPLER", "sigmas": "SIGMAS", "latent_image": "LATENT"},
                      ("LATENT", "LATENT")),
    "VAEDecode": ({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",)),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": str}, ()),
}  # fmt: skip
#: KSamplerSelect's list.
SAMPLER_NAMES = {
    "euler", "heun", "dpm_2", "dpm_2_ancestral", "lms", "ipndm", "dpmpp_2m", "euler_ancestral", "uni_pc", "uni_pc_bh2",
}  # fmt: skip


def validate(graph: dict[str, Any]) -> None:
    """ComfyUI's validate_prompt, restated: an output node, every input there, links to outputs of the right kind."""
    assert any(node["class_type"] == "SaveImage" for node in graph.values()), "prompt_no_outputs"
    for key, node in graph.items():
        wanted, _ = NODES[node["class_type"]]
        assert set(node["inputs"]) == set(wanted), f"{key}: required_input_missing"
        for name, kind in wanted.items():
            value = node["inputs"][name]
            if isinstance(kind, str):
                assert isinstance(value, list) and len(value) == 2, f"{key}.{name}: bad_linked_input"
                outputs = NODES[graph[value[0]]["class_type"]][1]
                assert outputs[value[1]] == kind, f"{key}.{name}: return_type_mismatch"
            else:
                assert type(value) is kind, f"{key}.{name}: {type(value)}"
        if node["class_type"] == "KSamplerSelect":
            assert node["inputs"]["sampler_name"] in SAMPLER_NAMES


COMFY = [(n, p) for n, s in HOSTS["comfyui"].samplers.items() for p in ("table", "flow") if (s.flow if p == "flow" else s.solver)]


@pytest.mark.parametrize(("solver", "process"), COMFY)
def test_the_workflow_passes_the_validator(solver: str, process: str) -> None:
    sigmas = SD[:-1] if solver == "unipc" else None
    answer = export_run(run(solver, process, sigmas), "comfyui:workflow")
    graph = json.loads(str(answer.text))
    validate(graph)
    text = next(n["inputs"]["sigmas"] for n in graph.values() if n["class_type"] == "ManualSigmas")
    np.testing.assert_allclose(comfyui_reads(text), run(solver, process, sigmas).levels, rtol=1e-7)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ({"1": {"class_type": "ManualSigmas", "inputs": {"sigmas": [14.6, 0.0]}}}, "bad_linked_input"),
        ({"1": {"class_type": "ManualSigmas", "inputs": {"sigmas": "14.6, 0.0"}}}, "prompt_no_outputs"),
        ({"nodes": [], "links": []}, "editor"),
    ],
)
def test_workflows_that_comfyui_refuses(graph: Any, words: str, tmp_path: Any) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps(graph))
    result = diffopt.check(path, "comfyui")
    assert result.altered and any(words in f["message"] for f in result.findings)
    assert main(["check", str(path), "--host", "comfyui", "-q", "-o", str(tmp_path / "out.json")]) == 4


# --- command line and library --------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    np.save("eig.npy", [4.0, 1.0, 0.2])
    assert main(["optimize", "eig.npy", "-n", "3", "--process", "flow", "-q", "-o", "flow.json"]) == 0
    assert main(["optimize", "eig.npy", "-n", "3", "-s", "heun", "-q", "-o", "ve.json"]) == 0
    (tmp_path / "sc.json").write_text(json.dumps(SHIFT))
    (tmp_path / "hello.txt").write_text("hello")
    (tmp_path / "other.json").write_text('{"a": 1}')
    return tmp_path


def test_check_exits_with_4_and_writes_a_document(files: Any, capsys: Any) -> None:
    capsys.readouterr()
    assert main(["check", "flow.json", "--host", "diffusers", "--scheduler-config", "sc.json", "--format", "json"]) == 4
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(DOCUMENTS["diffopt.check/1"].model_json_schema(by_alias=True)).validate(document)
    assert document["altered"] and document["findings"][0]["kind"] == "reshifted" and document["errors_there"]["frechet"]
    assert main(["check", "flow.json", "--host", "comfyui", "--format", "json"]) == 0
    assert not json.loads(capsys.readouterr().out)["altered"]


@pytest.mark.parametrize(
    "argv",
    [
        ["export", "ve.json", "--to", "comfyi"],
        ["export", "flow.json", "--to", "edm"],
        ["export", "flow.json", "--to", "diffusers:snipet"],
        ["export", "hello.txt", "--to", "json"],
        ["export", "other.json", "--to", "comfyui"],
        ["export", "missing.json", "--to", "comfyui"],
        ["check", "other.json", "--host", "comfyui"],
        ["check", "hello.txt", "--host", "comfyui"],
        ["check", "hello.txt", "--host", "diffusers"],
        ["check", "ve.json", "--host", "nobody"],
        ["check", "ve.json", "--host", "diffusers", "--scheduler-config", "other.json"],
        ["optimize", "eig.npy", "--host", "nobody"],
        ["optimize", "eig.npy", "--timesteps", "whole"],
        ["optimize", "eig.npy", "-s", "edm_stochastic", "--host", "comfyui"],
        ["optimize", "eig.npy", "-s", "euler_ancestral", "--free", "grid,eta", "--host", "diffusers"],
    ],
)
def test_bad_requests_are_one_line_and_exit_2(files: Any, capsys: Any, argv: list[str]) -> None:
    capsys.readouterr()
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("error: ")


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_writes_a_file_and_says_what_it_runs(files: Any, capsys: Any, host: str) -> None:
    capsys.readouterr()
    extra = ["--scheduler-config", "eps.json"] if host == "diffusers" else []
    (files / "eps.json").write_text(json.dumps(config("EulerDiscrete")))
    solver = "euler" if host in ("skrample", "azula", "smalldiffusion") else "heun"
    solver = "fitted_2" if host == "coefficients" else solver
    ends = ["--end", "sigma_min", "--clock", "logsnr"] if host == "deepinv" else []
    top = ["--sigma-max", "14", "--sigma-min", "0.05"]
    assert main(["optimize", "eig.npy", "-n", "3", "-s", solver, *top, *ends, "-q", "-o", "grid.json", "--force"]) == 0
    assert main(["export", "grid.json", "--to", host, *extra, "-o", "out", "--force"]) == 0
    assert (files / "out").stat().st_size > 10
    err = capsys.readouterr().err
    assert f"{host} runs " in err and "error as it runs there: frechet" in err
    if HOSTS[host].suffix == ".py":
        compile((files / "out").read_text(), "out", "exec")


def test_host_in_optimize_gives_a_grid_that_is_run_as_it_is(files: Any) -> None:
    schedule = diffopt.optimize([4.0, 1.0, 0.2], "dpmpp_2m", 4, process="flow", host="comfyui")
    assert schedule.solver == "comfy_dpmpp_2m"
    assert not diffopt.check(schedule, "comfyui").altered
    whole = diffopt.optimize(
        [4.0, 1.0, 0.2], "dpmpp_2m", 4, process="table", betas="scaled_linear:0.00085,0.012,1000", host="diffusers"
    )
    assert whole.document["start"] == "unit"
    assert not diffopt.check(whole, "diffusers").altered
    assert diffopt.optimize([4.0, 1.0], "heun", 3, host="deepinv").document["end"] == "sigma_min"
    below = diffopt.optimize([4.0, 1.0], "dpmpp_2m_sde", 2, process="flow", host="comfyui")
    assert below.times[0] == pytest.approx(0.9999, abs=1e-6) and not diffopt.check(below, "comfyui").altered
    short = diffopt.optimize([4.0, 1.0], "unipc", 3, host="comfyui", end="sigma_min")
    assert short.document["solver_options"]["order"] == 2 and not diffopt.check(short, "comfyui").altered


@pytest.mark.parametrize("host", [*HOSTS, "comfyui:workflow", "diffusers:snippet", "sd_cpp:json"])
@pytest.mark.parametrize("process", ["ve", "table", "flow"])
def test_the_eta_that_is_written_is_the_one_that_is_said(host: str, process: str) -> None:
    """A host with one eta for all steps is told the mean of a file's, in a form's own measure."""
    made = HOSTS[host.partition(":")[0]]()
    if process not in made.processes:
        return
    for solver in made.samplers:
        if SOLVERS[solver].eta_meaning is None:
            continue
        steps = run(solver, process).grid.steps
        for eta in (np.linspace(0.1, 0.5, steps), np.full(steps, 0.4)):
            try:
                answer = export_run(run(solver, process, eta=eta), host, {"_class_name": "EulerDiscreteScheduler", **BETAS})
            except UnsupportedError:
                continue
            there = answer.plan.run
            assert there is not None
            if there.solver.eta_meaning is None or there.eta[0] in (0, 1):  # the host has no number to set
                continue
            assert len(set(there.eta)) == 1
            number = float(there.eta[0]) ** 2 if host == "azula" else float(there.eta[0])
            said = [float(v) for v in re.findall(r"eta\W{1,4}([\d.]+)", f"{answer.text!s} {' '.join(answer.said)}")]
            np.testing.assert_allclose(said[:1], [number], rtol=1e-8)


@pytest.mark.parametrize("solver", ["euler_ancestral", "dpmpp_2m_sde"])
def test_a_scheduler_without_noise_is_said_to_be_one(solver: str) -> None:
    answer = export_run(run(solver, eta=0.0), "diffusers:DPMSolverMultistepScheduler", BETAS)
    assert answer.plan.run is not None
    assert answer.plan.run.solver.name == {"euler_ancestral": "euler", "dpmpp_2m_sde": "dpmpp_2m"}[solver]
    assert "'dpmsolver++'" in str(answer.text)
    assert not any(f.kind in ("eta", "recurrence") for f in answer.plan.findings)


def test_export_from_python(files: Any) -> None:
    schedule = diffopt.load("ve.json")
    text = schedule.export("comfyui")
    assert isinstance(text, str) and comfyui_reads(text)[-1] == 0
    assert any("error as it runs there" in line for line in text.statement)
    text.save("grid.txt")
    np.testing.assert_allclose(comfyui_reads((files / "grid.txt").read_text()), schedule.sigmas, rtol=1e-7)
    schedule.export("npy").save("grid.npy")
    np.testing.assert_array_equal(np.load("grid.npy"), schedule.sigmas)


def test_listed_hosts(capsys: Any) -> None:
    assert main(["list", "hosts", "--format", "json"]) == 0
    assert {row["name"] for row in json.loads(capsys.readouterr().out)["hosts"]} == set(HOSTS)


def test_json_keeps_the_options_of_the_solver(tmp_path: Any) -> None:
    """A file that is written and read again is the same run."""
    case = run("unipc", sigmas=SD[:-1], variant="bh1", order=3)
    (tmp_path / "grid.json").write_text(str(export_run(case, "json").text))
    again = diffopt.load(tmp_path / "grid.json").document
    assert again["solver_options"]["order"] == 3 and again["solver_options"]["variant"] == "bh1"
