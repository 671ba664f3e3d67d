"""Loops of ComfyUI, Forge, stable-diffusion.cpp and EDM as they are written there, against the tables of the exports.

Nothing here comes from diffopt: `sigmas` are noise ratios or, on flow models, s; the model is called as the host calls it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from host_driving import EIG, our_nodes, start_of, worst
from problems import EXAMPLES

from diffopt.hosts import HOSTS
from diffopt.hosts.answer import export_run
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

Array = np.ndarray
Model = Callable[[Array, float], Array]
S = np.array([1.0, 0.93, 0.8, 0.62, 0.43, 0.25, 0.09, 0.0])
SD = [14.6, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
ETA = 0.7


def slope(x: Array, sigma: float, model: Model) -> Array:
    return (x - model(x, sigma)) / sigma


def pairs(sigmas: list[float]) -> Any:
    return zip(sigmas[:-1], sigmas[1:], strict=True)


def euler(x: Array, sigmas: list[float], model: Model, noise: Any) -> Any:
    for now, after in pairs(sigmas):
        x = x + (after - now) * slope(x, now, model)
        yield x


def heun(x: Array, sigmas: list[float], model: Model, noise: Any) -> Any:
    for now, after in pairs(sigmas):
        d = slope(x, now, model)
        y = x + (after - now) * d
        x = y if after == 0 else x + (after - now) * (d + slope(y, after, model)) / 2
        yield x


def dpm_2(x: Array, sigmas: list[float], model: Model, noise: Any) -> Any:
    for now, after in pairs(sigmas):
        d = slope(x, now, model)
        if after == 0:
            x = x + (after - now) * d
        else:
            middle = math.exp((math.log(now) + math.log(after)) / 2)
            x = x + (after - now) * slope(x + (middle - now) * d, middle, model)
        yield x


def dpmpp_2m(x: Array, sigmas: list[float], model: Model, noise: Any) -> Any:
    old, last = None, 0.0
    for now, after in pairs(sigmas):
        d = mixed = model(x, now)
        h = math.inf if after == 0 else math.log(now / after)
        if old is not None and after > 0:
            mixed = (1 + h / (2 * last)) * d - h / (2 * last) * old
        x, old, last = after / now * x - math.expm1(-h) * mixed, d, h
        yield x


def lms(x: Array, sigmas: list[float], model: Model, noise: Any, short_end: bool = True) -> Any:
    """Four slopes; Lagrange polynomials integrated over the step; in ComfyUI the last step to 0 is Euler's."""
    slopes: list[Array] = []
    for i, (now, after) in enumerate(pairs(sigmas)):
        slopes = [slope(x, now, model), *slopes][:4]
        if after == 0 and short_end:
            x = x - now * slopes[0]
        else:
            nodes = sigmas[i::-1][: len(slopes)]
            for j, d in enumerate(slopes):
                others = [n for k, n in enumerate(nodes) if k != j]
                basis = np.poly1d(np.poly(others) / np.prod([nodes[j] - n for n in others])) if others else np.poly1d([1.0])
                area = basis.integ()
                x = x + (area(after) - area(now)) * d
        yield x


def ipndm(x: Array, sigmas: list[float], model: Model, noise: Any) -> Any:
    rules = [(1,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24)]
    slopes: list[Array] = []
    for now, after in pairs(sigmas):
        slopes = [slope(x, now, model), *slopes][:4]
        step = slopes[0] if after == 0 else sum(c * d for c, d in zip(rules[len(slopes) - 1], slopes, strict=True))
        x = x + (after - now) * step
        yield x


def ancestral_flow(x: Array, s: list[float], model: Model, noise: Any) -> Any:
    for now, after in pairs(s):
        d = model(x, now)
        if after == 0:
            yield d
            return
        down = after * (1 + (after / now - 1) * ETA)
        x = down / now * x + (1 - down / now) * d
        again = math.sqrt(after**2 - down**2 * (1 - after) ** 2 / (1 - down) ** 2)
        x = (1 - after) / (1 - down) * x + again * noise()
        yield x


def dpmpp_2m_sde_flow(x: Array, s: list[float], model: Model, noise: Any) -> Any:
    """In half-log-SNR, lambda = log((1 - s)/s)."""
    old, last = None, 0.0
    for now, after in pairs(s):
        d = model(x, now)
        if after == 0:
            yield d
            return
        h = math.log((1 - after) / after) - math.log((1 - now) / now)
        x = after / now * math.exp(-h * ETA) * x - (1 - after) * math.expm1(-h - ETA * h) * d
        if old is not None:
            x = x - 0.5 * (1 - after) * math.expm1(-h - ETA * h) * h / last * (d - old)
        x = x + noise() * after * math.sqrt(-math.expm1(-2 * h * ETA))
        old, last = d, h
        yield x


PLAIN = {"euler": euler, "heun": heun, "dpm_2": dpm_2, "dpmpp_2m": dpmpp_2m, "lms": lms, "ipndm": ipndm}
ON_FLOW = {**PLAIN, "comfy_dpmpp_2m": dpmpp_2m, "flow_ancestral": ancestral_flow, "dpmpp_2m_sde": dpmpp_2m_sde_flow}
CASES = [
    (host, name, process)
    for host in ("comfyui", "forge", "sd_cpp") for process, loops in (("table", PLAIN), ("flow", ON_FLOW)) for name in loops
    if (sampler := HOSTS[host].samplers.get(name)) and (sampler.flow if process == "flow" else sampler.solver)
]  # fmt: skip


def model_of(flow: bool) -> Model:
    def model(x: Array, sigma: float) -> Array:
        alpha = 1 - sigma if flow else 1.0
        return alpha * EIG / (alpha**2 * EIG + sigma**2) * x

    return model


@pytest.mark.quiet_floats
@pytest.mark.parametrize(("host", "name", "process"), CASES)
def test_the_table_of_an_export_is_the_hosts_loop(host: str, name: str, process: str) -> None:
    flow = process == "flow"
    with np.errstate(divide="ignore"):
        sigmas = S / (1 - S) if flow else SD
    run = Run.create(EXAMPLES[process], sigmas, SOLVERS[name](), ETA if SOLVERS[name].eta_meaning else None)
    hosted = export_run(run, host).plan.run
    assert hosted is not None
    alpha = np.ones(hosted.grid.steps + 1) if flow else hosted.table.alpha[:: hosted.table.rows]
    draws, rng = [], np.random.default_rng(0)

    def noise() -> Array:
        draws.append(rng.standard_normal(EIG.shape))
        return draws[-1]

    loop = (ON_FLOW if flow else PLAIN)[name]
    if (host, name) == ("forge", "lms"):
        loop = partial(lms, short_end=False)
    start = start_of(hosted)
    found = loop(start / alpha[0], hosted.levels.tolist(), model_of(flow), noise)
    states = [start, *(a * x for a, x in zip(alpha[1:], found, strict=True))]
    assert worst(hosted, states, draws) < 1e-12


@pytest.mark.parametrize("churn", [{}, {"s_churn": 3.0, "s_tmin": 0.1, "s_tmax": 5.0, "s_noise": 1.01}], ids=["plain", "churn"])
@pytest.mark.parametrize("form", ["edm", "edm:flags"])
def test_the_table_of_an_export_is_edms_loop(form: str, churn: dict[str, float]) -> None:
    """edm_sampler: gamma from S_churn/num_steps, at most sqrt(2) - 1, for S_min <= t <= S_max; no correction on the last step."""
    solver = SOLVERS["edm_stochastic" if churn else "heun"](**churn)
    answer = export_run(Run.create(EXAMPLES["ve"], [80.0, 20.0, 6.0, 2.0, 0.7, 0.2, 0.03, 0.0], solver), form)
    hosted = answer.plan.run
    assert hosted is not None
    times, model, rng, draws = hosted.levels, model_of(False), np.random.default_rng(0), []
    x, count = start_of(hosted), hosted.grid.steps
    for i, (now, after) in enumerate(pairs(times.tolist())):
        inside = churn and churn["s_tmin"] <= now <= churn["s_tmax"]
        gamma = min(churn["s_churn"] / count, math.sqrt(2) - 1) if inside else 0.0
        raised = now + gamma * now
        draws.append(rng.standard_normal(EIG.shape))
        x = x + math.sqrt(raised**2 - now**2) * churn.get("s_noise", 1.0) * draws[-1]
        d = slope(x, raised, model)
        y = x + (after - raised) * d
        x = y if i == count - 1 else x + (after - raised) * (d + slope(y, after, model)) / 2
    ours = our_nodes(hosted, draws if churn else [])[-1]
    np.testing.assert_allclose(x / np.sqrt(EIG), ours / np.sqrt(EIG), rtol=1e-12, atol=1e-12)
    if form == "edm:flags":
        said = dict(item.removeprefix("--").split("=") for item in str(answer.text).split())
        rho, low, high = (float(said[key]) for key in ("rho", "sigma_min", "sigma_max"))
        ramp = np.linspace(high ** (1 / rho), low ** (1 / rho), int(said["steps"])) ** rho
        np.testing.assert_allclose(ramp, times[:-1], rtol=1e-6)
