"""Equal within so many percent: the larger over the smaller, whichever stands first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_advice import offer

import diffopt
from diffopt.foundation.nearness import within
from diffopt.report.spread import against
from diffopt.studies.advice import advice

SHARES = [(1.0, True), (1.049, True), (1.051, False), (1.2, False)]


@pytest.mark.parametrize(("ratio", "near"), SHARES)
def test_the_order_does_not_matter(ratio: float, near: bool) -> None:
    for scale in (1e-12, 1.0, 1e9):
        assert within(0.05, scale, ratio * scale) == within(0.05, ratio * scale, scale) == near
    assert within(0.05, 0.0, 0.0) and not within(0.05, 0.0, 1e-9)


@pytest.mark.parametrize(("ratio", "near"), SHARES)
@pytest.mark.parametrize("above", [True, False])
def test_the_habit_is_equal_by_the_same_ratio_above_and_below(ratio: float, near: bool, above: bool) -> None:
    from dataclasses import replace

    best = offer("dpmpp_2m", robust=1.0)
    habit = replace(offer("dpmpp_2m", robust=ratio if above else 1 / ratio), schedule="karras", habit=True)
    assert advice([best, habit]).verdict(habit) == ("equal" if near else "more")


@pytest.mark.parametrize(("ratio", "near"), SHARES)
def test_a_named_grid_is_better_where_it_is_not_equal(ratio: float, near: bool) -> None:
    part = {"frechet": 1 / ratio, "kl": 1 / ratio}
    data = {"errors": {"frechet": 1.0, "kl": 1.0}, "objective": {"name": "robust"}, "baselines": {"karras": part}}
    assert any("karras is better" in told for told in against(data)) != near


def test_no_other_rule_decides_such_words() -> None:
    """Files whose texts say `within` a share have no rule of their own for it."""
    folder = Path(diffopt.__file__).parent
    for path in [*folder.glob("report/*.py"), folder / "studies/advice.py", folder / "studies/eta_advice.py"]:
        assert not re.search(r"1 [+-] (NEAR|CLEAR)\b", path.read_text()), path.name
