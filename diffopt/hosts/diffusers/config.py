"""A scheduler's configuration (scheduler_config.json), as far as it changes a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.documents.model_shift import config_shift
from diffopt.documents.scheduler_config import ConfigFile, config_alphas
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.hosts.run import Run
from diffopt.processes import TrainedLevels

#: Flags that replace a user's values by a grid of the scheduler's own.
OWN_GRIDS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")


#: Keys by which a scheduler's configuration is recognized.
KNOWN = (
    "_class_name", "num_train_timesteps", "beta_start", "trained_betas", "shift", "flow_shift", "use_dynamic_shifting", "mu",
    "prediction_type", "timestep_spacing", "sigma_schedule", "sigma_max", *OWN_GRIDS,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Config:
    """Keys of a scheduler_config.json with diffusers' defaults for those that are missing."""

    values: Mapping[str, Any]

    def get(self, key: str, default: Any) -> Any:
        """A key, or diffusers' default; null counts as missing."""
        value = self.values.get(key)
        return default if value is None else value

    @property
    def scheduler(self) -> str | None:
        """Class name, where the file says it."""
        return self.values.get("_class_name")

    @property
    def own_grid(self) -> str | None:
        """Flag by which the scheduler makes its own grid, if any is set."""
        return next((flag for flag in OWN_GRIDS if self.values.get(flag)), None)

    @property
    def continuous(self) -> bool:
        """Whether the network is told log(sigma)/4 instead of an index (EulerDiscrete, Stable Video Diffusion)."""
        return self.get("timestep_type", "discrete") == "continuous" and self.get("prediction_type", "epsilon") == "v_prediction"

    def knows_shift(self, name: str = "shift") -> bool:
        """Whether the flow shift follows from the file: a static one, or a dynamic one with its `mu`."""
        if self.values.get("use_dynamic_shifting"):
            return self.values.get("mu") is not None
        return bool(self.values)

    def shift(self, name: str = "shift") -> tuple[float, str]:
        """Factor a of the flow shift s = a u/(1 + (a - 1) u), and where it comes from.

        A dynamic shift without `mu` is taken at its largest size, which the text says.
        """
        return config_shift(self.values, name)

    def alphas_cumprod(self) -> Array | None:
        """Trained levels, where the file determines them.

        Raises
        ------
        InputError
            Betas that are none, or a rule that is not known here.
        """
        table = config_alphas(self.values, "the model's scheduler config")
        if table is not None and self.values.get("rescale_betas_zero_snr"):
            # A last 0 is 2^-24 in EulerDiscreteScheduler and its relatives.
            return np.asarray(np.maximum(table, 2.0**-24))
        return table

    def levels(self, run: Run) -> Array | None:
        """Noise ratios of the model by index, shape (T,): the file's, else the schedule's own table."""
        table = self.alphas_cumprod()
        if table is not None:
            return np.asarray(np.sqrt((1 - table) / table))
        if isinstance(run.process, TrainedLevels):
            finite = run.process.log_sigma[np.isfinite(run.process.log_sigma)]
            return np.asarray(np.exp(finite))
        return None


def read_config(values: Mapping[str, Any]) -> Config:
    """Config of a mapping; a whole `model_index.json` or anything else is refused.

    Raises
    ------
    InputError
        Neither a class name nor a known key.
    """
    if str(values.get("_class_name", "")).endswith("Pipeline"):
        raise InputError(f"this is the index of {values['_class_name']}; give its scheduler/scheduler_config.json")
    if values and not any(key in values for key in KNOWN):
        raise InputError("this is not a scheduler_config.json of diffusers: it has neither _class_name nor num_train_timesteps")
    return Config(values)


def load_config(config: str | ConfigFile) -> dict[str, Any]:
    """Keys of a scheduler_config.json, of the folder that holds it, or of a pipeline's folder.

    Raises
    ------
    InputError
        Missing, no JSON, or no such configuration.
    """
    found = ConfigFile(config) if isinstance(config, str) else config
    return dict(read_config(found.keys).values)


def matching_levels(levels: Array | None, run: Run) -> str | None:
    """A sentence where the model's table is not the one the grid was made for."""
    if levels is None or not isinstance(run.process, TrainedLevels):
        return None
    own = np.exp(run.process.log_sigma[np.isfinite(run.process.log_sigma)])
    if np.allclose(own, levels[: own.size], rtol=1e-3):
        return None
    return (
        f"the grid was made for {own.size} levels from {own[0]:.4g} to {own[-1]:.4g}, "
        f"this model has {levels.size} from {levels[0]:.4g} to {levels[-1]:.4g}"
    )
