"""Names of models' noise tables stand for the rule that their model has; a scheduler's config is no spectrum."""

from __future__ import annotations

import numpy as np
import pytest

import diffopt
from diffopt.errors import InputError
from diffopt.processes.beta_rules import NAMED


def test_every_name_is_scaled_linear():
    """Stable Diffusion 1.5 and XL: betas (0.00085^1/2 .. 0.012^1/2)^2, 1000 of them (their scheduler_config.json)."""
    alphas = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    for name in NAMED:
        found = diffopt.optimize([4.0, 1.0], "euler", 4, process="table", betas=name, objective="frechet")
        assert found.sigmas[0] == pytest.approx(np.sqrt(1 / alphas[-1] - 1), rel=1e-6)


def test_a_schedulers_config_is_no_spectrum(tmp_path):
    (tmp_path / "scheduler_config.json").write_text('{"_class_name": "EulerDiscreteScheduler", "beta_end": 0.012}')
    with pytest.raises(InputError, match="the config of a scheduler holds no spectrum; give it as scheduler_config="):
        diffopt.optimize(str(tmp_path / "scheduler_config.json"))
