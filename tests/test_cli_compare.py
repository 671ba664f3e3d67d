"""`compare-schedules` as it is typed: formats, files, filters, errors."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.documents.schemas import DOCUMENTS
from diffopt.report.explain import names
from diffopt.schedules import SCHEDULES
from diffopt.solvers.designs import DESIGNS


@pytest.fixture
def spectrum(tmp_path):
    path = tmp_path / "spec.npy"
    np.save(path, np.array([30.0, 4.0, 0.5, 0.03, 0.001]))
    return str(path)


@pytest.fixture
def run(capsys, spectrum):
    def go(*words, code=0):
        assert main(["compare-schedules", *([] if "--explain" in words else [spectrum]), *words]) == code
        return capsys.readouterr()

    return go


FEW = ("--only", "karras,exponential,ays_svd,oss")


def test_json_is_the_declared_document(run):
    data = json.loads(run("-n", "4,7", "-s", "euler,heun", *FEW).out)
    jsonschema.validate(data, DOCUMENTS["diffopt.comparison/1"].model_json_schema(by_alias=True))
    assert data["schema"] == "diffopt.comparison/1"
    assert len(data["rows"]) == 2 * 2 * 5
    row = data["rows"][0]
    assert len(row["sigmas"]) == row["steps"] + 1
    assert {"frechet", "kl", "robust", "ratio", "held_out", "denoiser_calls"} <= set(row)


def test_all_names_come_from_the_tables(run):
    data = json.loads(run("-n", "5", "-s", "ddim").out)
    assert {r["schedule"] for r in data["rows"]} == {*SCHEDULES, "optimized"}
    assert {r["design"] for r in data["rows"] if r["kind"] == "stochasticity"} == set(DESIGNS)
    assert data["skipped"] == {}


def test_a_spectrum_and_csv_go_through_pipes():
    command = [sys.executable, "-m", "diffopt.cli.main", "compare-schedules", "-", "-n", "5,9", "-s", "euler,heun"]
    text = "30\n4\n0.5\n0.03\n0.001\n"
    out = subprocess.run([*command, *FEW, "--format", "csv"], input=text, capture_output=True, text=True, check=True)
    assert out.stdout.startswith("schedule,")
    rows = list(csv.DictReader(io.StringIO(out.stdout)))
    assert len(rows) == 20
    assert float(rows[0]["frechet"]) > 0
    assert {"held_out_scaled", "held_out_tilted", "held_out_blurred"} <= set(rows[0])


def test_markdown(run):
    lines = run("-n", "4", *FEW, "--format", "markdown").out.splitlines()
    assert lines[0].startswith("| schedule |")
    assert len(lines) == 2 + 5


def test_table_fits_the_terminal_and_marks_the_best(spectrum):
    result = diffopt.compare(spectrum, "heun,ddim", "5,10")
    for width in (80, 100, 140):
        out = result.render("table", width)
        lines = out.splitlines()
        assert max(map(len, lines)) <= width
        assert "…" not in out
        assert sum(line.startswith(("* ", "*# ")) for line in lines) == 2 * 2 + 2 + 1
        for name in names():
            # A row of its own, or one of the other names of an equal grid.
            assert re.search(rf"(?:^[*#~]*\s+|= ){re.escape(name)}\s", out, re.MULTILINE), name


def test_sorted_table_mixes_groups_and_says_which_solver(run):
    out = run("-n", "5", "-s", "euler,heun", *FEW, "--format", "table", "--sort", "frechet").out
    assert re.search(r"schedule\s+(kind\s+)?solver\s+", out)


@pytest.mark.parametrize("name", names())
def test_explain(run, name):
    out = run("--explain", name).out
    assert out.startswith(f"{name} (")
    assert "Source: " in out
    assert json.loads(run("--explain", name, "--format", "json").out)["name"] == name


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href") and not str(v).startswith("#")]

    def handle_data(self, data):
        self.text.append(data)


def test_page_is_self_contained_and_complete(run, tmp_path, spectrum):
    path = tmp_path / "page.html"
    run("-n", "5,9", "-s", "euler,ddim", "--html", str(path), "-q")
    page = Page()
    page.feed(path.read_text())
    # The errors, and the grids of two budgets of two solvers.
    assert page.tags.count("svg") == 1 + 2 * 2
    # Two budgets of euler, of ddim and of the noise designs.
    assert page.tags.count("table") == 2 * 3
    assert [link for link in page.links if not link.startswith("data:")] == []
    text = " ".join(page.text)
    for name in names():
        assert name in text
    command = shlex.join(["diffopt", "compare-schedules", spectrum, "--solver", "euler,ddim", "--steps", "5,9"])
    assert command in text
    body = path.read_text()
    assert "@import" not in body
    assert "fetch(" not in body


def test_a_page_is_the_same_again(run, tmp_path):
    for name in ("page.html", "again.html"):
        run("-n", "4", *FEW, "--html", str(tmp_path / name), "-q")
    page = (tmp_path / "page.html").read_text()
    assert (tmp_path / "again.html").read_text().replace("again.html", "page.html") == page


def test_the_command_on_the_page_gives_the_same_document(run, spectrum, capsys):
    first = json.loads(run("-n", "4", "-s", "euler,heun", *FEW, "--objective", "frechet", "--equal-steps").out)
    assert main(shlex.split(first["command"])[1:]) == 0
    assert json.loads(capsys.readouterr().out) == first


@pytest.mark.parametrize(("kind", "words"), [("png", ("-n", "4,8", "-s", "euler,heun")), ("svg", ("-n", "4", "-s", "euler"))])
def test_plot(run, tmp_path, kind, words):
    path = tmp_path / f"p.{kind}"
    run(*words, *FEW, "--plot", str(path), "-q")
    head = path.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if kind == "png" else b"<?xml" in head


def test_plot_of_nothing_but_noise_designs(run, tmp_path):
    run("-n", "4", "--kind", "stochasticity", "--plot", str(tmp_path / "p.png"), "-q")


def test_added_grids(run, tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"sigmas": [80, 10, 1, 0]}))
    data = json.loads(run("-n", "3", "--add", str(path), "--add", "80, 5, 0.5, 0", *FEW).out)
    added = {r["schedule"]: r["sigmas"] for r in data["rows"] if r["kind"] == "added"}
    assert added == {"mine": [80, 10, 1, 0], "grid_2": [80, 5, 0.5, 0]}


@pytest.mark.parametrize(
    ("words", "word"),
    [
        (("--only", "nope"), "nope"),
        (("--kind", "nope"), "nope"),
        (("--sort", "nope"), "nope"),
        (("--top", "0"), "0"),
        (("-s", "euler,nope"), "nope"),
        (("-n", "0"), "0"),
        (("-n", "5,x"), "5,x"),
        (("--objective", "nope"), "nope"),
        (("--explain", "klubb"), "klub"),
        (("--add", "80,x,0"), "x"),
        (("--add", "80,90,0"), "90"),
        (("--add", "no-such.json"), "no-such.json"),
        (("--format", "lines"), "lines"),
        (("--plot", "p.pdf"), "pdf"),
        (("--html", "/no/such/dir/p.html"), "/no/such/dir"),
    ],
)
def test_mistakes_cost_one_line_and_leave_nothing(run, words, word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    result = run("-q", *FEW, *words, code=2) if "--only" not in words else run("-q", *words, code=2)
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert word in result.err
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_overwritten_without_force(run, tmp_path):
    path = tmp_path / "page.html"
    path.write_text("mine")
    assert "exists" in run("-n", "4", *FEW, "--html", str(path), code=2).err
    assert path.read_text() == "mine"
    run("-n", "4", *FEW, "--html", str(path), "--force")
    assert path.read_text() != "mine"


def test_help_is_light_and_has_an_example():
    script = (
        "import sys; from diffopt.cli.main import main; main(['compare-schedules', '--help']); "
        "heavy = {'numpy', 'scipy', 'matplotlib', 'diffopt.documents.chosen'} & set(sys.modules); assert not heavy, heavy"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Example" in out.stdout


def test_equal_inputs_give_equal_bytes(run):
    one, two = (run("-n", "5", "-s", "euler,dpmpp_2m", *FEW).out for _ in range(2))
    assert one == two


def test_package_needs_no_network_or_matplotlib_for_tables(spectrum):
    root, words = str(Path(__file__).parents[1]), ["compare-schedules", spectrum, "-n", "4", "--only", "karras"]
    script = (
        f"import sys; sys.path.insert(0, {root!r}); sys.modules['matplotlib'] = None; from diffopt.cli.main import main; "
        f"assert main({words!r}) == 0; print('the page:', flush=True); sys.exit(main({[*words, '--html', 'x.html']!r}))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(spectrum).parent)
    table, page = result.stdout.split("the page:\n")
    assert table
    assert result.returncode == 2
    assert "pip install 'diffopt[plot]'" in result.stderr
    assert page == ""


@pytest.mark.parametrize("host", [(), ("--host", "comfyui")], ids=["any", "comfyui"])
@pytest.mark.parametrize("start", ["exact", "sigma"])
def test_top_hides_rows_and_changes_nothing_that_is_said(run, host, start):
    words = ("-n", "5", "-s", "heun", "--only", "bong_tangent,oss,beta,beta57,karras,normal,simple", "--start", start, *host)
    everything = json.loads(run(*words).out)
    (group,) = everything["groups"]
    assert group["left_out"] == 0
    rows = {row["schedule"]: row for row in everything["rows"]}
    assert group["take"] in rows
    for top in (1, 3, 5):
        shown = run(*words, "--top", str(top))
        data = json.loads(shown.out)
        left = len(rows) - len(data["rows"])
        assert data["groups"] == [{**group, "left_out": left}]
        assert group["take"] in {row["schedule"] for row in data["rows"]}
        assert all(row == rows[row["schedule"]] for row in data["rows"])
        assert (f"note: {left} row{'s' * (left != 1)} left out by --top" in shown.err) == (left > 0)
    assert left < len(rows) - 3, "more rows with a larger --top"


def test_a_page_of_few_rows_says_so_and_answers_of_all(run, tmp_path):
    words = ("-n", "5", "-s", "heun", "--only", "bong_tangent,beta,beta57,karras,normal,simple", "--top", "1")
    (group,) = json.loads(run(*words, "--html", str(tmp_path / "page.html")).out)["groups"]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "rows left out here and in the pictures" in text
    assert ">All rows<" not in text
    assert group["sentence"] in html.unescape(text)
