"""Schemes that ComfyUI and stable-diffusion.cpp run on flow models: what they share with ours and what they do not."""

from __future__ import annotations

import numpy as np
import pytest
from problems import EXAMPLES, make, spectrum

from diffopt.law.law import Law
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table

S = np.array([1.0, 0.86, 0.7, 0.5, 0.33, 0.16, 0.05, 0.0])


def flow_grid() -> Grid:
    with np.errstate(divide="ignore"):
        return Grid.create(EXAMPLES["flow"], S / (1 - S))


def test_from_pure_noise_the_loop_in_s_is_eq_200() -> None:
    """Eqs. (200) and (201): the hosts' loops from s = 1, where the noise ratio is infinite, per eigenvalue."""
    eig = spectrum().eig
    gain, old, previous = np.ones_like(eig), None, None
    for now, after in zip(S[:-1], S[1:], strict=True):
        denoised = (1 - now) * eig / ((1 - now) ** 2 * eig + now**2) * gain
        h = np.inf if after == 0 else np.log(now / after)
        mixed = denoised if old is None or after == 0 else denoised + (denoised - old) * h / (2 * previous)
        gain, old, previous = after / now * gain + (1 - after / now) * mixed, denoised, h
    law = Law(run_table(make("comfy_dpmpp_2m"), flow_grid()), spectrum(), "exact")
    np.testing.assert_allclose(law.variance, gain**2, rtol=1e-12)

    variance, eta = np.ones_like(eig), 0.6
    for now, after in zip(S[:-1], S[1:], strict=True):
        pull = (1 - now) * eig / ((1 - now) ** 2 * eig + now**2)
        down = after * (1 + (after / now - 1) * eta)
        shrink = (1 - after) / (1 - down)
        step = shrink * (down / now + (1 - down / now) * pull)
        variance = step**2 * variance + after**2 - (shrink * down) ** 2
    law = Law(run_table(make("flow_ancestral"), flow_grid(), eta), spectrum(), "exact")
    np.testing.assert_allclose(law.variance, variance, rtol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("dpmpp_2m", "comfy_dpmpp_2m"), ("euler_ancestral", "flow_ancestral")],
)
def test_the_same_name_is_another_law_on_flow_models_only(ours: str, theirs: str) -> None:
    """Eqs. (200) and (201) against (13) and (15): far apart on flow, the same numbers elsewhere."""
    laws = [Law(run_table(make(name), flow_grid()), spectrum(), "exact").variance for name in (ours, theirs)]
    assert np.max(np.abs(laws[1] / laws[0] - 1)) > 0.02
    for process in ("ve", "vp_linear", "table") if ours == "dpmpp_2m" else ():
        grid = Grid.create(EXAMPLES[process], [9.0, 4.0, 1.0, 0.3, 0.0])
        a, b = (Law(run_table(make(name), grid), spectrum(), "exact").variance for name in (ours, theirs))
        np.testing.assert_allclose(a, b, rtol=1e-13)


def test_dpm_2_in_s_has_its_stage_at_the_geometric_mean_of_s() -> None:
    """One step from s = 0.8 to 0.2 by hand: the stage stands at s = 0.4."""
    now, after, eig = 0.8, 0.2, spectrum().eig
    grid = Grid.create(EXAMPLES["flow"], [now / (1 - now), after / (1 - after)])
    table = run_table(make("dpm_2", "time"), grid)
    np.testing.assert_allclose([table.level[1], table.alpha[1]], [0.4, 0.6], rtol=1e-14)

    def slope(s: float) -> np.ndarray:
        return (1 - (1 - s) * eig / ((1 - s) ** 2 * eig + s**2)) / s

    middle = 1 + (0.4 - now) * slope(now)
    gain = 1 + (after - now) * slope(0.4) * middle
    wish = gain**2 * ((1 - now) ** 2 * eig + now**2)
    np.testing.assert_allclose(Law(table, spectrum(), "exact").variance, wish, rtol=1e-12)
