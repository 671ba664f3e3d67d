"""Networks that are told another level than the state's: eqs. (240)-(243) against a loop with such a network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from problems import EXAMPLES, make

from diffopt.data.spectrum import Spectrum
from diffopt.hosts.answer import check_run, export_run
from diffopt.hosts.errors import run_errors
from diffopt.hosts.run import Run
from diffopt.law.law import Law
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table
from diffopt.solvers.conditioning import told_nearest

EIG = np.geomspace(30.0, 1e-3, 7)
MEAN = np.linspace(-1.5, 2.0, 7)
SIGMAS = [14.1, 5.03, 2.02, 0.77, 0.2431, 0.0612, 0.0334, 0.0]
ABAR = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
LEVELS = np.sqrt((1 - ABAR) / ABAR)


def network(z: np.ndarray, index: int, kind: str) -> np.ndarray:
    """The exact network at a timestep: E[eps | z], E[sqrt(abar) eps - sqrt(1 - abar) x_0 | z] or E[x_0 | z]."""
    a, s = np.sqrt(ABAR[index]), np.sqrt(1 - ABAR[index])
    clean = MEAN + a * EIG / (a**2 * EIG + s**2) * (z - a * MEAN)
    noise = (z - a * clean) / s
    return {"epsilon": noise, "v_prediction": a * noise - s * clean, "sample": clean}[kind]


def denoise(x: np.ndarray, sigma: float, kind: str) -> np.ndarray:
    """A host of x = x_0 + sigma n: its input scaling, the nearest timestep, its way back to x_0."""
    index = int(np.argmin(np.abs(np.log(sigma) - np.log(LEVELS))))
    out = network(x / np.sqrt(1 + sigma**2), index, kind)
    if kind == "sample":
        return out
    if kind == "epsilon":
        return x - sigma * out
    return x / (1 + sigma**2) - sigma / np.sqrt(1 + sigma**2) * out


def euler(x: np.ndarray, kind: str) -> np.ndarray:
    for now, after in zip(SIGMAS[:-1], SIGMAS[1:], strict=True):
        x = x + (after - now) * (x - denoise(x, now, kind)) / now
    return x


def heun(x: np.ndarray, kind: str) -> np.ndarray:
    for now, after in zip(SIGMAS[:-1], SIGMAS[1:], strict=True):
        d = (x - denoise(x, now, kind)) / now
        y = x + (after - now) * d
        x = y if after == 0 else x + (after - now) * (d + (y - denoise(y, after, kind)) / after) / 2
    return x


def dpmpp_2m(x: np.ndarray, kind: str) -> np.ndarray:
    old, before = None, 0.0
    for now, after in zip(SIGMAS[:-1], SIGMAS[1:], strict=True):
        d = mixed = denoise(x, now, kind)
        h = np.inf if after == 0 else np.log(now / after)
        if old is not None and after > 0:
            mixed = d + h / (2 * before) * (d - old)
        x, old, before = after / now * x + (1 - after / now) * mixed, d, h
    return x


LOOPS: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {"euler": euler, "heun": heun, "dpmpp_2m": dpmpp_2m}


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("solver", LOOPS)
@pytest.mark.parametrize("process", ["ve", "table"])
def test_the_law_is_that_of_the_loop_with_the_network(solver: str, kind: str, process: str) -> None:
    """The loop is affine in its start, so two runs of it give the mean and the variance of its output."""
    table = run_table(make(solver, error=told_nearest(LEVELS, kind)), Grid.create(EXAMPLES[process], SIGMAS))  # type: ignore[arg-type]
    spectrum = Spectrum.create(EIG, mean=MEAN)
    law = Law(table, spectrum, "exact")
    at_mean = LOOPS[solver](MEAN.copy(), kind)
    gain = LOOPS[solver](MEAN + 1, kind) - at_mean
    order = np.argsort(spectrum.eig)[::-1]
    assert law.mean_gap is not None and spectrum.mean is not None
    np.testing.assert_allclose(law.variance[order], gain**2 * (EIG + SIGMAS[0] ** 2), rtol=1e-9)
    np.testing.assert_allclose((law.mean_gap * spectrum.mean)[order], at_mean - MEAN, rtol=1e-8, atol=1e-12)


def test_exact_levels_are_no_error() -> None:
    grid = Grid.create(EXAMPLES["table"], [*LEVELS[[900, 600, 200, 30]], 0.0])
    spectrum = Spectrum.create(EIG, mean=MEAN)
    plain, told = (run_table(make("heun", **extra), grid) for extra in ({}, {"error": told_nearest(LEVELS)}))
    np.testing.assert_allclose(Law(told, spectrum, "exact").variance, Law(plain, spectrum, "exact").variance, rtol=1e-9)


@pytest.mark.parametrize("host", ["comfyui", "forge"])
def test_the_error_on_the_host_includes_the_level_it_tells(host: str) -> None:
    """Frechet distance of the loop's own output, with the host's start law."""
    spectrum = Spectrum.create(EIG, mean=MEAN)
    run = Run.create(EXAMPLES["table"], SIGMAS, make("euler", clock="sigma"), start="sigma")
    for answer in (check_run(run, host, spectrum=spectrum), export_run(run, host, spectrum=spectrum)):
        assert answer.after is not None and answer.before is not None
        assert any("includes it" in f.message for f in answer.plan.findings)
        at_mean = euler(np.zeros(7), "epsilon")
        gain = euler(np.ones(7), "epsilon") - at_mean
        distance = np.sqrt(np.sum((np.abs(gain) * SIGMAS[0] - np.sqrt(EIG)) ** 2 + (at_mean - MEAN) ** 2))
        assert answer.after["frechet"] == pytest.approx(distance, rel=1e-6)
        assert answer.after["frechet"] != pytest.approx(answer.before["frechet"], rel=1e-3)


def test_v_prediction_is_read_off_the_model() -> None:
    run = Run.create(EXAMPLES["table"], SIGMAS, make("euler", clock="sigma"), start="sigma")
    spectrum = Spectrum.create(EIG, mean=MEAN)
    config = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "prediction_type": "v_prediction"}
    answer = check_run(run, "comfyui", config, spectrum)
    assert answer.after is not None
    at_mean = euler(np.zeros(7), "v_prediction")
    gain = euler(np.ones(7), "v_prediction") - at_mean
    distance = np.sqrt(np.sum((np.abs(gain) * SIGMAS[0] - np.sqrt(EIG)) ** 2 + (at_mean - MEAN) ** 2))
    assert answer.after["frechet"] == pytest.approx(distance, rel=1e-6)
    assert run_errors(run, spectrum) == answer.before


@pytest.mark.parametrize("to", ["diffusers", "diffusers:snippet"])
def test_sigmas_outside_the_table_are_told_its_ends(to: str) -> None:
    """Eq. (241) with the first sigma above the last trained level."""
    spectrum = Spectrum.create(EIG, mean=MEAN)
    sigmas = [25.0, *SIGMAS[1:]]
    run = Run.create(EXAMPLES["ve"], sigmas, make("euler", clock="sigma"), start="sigma")
    config = {"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    answer = export_run(run, to, config, spectrum)

    def output(x: np.ndarray) -> np.ndarray:
        for k, (now, after) in enumerate(zip(sigmas[:-1], sigmas[1:], strict=True)):
            if k == 0:
                clean = x - now * network(x / np.sqrt(1 + now**2), 999, "epsilon")
            else:
                clean = MEAN + EIG / (EIG + now**2) * (x - MEAN)
            x = x + (after - now) * (x - clean) / now
        return x

    at_mean = output(np.zeros(7))
    gain = output(np.ones(7)) - at_mean
    distance = np.sqrt(np.sum((np.abs(gain) * sigmas[0] - np.sqrt(EIG)) ** 2 + (at_mean - MEAN) ** 2))
    assert answer.after is not None and answer.before is not None
    assert answer.after["frechet"] == pytest.approx(distance, rel=1e-5)
    assert answer.after["frechet"] != pytest.approx(answer.before["frechet"], rel=1e-3)
