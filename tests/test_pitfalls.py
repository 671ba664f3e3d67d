"""Every known pitfall of the hosts: `check` reports it with a repair, and after the repair it reports it no more.

Numbers are those of the project's list of facts about hosts: ten that decide whether an export works (0.1 to 0.10) and
fifteen found by driving the programs (4.1 to 4.15).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import EXAMPLES

from diffopt.cli.main import main
from diffopt.hosts.answer import export_run
from diffopt.hosts.findings import HARMLESS
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

SD = [14.6, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
S = np.array([1.0, 0.93, 0.8, 0.62, 0.43, 0.25, 0.09, 0.0])
VE = [80.0, 9.0, 0.5, 0.0]
#: Trained levels, and a flow grid that does not start at pure noise.
WHOLE = [*np.exp(EXAMPLES["table"].log_sigma[[990, 700, 300, 20]]), 0.0]
FINITE = [1e3, 3.0, 1.0, 0.2, 0.0]
AYS = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]
BETAS = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 1000}
WORKFLOW = {"1": {"class_type": "ManualSigmas", "inputs": {"sigmas": "14.6, 0.0"}}}
PICTURE = {"9": {"class_type": "SaveImage", "inputs": {}}}


def run(solver: str, process: str = "table", sigmas: Any = None, start: Any = "exact", **options: Any) -> Run:
    if sigmas is None:
        with np.errstate(divide="ignore"):
            sigmas = S / (1 - S) if process == "flow" else VE if process == "ve" else SD
    return Run.create(EXAMPLES[process], sigmas, SOLVERS[solver](**options), None, start)


def model(name: str, **values: Any) -> dict[str, Any]:
    return {"_class_name": f"{name}Scheduler", **({} if "Flow" in name else BETAS), **values}


@dataclass(frozen=True)
class Again:
    """The same question after a repair: another grid, host or model."""

    given: Any
    host: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Export:
    """A grid that is optimized as the repair says, and its form for the host."""

    given: Run
    form: str


@dataclass(frozen=True)
class Pitfall:
    """What is given to a host, what `check` says of it, and the repair: a form to export, or a question again."""

    given: Any
    host: str
    kind: str
    words: str
    repair: str | Again | Export
    config: dict[str, Any] = field(default_factory=dict)


FLOW_MATCH = "FlowMatchEulerDiscrete"
EULER = Again(run("euler"), "diffusers", model("EulerDiscrete"))
IN_S = run("comfy_dpmpp_2m", "flow")
#: Ten levels and 0, as A1111 resamples the eleven.
TEN = [*np.exp(np.interp(np.arange(10) * 10 / 9, np.arange(11), np.log(AYS))), 0.0]
TABLE: dict[str, list[Pitfall]] = {
    "0.1": [
        Pitfall(run("euler", "ve", [80.0, 1.0, 2e-5, 0.0]), "comfyui", "misread", "2 and -05", "comfyui"),
        Pitfall("14.6, 2.9e-2, 0", "comfyui", "misread", "reads 2.9, -2", Again("14.6, 0.029, 0", "comfyui")),
    ],
    "0.2": [
        Pitfall(run("euler", "flow"), "diffusers", "reshifted", "shift 3", "diffusers", model(FLOW_MATCH, shift=3.0)),
        Pitfall(run("euler", "flow"), "diffusers", "reshifted", "mu 1", "diffusers",
                model(FLOW_MATCH, use_dynamic_shifting=True, mu=1.0)),
        Pitfall(run("euler", "flow"), "diffusers", "reshifted", "mu 2", "diffusers",
                model(FLOW_MATCH, use_dynamic_shifting=True, mu=2.0, time_shift_type="linear")),
        Pitfall(run("euler", "flow"), "diffusers", "dropped", "two ends", "diffusers",
                model(FLOW_MATCH, shift=1.0, use_karras_sigmas=True)),
        Pitfall(run("euler", "flow"), "diffusers", "reshifted", "stretches", "diffusers",
                model(FLOW_MATCH, shift=1.0, shift_terminal=0.1)),
    ],
    "0.3": [Pitfall(run("euler", "ve"), "diffusers", "misread", "ramp", "diffusers:EDMEulerScheduler", model("EDMEuler"))],
    "0.4": [Pitfall(run("edm_stochastic"), "diffusers", "refused", "never removes", Again(run("edm_stochastic"), "k_diffusion"))],
    "0.5": [Pitfall(run("euler"), "diffusers", "refused", "t - T//N", EULER,
                    model("DDIM"))],
    "0.6": [
        Pitfall(run("euler", "ve", [20.0, 9.0, 0.5, 0.0]), "diffusers", "clipped", "timestep 999",
                Again(run("euler", "ve", [14.6, 9.0, 0.5, 0.0]), "diffusers", model("EulerDiscrete")), model("EulerDiscrete")),
        Pitfall(run("euler", "ve", [80.0, 20.0, 0.5, 0.0]), "diffusers", "clipped", "IndexError",
                Again(run("euler", "ve", [14.6, 9.0, 0.5, 0.0]), "diffusers", model("EulerDiscrete")), model("EulerDiscrete")),
        Pitfall(run("euler", sigmas=SD[:-1]), "diffusers", "note", "noise of that level",
                EULER, model("EulerDiscrete")),
    ],
    "0.7": [
        Pitfall(run("dpmpp_2m"), "diffusers", "rounded", "truncated",
                Again(run("dpmpp_2m", sigmas=WHOLE), "diffusers", model("DPMSolverMultistep")), model("DPMSolverMultistep")),
        Pitfall(run("dpmpp_2m", sigmas=[14.6, 1.0, 0.0305, 0.0295, 0.0]), "diffusers", "duplicated", "both become 0",
                "diffusers:snippet", model("DPMSolverMultistep")),
        Pitfall(run("dpmpp_2m", sigmas=WHOLE), "diffusers", "dropped", "ValueError", "diffusers",
                model("DPMSolverMultistep", use_karras_sigmas=True)),
    ],
    "0.8": [Pitfall(run("dpmpp_2m"), "skrample", "note", "only the length", "skrample")],
    "0.9": [Pitfall(run("dpm_2"), "forge", "dropped", "last but one", "forge")],
    "0.10": [
        Pitfall(run("euler", "ve", [*AYS[:-1], 0.0]), "forge", "note", "0 appended behind",
                Again(run("euler", "ve", TEN), "forge")),
        Pitfall(run("euler", "ve", [*AYS, 0.0]), "comfyui", "note", "overwritten by 0",
                Again(run("euler", "ve", [*AYS[:-1], 0.0]), "comfyui")),
        Pitfall(run("euler", "ve", AYS), "diffusers", "note", "without a 0",
                Again(run("euler", "ve", [*AYS[:-1], 0.0]), "diffusers")),
    ],
    "4.1": [
        Pitfall(run("dpmpp_2m", "flow"), "comfyui", "recurrence", "comfy_dpmpp_2m", Again(IN_S, "comfyui")),
        Pitfall(run("dpmpp_2m", "flow"), "sd_cpp", "recurrence", "comfy_dpmpp_2m", Again(IN_S, "sd_cpp")),
        Pitfall(run("dpmpp_2m", "flow"), "forge", "recurrence", "comfy_dpmpp_2m",
                Again(run("comfy_dpmpp_2m", "flow", FINITE), "forge")),
        Pitfall(run("heun", "flow", FINITE, clock="sigma"), "comfyui", "recurrence", "time clock",
                Again(run("heun", "flow", clock="time"), "comfyui")),
        Pitfall(run("dpm_2", "flow", FINITE, clock="sigma"), "sd_cpp", "recurrence", "time clock",
                Again(run("dpm_2", "flow", clock="time"), "sd_cpp")),
        Pitfall(run("euler_ancestral", "flow"), "sd_cpp", "recurrence", "flow_ancestral",
                Again(run("flow_ancestral", "flow"), "sd_cpp")),
    ],
    "4.2": [Pitfall(run("dpmpp_2m_sde", "flow"), "sd_cpp", "refused", "neither", Again(run("flow_ancestral", "flow"), "sd_cpp"))],
    "4.3": [
        Pitfall(run("unipc"), "comfyui", "refused", "0.001", Again(run("dpmpp_2m"), "comfyui")),
        Pitfall(run("unipc", variant="bh1"), "comfyui", "refused", "0.001",
                Again(run("unipc", sigmas=SD[:-1], variant="bh1", order=3), "comfyui")),
    ],
    "4.4": [Pitfall(run("euler"), "diffusers", "refused", "smallest level", EULER,
                    model("TCD"))],
    "4.5": [Pitfall(run("euler", "flow"), "diffusers", "refused", "opposite sign",
                    Again(run("euler", "flow"), "diffusers", model(FLOW_MATCH)), model("MiniMaxH3"))],
    "4.6": [
        Pitfall(run("deis", variant="logrho"), "diffusers", "refused", "NaN",
                Export(run("deis", sigmas=SD[:-1], variant="logrho"), "diffusers"), model("DEISMultistep")),
        Pitfall(run("heun", "ve"), "azula", "refused", "NaN", Again(run("heun", "ve", VE[:-1]), "azula")),
        Pitfall("14.6, 1, 1, 0", "sd_cpp", "duplicated", "NaN", Again("14.6, 1, 0.9, 0", "sd_cpp")),
        Pitfall("14.6, 0, 1, 0", "sd_cpp", "misread", "NaN", Again("14.6, 1, 0", "sd_cpp")),
    ],
    "4.7": [
        Pitfall({"1": {"class_type": "ManualSigmas", "inputs": {"sigmas": [14.6, 0.0]}}, **PICTURE}, "comfyui", "refused",
                "bad_linked_input", Again({**WORKFLOW, **PICTURE}, "comfyui")),
        Pitfall(WORKFLOW, "comfyui", "refused", "prompt_no_outputs", Again({**WORKFLOW, **PICTURE}, "comfyui")),
        Pitfall({"nodes": [], "links": []}, "comfyui", "refused", "AttributeError", Again({**WORKFLOW, **PICTURE}, "comfyui")),
    ],
    "4.8": [
        Pitfall("10 steps: 14.6, 1, 0", "comfyui", "misread", "10 is followed by 14.6", Again("14.6, 1, 0", "comfyui")),
        Pitfall("14,6; 1,5; 0", "comfyui", "misread", "decimal comma", Again("14.6; 1.5; 0", "comfyui")),
        Pitfall("1_000.5, 1, 0", "comfyui", "misread", "1000.5 is meant", Again("1000.5, 1, 0", "comfyui")),
        Pitfall("nan", "comfyui", "misread", "no number", Again("1, 0", "comfyui")),
        Pitfall("inf", "comfyui", "misread", "no number", Again("1, 0", "comfyui")),
        Pitfall("5..3, 0", "comfyui", "misread", "stops with an error", Again("5.3, 0", "comfyui")),
    ],
    "4.9": [Pitfall("14.6, .5, 0", "comfyui", "note", ".5 becomes 5", Again("14.6, 0.5, 0", "comfyui"))],
    "4.10": [
        Pitfall(run("euler"), "comfyui", "conditioning", "nearest trained level", Again(run("euler", sigmas=WHOLE), "comfyui")),
        Pitfall(run("euler"), "forge", "conditioning", "nearest trained level", Again(run("euler", sigmas=WHOLE), "forge")),
    ],
    "4.11": [Pitfall(run("ddpm"), "diffusers", "refused", "not known here", "diffusers:snippet", model("DMSE"))],
    "4.12": [
        Pitfall(run("euler", "ve", VE[:-1], clock="logsnr"), "deepinv", "note", "minus_one_one", "deepinv"),
        Pitfall(run("euler", "ve", VE[:-1]), "deepinv", "recurrence", "logsnr clock",
                Export(run("euler", "ve", VE[:-1], clock="logsnr"), "deepinv")),
    ],
    "4.13": [Pitfall(run("euler"), "skrample", "note", "resamples", "skrample")],
    "4.14": [
        Pitfall("14.6, nan, 0", "sd_cpp", "misread", "NaN", Again("14.6, 1, 0", "sd_cpp")),
        Pitfall("1, 14.6, 0", "sd_cpp", "misread", "order", Again("14.6, 1, 0", "sd_cpp")),
        Pitfall("14.6", "sd_cpp", "end", "not at 0", Again("14.6, 0", "sd_cpp")),
    ],
}  # fmt: skip
#: Pitfalls that concern no host, and why.
ELSEWHERE = {"4.15": "an installation that replaces torch; .ci/run installs without dependencies"}
ROWS = [(f"{number} {k}", row) for number, rows in TABLE.items() for k, row in enumerate(rows)]


def test_no_pitfall_is_forgotten() -> None:
    known = [f"0.{k}" for k in range(1, 11)] + [f"4.{k}" for k in range(1, 16)]
    assert sorted([*TABLE, *ELSEWHERE]) == sorted(known) and all(TABLE.values())
    script = (Path(__file__).parents[1] / ".ci" / "run").read_text(encoding="utf-8")
    line = next(line for line in script.splitlines() if "azula==" in line)
    assert "--no-deps" in line and "smalldiffusion==" in line and 'startswith(\'2.13.0\')' in script


def checked(given: Any, host: str, config: dict[str, Any], folder: Path, capsys: Any) -> tuple[int, dict[str, Any]]:
    """Exit code and document of `diffopt check`."""
    text = given if isinstance(given, str) else export_run(given, "json").text if isinstance(given, Run) else json.dumps(given)
    path, scheduler = folder / "given", folder / "scheduler_config.json"
    path.write_text(str(text))
    scheduler.write_text(json.dumps(config))
    extra = ["--scheduler-config", str(scheduler)] if config else []
    capsys.readouterr()
    code = main(["check", str(path), "--host", host, *extra, "--format", "json", "-q"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.quiet_floats
@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _ in ROWS])
def test_check_reports_it_and_the_repair_repairs_it(name: str, row: Pitfall, tmp_path: Path, capsys: Any) -> None:
    code, document = checked(row.given, row.host, row.config, tmp_path, capsys)
    said = [f for f in document["findings"] if f["kind"] == row.kind and row.words in f["message"]]
    assert said, document["findings"]
    if row.kind in HARMLESS:
        assert not any(f["altered"] for f in said)
    else:
        assert code == 4 and document["altered"]
        assert any(f["repair"] or ";" in f["message"] for f in said), "an altered grid needs a repair"
    if isinstance(row.repair, Again):
        code, document = checked(row.repair.given, row.repair.host, row.repair.config, tmp_path, capsys)
        assert code == 0 and not document["altered"], document["findings"]
        assert not any(row.words in f["message"] for f in document["findings"])
        return
    repaired = row.repair if isinstance(row.repair, Export) else Export(row.given, row.repair)
    answer = export_run(repaired.given, repaired.form, row.config)
    assert answer.text and not answer.altered, answer.lines()
    if row.repair == "comfyui":
        code, document = checked(str(answer.text), "comfyui", {}, tmp_path, capsys)
        assert code == 0, document["findings"]
