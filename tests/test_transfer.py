"""The short version of benchmarks/transfer.py: default grids on data that are not Gaussian."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def transfer() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "transfer.py"
    spec = importlib.util.spec_from_file_location("transfer", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["transfer"] = module
    spec.loader.exec_module(module)
    return module


def test_mixture_denoiser_is_the_posterior_mean(transfer: ModuleType) -> None:
    """Against the posterior mean by summing over components with scipy's densities."""
    from scipy.stats import multivariate_normal

    target = transfer.mixture("m", np.random.default_rng(1), 3, 2, 1.0, 2.0, 0.4, 0.3)
    alpha, level, z = 0.8, 0.7, np.array([[0.3, -1.0], [2.0, 0.5]])
    for point, ours in zip(z, target.denoise(z, alpha, level), strict=True):
        shares, means = [], []
        for p, mean, var in zip(target.weight, target.mean, target.var, strict=True):
            total = alpha**2 * var + level**2
            shares.append(p * multivariate_normal(alpha * mean, np.diag(total)).pdf(point))
            means.append(mean + alpha * var / total * (point - alpha * mean))
        np.testing.assert_allclose(ours, np.average(means, axis=0, weights=shares), rtol=1e-12)


def test_default_grids_beat_the_best_fixed_schedule(transfer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Euler and Heun, two targets: every cell is won, in the geometric mean by half."""
    monkeypatch.setattr(transfer, "SOLVER_NAMES", ("euler", "heun"))
    monkeypatch.setattr(transfer, "STEPS", (5, 8))
    chosen = [target for target in transfer.targets(0) if target.name in ("decay-1", "decay-2")]
    result = transfer.summary(transfer.cells(400, chosen))
    assert result["won"] == 1.0
    assert result["geometric_mean"] > 1.5
