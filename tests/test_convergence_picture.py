"""The picture of convergence: lines with their names, the side of 0, guides, and the accuracy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import diffopt
from diffopt.report.orders_figures import SIGNS, _cross
from diffopt.report.studies import orders_table
from diffopt.solvers import SOLVERS

EIG = [4.0, 1.5, 0.3]
MANY = "euler,heun,dpmpp_2m,dpmpp_3m,unipc,ipndm,deis,res_2m,res_2s,rk4"


def lines(panel: Any, label: str | None = None) -> list[Any]:
    """Lines of a label; without it the marks of the solvers."""
    if label is not None:
        return [line for line in panel.lines if line.get_label() == label]
    return [line for line in panel.lines if not line.get_label().startswith("_")]


def shares(panel: Any, points: Any) -> np.ndarray:
    return np.asarray(panel.transAxes.inverted().transform(panel.transData.transform(np.asarray(points))))


def test_guides_keep_away_from_the_lines_and_an_accuracy_beyond_the_panel_is_told() -> None:
    found = diffopt.orders(EIG, "euler,dpmpp_2m,unipc", [8, 16, 32], metric="frechet,weak", sigma_min=0.05,
                           score_error="0.03", accuracy=1e-6)  # fmt: skip
    for axis in found.figure().axes:
        goal = 1e-6 * (5.8**0.5 if "weak" in axis.get_ylabel() else 1)
        assert axis.get_title(loc="right").split("\n")[-1] == f"the accuracy {goal:.4g} lies below this panel"
        for guide in lines(axis, "_guide"):
            left, right = guide.get_xdata()
            for line in lines(axis):
                x, y = np.log(line.get_xdata()), np.log(line.get_ydata())
                inside = np.linspace(np.log(left), np.log(right), 20)
                inside = inside[(inside > x[0]) & (inside < x[-1])]
                gap = np.interp(inside, x, y) - np.interp(inside, np.log([left, right]), np.log(guide.get_ydata()))
                assert np.all(gap > 0) or np.all(gap < 0)


def test_the_accuracy_of_squared_errors_has_a_line_of_its_own() -> None:
    found = diffopt.orders(EIG, "euler,heun", [4, 8, 64], metric="frechet,weak", sigma_min=0.2, accuracy=0.05)
    panels = {axis.get_ylabel().split()[0]: axis for axis in found.figure().axes}
    goals = {"frechet": 0.05, "weak": 0.05 * 5.8**0.5}
    for metric, goal in goals.items():
        (line,) = lines(panels[metric], "_accuracy")
        np.testing.assert_allclose(line.get_ydata(), goal)
        (text,) = [t.get_text() for t in panels[metric].texts if t.get_text().startswith("accuracy")]
        assert text == f"accuracy {goal:.4g}"
    assert f"weak ({goals['weak']:.4g} in squared units)" in found.answers()[0]


@pytest.mark.parametrize("metric", ["frechet", "weak"])
def test_every_solver_has_its_mark_beside_its_name_and_no_thread_crosses_a_line(metric: str) -> None:
    found = diffopt.orders(EIG, MANY, [8, 16, 32], metric=metric, sigma_min=0.05)
    canvas = found.figure()
    canvas.draw_without_rendering()
    (panel,) = canvas.axes
    names = [text for text in panel.texts if ", order " in text.get_text()]
    assert sorted(t.get_text().split(",")[0] for t in names) == sorted(MANY.split(","))
    boxes = sorted((text.get_window_extent(canvas._get_renderer()) for text in names), key=lambda box: box.y0)
    assert all(one.y1 <= other.y0 + 1.5 for one, other in pairwise(boxes))
    keys = {(float(k.get_ydata()[0]), k.get_color(), k.get_marker()) for k in lines(panel, "_key")}
    for text, line in zip(names, lines(panel), strict=True):
        assert (text.get_position()[1] if text.xy is None else text.xy[1], line.get_color(), line.get_marker()) in keys
    threads = [text for text in panel.texts if text.arrow_patch is not None]
    assert 1 <= len(threads) <= len(names)
    for thread in threads:
        assert shares(panel, [thread.xyann])[0][0] > 0.9
        right = shares(panel, [[panel.get_xlim()[1], thread.xy[1]]])[0]
        start, end = shares(panel, [thread.xyann])[0], np.array([1.012, right[1]])
        for line in lines(panel):
            points = shares(panel, np.column_stack(line.get_data()))
            if not np.allclose(points[-1], start):
                assert not any(_cross(start, end, *segment) for segment in pairwise(points)), line.get_label()


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "meets"),
    [((0, 0), (1, 1), (0, 1), (1, 0), True), ((0, 0), (1, 0), (0, 1), (1, 1), False), ((0, 0), (1, 1), (2, 0), (3, 1), False)],
)
def test_segments_that_cross(a: Any, b: Any, c: Any, d: Any, meets: bool) -> None:
    assert _cross(*map(np.array, (a, b, c, d))) == meets


def test_a_weak_error_that_changes_its_sign_is_dotted_there_and_hollow_where_it_is_negative() -> None:
    """On a logarithmic axis the curve has no finite height there."""
    found = diffopt.orders("builtin:photos", "euler_maruyama", [5, 7, 10, 14], metric="weak", process="vp_linear")
    (row,) = found.document["rows"]
    assert set(row["signs"]) == {1, -1}
    (panel,) = found.figure().axes
    assert SIGNS in panel.get_title(loc="right")
    changes = [k for k in range(3) if row["signs"][k] != row["signs"][k + 1]]
    turns = sorted(tuple(line.get_xdata()) for line in lines(panel, "_turn"))
    assert turns == [(row["steps"][k], row["steps"][k + 1]) for k in changes]
    hollow = sorted(float(x) for line in lines(panel, "_hollow") for x in line.get_xdata())
    assert hollow == [n for n, sign in zip(row["steps"], row["signs"], strict=True) if sign < 0]


def test_signs_are_those_of_a_literal_loop() -> None:
    """Euler in sigma multiplies z by (eig + s s')/(eig + s^2) from s to s': one direction, in plain numbers."""
    eig, low = 2.0, 0.2
    found = diffopt.orders([eig], "euler,heun", [3, 5], metric="weak", sigma_min=low, sigma_max=10.0, schedule="exponential")
    for solver in ("euler", "heun"):
        row = next(row for row in found.document["rows"] if row["solver"] == solver)
        for steps, error, sign in zip(row["steps"], row["errors"], row["signs"], strict=True):
            sigmas, factor = np.geomspace(10.0, low, steps + 1), 1.0
            for s, t in pairwise(sigmas):
                slope = s / (eig + s * s)
                guess = 1 + (t - s) * slope
                factor *= guess if solver == "euler" else 1 + (t - s) * (slope + guess * t / (eig + t * t)) / 2
            gap = factor**2 * (eig + 100.0) - (eig + low**2)
            assert abs(gap) == pytest.approx(error, rel=1e-9) and np.sign(gap) == sign
    assert {sign for row in found.document["rows"] for sign in row["signs"]} == {1, -1}


def test_the_clock_of_ve_is_called_sigma_and_is_named_once() -> None:
    """Its time is the noise level; where all solvers share a clock the title has it, else each name."""
    one = diffopt.orders(EIG, "euler,euler_maruyama", [8, 16], metric="frechet", sigma_min=0.05)
    assert {row["clock"] for row in one.document["rows"]} == {"sigma", "time"}
    canvas = one.figure()
    assert "clock sigma" in canvas.get_suptitle()
    assert not any("clock" in text.get_text() for text in canvas.axes[0].texts)
    assert {row["solver"] for row in orders_table(one.document)} == {"euler (sigma)", "euler_maruyama (sigma)"}
    other = diffopt.orders(EIG, "euler,euler_maruyama", [8, 16], metric="frechet", sigma_min=0.05, process="vp_linear").figure()
    names = [text.get_text() for text in other.axes[0].texts]
    assert any("euler_maruyama (time clock)" in name for name in names) and any("euler (sigma clock)" in name for name in names)


def test_the_cheapest_is_named_with_the_solvers_it_is_chosen_from() -> None:
    """Of the usual ones no solver keeps earlier outputs, which is said; of others it is not."""
    usual = diffopt.orders(EIG, steps=[8, 16], metric="frechet", sigma_min=0.05)
    names = {row["solver"] for row in usual.rows()}
    assert {SOLVERS[name].memory for name in names} == {0}
    assert usual.answers()[0].startswith(f"Cheapest of the {len(names)} one-step solvers here for an error of ")
    assert any("multistep ones" in line and 'solver="heun_sde,dpmpp_2m,unipc"' in line for line in usual.notes)
    named = diffopt.orders(EIG, "heun,dpmpp_2m", [8, 16], metric="frechet", sigma_min=0.05)
    assert named.answers()[0].startswith("Cheapest of the 2 solvers here for") and "multistep" not in " ".join(named.notes)
    assert diffopt.orders(EIG, "heun", [8, 16], metric="frechet", sigma_min=0.05).answers()[0].startswith("Cheapest for an error")
    assert "Errors of 2 solvers" in " ".join(text.get_text() for text in named.figure().texts)


def test_the_picture_says_what_a_start_from_noise_adds_and_no_curve_goes_on_as_a_thread() -> None:
    found = diffopt.orders("builtin:photos", "euler,heun", [10, 20, 40, 80], metric="frechet", sigma_min=0.02)
    canvas = found.plot()
    said = " ".join(text.get_text() for text in canvas.texts if text.get_fontweight() == "bold").replace("\n", " ")
    assert f"adds up to {found.document['start_error']:.4g} to a distance: more than the error " in said
    assert [text.xyann[0] for text in canvas.axes[0].texts if text.arrow_patch is not None] == [160]
