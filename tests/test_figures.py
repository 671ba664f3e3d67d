"""What a reader takes from a picture: marks stand at their values, all of them inside, and titles say what was run."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.report import noise_answers
from diffopt.report.cancellation import cancels, flattered
from diffopt.report.comparison_figures import picture
from diffopt.report.rankings import ranking
from diffopt.report.spectrum_figures import spectrum_picture
from diffopt.report.studies import chosen_rows
from diffopt.report.style import digits, figure, log_axis, shown_source, tick_text
from diffopt.report.terminal import score_rows

EIG = [20.0, 1.0, 0.02]
RAISED = str.maketrans("\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "-0123456789")


def read(text: str) -> float:
    """Number of a label: 12,000 or 3\u00b710\u207b\u2075."""
    found = re.fullmatch(r"(?:([\d.]+)\u00b7)?10([\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079]+)", text)
    if found:
        return float(found[1] or 1) * 10.0 ** int(found[2].translate(RAISED))
    return float(text.replace(",", ""))


ERROR = {"score_error": "noise:0.1", "start": "sigma"}
SAMPLES = np.random.default_rng(0).normal(size=(40, 3))
MADE: dict[str, Callable[[], Any]] = {
    "optimize": lambda: diffopt.optimize(EIG, "euler", 5, **ERROR),
    "evaluate": lambda: diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=4, **ERROR),
    "compare": lambda: diffopt.compare(EIG, "euler", "4", only="karras,exponential,oss_flux,first_order", **ERROR),
    "eta": lambda: diffopt.best_eta(EIG, "ddim", 4, design="none,constant", **ERROR),
    "orders": lambda: diffopt.orders(EIG, "euler,heun", [4, 8, 16], metric="frechet", sigma_min=0.05, score_error="noise:0.1"),
    "recommend": lambda: diffopt.recommend(EIG, calls=3, **ERROR),
    "simulate": lambda: diffopt.simulate(samples=SAMPLES, schedule="karras", solver="euler", steps="3,5", count=60,
                                         reference_steps=10, **ERROR),
}  # fmt: skip


@cache
def result(name: str) -> Any:
    return MADE[name]()


@cache
def drawn(name: str) -> Any:
    return result(name).figure()


def title(canvas: Any) -> str:
    return " ".join(canvas.get_suptitle().split())


@pytest.mark.parametrize("name", MADE)
def test_titles_name_the_process_its_range_and_the_score_error(name: str) -> None:
    said = title(drawn(name))
    low = "0.05" if name == "orders" else "0.002"
    for part in ("ve, sigma 80 to " + low, "score error noise:0.1", "start exact" if name == "orders" else "start sigma"):
        assert part in said


@pytest.mark.parametrize("name", MADE)
def test_no_text_leaves_the_picture_and_axes_over_sigma_run_the_same_way(name: str) -> None:
    canvas = drawn(name)
    canvas.draw_without_rendering()
    renderer, frame = canvas._get_renderer(), canvas.bbox
    for axis in canvas.axes:
        for text in (axis.title, axis.xaxis.label, axis.yaxis.label, *axis.get_yticklabels(), *axis.texts):
            box = text.get_window_extent(renderer)
            assert not text.get_text() or (box.x0 >= frame.x0 - 1 and box.x1 <= frame.x1 + 1), text.get_text()
        if "sigma," in axis.get_xlabel() or "sigma at" in axis.get_xlabel():
            assert axis.xaxis_inverted()


def test_a_spectrum_runs_over_sigma_as_all_pictures_do() -> None:
    below = spectrum_picture(Spectrum.create(EIG), {}).axes[-1]
    assert below.xaxis_inverted() and "runs to the right" in below.get_xlabel()


@pytest.mark.parametrize("length", [10, 60, 400])
def test_titles_of_long_names_stay_inside(length: int) -> None:
    name = "/some/folder/" + "wide_" * (length // 5) + "end.npy"
    short = shown_source(name)
    assert len(short) <= 48 and short.endswith("end.npy")
    found = result("optimize")
    document = {**found.document, "spectrum": {**found.document["spectrum"], "source": name}}
    # Where a title stands from left to right is no matter of the layout.
    canvas = type(found)(document, data=found.data).figure()
    assert canvas._suptitle.get_window_extent(canvas._get_renderer()).x1 <= canvas.bbox.x1


@pytest.mark.parametrize("ratios", [(1, 1.2, 3), (1, 7.9), (1, 8.1, 40), (1, 1e3, 1e8), (1,), (1, 1.002)])
def test_every_mark_of_a_ranking_stands_at_its_value_inside_the_axis(ratios: tuple[float, ...]) -> None:
    """The axis of an error is logarithmic in every picture, and two values within rounding do not span it."""
    _, (axis,) = figure(9, [3])
    scores = {f"name{i}": 0.3 * ratio for i, ratio in enumerate(ratios)}
    ranking(axis, scores, "robust", "name0")
    marks = {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in axis.lines if line.get_marker() == "o"}
    low, high = axis.get_xlim()
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert [scores[n] for n in names] == [marks[i] for i in range(len(names))]
    assert all(low < x < high for x in marks.values()) and high > 1.5 * low
    assert axis.get_xscale() == "log" and "; logarithmic, less is better" in axis.get_xlabel()
    for text, name in zip(axis.texts, names, strict=True):
        value, *ratio = text.get_text().removesuffix(" x").split(", ")
        assert read(value) == pytest.approx(scores[name], rel=5e-3)
        if scores[name] > 1.01 * 0.3:
            assert [read(r) for r in ratio] == pytest.approx([scores[name] / 0.3], rel=5e-3)


@pytest.mark.parametrize(("solver", "process"), [("euler", "ve"), ("heun", "flow"), ("ddim", "vp_linear")])
def test_every_rival_of_the_table_is_named_and_drawn(solver: str, process: str, tmp_path: Any) -> None:
    """Under the names of the table, equal grids as one row, in both panels and in the text of the SVG."""
    found = diffopt.optimize(EIG, solver, 6, process=process)
    told = {row["schedule"] for row in score_rows(found.document)}
    canvas = found.plot(tmp_path / "a.svg")
    grids, errors = canvas.axes[1], canvas.axes[-1]
    for panel in (grids, errors):
        assert {label.get_text() for label in panel.get_yticklabels()} == told
    assert len([line for line in grids.lines if line.get_marker() == "|"]) == len(told)
    written = re.sub(r"<!--|-->", "", (tmp_path / "a.svg").read_text())
    assert all(re.search(rf"\b{name}\b", written) for name in found.document["baselines"])


WIDE = [700.0, 3.0, 0.4, 0.02]
HOST = {"start": "unit", "sigma_max": 14.6, "sigma_min": 0.03}


def test_pictures_compare_what_the_tables_compare() -> None:
    """Where no grid mends the part of the start, the steps alone are ranked, in every view by one name."""
    found = diffopt.optimize(WIDE, "dpmpp_2m", 6, **HOST)
    panel = found.figure().axes[-1]
    assert panel.get_xlabel().startswith("robust_steps error")
    marks = {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in panel.lines if line.get_marker() == "o"}
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert marks[names.index("karras")] == found.baselines["karras"]["robust_steps"]
    assert marks[names.index("optimized")] == found.errors["robust_steps"]
    seen = diffopt.evaluate(WIDE, solver="dpmpp_2m", steps=6, schedule="karras", **HOST).figure()
    assert "robust_steps error" in {axis.get_xlabel().split(" (")[0] for axis in seen.axes}
    table = diffopt.compare(WIDE, "dpmpp_2m", 6, only="karras,beta", **HOST)
    grids, errors = table.figure().axes
    assert "grids by robust_steps" in grids.get_title(loc="left") and errors.get_xlabel().startswith("robust_steps error")
    row = next(row for row in table.document["rows"] if row["schedule"] == "karras")
    assert f"karras  {row['robust_steps']:.3g}" in {label.get_text() for label in grids.get_yticklabels()}
    page = table.page()
    assert "<button>robust_steps</button>" in page and "ratio = robust_steps over" in page


def test_karras_with_and_without_churn_are_two_rows_of_the_errors() -> None:
    """One grid and two samplers, under the names of the table."""
    found = diffopt.optimize(EIG, "edm_stochastic", 4, free="rho,s_churn", schedule="karras", score_error="0.1", start="sigma")
    told = {row["schedule"] for row in score_rows(found.document)}
    canvas = found.figure()
    assert {label.get_text() for label in canvas.axes[-1].get_yticklabels()} == told
    assert {"karras, no churn"} < told
    assert {label.get_text() for label in canvas.axes[1].get_yticklabels()} == told - {"karras, no churn"}


def test_the_first_and_the_last_step_have_their_numbers() -> None:
    for steps in (3, 18, 60):
        found = diffopt.optimize("builtin:photos", "euler", steps)
        texts = [text.get_text().split("\n")[0] for text in found.figure().axes[1].texts]
        assert {"0", str(steps - 1)} <= set(texts)


@pytest.mark.parametrize(("free", "alike"), [("grid,eta", True), ("grid,eta_per_step", False)])
def test_an_eta_that_was_searched_for_is_drawn(free: str, alike: bool) -> None:
    found = diffopt.optimize(EIG, "ddim", 4, free=free, score_error="noise:0.2", start="sigma")
    canvas, eta = found.figure(), found.document["eta"]
    panels = [axis for axis in canvas.axes if axis.get_ylabel() == "eta"]
    assert max(eta) > 0 and alike == (len(set(eta)) == 1) == (not panels)
    # A number alone stands in the title: a panel of it would be a box.
    assert (f"eta {eta[0]:.4g} at every step, in the sense of DDIM/ancestral" in title(canvas)) == alike
    for panel in panels:
        # The step to 0 injects none in this sense.
        np.testing.assert_allclose(panel.patches[0].get_data().values[::-1], eta[:-1])
        assert panel.get_ylim()[1] > max(eta)
    assert not [axis for axis in result("optimize").figure().axes if axis.get_ylabel() == "eta"]


def test_a_gain_by_cancelling_errors_is_hatched_in_the_words_of_the_text() -> None:
    found = diffopt.best_eta("builtin:photos", "euler_maruyama", 8, design="none,constant", clock="sigma", end="sigma_min")
    below = found.figure().axes[1]
    names = [label.get_text() for label in below.get_yticklabels()]
    row = min((r for r in found.document["rows"] if r["design"] == "constant"), key=lambda r: r["exact"])
    hatched = [p for p in below.patches if p.get_hatch()]
    # What is advised, which gains by cancelling too, and below it the least exact error.
    advised = found.document["rows"][found.document["advised"]]
    for patch, (of, name) in zip(hatched, ((advised, "set: constant"), (row, "constant")), strict=True):
        assert (patch.get_x(), patch.get_x() + patch.get_width()) == pytest.approx((of["exact"], of["absolute"]))
        assert round(patch.get_y() + patch.get_height() / 2) == names.index(name)
    words = " ".join(text.get_text() for text in below.get_legend().get_texts())
    for part in ("no step's error cancelling (absolute)", "do not count on more"):
        assert part in words and part in found.answers()[0]
    low, high = below.get_xlim()
    values = [r["exact"] for r in (found.document["present"], *found.document["rows"])]
    assert low > 0.5 * min(values) and high > max(*values[:2], row["absolute"])


def test_numbers_of_noise_settings_are_factors_to_eta_0() -> None:
    found = result("eta")
    below = found.figure().axes[1]
    none = min(r["exact"] for r in found.document["rows"] if r["design"] == "none")
    told = dict(zip([label.get_text() for label in below.get_yticklabels()], [t.get_text() for t in below.texts], strict=True))
    constant = min(r["exact"] for r in found.document["rows"] if r["design"] == "constant")
    assert read(re.search(r", (\S+) x", told["constant"])[1]) == pytest.approx(constant / none, rel=5e-3)
    assert " x" not in told["none"]


def test_the_time_of_ve_is_called_sigma_by_the_answers_and_by_the_setting_in_force() -> None:
    """One clock: the setting in force costs what eta 1 costs in the sigma clock."""
    found = diffopt.best_eta(EIG, "euler_maruyama", 5, design="none", end="sigma_min").document
    same = diffopt.evaluate(EIG, schedule="karras", solver="euler_maruyama", steps=5, end="sigma_min", clock="sigma", eta=1.0)
    assert found["present"]["clock"] == "sigma"
    assert "time" not in {row["clock"] for row in found["rows"]}
    assert found["present"]["exact"] == pytest.approx(same.errors["discretization"], rel=1e-9)
    asked = diffopt.best_eta(EIG, "euler_maruyama", 5, design="none", end="sigma_min", clock="time").document
    assert {asked["present"]["clock"], *(row["clock"] for row in asked["rows"])} == {"time"}


@pytest.mark.parametrize(("solver", "steps", "process"), [("euler", 3, "ve"), ("euler", 50, "ve"), ("heun", 17, "flow")])
def test_numbers_of_steps_do_not_lie_on_each_other(solver: str, steps: int, process: str) -> None:
    found = diffopt.optimize("builtin:photos", solver, steps, process=process)
    canvas = found.figure()
    canvas.get_layout_engine().execute(canvas)
    boxes = [text.get_window_extent(canvas._get_renderer()) for text in canvas.axes[1].texts]
    assert len(boxes) >= min(steps - 1, 8)
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_words_before_names_of_a_comparison_are_explained() -> None:
    found = result("compare")
    canvas = picture(found.comparison, "data", "conditions")
    before = {label.get_text().split()[0] for axis in canvas.axes[:-1] for label in axis.get_yticklabels()}
    marks = before & {"spectrum", "table", "yours", "noise"}
    assert marks == {"spectrum", "table"}
    assert all(f"{mark}: " in title(canvas) for mark in marks)
    assert "(data units)" in canvas.axes[-1].get_xlabel() + canvas.axes[-1].get_ylabel()
    page = found.page()
    assert all(f"{mark}: " in page for mark in marks)


@pytest.mark.parametrize("ends", [(1.1, 5.0), (0.4, 9.0), (0.002, 80.0), (1e-9, 10.0), (2.0, 2.4), (30.0, 60.0)])
def test_a_logarithmic_axis_has_at_least_three_numbers(ends: tuple[float, float]) -> None:
    _, (axis,) = figure(8, [3])
    log_axis(axis, "x", *ends)
    assert 3 <= sum(ends[0] <= tick <= ends[1] for tick in axis.get_xticks()) <= 12


@pytest.mark.parametrize("ends", [(0.002, 80.0), (1e-6, 200.0), (0.3, 0.9), (1.0, 2e6), (3.0, 5e9), (2e-6, 9e-6)])
def test_ticks_of_an_axis_are_written_in_one_style(ends: tuple[float, float]) -> None:
    values = [m * 10.0**k for k in range(-6, 10) for m in (1, 2, 5) if ends[0] <= m * 10.0**k <= ends[1]]
    texts = [tick_text(value, *ends) for value in values]
    assert [read(text) for text in texts] == pytest.approx(values)
    assert len({re.search("10[\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079]", text) is None for text in texts}) <= 1
    assert not any("e" in text for text in texts)


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.00012345, 0.5, 99.96, 999.4, 999.6, 1234.0, 123456.0, 6.03e7])
def test_numbers_beside_marks_have_three_digits(value: float) -> None:
    text = digits(value)
    assert "e" not in text
    assert read(text) == pytest.approx(value, rel=5.1e-3)


def test_the_sentence_and_the_picture_of_noise_agree_on_what_cancels() -> None:
    """Where no error cancels another, the picture has no hatch and the sentence no such word."""
    found = result("eta")
    said = any("cancel" in line for line in noise_answers.noise(found.document))
    hatched = any(patch.get_hatch() for patch in found.figure().axes[1].patches)
    rows = [row for _, row in chosen_rows(found.document)]
    assert hatched == any(cancels(row) and flattered(row, found.document["present"]) for row in rows)
    assert hatched or not said


@pytest.mark.parametrize("process", ["flow", "ve"])
def test_pure_noise_has_a_mark_at_the_edge(process: str) -> None:
    found = diffopt.optimize(EIG, "euler", 4, process=process)
    panel = found.figure().axes[1]
    edge = panel.get_xlim()[0]
    marks = [line for line in panel.lines if line.get_marker() == "<"]
    rows = len(panel.get_yticklabels())
    assert len(marks) == (rows if found.document["sigmas"][0] is None else 0) == (rows if process == "flow" else 0)
    assert all(line.get_xdata()[0] == edge for line in marks)
    assert any("pure noise" in text.get_text() for text in panel.texts) == (process == "flow")


def test_pure_noise_is_marked_in_comparisons_and_recommendations() -> None:
    compared = diffopt.compare(EIG, "euler", "3", only="uniform_t,beta", process="flow").figure().axes[0]
    advised = diffopt.recommend(EIG, calls=2, process="flow").figure().axes[1]
    for panel in (compared, advised):
        marks = [line for line in panel.lines if line.get_marker() == "<"]
        assert len(marks) == len(panel.get_yticklabels()) > 2
        assert "triangles: pure noise" in panel.get_xlabel()


@pytest.mark.parametrize("process", ["flow", "ve"])
@pytest.mark.parametrize("verb", ["optimize", "evaluate", "compare", "eta", "recommend", "shift"])
def test_a_single_step_has_a_picture(verb: str, process: str, tmp_path: Any) -> None:
    """From pure noise to the data at once there is no level at all between."""
    named: dict[str, Any] = {"process": process, "schedule": "uniform_t"}
    made: dict[str, Callable[[], Any]] = {
        "optimize": lambda: diffopt.optimize(EIG, "euler", 1, process=process),
        "evaluate": lambda: diffopt.evaluate(EIG, solver="euler", steps=1, **named),
        "compare": lambda: diffopt.compare(EIG, "euler", "1", process=process),
        "eta": lambda: diffopt.best_eta(EIG, "flow_ancestral" if process == "flow" else "ddim", 1, **named),
        "recommend": lambda: diffopt.recommend(EIG, calls=1, process=process),
        "shift": lambda: diffopt.shift(EIG, 1),
    }
    made[verb]().plot(tmp_path / "one.png")
    assert (tmp_path / "one.png").stat().st_size > 5000


def test_a_comparison_without_a_row_says_why(tmp_path: Any, capsys: Any) -> None:
    """Not an empty table, picture or page with exit code 0."""
    words = ["compare-schedules", "builtin:photos", "-s", "heun", "-n", "2", "--process", "flow", "--end", "sigma_min", "-q"]
    page = tmp_path / "page.html"
    assert main([*words, "--only", "karras", "--html", str(page), "--plot", str(tmp_path / "a.png")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "karras" in said.err and "finite sigma-max" in said.err and said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_is_better_than_a_grid_is_told_as_the_text_tells_it() -> None:
    _, (axis,) = figure(6, [2])
    ranking(axis, {"optimized": 0.7, "karras": 1.0, "beta": 1.5}, "robust", "karras")
    assert [text.get_text() for text in axis.texts] == ["0.7, 1.43 times below", "1", "1.5, 1.5 x"]
