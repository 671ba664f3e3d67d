"""Tables of every command fit the terminal from 60 columns up: no line too wide, no cut number, no cut name."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from diffopt.api.results.base import Result
from diffopt.cli.app import COMMANDS
from diffopt.cli.main import main
from diffopt.cli.spectrum.group import COMMANDS as SPECTRUM_COMMANDS
from diffopt.cli.values import FEW
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_formats import to_npz
from diffopt.report.terminal import PASTED
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS

WIDTHS = (60, 70, 80, 100, 120, 200)
LONG = "randomized_exponential_midpoint"
#: A command line per command (and per kind of result); `spectrum` and `list` have their own below.
LINES = {
    "optimize": "optimize s.npy -s heun -n 4",
    "optimize flow": "optimize s.npy -s euler -n 4 --process flow",
    "optimize family": "optimize s.npy -s heun -n 4 --schedule karras --free family",
    "optimize one number": "optimize s.npy -s heun -n 4 --schedule exponential --free sigma_min",
    "optimize eta": "optimize s.npy -s euler_ancestral -n 3 --free grid,eta_per_step",
    "optimize table": "optimize s.npy -s dpmpp_2m -n 4 --process table --betas scaled_linear:0.00085,0.012,1000",
    "evaluate": "evaluate s.npy --schedule exponential -s heun -n 4",
    "compare-schedules": f"compare-schedules s.npy -s heun,{LONG} -n 4,6 --only karras,*exponential,tangent_moment_*,*_dp",
    "compare sorted": "compare-schedules s.npy -s heun,euler -n 4 --sort robust --only karras,simple,trailing,exponential",
    "convergence": f"convergence s.npy -s heun,{LONG},local_linearization -n 16,32 --metric frechet,weak --sigma-min 0.05",
    "eta": "eta s.npy -s euler_ancestral -n 3 --design none,constant,window",
    "recommend": "recommend s.npy --calls 3",
    "shift": "shift s.npy",
    "error-budget": "error-budget s.npy --samples 5000 -s heun -n 4 --verify 5 --start sigma",
    "siem": "siem outputs.npz",
    "simulate": "simulate --samples samples.npy --schedule karras,exponential -s heun,euler -n 3 --count 50 --reference-steps 4",
    "check": "check grid.json --host comfyui",
}
#: Commands whose output is no table: text of a host, schemas.
NO_TABLE = {"export", "schema"}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]\d+)?(?![\w.]*\w)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    np.save(path / "s.npy", 50 * np.arange(1, 20) ** -1.6)
    np.save(path / "samples.npy", rng.standard_normal((60, 3)))
    sigma = np.exp(rng.uniform(-3, 3, 400))
    x, noise = rng.standard_normal((400, 4)), rng.standard_normal((400, 4))
    predicted = (x + sigma[:, None] * noise) * sigma[:, None] / (1 + sigma[:, None] ** 2)
    np.savez(path / "outputs.npz", x0=x, noise=noise, predicted=predicted, sigma=sigma)
    return path


def test_every_command_is_here():
    told = {line.split()[0] for line in LINES.values()} | {"list", "spectrum"} | NO_TABLE
    assert told == set(COMMANDS)


def tokens(text: str) -> set[str]:
    return set(NUMBER.findall(text))


def names(text: str) -> set[str]:
    return set(re.findall(r"\w+", text)) & {*SOLVERS, *SCHEDULES}


@pytest.mark.parametrize("line", LINES.values(), ids=list(LINES))
def test_a_table_fits_whole(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Result] = []
    whole = Result.render
    monkeypatch.setattr(Result, "render", lambda self, *args, **kw: (seen.append(self), whole(self, *args, **kw))[1])
    monkeypatch.chdir(folder)
    if line.startswith("check"):
        assert main("optimize s.npy -n 4 --process flow --host comfyui -o grid.json --force -q".split()) == 0
    assert main([*line.split(), "--format", "table", "-q"]) in (0, 4), capsys.readouterr().err
    capsys.readouterr()
    wide = whole(seen[-1], "table", 400)
    for width in WIDTHS:
        text = whole(seen[-1], "table", width)
        # What is to be pasted is one line.
        rows = [row for row in text.splitlines() if not row.startswith(PASTED)]
        assert max(len(row.rstrip()) for row in rows) <= width
        assert "…" not in text
        assert tokens(text) <= tokens(wide) | {"20"}, "a number is cut"
        assert names(text) >= names(wide), "a name is cut or lost"


SPECTRUM = tuple(f"spectrum {name}" for name in SPECTRUM_COMMANDS)
SYNTHESIZE = tuple(f"spectrum synthesize {name}" for name in ("power_law", "radial"))
PRINTED = (
    "list", *(f"list {kind}{more}" for kind in FEW["list"] for more in ("", " --long")), "schema", "spectrum show builtin:photos",
    "spectrum show parts.npz", *(f"{command} --help" for command in ("", *COMMANDS, *SPECTRUM, *SYNTHESIZE) if command != "help"),
)  # fmt: skip


@pytest.mark.parametrize("line", PRINTED)
def test_what_is_no_result_fits_too(
    line: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Helps, lists, schemas and summaries: nothing cut, and no name that a narrow terminal loses or breaks."""
    monkeypatch.chdir(folder)
    if "parts" in line:
        members = Ensemble.create([Spectrum.create([2.0, 1e-9]), Spectrum.create([1.0])], labels=["a_label_of_a_part", "other"])
        Path("parts.npz").write_bytes(to_npz(Spectrum.create([1.5]), {"method": "pca"}, members))
    seen = {}
    for width in (*WIDTHS, 1000):
        monkeypatch.setenv("COLUMNS", str(width))
        assert main([*line.split(), *(["--format", "table"] if "--help" not in line else [])]) == 0
        text = capsys.readouterr().out
        # Examples are one line each, to be copied.
        lines = [row for row in text.splitlines() if not row.startswith("  diffopt ")]
        assert max(len(row.rstrip()) for row in lines) <= width, max(lines, key=len)
        assert "…" not in text
        words = re.findall(r"[\w.+-]+", text)
        seen[width] = {word for word in words if "_" in word or "diffopt." in word or word.startswith("--")}
    # Of columns that a narrow terminal leaves out.
    lost = {width: seen[1000] - found - {"default_eta", "t_steps"} for width, found in seen.items()}
    assert not any(lost.values()), lost


PASTE = ("optimize s.npy -s edm_stochastic -n 3 --schedule karras --free family --start sigma", "recommend s.npy --calls 3")


@pytest.mark.parametrize("line", PASTE)
def test_what_is_to_be_pasted_is_one_line(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """The second half of a broken command would run as a command of its own."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "60")
    assert main([*line.split(), "--format", "table", "-q"]) == 0
    (found,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith(PASTED)]
    last = {"optimize": "--S_noise=", "recommend": "--output grid.json"}[line.split()[0]]
    assert len(found) > 60 and last in found


def test_without_a_terminal_a_table_has_a_hundred_columns(monkeypatch, folder, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(folder)
    assert main("compare-schedules s.npy -n 3 --only karras,exponential --format table -q".split()) == 0
    assert max(len(row.rstrip()) for row in capsys.readouterr().out.splitlines()) <= 100
