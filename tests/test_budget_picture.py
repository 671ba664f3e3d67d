"""The picture of an error budget: lines of its terms, and shares that add up to the total, interaction included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import same_color

import diffopt
from diffopt.report.budget_figures import COLOURS, budget_picture

EIG = [20.0, 1.0, 0.02]


def heights(panel: Any) -> dict[str, Any]:
    """Lower and upper edge of every area at its values, by its label."""
    found = {}
    for area in panel.collections:
        points = area.get_paths()[0].vertices[:-1]
        x = np.unique(points[:, 0])
        found[area.get_label()] = np.array([[points[points[:, 0] == v, 1].min(), points[points[:, 0] == v, 1].max()] for v in x])
    return found


@pytest.mark.parametrize("largest", [2.0, 7.0, 9.0, 1e6])
def test_every_total_lies_inside_the_picture_and_what_does_not_is_named_with_its_size(largest: float) -> None:
    x = [4.0, 8.0, 16.0]
    parts = {"noise_floor": 1e-9, "initialization": 0.0, "optimization": 0.0, "generalization": 0.2}
    rows = [{**parts, "discretization": d, "total": d + 0.2, "valid": d < 5} for d in (largest, 0.8, 0.1)]
    above, _ = budget_picture("steps", x, rows, 8.0, "Budget", "data").axes
    low, high = above.get_ylim()
    assert above.get_yscale() == "log" and low < 0.3 and high > largest + 0.2
    (line,) = [line for line in above.lines if line.get_label() == "total"]
    np.testing.assert_allclose(line.get_ydata(), [row["total"] for row in rows])
    assert "below the axis: noise floor, at most 10\u207b\u2079" in above.get_title(loc="left")
    shaded = [patch for patch in above.patches if patch.get_label() == "the expansion is not valid"]
    assert len(shaded) == (largest >= 5)
    # Half of a decade at most is empty below the least of what is drawn.
    least = min(v for line in above.lines for v in np.atleast_1d(line.get_ydata()) if line.get_label()[0] != "_" and v > 0)
    assert low > least / 3.2


@pytest.mark.parametrize("total", [0.5, 1.0, 1.4])
def test_areas_add_up_to_the_total_whether_terms_cancel_or_add(total: float) -> None:
    """Three terms whose sum is 1 are together less, as much or more."""
    x = [4.0, 8.0, 16.0]
    terms = {"noise_floor": 0.3, "initialization": 0.2, "optimization": 0.0, "generalization": 0.5, "discretization": 0.0}
    (_, below) = budget_picture("steps", x, [{**terms, "total": total, "valid": True}] * 3, None, "Budget", "data").axes
    areas = heights(below)
    signed = {name: (edges[:, 1] - edges[:, 0]) * (-1 if "cancel" in name else 1) for name, edges in areas.items()}
    np.testing.assert_allclose(sum(signed.values()), 100)
    np.testing.assert_allclose(signed["generalization"], 50 / total)
    words = [name for name in areas if name.startswith("interaction")]
    assert words == {0.5: ["interaction: the terms cancel"], 1.0: [], 1.4: ["interaction: together they are more"]}[total]
    if total < 1:
        assert areas[words[0]].max() == 0
    legend = {text.get_text() for text in below.get_legend().get_texts()}
    assert legend == set(areas)


@pytest.mark.parametrize("over", ["samples", "steps"])
def test_the_picture_holds_the_terms_of_the_budget_and_names_the_schedule(over: str) -> None:
    found = diffopt.budget(EIG, "heun", 6, samples=400, start="sigma", schedule="exponential", over=over)
    canvas = found.figure()
    above, below = canvas.axes
    here = {"samples": 400.0, "steps": 6.0}[over]
    drawn = {line.get_label(): dict(zip(*line.get_data(), strict=True)) for line in above.lines if line.get_label()[0] != "_"}
    assert drawn["total"][here] == pytest.approx(found.total)
    for name, value in found.terms.items():
        if value and value > 1e-3 * found.total:
            words = name.replace("_", " ")
            assert drawn[words][here] == pytest.approx(value)
            (line,) = [line for line in above.lines if line.get_label() == words]
            assert same_color(line.get_color(), COLOURS[name])
    title = canvas.get_suptitle()
    assert "heun on exponential" in title and ("6 steps" in title) == (over == "samples")
    assert {"samples": "training samples n", "steps": "solver steps N"}[over] == below.get_xlabel().split("\n")[0]


@pytest.mark.parametrize("totals", [(0.5, 0.5), (1.0, 1.0), (1.4, 1.4), (0.5, 1.4)])
def test_the_sentence_on_the_interaction_and_the_hatches_are_of_the_areas_that_are_drawn(totals: tuple[float, float]) -> None:
    """Below 0 only what is taken off, on top only what is added; either alone is not told of the other."""
    terms = {"noise_floor": 0.3, "initialization": 0.2, "optimization": 0.0, "generalization": 0.5, "discretization": 0.0}
    rows = [{**terms, "total": total, "valid": True} for total in totals]
    canvas = budget_picture("steps", [4.0, 8.0], rows, None, "Budget", "data")
    below = canvas.axes[1]
    said = below.get_xlabel().partition("\n")[2]
    assert ("less" in said, "more" in said) == (min(totals) < 1, max(totals) > 1)
    assert ("below 0" in said) == (below.get_ylim()[0] < 0)
    hatches = [area.get_hatch() for area in below.collections]
    assert len(hatches) == len(set(hatches)) and None not in hatches
    # The words lie inside the picture, and no row of the legend on them.
    canvas.draw_without_rendering()
    box = below.xaxis.label.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= canvas.bbox.width
    assert not box.overlaps(below.get_legend().get_window_extent())


def test_an_infinite_total_says_whose_it_is_and_has_no_shares() -> None:
    found = diffopt.budget(EIG, "heun", 6, samples=200, tau=0.05)
    assert found.total is None
    (axis,) = found.figure().axes
    assert "the total is infinite: optimization" in axis.get_title(loc="left")
    assert "total" not in {line.get_label() for line in axis.lines}
