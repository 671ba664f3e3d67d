"""Exports of flow models say what their values are: s as it is run, or s before the shift that they are for."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main

SHIFTED = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}
DYNAMIC = {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True, "mu": 1.15}


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid for a flow model that says its shift, 3."""
    path = tmp_path_factory.mktemp("flow") / "flow.json"
    diffopt.optimize([9.0, 1.0, 0.2, 0.05], process="flow", shift="sd3", steps=4).save(path)
    return path


def values(text: str, name: str) -> np.ndarray:
    """The list of numbers that a Python file assigns to a name."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            return np.array(ast.literal_eval(node.value))
    raise AssertionError(f"no {name} in it")


@pytest.mark.parametrize(("config", "shift"), [(SHIFTED, 3.0), (DYNAMIC, float(np.exp(1.15)))])
def test_the_file_and_the_statement_say_the_shift_that_the_values_are_for(grid: Path, config: dict, shift: float) -> None:
    text = diffopt.export(grid, "diffusers", scheduler_config=config)
    u, times = values(text, "GRID"), np.array(json.loads(grid.read_text())["times"])
    assert np.allclose(shift * u / (1 + (shift - 1) * u), times[:-1], rtol=1e-12)
    assert not np.allclose(u[1:], times[1:-1], rtol=0.05)
    comment = " ".join(line[2:] for line in text.splitlines()[1:] if line.startswith("# "))
    said = f"before its shift, for shift {shift:.6g} (set here)"
    assert said in comment and f"{u[-1]:.4g} becomes {times[-2]:.4g}" in comment
    assert any(said in line for line in text.statement)


@pytest.mark.parametrize(
    ("host", "name", "said"),
    [
        ("diffusers", "GRID", "the shift is set to 1"),
        ("diffusers:snippet", "SIGMAS", "does not touch them"),
    ],
)
def test_values_that_are_run_as_they_are_say_that(grid: Path, host: str, name: str, said: str) -> None:
    text = diffopt.export(grid, host)
    times = np.array(json.loads(grid.read_text())["times"])
    assert np.allclose(values(text, name)[: times.size - 1], times[:-1])
    assert said in text and any(said in line for line in text.statement)


@pytest.mark.parametrize("host", ["comfyui", "forge", "sd_cpp", "lines", "csv", "json", "npy", "skrample", "azula"])
def test_other_hosts_get_shifted_values_and_the_statement_says_it(grid: Path, host: str) -> None:
    assert any("s as each step visits it, shifted already" in line for line in diffopt.export(grid, host).statement)


def test_a_check_of_numbers_that_are_shifted_again_says_what_the_export_runs(
    grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "scheduler_config.json"
    config.write_text(json.dumps(SHIFTED))
    argv = ["check", str(grid), "--host", "diffusers", "--scheduler-config", str(config), "--spectrum"]
    spectrum = tmp_path / "spectrum.npy"
    np.save(spectrum, [9.0, 1.0, 0.2, 0.05])
    assert main([*argv, str(spectrum), "--format", "json"]) == 4
    document = json.loads(capsys.readouterr().out)
    written = document["exported"]
    assert written["command"] == "diffopt export --to diffusers --scheduler-config FILE" and not written["altered"]
    assert written["errors"]["frechet"] == pytest.approx(document["errors"]["frechet"], rel=1e-5)
    assert document["errors_there"]["frechet"] > 1.05 * document["errors"]["frechet"]
    assert main([*argv, str(spectrum), "--format", "table"]) == 4
    shown = " ".join(capsys.readouterr().out.split())
    assert "error of these numbers there, as they are" in shown and "writes runs the grid of the file" in shown
    # What the export writes is left alone.
    assert main(["check", str(grid), "--host", "diffusers:call", "--scheduler-config", str(config), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["exported"] is None


def test_without_a_configuration_the_shift_of_the_file_is_the_pipes(grid: Path) -> None:
    found = diffopt.check(grid, "diffusers")
    assert found.altered and "the file's own shift 3" in found.findings[0]["message"]
    # 3 u/(1 + 2 u) of the last level above 0.
    last = json.loads(grid.read_text())["times"][-2]
    assert found.document["levels"][-2] == pytest.approx(3 * last / (1 + 2 * last), rel=1e-6)


def test_a_file_that_export_wrote_is_not_a_grid_and_the_message_says_which_is(
    grid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "grid.py"
    diffopt.export(grid, "diffusers").save(path)
    assert main(["check", str(path), "--host", "diffusers"]) == 2
    assert "give the grid file it was made of" in capsys.readouterr().err
