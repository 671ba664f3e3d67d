"""Samplers as their sources write them, without the package; nothing here comes from diffopt.

A function `NAME(run, x)` is the loop of the solver NAME: there is no list to add it to. It returns x after the last step.

* `x`: the start, in k-diffusion's coordinates x = z/alpha = x_0 + sigma n, an array (samples, 2).
* `run.steps`: the numbers of the steps; `run.pair(k)`: noise ratios before and after step k; `run.sigmas`: all of them.
* `run.denoised(x, sigma)`: the model's output D there.
* `run.eta[k]`, `run.noises[k][s]`: eta of step k, and the normal numbers that source s draws in it.
* `run.options`: the options that a test sets, e.g. `run.options.get("order", 4)`; `run.clock`: None, or one of the four clocks.

With `uses_clock` all four clocks are tried: `in_clock(run, x, advance)` of oracle_run.py steps in the clock's coordinate, and
`euler_last(run, k)` says where a Runge-Kutta scheme ends with Euler's step (every clock but `time` on a VP process).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from oracle_run import Clock, in_clock
from scipy.integrate import quad

Array = np.ndarray
#: Schemes whose steps are maps have no loop here: tests/test_maps.py holds their laws against their own steps, drawn many times.
#: Those that draw a random fraction of the step, and those that use the model's Jacobian.
RANDOM = ("randomized_midpoint", "randomized_exponential_midpoint")
LINEARIZED = ("local_linearization", "local_linearization_time")
#: (clock readings, step, order) -> weights of the last slopes, newest first.
Weights = Callable[[list[float], int, int], list[float]]


def _multistep(run: Any, x: Array, most: int, euler_at_final: bool, weights: Weights) -> Array:
    """y' = y + h sum w_j K_{k-j}; `weights(readings, k, order)` are per unit of h."""
    clock, kept = Clock(run), []
    u, y = [clock.reading(s) for s in run.sigmas], clock.enter(x, run.sigmas[0])
    for k in run.steps:
        kept.insert(0, clock.rate(y, u[k]))
        order = min(most, k + 1)
        if run.sigmas[k + 1] == 0 and euler_at_final:
            order = 1
        y = y + (u[k + 1] - u[k]) * sum(w * d for w, d in zip(weights(u, k, order), kept, strict=False))
    return clock.leave(y, run.sigmas[-1])


def _equal_steps(u: list[float], k: int, order: int) -> list[float]:
    if order == 1:
        return [1.0]
    if order == 2:
        return [3 / 2, -1 / 2]
    if order == 3:
        return [23 / 12, -16 / 12, 5 / 12]
    return [55 / 24, -59 / 24, 37 / 24, -9 / 24]


def ipndm(run: Any, x: Array) -> Array:
    """ComfyUI, sample_ipndm; diff-sampler, ipndm_sampler."""
    most = int(run.options.get("order", 4))
    return _multistep(run, x, most, bool(run.options.get("euler_at_final", True)), _equal_steps)


def _printed(t: list[float], i: int, order: int) -> list[float]:
    """Coefficients as printed in ipndm_v_sampler, parentheses included."""
    if order == 1:
        return [1.0]
    h_n, h_n_1 = t[i + 1] - t[i], t[i] - t[i - 1]
    first, second = (2 + (h_n / h_n_1)) / 2, -(h_n / h_n_1) / 2
    if order == 2:
        return [first, second]
    h_n_2 = t[i - 1] - t[i - 2]
    temp1 = (1 - h_n / (3 * (h_n + h_n_1)) * (h_n * (h_n + h_n_1)) / (h_n_1 * (h_n_1 + h_n_2))) / 2
    if order == 3:
        return [first + temp1, second - (1 + h_n_1 / h_n_2) * temp1, temp1 * h_n_1 / h_n_2]
    h_n_3 = t[i - 2] - t[i - 3]
    temp2 = (
        ((1 - h_n / (3 * (h_n + h_n_1))) / 2 + (1 - h_n / (2 * (h_n + h_n_1))) * h_n / (6 * (h_n + h_n_1 + h_n_2)))
        * (h_n * (h_n + h_n_1) * (h_n + h_n_1 + h_n_2))
        / (h_n_1 * (h_n_1 + h_n_2) * (h_n_1 + h_n_2 + h_n_3))
    )
    q = h_n_1 * (h_n_1 + h_n_2) / (h_n_2 * (h_n_2 + h_n_3))
    return [
        first + temp1 + temp2,
        second - (1 + h_n_1 / h_n_2) * temp1 - (1 + (h_n_1 / h_n_2) + q) * temp2,
        temp1 * h_n_1 / h_n_2 + ((h_n_1 / h_n_2) + q * (1 + h_n_2 / h_n_3)) * temp2,
        -temp2 * q * h_n_1 / h_n_2,
    ]


def ipndm_v(run: Any, x: Array) -> Array:
    """ComfyUI, sample_ipndm_v; diff-sampler, ipndm_v_sampler."""
    most = int(run.options.get("order", 4))
    return _multistep(run, x, most, bool(run.options.get("euler_at_final", True)), _printed)


def _integrals(t: list[float], i: int, order: int, curve: Callable[[float], float]) -> list[float]:
    """linear_multistep_coeff with a polynomial in curve(t), per unit of the step."""
    value = [curve(t[i - k]) for k in range(order)]

    def fn(tau: float, j: int) -> float:
        return math.prod((curve(tau) - value[k]) / (value[j] - value[k]) for k in range(order) if k != j)

    exact = {"epsabs": 0, "epsrel": 1e-13, "limit": 200}
    return [quad(fn, t[i], t[i + 1], (j,), **exact)[0] / (t[i + 1] - t[i]) for j in range(order)]


def lms(run: Any, x: Array) -> Array:
    """k-diffusion, sample_lms, with the integrals taken to rounding."""
    most = int(run.options.get("order", 4))
    final = bool(run.options.get("euler_at_final", False))
    return _multistep(run, x, most, final, lambda t, i, p: _integrals(t, i, p, lambda tau: tau))


def edm2t(sigma: float, epsilon_s: float = 1e-3, sigma_min: float = 0.002, sigma_max: float = 80.0) -> float:
    """diff-sampler, edm2t: time of the linear VP process through (1e-3, 0.002) and (1, 80)."""
    beta_d = 2 * (math.log(sigma_min**2 + 1) / epsilon_s - math.log(sigma_max**2 + 1)) / (epsilon_s - 1)
    beta_min = math.log(sigma_max**2 + 1) - 0.5 * beta_d
    return (math.sqrt(beta_min**2 + 2 * beta_d * math.log(sigma**2 + 1)) - beta_min) / beta_d


def deis(run: Any, x: Array) -> Array:
    """ComfyUI, sample_deis; diffusers, DEISMultistepScheduler (logrho); integrals to rounding."""
    most, count = int(run.options.get("order", 3)), len(run.sigmas) - 1
    curve = {"tab": edm2t, "logrho": math.log, "rhoab": float}[run.options.get("variant", "tab")]

    def weights(t: list[float], i: int, order: int) -> list[float]:
        if run.options.get("lower_order_final") and count < 15:
            order = min(order, count - i)
        return _integrals(t, i, order, curve)

    return _multistep(run, x, most, True, weights)


def dpm_2(run: Any, x: Array) -> Array:
    """k-diffusion, sample_dpm_2 without churn; its last step to 0 is Euler's in every clock."""

    def advance(c: Clock, y: Array, u: float, v: float, k: int) -> Array:
        d = c.rate(y, u)
        if run.sigmas[k + 1] == 0:
            return y + d * (v - u)
        middle = (u + v) / 2 if run.clock == "logsnr" else math.exp(0.5 * (math.log(u) + math.log(v)))
        return y + c.rate(y + d * (middle - u), middle) * (v - u)

    return in_clock(run, x, advance)


def _split(sigma: float, after: float, eta: float) -> tuple[float, float]:
    up = min(after, eta * (after**2 * (sigma**2 - after**2) / sigma**2) ** 0.5)
    return (after**2 - up**2) ** 0.5, up


def dpm_2_ancestral(run: Any, x: Array) -> Array:
    """k-diffusion, sample_dpm_2_ancestral."""
    for k in run.steps:
        sigma, after = run.pair(k)
        down, up = _split(sigma, after, run.eta[k])
        d = (x - run.denoised(x, sigma)) / sigma
        if down == 0:
            x = x + d * (down - sigma)
            continue
        middle = math.exp(0.5 * (math.log(sigma) + math.log(down)))
        x_2 = x + d * (middle - sigma)
        x = x + (x_2 - run.denoised(x_2, middle)) / middle * (down - sigma) + up * run.noises[k][0]
    return x


def dpmpp_2s_ancestral(run: Any, x: Array) -> Array:
    """k-diffusion, sample_dpmpp_2s_ancestral."""
    for k in run.steps:
        sigma, after = run.pair(k)
        down, up = _split(sigma, after, run.eta[k])
        denoised = run.denoised(x, sigma)
        if down == 0:
            x = x + (x - denoised) / sigma * (down - sigma)
        else:
            t, t_next = -math.log(sigma), -math.log(down)
            h = t_next - t
            x_2 = math.exp(-(t + h / 2)) / sigma * x - math.expm1(-h / 2) * denoised
            x = down / sigma * x - math.expm1(-h) * run.denoised(x_2, math.exp(-(t + h / 2)))
        if after > 0:
            x = x + run.noises[k][0] * up
    return x


def dpmpp_3m_sde(run: Any, x: Array) -> Array:
    """k-diffusion, sample_dpmpp_3m_sde."""
    denoised_1 = denoised_2 = h_1 = h_2 = None
    for k in run.steps:
        sigma, after = run.pair(k)
        denoised = run.denoised(x, sigma)
        if after == 0:
            return denoised
        eta, h = run.eta[k], math.log(sigma / after)
        h_eta = h * (eta + 1)
        x = math.exp(-h_eta) * x - math.expm1(-h_eta) * denoised
        phi_2 = math.expm1(-h_eta) / h_eta + 1
        if h_2 is not None:
            r0, r1 = h_1 / h, h_2 / h
            d1_0, d1_1 = (denoised - denoised_1) / r0, (denoised_1 - denoised_2) / r1
            d1 = d1_0 + (d1_0 - d1_1) * r0 / (r0 + r1)
            x = x + phi_2 * d1 - (phi_2 / h_eta - 0.5) * (d1_0 - d1_1) / (r0 + r1)
        elif h_1 is not None:
            x = x + phi_2 * (denoised - denoised_1) / (h_1 / h)
        if eta:
            x = x + run.noises[k][0] * after * math.sqrt(-math.expm1(-2 * h * eta))
        denoised_1, denoised_2, h_1, h_2 = denoised, denoised_1, h, h_1
    return x


def _phi(j: int, z: float) -> float:
    """phi_j(z) by its integral: int_0^1 e^{(1-t) z} t^{j-1}/(j-1)! dt."""
    return quad(lambda t: math.exp((1 - t) * z) * t ** (j - 1) / math.factorial(j - 1), 0, 1, epsabs=0, epsrel=1e-13)[0]


def _single(run: Any, x: Array, sigma: float, after: float, stages: int, denoised: Array) -> Array:
    """RES4LYF's exponential Runge-Kutta steps res_2s (c2 = 1/2), res_3s (c2 = 1/2, c3 = 1), in eps_i = D_i - x."""
    h = math.log(sigma / after)
    c2, c3 = 0.5, 1.0
    k_1 = denoised - x
    x_2 = x + h * c2 * _phi(1, -c2 * h) * k_1
    k_2 = run.denoised(x_2, sigma * math.exp(-c2 * h)) - x
    if stages == 2:
        b_2 = _phi(2, -h) / c2
        return x + h * ((_phi(1, -h) - b_2) * k_1 + b_2 * k_2)
    gamma = (3 * c3**3 - 2 * c3) / (c2 * (2 - 3 * c2))
    a_32 = gamma * c2 * _phi(2, -c2 * h) + c3**2 / c2 * _phi(2, -c3 * h)
    x_3 = x + h * ((c3 * _phi(1, -c3 * h) - a_32) * k_1 + a_32 * k_2)
    k_3 = run.denoised(x_3, after) - x
    b_3 = _phi(2, -h) / (gamma * c2 + c3)
    b_2 = gamma * b_3
    return x + h * ((_phi(1, -h) - b_2 - b_3) * k_1 + b_2 * k_2 + b_3 * k_3)


def _res(run: Any, x: Array, order: int, first: int) -> Array:
    old: list[Array] = []
    for k in run.steps:
        sigma, after = run.pair(k)
        old.insert(0, run.denoised(x, sigma))
        if after == 0:
            x = old[0]
            continue
        h = math.log(sigma / after)
        if run.options.get("fallback") and h >= 1:
            x = after / sigma * x + (1 - after / sigma) * old[0] if sigma < 0.1 else _single(run, x, sigma, after, order, old[0])
        elif k < first:
            x = _single(run, x, sigma, after, order, old[0])
        elif k == 0:
            x = after / sigma * x + (1 - after / sigma) * old[0]
        else:
            c2 = -math.log(run.sigmas[k - 1] / sigma) / h
            b_3, gamma = 0.0, 0.0
            b_2 = _phi(2, -h) / c2
            if order == 3:
                c3 = -math.log(run.sigmas[k - 2] / sigma) / h
                gamma = (3 * c3**3 - 2 * c3) / (c2 * (2 - 3 * c2))
                b_3 = _phi(2, -h) / (gamma * c2 + c3)
                b_2 = gamma * b_3
            b_1 = _phi(1, -h) - b_2 - b_3
            x = math.exp(-h) * x + h * (b_1 * old[0] + b_2 * old[1] + (b_3 * old[2] if order == 3 else 0))
    return x


def res_2s(run: Any, x: Array) -> Array:
    """RES4LYF, res_2s without its noise."""
    return _res(run, x, 2, len(run.sigmas))


def res_2m(run: Any, x: Array) -> Array:
    """RES4LYF, res_2m without its noise; ComfyUI, sample_res_multistep."""
    return _res(run, x, 2, 0 if run.options.get("variant") == "comfyui" else 2)


def res_3m(run: Any, x: Array) -> Array:
    """RES4LYF, res_3m without its noise."""
    return _res(run, x, 3, 3)


def flow_ancestral(run: Any, x: Array) -> Array:
    """ComfyUI, sample_euler_ancestral_RF, in y = (1 - s) x."""
    for k in run.steps:
        sigma, after = (s / (1 + s) for s in run.pair(k))
        denoised, eta = run.denoised(x, run.sigmas[k]), run.eta[k]
        if after == 0:
            return denoised
        y = (1 - sigma) * x
        down = after * (1 + (after / sigma - 1) * eta)
        y = down / sigma * y + (1 - down / sigma) * denoised
        if eta > 0:
            renoise = (after**2 - down**2 * (1 - after) ** 2 / (1 - down) ** 2) ** 0.5
            y = (1 - after) / (1 - down) * y + run.noises[k][0] * renoise
        x = y / (1 - after)
    return x


def _is_loop(thing: Any) -> bool:
    here = inspect.isfunction(thing) and thing.__module__ == __name__
    return here and list(inspect.signature(thing).parameters) == ["run", "x"]


#: Every function (run, x) of this file, by its name.
SOLVER_ORACLES: dict[str, Callable[[Any, Array], Array]] = {
    name: thing for name, thing in list(globals().items()) if _is_loop(thing) and not name.startswith("_")
}
