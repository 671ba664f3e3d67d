"""The shift of a flow model as people say it: a factor, a mu, or a model's name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from diffopt.documents.values import number
from diffopt.errors import InputError
from diffopt.foundation.names import suggestion

#: Levels from which ComfyUI's schedules pick where the shift is a factor (ModelSamplingDiscreteFlow), a mu (ModelSamplingFlux).
BY_FACTOR, BY_MU = 1000, 10000
#: Shifts of these models in ComfyUI (comfy/supported_models.py), the same in diffusers at 1024 x 1024.
MODELS: dict[str, str] = {"sd3": "3", "flux": "mu:1.15", "flux_schnell": "1"}


def model_shift(given: Any) -> dict[str, Any]:
    """Options of `flow` that a shift stands for: `3`, `mu:1.15` (a factor of exp(1.15)) or `sd3`.

    Raises
    ------
    InputError
        Anything else.
    """
    text = str(given).strip().lower()
    text = MODELS.get(text.replace("-", "_"), text)
    by_mu = text.startswith("mu:")
    try:
        value = number(text.removeprefix("mu:"), "shift")
    except InputError:
        hint = suggestion(text, MODELS)
        raise InputError(f"shift {given!r} is no factor such as 3, no mu:1.15 (its logarithm) and no model; {hint}") from None
    if by_mu and abs(value) > 10:
        raise InputError(f"shift {given!r}: mu is the logarithm of the factor and lies within 10 of 0")
    factor = math.exp(value) if by_mu else value
    return {"model_shift": factor, "trained_levels": BY_MU if by_mu else BY_FACTOR}


def config_shift(config: Mapping[str, Any], key: str = "shift") -> tuple[float, str]:
    """Factor a of a scheduler's configuration, s = a u/(1 + (a - 1) u), and where it comes from.

    A dynamic shift without `mu` is taken at its largest size, which the text says.
    """
    def value(name: str, default: float) -> float:
        found = config.get(name)
        return float(default if found is None else found)

    if not config.get("use_dynamic_shifting"):
        return value(key, 1.0), f"{key} {value(key, 1.0):g}"
    given = config.get("mu") is not None
    mu, kind = value("mu", value("max_shift", 1.15)), str(config.get("time_shift_type") or "exponential")
    tokens = int(value("max_image_seq_len", 4096))
    said = "" if given else f" assumed, that of {tokens} tokens; add \"mu\" to the config for another size"
    return math.exp(mu) if kind == "exponential" else mu, f"dynamic {kind} shift, mu {mu:g}{said}"
