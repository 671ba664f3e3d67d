"""The grid file that a row of the page copies is the run of that row: options, noise and clock included."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import diffopt
from diffopt.api.speech import spoken
from diffopt.report.page import _answers

EIG = [20.0, 1.0, 0.02]


def part(page: str, name: str) -> Any:
    """JSON that the page carries."""
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def file_of(page: str, row: int, solver: str) -> str:
    """What the button of the grid file copies, put together as the page's script does."""
    grid, form = part(page, "grids")[row], next(f for f in part(page, "forms")[solver] if f["label"].startswith("grid file"))
    tail = form["tail"]
    if "eta" in grid:
        tail = tail.replace("]", f'], "eta": [{", ".join(grid["eta"])}]', 1)
    return str(form["lead"] + ", ".join(v.replace("inf", "null") for v in grid["sigmas"]) + tail)


@pytest.mark.usefixtures("no_optimum")
@pytest.mark.parametrize(
    ("solver", "option"),
    [("unipc", "order=3"), ("edm_stochastic", "s_churn=5"), ("euler_maruyama", "clock=logsnr"), ("dpmpp_2m_sde", None)],
)
def test_the_copied_file_has_the_errors_of_its_row(solver: str, option: str | None, tmp_path: Path) -> None:
    flags: dict[str, Any] = {"end": "sigma_min", "sigma_min": 0.05, "score_error": "0.03"}
    if option is not None:
        name, _, value = option.partition("=")
        flags |= {"clock": value} if name == "clock" else {"options": {name: int(value)}}
    found = diffopt.compare(EIG, solver, "5", only="karras,exponential", **flags)
    page, said = found.page(), 0
    order = [int(k) for k in re.findall(r'data-row="(\d+)" data-schedule="karras"', page)]
    row = next(r for r in found.document["rows"] if r["schedule"] == "karras")
    (tmp_path / "grid.json").write_text(file_of(page, order[0], solver))
    again = diffopt.evaluate(EIG, tmp_path / "grid.json")
    assert again.errors["frechet"] == pytest.approx(row["frechet"], rel=1e-6)
    assert again.solver == solver
    said = part(page, "grids")[order[0]].get("said", "")
    assert (option is not None and "clock" not in option) == ("set that too" in said)
    if said:
        assert option is not None and option.split("=")[0] in said


def test_noise_designs_are_offered_as_numbers_alone() -> None:
    found = diffopt.compare(EIG, "euler", "4", kind="stochasticity,optimized")
    page = found.page()
    designs = re.findall(r'data-row="(\d+)"[^>]*data-design="(\w+)"', page)
    assert designs
    for row, design in designs:
        assert f"The noise design {design} is no sampler" in part(page, "grids")[int(row)]["said"]
        solver = re.search(rf'data-row="{row}"[^>]*data-solver="(\w+)"', page)
        assert solver
        plain = [form["label"] for form in part(page, "forms")[solver[1]] if form.get("design")]
        assert plain == ["Python: list of sigmas"]


def test_a_long_table_begins_with_its_best_rows_and_pictures_have_words() -> None:
    page = diffopt.compare(EIG, "euler", "4").page()
    hidden = re.findall(r'<tr class="[^"]*\bfar\b[^"]*" data-row="\d+" data-schedule="([^"]*)"', page)
    assert len(hidden) > 10 and "karras" not in hidden and "optimized" not in hidden
    assert re.search(r'<button class="more" aria-expanded="false">all \d+ rows</button>', page)
    for drawing in re.findall(r"<svg.*?</svg>", page, re.S):
        name = re.search(r'role="img" aria-labelledby="(title-[\w-]+) (desc-[\w-]+)"', drawing)
        assert name and f'<title id="{name[1]}">' in drawing and f'<desc id="{name[2]}">' in drawing


@pytest.mark.parametrize(("count", "open_"), [(3, 3), (9, 9), (21, 8)])
def test_answers_of_many_groups_are_folded_and_all_there(count: int, open_: int) -> None:
    lines = [f"answer <{k}>" for k in range(count)]
    text = _answers(lines)
    said = re.findall(r"<p>(.*?)</p>", text)
    assert said == [f"answer &lt;{k}&gt;" for k in range(count)]
    assert len(re.findall("<p>", text.partition("<details>")[0])) == open_
    assert (f"<summary>{count - open_} more</summary>" in text) == (open_ < count)


@pytest.mark.parametrize("verb", ["optimize", "spectrum", "map"])
def test_a_written_svg_says_what_it_shows_in_words(verb: str, tmp_path: Path) -> None:
    """One title and one description, the answer's sentence where there is one, named by the picture; equal in every run."""
    file, again = tmp_path / "a.svg", tmp_path / "b.svg"
    for path in (file, again):
        if verb == "map":
            diffopt.orders(EIG, "euler", "4,8,16", metric="frechet").error_map(path)
            continue
        found = diffopt.optimize(EIG, "heun", 4) if verb == "optimize" else diffopt.read_spectrum("builtin:power2").summary()
        found.plot(path)
    text = file.read_text()
    assert text == again.read_text()
    root = ElementTree.fromstring(text)
    assert root.get("role") == "img"
    words = [child for child in root.iter() if child.tag.split("}")[1] in ("title", "desc")][:2]
    assert [word.get("id") for word in words] == root.get("aria-labelledby", "").split() and root.find("{*}title") is words[0]
    title, said = (word.text or "" for word in words)
    assert len(root.findall("{*}title")) == len(root.findall("{*}desc")) == 1 and title != said
    if verb == "map":
        assert said.startswith("Where the steps' error is made: ")
    else:
        assert said == " ".join(spoken(line) for line in found.headline())
    assert ("heun, 4 steps" in title) == (verb == "optimize") and ("builtin:power2" in title) == (verb == "spectrum")
