"""Rules by which models' noise tables are made, as diffusers names them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name
from diffopt.foundation.nearby import file_hint

#: Most levels of a table.
LEVELS = 1_000_000
ZERO_SNR = "zero_snr"
EXAMPLE = "scaled_linear:0.00085,0.012,1000"
#: Tables by the models that were trained on them: Stable Diffusion 1 and 2 and SDXL (configs/sd15.toml, configs/sdxl.toml).
NAMED: dict[str, str] = {"sd": EXAMPLE, "sd15": EXAMPLE, "sdxl": EXAMPLE}


def spelled_out(rule: str) -> str:
    """The rule that a table's name stands for; other texts as they are."""
    name, colon, rest = rule.strip().partition(":")
    return f"{NAMED[name]}{colon}{rest}" if name in NAMED else rule


def linear(start: float, end: float, count: int) -> Array:
    """beta_j equally spaced. Reference: Ho et al. (2020), arXiv:2006.11239."""
    return np.linspace(start, end, count)


def scaled_linear(start: float, end: float, count: int) -> Array:
    """sqrt(beta_j) equally spaced. Reference: Rombach et al. (2022), arXiv:2112.10752."""
    return np.linspace(start**0.5, end**0.5, count) ** 2


def sigmoid(start: float, end: float, count: int) -> Array:
    """start + (end - start)/(1 + exp(-x_j)), x_j from -6 to 6. Reference: Xu et al. (2022), GeoDiff, arXiv:2203.02923."""
    return start + (end - start) / (1 + np.exp(-np.linspace(-6, 6, count)))


def squaredcos_cap_v2(count: int) -> Array:
    """1 - f((j+1)/T)/f(j/T), at most 0.999, f(t) = cos(pi/2 (t + 0.008)/1.008)^2; Nichol and Dhariwal (2021), eq. 17."""
    f = np.cos((np.arange(count + 1) / count + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - f[1:] / f[:-1], 0.999)


#: Rules with a start and an end.
RANGED: dict[str, Callable[[float, float, int], Array]] = {"linear": linear, "scaled_linear": scaled_linear, "sigmoid": sigmoid}
KINDS = (*RANGED, "squaredcos_cap_v2")


def betas_of(kind: str, start: float, end: float, count: int) -> Array:
    """Betas of a rule by name.

    Raises
    ------
    InputError
        An unknown rule, or numbers out of range.
    """
    check_name(kind, KINDS, "betas kind")
    if not 2 <= count <= LEVELS:
        raise InputError(f"betas need COUNT from 2 to {LEVELS}, got {count:g}")
    if kind not in RANGED:
        return squaredcos_cap_v2(count)
    if not (0 < start < 1 and 0 < end < 1):
        raise InputError(f"betas of {kind!r}: START and END must lie in (0, 1), got {start:g} and {end:g}")
    return RANGED[kind](start, end, count)


def cumulated(betas: Array) -> Array:
    """alphas_cumprod_j = prod_(i <= j) (1 - beta_i).

    Raises
    ------
    InputError
        Betas outside (0, 1), a last 1 excepted.
    """
    if not (np.all(betas > 0) and np.all(betas[:-1] < 1) and betas[-1] <= 1):
        raise InputError("betas must lie in (0, 1)")
    return np.asarray(np.cumprod(1 - betas), dtype=np.float64)


def zero_terminal_snr(alphas_cumprod: Array) -> Array:
    """Shift and stretch sqrt(alphas_cumprod) so that the last is 0 and the first stays.

    s_j -> (s_j - s_(T-1)) s_0/(s_0 - s_(T-1)). Reference: Lin et al. (2024), arXiv:2305.08891, alg. 1.
    """
    root = np.sqrt(alphas_cumprod)
    moved = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    return np.asarray(moved**2)


def alphas_from_betas(rule: str) -> Array:
    """alphas_cumprod of `KIND:START,END,COUNT[:zero_snr]`, or of `squaredcos_cap_v2[:COUNT][:zero_snr]`.

    Raises
    ------
    InputError
        When the rule cannot be read.
    """
    kind, *rest = rule.strip().split(":")
    zero = bool(rest) and rest[-1].strip() == ZERO_SNR
    rest = rest[:-1] if zero else rest
    if kind not in KINDS:
        known = f"{', '.join(KINDS)}, e.g. {EXAMPLE}, {' or '.join(NAMED)}"
        raise InputError(f"betas kind {kind[:60]!r} is unknown; use {known}, or a file{file_hint(kind)}")
    try:
        numbers = [float(part) for part in rest[0].split(",")] if rest else []
        if kind not in RANGED:
            numbers = [0.5, 0.5, *(numbers or [1000.0])]
        start, end, count = numbers
        if len(rest) > 1 or "_" in (rest or [""])[0] or not float(count).is_integer():
            raise ValueError
    except ValueError:
        form = "KIND:START,END,COUNT" if kind in RANGED else f"{kind}:COUNT"
        raise InputError(f"betas {rule[:80]!r} is not {form}, e.g. {EXAMPLE}; :{ZERO_SNR} may follow") from None
    table = cumulated(betas_of(kind, start, end, int(count)))
    return zero_terminal_snr(table) if zero else table
