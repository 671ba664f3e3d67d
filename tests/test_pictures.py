"""Pictures as they are laid out: nothing overhangs, nothing is left out in silence."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

import diffopt
from diffopt.api.results.spectrum import SpectrumResult
from diffopt.api.speech import spoken
from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.processes import VE, Flow
from diffopt.processes.grid import Grid
from diffopt.report import answers, palette, style
from diffopt.report.chart import bars
from diffopt.report.comparison_errors import offered_best
from diffopt.report.comparison_figures import picture
from diffopt.report.figures import TO_ZERO, evaluation_picture, grid_picture
from diffopt.report.map_figures import _side
from diffopt.report.spectrum_figures import spectrum_picture
from diffopt.report.studies import chosen_rows
from diffopt.solvers import SOLVERS
from diffopt.studies.error_map import error_map

EIG = [20.0, 1.0, 0.02, 0.0, 0.0, 0.0]


@cache
def recommended() -> Any:
    return diffopt.recommend(EIG, calls=4)


def _laid_out(canvas: Any) -> Any:
    canvas.draw_without_rendering()
    return canvas.canvas.get_renderer() if hasattr(canvas.canvas, "get_renderer") else canvas._get_renderer()


@pytest.mark.parametrize("size", [3, 400, 20000])
@pytest.mark.parametrize("slope", [0.1, 2.0])
def test_the_picture_of_a_spectrum_keeps_its_labels_inside(size: int, slope: float) -> None:
    canvas = spectrum_picture(Spectrum.create(np.arange(1.0, size + 1) ** -slope), {})
    renderer, panel = _laid_out(canvas), canvas.axes[1]
    for text in panel.texts:
        box = text.get_window_extent(renderer)
        assert panel.bbox.x0 <= box.x0 and box.x1 <= panel.bbox.x1 + 1
        assert re.fullmatch(r"[\d.]+ % in [\d,]+", text.get_text())
    assert all(axis.get_ylabel() for axis in canvas.axes)


@pytest.mark.parametrize(("small", "null"), [(0, 0), (0, 500), (30, 0), (30, 20)])
def test_ranks_end_where_the_drawn_eigenvalues_do_and_the_rest_is_told(small: int, null: int) -> None:
    """No room for a tail of nothing, and no silence about it."""
    eig = np.concatenate([np.arange(1.0, 201) ** -1.5, np.full(small, 1e-13), np.zeros(null)])
    above, below = spectrum_picture(Spectrum.create(eig), {}).axes[:2]
    (line,) = [line for line in above.lines if line.get_linewidth() == 1.6]
    assert line.get_xdata().max() == 200 == below.lines[0].get_xdata().max()
    assert above.get_ylim()[0] > 0.5 * 200**-1.5
    told = " ".join(text.get_text() for text in above.texts)
    assert (f"rank 201 to {200 + small}" in told) == (small > 0)
    assert (f"0: rank {201 + small} to {200 + small + null}" in told) == (null > 0)
    # Room for words alone.
    assert 200 < above.get_xlim()[1] < 400
    assert bool(above.patches) == bool(small or null)


def test_the_picture_of_a_family_holds_the_levels_of_its_rivals_and_says_what_is_null() -> None:
    found = diffopt.optimize(EIG, "heun", 6, free="family", schedule="karras", start="sigma")
    assert found.data is not None and found.rivals["karras"][0] > found.sigmas[0]
    canvas = grid_picture(found.document, found.data.spectrum, found.rivals)
    high, low = canvas.axes[1].get_xlim()
    assert high > 80.0 and low < 0.002
    assert "3 directions are 0" in canvas.axes[0].get_title(loc="left")


def test_members_of_an_ensemble_are_drawn_to_their_ends() -> None:
    """A member is wider or narrower than all data; the axis holds both."""
    whole, members = [4.0, 2.0, 1.0], [[9.0, 0.5, 0.01], [3.0, 2.0, 1.0]]
    ensemble = Ensemble.create([Spectrum.create(eig) for eig in members])
    panel = spectrum_picture(Spectrum.create(whole), {}, ensemble).axes[0]
    low, high = panel.get_ylim()
    for line, eig in zip(panel.lines, [*members, whole], strict=True):
        assert line.get_ydata().tolist() == np.repeat(eig, 2).tolist()
        assert low < min(eig) and max(eig) < high


@pytest.mark.parametrize("budgets", ["1", "1,2"])
def test_a_single_step_is_compared_beside_the_data(budgets: str) -> None:
    """One level spans no axis: the data do; dozens of equal names leave room for the panels."""
    canvas = picture(diffopt.compare(EIG, "euler", budgets).comparison, "data", "conditions")
    renderer, panel = _laid_out(canvas), canvas.axes[0]
    high, low = panel.get_xlim()
    assert high > 80 and low < 0.15 and panel.get_title(loc="left").startswith("euler, 1 call:")
    assert any(text.get_text().startswith("karras = exponential and ") for text in panel.get_yticklabels())
    assert panel.get_window_extent(renderer).width > 0.55 * canvas.bbox.width
    for axis in canvas.axes:
        assert axis._left_title.get_window_extent(renderer).x1 <= canvas.bbox.x1


def test_labels_of_a_comparison_are_no_wider_than_their_panels_and_gaps_are_dotted() -> None:
    found = diffopt.compare("builtin:photos", "euler,heun", "5,10", kind="fixed,optimized", skip="beta*")
    canvas = picture(found.comparison)
    renderer, gaps = _laid_out(canvas), 0
    for panel in canvas.axes[:-1]:
        width = panel.get_window_extent(renderer).width
        assert panel.xaxis.label.get_window_extent(renderer).width <= width
        names = [text.get_text().split()[0] for text in panel.get_yticklabels()]
        dotted = [line for line in panel.lines if not isinstance(line.get_linestyle(), str) or line.get_linestyle() == "--"]
        assert bool(dotted) == ("dots: rows left out" in panel.get_xlabel())
        assert not dotted or names[-1] == "karras"
        gaps += len(dotted)
    assert gaps


def test_parts_that_cancel_are_said_in_words_and_in_the_picture() -> None:
    """A whole below one of its parts has parts of opposite sign."""
    found = diffopt.evaluate("builtin:photos", schedule="karras", solver="euler", steps=10, start="sigma")
    parts = [found.errors[name] for name in ("initialization", "discretization", "truncation")]
    cancel = max(parts) > found.errors["frechet"]
    for total, said in ((found.errors["frechet"], cancel), (0.5 * max(parts), True), (sum(parts), False)):
        document = {**found.document, "errors": {**found.document["errors"], "frechet": total}}
        assert ("cancel" in answers.evaluated(document)[0]) == said
        canvas = evaluation_picture(document)
        renderer, panel = _laid_out(canvas), canvas.axes[0]
        assert ("the parts cancel" in panel.get_xlabel()) == said
        # Texts beyond the panel would shrink all panels.
        assert max(text.get_window_extent(renderer).x1 for text in panel.texts) <= panel.get_window_extent(renderer).x1


def test_the_map_of_local_errors_is_an_image() -> None:
    """Cells drawn as paths have hairlines between them in browsers."""
    found = diffopt.evaluate(EIG, schedule="karras", solver="euler", steps=3)
    canvas = found.figure()
    (mesh,) = [c for axis in canvas.axes for c in axis.collections if type(c).__name__ == "QuadMesh" and axis.get_ylabel()]
    assert mesh.get_rasterized()
    # The cells are parts of the squared error that stands above them as a distance; three directions have no variance.
    cells = np.asarray(mesh.get_array())
    assert cells.shape == (3, 3) and found.errors["discretization"] is not None
    assert cells.sum() == pytest.approx(found.errors["discretization"] ** 2, rel=1e-6)


@pytest.mark.parametrize("size", [3, 60, 9000])
def test_the_cells_of_the_map_add_up_to_the_squared_error(size: int) -> None:
    """Every band of eigenvalues holds some, however long the spectrum is."""
    eig = np.append(4 * np.arange(1.0, size + 1) ** -1.4, [0.0, 0.0])
    found = diffopt.evaluate(eig, schedule="karras", solver="dpmpp_2m", steps=5, end="sigma_min", sigma_min=0.05)
    assert found.local is not None and found.errors["discretization"] is not None
    local = found.local()
    assert local.square == pytest.approx(found.errors["discretization"] ** 2, rel=1e-4)
    assert local.parts.shape == (5, local.edges.size - 1) and local.edges.size <= 49
    assert np.all(np.abs(local.parts).sum(axis=0) > 0) and np.all(np.diff(local.edges) > 0)
    title = canvas_title(found.figure())
    assert f"{local.square:.3g} = {local.square**0.5:.3g}" in title


def canvas_title(canvas: Any) -> str:
    """Words above the map."""
    panels = [child for axis in canvas.axes for child in axis.child_axes if hasattr(child, "get_title")]
    return "\n".join(filter(None, (panel.get_title(loc="left") for panel in panels)))


@pytest.mark.parametrize("process", ["flow", "ve"])
def test_words_of_the_map_name_levels_that_the_grid_has(process: str) -> None:
    """The strips of pure noise and of the step to 0 end where the picture does, at no level."""
    levels = [1.0, 0.9, 0.5, 0.0] if process == "flow" else [9.0, 1.0, 0.0]
    flags = {"times": levels, "start": "unit"} if process == "flow" else {"sigmas": levels}
    for eig in ([400.0, 1.0], [0.04, 0.02]):
        found = diffopt.evaluate(eig, solver="euler", process=process, **flags)
        canvas = found.figure()
        (axis,) = [axis for axis in canvas.axes if "eigenvalue" in axis.get_ylabel()]
        below = axis.xaxis.get_major_locator()()
        title = canvas_title(canvas)
        said = re.search(r"more than half of it by the steps? from (.*?) to (.*?)(\n|$)", title)
        assert said and found.local is not None
        # The fewest steps in a row with half of the error, by the cells themselves.
        parts = found.local().steps / found.local().square
        first, last = next((i, i + n) for n in range(1, 9) for i in range(len(parts)) if parts[i : i + n].sum() >= 0.5)
        if process == "flow":
            names = ["pure noise (s = 1)", "sigma 9 (s = 0.9)", "sigma 1 (s = 0.5)", "0"]
            assert any(line.get_marker() == "<" for line in axis.lines) and max(below) <= 9.01
            assert "triangle: pure noise (s = 1); the last strip is the step to 0" in axis.child_axes[0].get_xlabel()
        else:
            names = ["sigma 9", "sigma 1", "0"]
            assert axis.get_xlabel() == "sigma, sampling runs to the right; the last strip is the step to 0"
        assert said[1] == names[first] and said[2] in (names[last], names[last].removeprefix("sigma "))
        assert min(below) >= 0.99
        drawn = [line for panel in axis.child_axes for line in getattr(panel, "lines", ())]
        (bracket,) = [line for line in drawn if line.get_marker() == "|"]
        edges = found.local().sigma
        assert list(bracket.get_xdata()) == [edges[first], edges[last]]


def test_a_colour_has_one_meaning() -> None:
    """Those of lines that their names tell apart are none of them, and the dark page has a colour for each."""
    fixed = [meaning.light.lower() for meaning in palette.MEANINGS.values()]
    assert len(fixed) == len(set(fixed)) and not set(fixed) & {colour.lower() for colour in palette.CYCLE}
    dark = [meaning.dark.lower() for meaning in palette.MEANINGS.values()]
    assert len(dark) == len(set(dark)) and set(palette.DARK) >= {*palette.CYCLE, *(m.light for m in palette.MEANINGS.values())}
    assert all(meaning.words for meaning in palette.MEANINGS.values())


def test_a_picture_begins_with_its_answer() -> None:
    found = diffopt.optimize(EIG, "heun", 4)
    canvas = found.plot()
    first = " ".join(text.get_text() for text in canvas.texts if text.get_fontweight() == "bold").replace("\n", " ")
    assert first == spoken(" ".join(found.headline())) and first.startswith(spoken(found.answers()[0]))
    assert first.startswith("The optimized grid has robust ")


def test_a_picture_of_an_optimum_says_what_qualifies_it() -> None:
    """A bound that was met, a grid that the exact metrics prefer, and that noise does not pay."""
    found = diffopt.optimize(EIG, "ddim", 4, free="grid,eta")
    document = {**found.document, "eta": [0.0] * 4, "optimizer": {**found.document["optimizer"], "at_bound": ["sigma_min 0.002"]}}
    errors = {**found.document["errors"], "frechet": 9.0, "kl": 9.0}
    karras = {**found.document["baselines"]["karras"], "frechet": 1.0, "kl": 1.0}
    document |= {"errors": errors, "baselines": {"karras": karras}}
    canvas = type(found)(document, data=found.data, rivals=found.rivals).plot()
    said = bold(canvas)
    assert "In the exact metrics karras is better: frechet 1 against 9, kl 1 against 9." in said
    assert "At the end of what was searched: sigma_min 0.002." in said
    assert ("Eta 0: noise does not pay here." in said) == (document["optimizer"]["beats_ends"] is not None)
    assert document["optimizer"]["beats_ends"] is not None


@pytest.mark.parametrize("name", [name for name, kind in SOLVERS.items() if kind.eta_meaning])
@pytest.mark.parametrize("flow", [False, True])
def test_only_in_the_sense_of_the_reverse_sde_a_step_to_0_has_noise(name: str, flow: bool) -> None:
    process = Flow() if flow else VE()
    grid, data = Grid.create(process, [9.0, 3.0, 1.0, 0.0]), Spectrum.create([4.0, 1.0, 0.2])
    one, other = (error_map(SOLVERS[name](), grid, data, np.array([0.5, 0.7, last])).square for last in (0.0, 1.0))
    assert (one == other) == (SOLVERS[name].eta_meaning != TO_ZERO)


def test_the_panel_of_eta_draws_and_names_what_has_an_effect() -> None:
    found = diffopt.evaluate(EIG, solver="euler_ancestral", sigmas=[9.0, 3.0, 1.0, 0.0], eta=[0.5, 0.72, 1.0])
    assert found.data is not None
    panel = next(axis for axis in grid_picture(found.document, found.data.spectrum).axes if axis.get_ylabel() == "eta")
    assert [text.get_text() for text in panel.texts] == ["0.5", "0.72"]
    assert panel.get_xlabel().endswith("the step to 0 has none, whatever its eta")
    assert sorted(panel.patches[0].get_data().edges) == [1.0, 3.0, 9.0]


def test_the_best_on_offer_is_that_of_the_program_and_far_rows_are_told() -> None:
    found = diffopt.compare(EIG, "heun", "12", kind="fixed,optimized")
    for host in (None, "edm"):
        row = offered_best(found.comparison.rows, found.comparison, host)
        rows = [r for r in found.document["rows"] if r["kind"] == "fixed" and (host in r["offered"] if host else r["offered"])]
        assert row is not None and row.errors["robust"] == min(r["robust"] for r in rows)
    panel = found.figure().axes[-1]
    assert [label.get_text() for label in panel.get_yticklabels()] == ["heun\n23 calls"]
    high = max(panel.get_xlim())
    far = sorted((r["robust"], r["schedule"]) for r in found.document["rows"] if r["robust"] and r["robust"] > high)
    title = panel.get_title(loc="left")
    assert far and f"{len(far)} off the scale, worst {far[-1][1]} " in title


def test_a_flow_model_whose_shift_is_not_known_is_said_to_be_so() -> None:
    for shift in (None, 3.0):
        title = diffopt.optimize(EIG, "euler", 4, process="flow", shift=shift).figure().get_suptitle().replace("\n", " ")
        assert ("1 is assumed" in title) == (shift is None) and ("at shift 3" in title) == (shift is not None)


def test_a_page_shows_the_pictures_before_the_tables_under_headings_of_their_own() -> None:
    page = diffopt.compare(EIG, "euler,heun", "4", only="karras,exponential,first_order_heun").page()
    assert page.index("<svg") < page.index("<table")
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert len(headings) == len(set(headings))
    drawn = re.findall(r">([^<>]*)</text>", page)
    assert not set(headings[:2]) & set(drawn)
    assert page.count("<figure>") == page.count("<figcaption>") == page.count("<svg") == 3
    assert "first_<wbr>order_<wbr>heun" in page


def test_colours_of_a_page_s_pictures_are_its_own_in_both_themes() -> None:
    """No colour stands in a picture that the page does not turn; each is seen on the paper of both themes, as are its words."""
    page = diffopt.compare(EIG, "euler,heun", "4,6", kind="fixed,table,spectrum,optimized", process="flow").page()
    pictures = "".join(re.findall(r"<svg.*?</svg>", page, re.S))
    assert not re.findall(r"(?:fill|stroke|color): ?#", pictures) and not re.search(r"<text(?![^>]*fill: var)", pictures)
    named = set(re.findall(r"(?:fill|stroke): var\((--p-[0-9a-f]{6})\)", pictures))
    words = set(re.findall(r"<text[^>]*fill: var\((--p-[0-9a-f]{6})\)", pictures))
    light, dark, again = (dict(re.findall(r"(--p-\w+): (#\w+);", part)) for part in re.findall(r"\{([^{}]*--p-[^{}]*)\}", page))
    assert named <= set(light) == set(dark) and dark == again and len(words) > 4

    def luminance(colour: str) -> float:
        channels = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme in (light, dark):
        paper = luminance(theme["--p-ffffff"])
        for name in words:
            ratio = (max(paper, luminance(theme[name])) + 0.05) / (min(paper, luminance(theme[name])) + 0.05)
            assert ratio > 3.0, (name, theme[name])


def test_the_picture_of_noise_has_the_etas_of_its_settings() -> None:
    found = diffopt.best_eta(EIG, "ddim", 5, score_error="noise:0.1", design="none,constant,per_step")
    canvas = found.figure()
    curve, above, below = canvas.axes
    names = [label.get_text() for label in below.get_yticklabels()]
    assert names == [label.get_text() for label in above.get_yticklabels()]
    cells = np.asarray(above.collections[0].get_array())
    for design in ("none", "constant", "per_step"):
        row = min((row for row in found.document["rows"] if row["design"] == design), key=lambda row: row["exact"])
        place = next(i for i, name in enumerate(names) if name.removeprefix("set: ") == design)
        np.testing.assert_allclose(cells[place], row["eta"])
        told = [text.get_text() for text in above.texts if round(text.get_position()[1]) == place]
        assert len(told) == (5 if design == "per_step" else 1)
        for text, eta in zip(told, row["eta"], strict=False):
            assert float(text.split()[0]) == pytest.approx(eta, rel=0.06, abs=5e-4)
    levels = [label.get_text() for label in above.get_xticklabels()]
    assert [float(text) for text in levels] == pytest.approx(found.document["sigmas"], rel=5e-3)
    line, now = curve.lines[0], found.document["present"]
    assert np.interp(now["eta"][0], *line.get_data()) == pytest.approx(now["exact"], rel=1e-6)
    # Every setting with one eta has its mark on the curve, inside the panel, and its name above it.
    marks = {mark.get_label(): mark for mark in curve.lines if mark.get_marker() not in ("None", "", None)}
    assert any(name.startswith("present") for name in marks) and len(marks) == 3
    low, high = curve.get_ylim()
    assert all(low < mark.get_ydata()[0] < high for mark in marks.values())
    assert {text.get_text() for text in curve.get_legend().get_texts()} >= set(marks)


@pytest.mark.parametrize("steps", [14, 24, 30, 31])
def test_the_cells_of_many_steps_have_short_numbers_or_none(steps: int) -> None:
    """None lies on the next, and what has no numbers says how deep the deepest cell is."""
    found = diffopt.best_eta(EIG, "ddim", 5, design="none")
    etas = (2.7 * np.linspace(0.001, 1, steps) ** 2).tolist()
    rows = [{**found.document["rows"][0], "design": "per_step", "eta": etas}]
    sigmas = np.geomspace(80, 0.002, steps + 1).tolist()
    document = {**found.document, "rows": rows, "steps": steps, "sigmas": sigmas, "advised": None, "present": None}
    canvas = type(found)(document).figure()
    renderer, panel = _laid_out(canvas), canvas.axes[0]
    boxes = [text.get_window_extent(renderer) for text in panel.texts]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes)) and len(boxes) == (steps if steps <= 30 else 0)
    for text, eta in zip(panel.texts, etas, strict=False):
        assert float(text.get_text()) == pytest.approx(eta, rel=0.06, abs=5.1e-3)
    assert ("the deepest cell: eta 2.7" in panel.get_xlabel()) == (steps > 30)


def test_a_picture_of_noise_has_no_panel_for_a_lone_dot_and_no_plateau() -> None:
    """Where nothing beats the present setting its mark on the curve says all; the axis ends where the error stays as it is."""
    found = diffopt.best_eta(EIG, "ddim", 5, design="none,constant", eta=0.0)
    (panel,) = found.figure().axes
    assert len(chosen_rows(found.document)) == 1 and "one eta at every step" in panel.get_xlabel()
    eta, error = (np.asarray(part) for part in panel.lines[0].get_data())
    flat = eta[np.abs(error - error[-1]) <= 1e-3 * error[-1]]
    assert flat.size > 3 and panel.get_xlim()[1] <= flat[2]
    # From a file there is no curve: the dot stands with its number.
    (alone,) = type(found)(found.document).figure().axes[-1:]
    assert "exact error" in alone.get_xlabel()


@pytest.mark.parametrize(("tokens", "name"), [(12, "frechet"), (3000, "frechet"), (12, "robust")])
def test_the_picture_of_shifts_has_every_rule_on_its_curve_and_in_a_row(tokens: int, name: str) -> None:
    """The curve is that of the error that was minimized, and its least point is the optimum."""
    found = diffopt.shift(9.0 * np.arange(1.0, 13) ** -1.5, 12, tokens=tokens, objective=name)
    canvas = found.figure()
    renderer, (above, below) = _laid_out(canvas), canvas.axes
    curve = dict(zip(*above.lines[0].get_data(), strict=True))
    names = [label.get_text() for label in below.get_yticklabels()]
    assert sorted(name.removeprefix("set: ") for name in names) == sorted(row["name"] for row in found.rows())
    (advised,) = [name.removeprefix("set: ") for name in names if name.startswith("set: ")]
    shift = next(row["shift"] for row in found.rows() if row["name"] == advised)
    assert f"shift:{shift:.4g}" in found.answers()[-1]
    assert f"set shift {shift:.4g}" in [text.get_text() for text in above.texts]
    names = [name.removeprefix("set: ") for name in names]
    marks = {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in below.lines if line.get_marker() == "o"}
    for row in found.rows():
        near = min(curve, key=lambda shift: abs(np.log(shift / row["shift"])))
        assert near == pytest.approx(row["shift"], rel=1e-9) and curve[near] == pytest.approx(row[name], rel=1e-9)
        place = names.index(row["name"])
        assert marks[place] == row["shift"]
        assert float(below.texts[place].get_text().rpartition(" ")[2]) == pytest.approx(row[name], rel=6e-3)
    assert min(curve.values()) == pytest.approx(found.rows()[0][name], rel=1e-6)
    assert above.get_ylabel().startswith(name) and above.get_xlim() == below.get_xlim()
    for text in below.texts:
        box = Text.get_window_extent(text, renderer)
        assert below.bbox.x0 <= box.x0 and box.x1 <= below.bbox.x1 + 1


def test_the_picture_of_a_recommendation_has_every_solver_with_its_error_and_its_levels() -> None:
    found = recommended()
    above, below = found.figure().axes
    names = [label.get_text() for label in above.get_yticklabels()]
    assert names == [label.get_text() for label in below.get_yticklabels()] and len(names) == len(found.rows())
    assert names[0].startswith(f"{found.best['solver']}, {found.best['steps']} steps")
    for words in ("fitted to this spectrum", "without its noise"):
        assert sum(words in name for name in names) == sum(words in row["sentence"] for row in found.rows())
    levels = [line for line in below.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(levels[0].get_xdata(), [s for s in found.best["sigmas"] if s])


def test_the_picture_of_a_simulation_has_the_measured_values_and_their_intervals() -> None:
    rng = np.random.default_rng(0)
    found = diffopt.simulate(samples=rng.normal(size=(60, 3)), schedule="karras,optimized", solver="heun,euler", steps="3,5",
                             count=60, reference_steps=10)  # fmt: skip
    panels = found.figure().axes
    for panel, truth in zip(panels, ("limit", "data"), strict=True):
        drawn = {bars.get_label(): bars for bars in panel.containers}
        assert set(drawn) == {f"{s}, {k}" for s in ("karras", "optimized") for k in ("heun", "euler")}
        for row in found.document["rows"]:
            line = drawn[f"{row['schedule']}, {row['solver']}"].lines[0]
            k = sorted(r["steps"] for r in found.document["rows"] if r["solver"] == row["solver"])[::2].index(row["steps"])
            assert line.get_ydata()[k] == row[truth]["frechet"]["value"]
            assert line.get_xdata()[k] == pytest.approx(row["denoiser_calls"], rel=0.02)


def test_the_cumulative_variance_grows_evenly_within_equal_eigenvalues():
    """Entries that stand for many directions, fractions too: the first direction alone has its own share."""
    spectrum = Spectrum.create([30.0, 5.0, 0.1], [2.5, 4.0, 100.5])
    curve = spectrum_picture(spectrum, {}).axes[1].lines[0]
    ranks, share = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    for rank, sum_to in ((1.0, 30.0), (2.0, 60.0), (2.5, 75.0), (4.5, 85.0), (6.5, 95.0), (107.0, 105.05)):
        assert np.interp(rank, ranks, share) == pytest.approx(sum_to / 105.05, rel=2e-3)


@pytest.mark.parametrize(("eig", "weight"), [([30.0, 5.0, 0.1], [2.5, 4.0, 100.5]), ([9.0, 8.0, 7.0, 1.0], [1.0] * 4)])
def test_dots_of_the_cumulative_variance_stand_at_the_ranks_that_they_name(eig: list[float], weight: list[float]) -> None:
    spectrum = Spectrum.create(eig, weight)
    panel = spectrum_picture(spectrum, {}).axes[1]
    dots = [line for line in panel.lines if line.get_marker() == "o"]
    total = sum(w * e for w, e in zip(weight, eig, strict=True))
    for dot, text, level in zip(dots, panel.texts, (0.5, 0.9, 0.99), strict=True):
        (rank,), (share,) = dot.get_xdata(), dot.get_ydata()
        assert text.get_text() == f"{100 * level:g} % in {rank:.0f}" and rank == int(rank)
        # Taken one direction after another, the first whole number that holds so much.
        left, held = [min(w, max(0.0, rank - sum(weight[:i]))) for i, w in enumerate(weight)], eig
        assert share == pytest.approx(sum(w * e for w, e in zip(left, held, strict=True)) / total)
        less = [min(w, max(0.0, rank - 1 - sum(weight[:i]))) for i, w in enumerate(weight)]
        assert share >= level > sum(w * e for w, e in zip(less, eig, strict=True)) / total
    assert min(panel.lines[0].get_xdata()) == (0 if spectrum.dim <= 15 else 1)


def test_fractions_of_directions_are_explained() -> None:
    for weight, told in ([2.5, 4.0], True), ([2.0, 4.0], False):
        assert any("fractions" in line for line in bars(Spectrum.create([3.0, 0.2], weight))) == told


def test_a_simulation_says_in_its_picture_what_noise_does_not_cover_and_where_nothing_is_told_apart() -> None:
    found = diffopt.simulate(samples=300 + 200 * np.random.default_rng(0).normal(size=(60, 3)), schedule="karras,exponential",
                             solver="euler", steps="3", count=60, reference_steps=10)  # fmt: skip
    said = bold(found.plot())
    assert "is above sigma_max 80 (3 of 3 directions): noise does not cover them. The data's mean has length" in said
    rows = found.document["rows"]
    for panel, truth in zip(found.figure().axes, ("limit", "data"), strict=True):
        low, high = ([row[truth]["frechet"][end] for row in rows] for end in ("low", "high"))
        assert ("does not tell them apart" in panel.get_title(loc="left")) == (max(low) <= min(high))
        assert panel.get_ylabel().endswith("logarithmic)")


def test_rows_that_the_answer_names_are_named_among_the_marks() -> None:
    """The best that needs no data too, though no program offers it; the marks are explained, and the last step."""
    found = diffopt.compare("builtin:photos", "euler", "10", only="karras,bong_tangent,beta,first_order")
    grids, marks = found.figure().axes
    told = [text.get_text() for text in marks.texts]
    fixed = [row for row in found.document["rows"] if row["kind"] == "fixed"]
    least = min(fixed, key=lambda row: row["robust"])["schedule"]
    assert least == "bong_tangent" and any(text.startswith(f"{least} ") and "needs no data" in text for text in told)
    assert {text.get_text() for text in marks.get_legend().get_texts()} == {"the optimum", "the best rules", "karras"}
    assert "all go to 0 in the last step" in grids.get_xlabel()
    levels = recommended().figure().axes[1]
    assert "all go to 0 in the last step" in levels.get_xlabel()


def bold(canvas: Any) -> str:
    return " ".join(text.get_text() for text in canvas.texts if text.get_fontweight() == "bold").replace("\n", " ")


def test_a_budget_says_above_its_picture_what_would_help_most() -> None:
    found = diffopt.budget([400.0, 4.0, 1.0], "heun", 4, samples=50_000, start="sigma")
    first = bold(found.plot())
    assert found.valid and first.startswith(found.answers()[0])
    least = min(part["total"] for part in found.document["halving"].values())
    assert f", total {least:.4g}." in first and "What would help most: " in first


def test_a_spectrum_says_in_how_few_directions_its_variance_lies() -> None:
    """Of 6 + 3 + 1 = 10 half lies in the first, nine tenths in two, 99 % in all three."""
    canvas = SpectrumResult(Dataset(Spectrum.create(np.array([6.0, 3.0, 1.0])))).plot()
    assert bold(canvas) == "Half of the variance lies in the first of 3 directions, 99 % in 3."


def test_the_title_begins_below_the_answer() -> None:
    """No line of the title touches the bold ones, however many there are."""
    for many in (1, 2, 3, 4):
        canvas, _ = style.figure(8, [3.0])
        style.titled(canvas, "What is drawn", "data")
        style.headed(canvas, "\n".join(["An answer, gjpq"] * many))
        canvas.draw_without_rendering()
        (answer,) = [text for text in canvas.texts if text.get_fontweight() == "bold"]
        title = canvas._suptitle.get_window_extent()
        # The title holds a blank line for every bold one; its last line is the only one with letters.
        line = canvas.text(0, 0, "What", fontsize=11).get_window_extent().height
        assert title.y0 + line + 2 <= answer.get_window_extent().y0


def test_rows_of_several_budgets_stand_in_columns_in_the_colour_of_their_kind() -> None:
    """A colour is a kind of rule in the whole picture, and no solver has one: solvers stand beside each other."""
    found = diffopt.compare(EIG, "heun,euler", "3,5", only="karras,first_order,oss_flux,beta")
    canvas = picture(found.comparison)
    panel = canvas.axes[-1]
    texts = [label.get_text().split() for label in panel.get_xticklabels()]
    labels = dict(zip(map(float, panel.get_xticks()), texts, strict=True))
    columns = {place: words[0] for place, words in labels.items() if words and words[0].isdigit()}
    names = [word for words in labels.values() for word in words if not word.isdigit()]
    assert names == ["heun", "euler"] and list(columns.values()) == ["5", "9", "3", "5"]
    colours = {"fixed": palette.RIVAL, "table": palette.PUBLISHED, "spectrum": palette.DATA, "optimized": palette.OWN}
    marks = [line for line in panel.lines if line.get_marker() == "_"]
    drawn = {(x, y, line.get_color()) for line in marks for x, y in zip(*line.get_data(), strict=True)}
    places = dict(zip([("heun", 5), ("heun", 9), ("euler", 3), ("euler", 5)], columns, strict=True))
    expected = set()
    for row in found.comparison.rows:
        colour = palette.HABIT if row.schedule == "karras" else colours[row.kind]
        expected.add((places[row.solver, row.denoiser_calls], row.errors["robust"], colour))
    assert drawn == expected
    told = [text.get_text() for text in panel.get_legend().get_texts()]
    assert told == ["best that a program offers", "karras", "optimum"]


def test_names_of_many_equal_grids_leave_room_and_are_told_in_full() -> None:
    found = diffopt.optimize(EIG, "euler", 1)
    canvas = found.figure()
    renderer, panel = _laid_out(canvas), canvas.axes[1]
    assert panel.get_window_extent(renderer).width > 0.6 * canvas.bbox.width
    words = " ".join(panel.get_xlabel().split())
    full = words.partition("one grid: ")[2].split(" = ")
    assert set(full) == set(found.baselines) and full[0] == "karras"
    label = panel.get_yticklabels()[1]
    assert label.get_text() == f"karras = exponential and {len(full) - 2} more" and label.get_color() == palette.HABIT
    assert "euler, 1 step, 1 denoiser call:" in canvas.get_suptitle()


@pytest.mark.parametrize("word", ["W", "illicit", "score_error=noise:0.1"])
@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_titles_are_wrapped_by_the_width_of_their_letters(word: str, weight: str) -> None:
    """No line is wider than the picture, and none is half empty."""
    lines = style.wrap(" ".join([word] * 60), 500, weight)
    canvas, _ = style.figure(8, [2.0])
    renderer = _laid_out(canvas)
    drawn = [canvas.text(0, 0, line, fontsize=style.TITLE, fontweight=weight) for line in lines]
    widths = [text.get_window_extent(renderer).width for text in drawn]
    assert " ".join(lines).split() == [word] * 60
    room = 500 * canvas.dpi / 72
    assert max(widths) <= room and min(widths[:-1]) > 0.6 * room


def test_numbers_over_the_map_keep_away_from_larger_neighbours() -> None:
    shares = np.array([3.0, 9.0, 14.0, 10.0, 6.0, 5.8, 12.0])
    assert [_side(shares, k) for k in range(7)] == ["right", "right", "center", "left", "left", "right", "center"]
    assert _side(np.array([5.0, 2.0, 5.0]), 1) == "center" == _side(np.array([100.0]), 0)
