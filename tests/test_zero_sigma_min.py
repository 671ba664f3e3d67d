"""A lower end of 0: every schedule has the steps that were asked for, or says that it has none; the search runs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.processes import VE, Flow, VPLinear
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES

SPECTRUM = Spectrum.create([4.0, 1.0, 0.25, 0.01])


@pytest.mark.quiet_floats
@pytest.mark.parametrize("name", SCHEDULES)
def test_the_number_of_steps_is_the_one_asked_for(name):
    for process in (VE(), Flow(), VPLinear()):
        for steps in (1, 2, 3, 5):
            try:
                grid = SCHEDULES[name]().grid(Span(process, steps, float(process.default_sigma_max), 0.0, "zero", SPECTRUM))
            except UnsupportedError:
                continue
            assert grid.steps == steps
            assert grid.sigmas[-1] == 0
            assert np.all(np.diff(grid.sigmas) < 0)


@pytest.mark.quiet_floats
@pytest.mark.parametrize("flag", ["--sigma-min", "--t-min"])
@pytest.mark.parametrize("rest", ["", "-s heun", "--process flow", "-s ddim"])
def test_the_search_from_zero_is_as_good_as_from_above(flag, rest, tmp_path, capsys):
    """What may stop anywhere is not worse than what may not stop below 0.05."""
    (tmp_path / "e.txt").write_text("4 1 0.25 0.01")
    values = []
    for low in ((flag, "0"), ("--sigma-min", "0.05")):
        assert main(["optimize", str(tmp_path / "e.txt"), "-n", "3", *rest.split(), *low, "-q"]) in (0, 3)
        values.append(json.loads(capsys.readouterr().out)["objective"]["value"])
    assert values[0] <= values[1] * (1 + 1e-6)
