"""The forward process of a model's `scheduler_config.json`, as diffusers writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.documents.model_shift import config_shift
from diffopt.errors import InputError
from diffopt.foundation.encoding import read_bytes
from diffopt.foundation.notes import note
from diffopt.foundation.paths import is_folder
from diffopt.foundation.strict_json import is_number, numbers, parse
from diffopt.processes import Flow, Process, TrainedLevels
from diffopt.processes.beta_rules import ZERO_SNR, betas_of, cumulated, zero_terminal_snr
from diffopt.processes.flow import TRAINED

NAMES = ("scheduler_config.json", "scheduler/scheduler_config.json")
#: Most levels of a flow model's table.
MOST_LEVELS = 1_000_000
#: Defaults of most classes where a config leaves a key out, and those of the others.
DEFAULTS: dict[str, Any] = {"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 0.02, "num_train_timesteps": 1000}
_LATENT: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012}
_SCALED: dict[str, Any] = {**_LATENT, "beta_schedule": "scaled_linear"}
_COGVIDEOX: dict[str, Any] = {**_SCALED, "snr_shift_scale": 3.0}
CLASS_DEFAULTS: dict[str, dict[str, Any]] = {
    "LCMScheduler": _SCALED, "TCDScheduler": _SCALED, "CogVideoXDDIMScheduler": _COGVIDEOX,
    "CogVideoXDPMScheduler": _COGVIDEOX,
    "HeunDiscreteScheduler": _LATENT, "KDPM2DiscreteScheduler": _LATENT, "KDPM2AncestralDiscreteScheduler": _LATENT,
    "DPMSolverSDEScheduler": _LATENT, "UnCLIPScheduler": {"beta_schedule": "squaredcos_cap_v2"},
}  # fmt: skip
#: Classes that have betas, whatever their config says.
WITH_BETAS = {
    *CLASS_DEFAULTS, "DDIMScheduler", "DDIMInverseScheduler", "DDIMParallelScheduler", "DDPMScheduler", "DDPMParallelScheduler",
    "DEISMultistepScheduler", "DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler", "DPMSolverSinglestepScheduler",
    "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "LMSDiscreteScheduler", "PNDMScheduler", "RePaintScheduler",
    "SASolverScheduler", "UniPCMultistepScheduler",
}  # fmt: skip
BETA_KEYS = {"beta_schedule", "trained_betas", "beta_start", "beta_end"}
#: Settings of the host's own default grid; they say nothing about the process.
GRID_KEYS = (
    "timestep_spacing", "steps_offset", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas",
    "final_sigmas_type", "set_alpha_to_one", "interpolation_type", "shift", "flow_shift", "shift_terminal",
)  # fmt: skip
#: Classes of exploding variance, and their ends where the config leaves them out.
EXPLODING = {
    "EDMEulerScheduler": (80.0, 0.002), "EDMDPMSolverMultistepScheduler": (80.0, 0.002), "KarrasVeScheduler": (100.0, 0.02),
    "ScoreSdeVeScheduler": (1348.0, 0.01), "CMStochasticIterativeScheduler": (80.0, 0.002),
    "CosineDPMSolverMultistepScheduler": (500.0, 0.3),
}  # fmt: skip

_NO_CONFIG = "{file}: no scheduler config (no _class_name, no beta_schedule)"


@dataclass(frozen=True, eq=False)
class ConfigFile:
    """A config that an argument names: read and parsed once, when it is first asked for.

    Attributes
    ----------
    name : str
        The file, a folder that holds it (a pipeline's, or its `scheduler`), or `-` for standard input.
    """

    name: str

    def __str__(self) -> str:
        return self.name

    @cached_property
    def file(self) -> str:
        """The file that the name stands for.

        Raises
        ------
        InputError
            A folder without one.
        """
        return str(_find(self.name))

    @cached_property
    def keys(self) -> dict[str, Any]:
        """What stands in it.

        Raises
        ------
        InputError
            Missing, no JSON, or JSON that is no object.
        """
        config = parse(read_bytes(Path(self.file)), self.file)
        if not isinstance(config, dict):
            raise InputError(_NO_CONFIG.format(file=self.file))
        return config


def config_process(config: str | ConfigFile) -> Process:
    """Process of a config: `table` for models with betas, `flow` for flow matching.

    Raises
    ------
    InputError
        Unreadable, no such config, or a kind that is none of the processes; the message says what to use.
    """
    found = ConfigFile(config) if isinstance(config, str) else config
    return process_of(found.keys, found.file, found.name)


def process_of(config: Mapping[str, Any], file: str, given: str) -> Process:
    """The same of the keys of `file`, which was given as `given`."""
    if not {"_class_name", "beta_schedule", "trained_betas", "num_train_timesteps"} & set(config):
        raise InputError(_NO_CONFIG.format(file=file))
    _refuse_others(str(config.get("_class_name") or ""), config, file)
    return _flow(config, file) if says_flow(config) else _table(config, file, given)


def config_alphas(config: Mapping[str, Any], source: str) -> np.ndarray | None:
    """alphas_cumprod of a config's betas, shape (T,), shifted and rescaled as it says; None where it names no betas.

    Parameters
    ----------
    config : mapping
        Keys of a scheduler_config.json; for those that are missing its class's defaults count.
    source : str
        Where it is from, for messages.

    Raises
    ------
    InputError
        Betas that are none, or a rule that is not known here.
    """
    return _alphas(config, source)[1] if any(config.get(key) is not None for key in BETA_KEYS) else None


def says_flow(config: Mapping[str, Any]) -> bool:
    """Whether a config names a flow model, by its class or its settings."""
    name = str(config.get("_class_name") or "")
    return bool(
        name.startswith("FlowMatch") or config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction"
    )


def _refuse_others(name: str, config: Mapping[str, Any], file: str) -> None:
    """Refuse classes that have no betas and are no flow, with the flags that say the same."""
    def end(key: str, default: float) -> str:
        value = config.get(key)
        return f"{value if is_number(value) else default:g}"

    if name in EXPLODING:
        top, bottom = EXPLODING[name]
        ends = f"--sigma-max {end('sigma_max', top)} --sigma-min {end('sigma_min', bottom)}"
        raise InputError(f"{file}: {name} is variance exploding; use --process ve {ends}")
    if name == "ScoreSdeVpScheduler":
        flags = f"--beta-min {end('beta_min', 0.1)} --beta-max {end('beta_max', 20)}"
        raise InputError(f"{file}: {name} has continuous time; use --process vp_linear {flags}")
    if config.get("invert_sigmas"):
        raise InputError(f"{file}: invert_sigmas is set: time runs the other way; use --process flow and turn the grid by hand")
    if not says_flow(config) and name and name not in WITH_BETAS and not any(config.get(key) is not None for key in BETA_KEYS):
        if name.endswith("Pipeline"):
            whole = f"{file} is of a whole model ({name[:60]})"
            raise InputError(f"{whole}; give scheduler/scheduler_config.json beside it, or the folder")
        raise InputError(
            f"{file}: {name[:60]} has no betas and is no known class; say the process by its flags "
            "(--process flow, ve, vp_linear, or table with --betas)"
        )


def configured(path: str | ConfigFile, process: str | None) -> Process:
    """Process of a config beside one that may be named: another name contradicts it.

    Raises
    ------
    InputError
        Naming both.
    """
    found = config_process(path)
    if process not in (None, found.name):
        raise InputError(f"--scheduler-config {path} is process {found.name!r} and --process {process!r}; leave one out")
    return found


def _find(path: str) -> Path:
    if not is_folder(path):
        return Path(path)
    found = next((Path(path) / name for name in NAMES if (Path(path) / name).is_file()), None)
    if found is None:
        raise InputError(f"{path}: no scheduler_config.json in this folder or in its folder `scheduler`")
    return found


def _flow(config: Mapping[str, Any], file: str) -> Process:
    """Straight path; a shift moves the host's grid, not the process (theory.md, eqs. 420 to 422)."""
    key = next((k for k in ("shift", "flow_shift") if is_number(config.get(k))), "shift")
    shift, text = config_shift(config, key)
    count: Any = config.get("num_train_timesteps")
    count = TRAINED if count is None else count
    if not (is_number(count) and float(count).is_integer() and 2 <= count <= MOST_LEVELS):
        raise InputError(f"{file}: num_train_timesteps must be a whole number from 2 to {MOST_LEVELS}, got {str(count)[:40]}")
    made = Flow(shift, int(count))
    moved = f"shift {shift:.4g}: {text}" if config.get("use_dynamic_shifting") else text
    if str(config.get("_class_name")) == "FlowMatchEulerDiscreteScheduler" and not config.get("use_dynamic_shifting"):
        moved += f"; its set_timesteps(N) shifts twice, from 1 to {made.ends[1]:.4g}"
        moved += "; pipelines that pass the times 1 - i/N (Flux) shift once"
    note(f"note: {file}: process flow, {moved}")
    return made


def _table(config: Mapping[str, Any], file: str, given: str) -> Process:
    _note_defaults(config, file)
    rule, alphas = _alphas(config, file)
    zero = bool(config.get("rescale_betas_zero_snr"))
    made = TrainedLevels(alphas, ("scheduler_config", given) if rule is None else ("betas", rule + f":{ZERO_SNR}" * zero))
    top = "pure noise (rescale_betas_zero_snr)" if zero else f"sigma {made.sigma_limits[0]:.6g}"
    how = f"beta_schedule {rule}" if rule else "its own betas" if config.get("trained_betas") is not None else "shifted betas"
    left = [key for key in GRID_KEYS if config.get(key)]
    steers = f"; {', '.join(left)} steer the host's own grid and are not used" if left else ""
    note(f"note: {file}: process table, {how}, {made.log_sigma.size} levels up to {top}{steers}")
    return made


def _alphas(config: Mapping[str, Any], file: str) -> tuple[str | None, np.ndarray]:
    """Rule, where it gives the whole table but for the rescaling, and alphas_cumprod."""
    count = _number(config, "num_train_timesteps", file)
    if not float(count).is_integer():
        raise InputError(f"{file}: num_train_timesteps must be a whole number, got {count:g}")
    rule, betas = _betas(config, int(count), file)
    alphas = cumulated(betas)
    scale = _value(config, "snr_shift_scale")
    if scale is not None:
        if not is_number(scale) or scale <= 0:
            raise InputError(f"{file}: snr_shift_scale must be a positive number, got {scale!r}")
        # sigma -> sqrt(scale) sigma (CogVideoX).
        alphas, rule = alphas / (scale + (1 - scale) * alphas), None
    return rule, zero_terminal_snr(alphas) if config.get("rescale_betas_zero_snr") else alphas


def _betas(config: Mapping[str, Any], count: int, file: str) -> tuple[str | None, np.ndarray]:
    """Rule, where the betas have one, and betas."""
    trained = config.get("trained_betas")
    if isinstance(trained, np.ndarray):  # of a scheduler in memory
        trained = trained.tolist()
    if trained is not None:
        return None, np.array(numbers(trained, f"{file}: trained_betas"), dtype=np.float64)
    kind = _value(config, "beta_schedule")
    start, end = _number(config, "beta_start", file), _number(config, "beta_end", file)
    betas = betas_of(str(kind), start, end, count)
    if kind == "squaredcos_cap_v2":
        return f"{kind}:{count}", betas
    return f"{kind}:{start!r},{end!r},{count}", betas


def _value(config: Mapping[str, Any], key: str) -> Any:
    """A key, or what the config's class takes for it where it is missing; None where the class has no such key."""
    value = config.get(key)
    if value is not None:
        return value
    return {**DEFAULTS, **CLASS_DEFAULTS.get(str(config.get("_class_name")), {})}.get(key)


def _number(config: Mapping[str, Any], key: str, file: str) -> float:
    value = _value(config, key)
    if not is_number(value):
        raise InputError(f"{file}: {key} must be a number, got {str(value)[:40]!r}")
    return float(value)


def _note_defaults(config: Mapping[str, Any], file: str) -> None:
    """Say which numbers of a rule of betas are the class's own; `squaredcos_cap_v2` has none."""
    if config.get("trained_betas") is not None or config.get("beta_schedule") == "squaredcos_cap_v2":
        return
    for key in ("num_train_timesteps", "beta_start", "beta_end"):
        if config.get(key) is None:
            note(f"note: {file}: no {key}; {_value(config, key):g} is assumed, as diffusers does")
