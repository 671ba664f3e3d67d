"""Hosts that tell the network another level than the state's: the nearest trained one, or the end of the table."""

from __future__ import annotations

from typing import cast, get_args

import numpy as np

from diffopt.hosts.base import HostQuery
from diffopt.hosts.diffusers.config import Config, read_config
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.solvers.conditioning import Prediction, told, told_nearest
from diffopt.solvers.model_error import ModelError

#: Largest relative step to a trained level that counts as none: single precision of its logarithm.
SAME = 1e-6


def nearest_level(run: Run, target: HostQuery, title: str) -> tuple[ModelError | None, list[Finding]]:
    """What the network is off by, and a finding with the size; nothing where every sigma is a trained level."""
    config = read_config(target.config)
    levels = None if run.flow or config.continuous else config.levels(run)
    if levels is None:
        return None, []
    sigmas = run.grid.sigmas[:-1]
    gap = np.min(np.abs(np.log(sigmas)[:, None] - np.log(levels)), axis=1)
    worst = int(np.argmax(gap))
    if gap[worst] < SAME:
        return None, []
    kind = str(config.get("prediction_type", "epsilon"))
    message = (
        f"{title} tells the network the nearest trained level: sigma {sigmas[worst]:.6g} is taken for one "
        f"{100 * np.expm1(gap[worst]):.2g} % away; "
    )
    repair = "optimize with --timesteps integer: every sigma is then a trained level"
    if kind not in get_args(Prediction):
        return None, [Finding("conditioning", f"{message}the error there leaves it out for {kind} prediction", repair)]
    message += f"the error there includes it, for {kind.replace('_', ' ')}"
    return told_nearest(levels, cast(Prediction, kind)), [Finding("conditioning", message, repair)]


def clipped_level(run: Run, config: Config) -> ModelError | None:
    """What the network is off by where sigmas lie outside the trained table, whose ends it is told then."""
    levels = None if run.flow or config.continuous else config.levels(run)
    kind = str(config.get("prediction_type", "epsilon"))
    if levels is None or kind not in get_args(Prediction):
        return None
    low, high, sigmas = float(levels[0]), float(levels[-1]), run.grid.sigmas[:-1]
    if np.all((sigmas <= high * (1 + SAME)) & (sigmas >= low * (1 - SAME))):
        return None
    return told(lambda sigma: np.clip(np.asarray(sigma).real, low, high), cast(Prediction, kind))
