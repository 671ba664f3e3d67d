"""Real host objects driven with the linear denoiser of Gaussian data, one eigenvalue per element of the state."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from diffopt.hosts.run import Run

Array = np.ndarray

#: One eigenvalue per channel of a picture of one pixel, the shape schedulers expect.
EIG = np.geomspace(1e-3, 1e2, 6).reshape(1, 6, 1, 1)
START = np.array([1.0, -1.0, 0.5, 1.5, -0.7, 1.0]).reshape(1, 6, 1, 1)
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}

#: Schedulers whose state is x = x_0 + sigma n; the others of noise ratios keep x/sqrt(1 + sigma^2).
EXPLODING = (
    "EulerDiscreteScheduler", "HeunDiscreteScheduler", "EulerAncestralDiscreteScheduler", "EDMEulerScheduler",
    "LMSDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler",
)  # fmt: skip
#: Those that keep to themselves where the state stands between two grid points: every second step ends at one.
STAGED = ("HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "DPMSolverSDEScheduler")


class Noise:
    """Records what a host draws, so that our table can be run with the same numbers."""

    def __init__(self, seed: int = 0) -> None:
        self.rng, self.draws = np.random.default_rng(seed), []

    def __call__(self, shape: Any, **_: Any) -> Any:
        import torch

        self.draws.append(self.rng.standard_normal(tuple(shape)))
        return torch.from_numpy(self.draws[-1])


class Replayed:
    """A generator that hands recorded draws out, then zeros."""

    def __init__(self, draws: list[Array]) -> None:
        self.draws = list(draws)

    def standard_normal(self, shape: Any) -> Array:
        return self.draws.pop(0) if self.draws else np.zeros(shape)


def ratio_denoiser(z: Array, alpha: float, noise: float) -> Array:
    """E[x_0 | z] of Gaussian data in any coordinates."""
    return alpha * EIG / (alpha**2 * EIG + noise**2) * z


def start_of(run: Run) -> Array:
    """State of the exact marginal in the process's coordinates."""
    alpha, level = float(run.table.alpha[0]), float(run.table.level[0])
    return np.sqrt(alpha**2 * EIG + level**2) * START


def our_nodes(run: Run, draws: list[Array]) -> list[Array]:
    """Every node of our table, eq. (10) row by row, with the host's noise."""
    table, nodes, queue = run.table, [start_of(run)], Replayed(draws)
    for k in range(table.steps):
        xi = [queue.standard_normal(EIG.shape) for _ in range(table.sources)]
        for row in range(table.rows):
            z = sum((table.noise[k, row, q] * x for q, x in enumerate(xi)), np.zeros_like(START))
            for lag in range(min(table.lags, k * table.rows + row + 1)):
                node = k * table.rows + row - lag
                z = z + table.state[k, row, lag] * nodes[node]
                if table.denoised[k, row, lag]:
                    d = ratio_denoiser(nodes[node], float(table.alpha[node]), float(table.level[node]))
                    z = z + table.denoised[k, row, lag] * d
                assert table.score[k, row, lag] == 0
            nodes.append(z)
    return nodes


def our_states(run: Run, draws: list[Array], row: int = -1) -> list[Array]:
    """Our state after each step (or after a row of it), in the process's coordinates."""
    rows = run.table.rows
    return [n for i, n in enumerate(our_nodes(run, draws)) if i == 0 or (i - 1) % rows == row % rows]


def relative(run: Run, values: list[Array]) -> list[Array]:
    """States in the process's coordinates, relative to the marginal."""
    alpha, level = run.table.alpha[:: run.table.rows], run.table.level[:: run.table.rows]
    return [z / np.sqrt(a**2 * EIG + n**2) for z, a, n in zip(values, alpha, level, strict=True)]


def worst(run: Run, values: list[Array], draws: list[Array], row: int = -1) -> float:
    """Largest deviation over steps and eigenvalues, in standard deviations of the marginal."""
    ours = our_states(run, draws, row)
    pairs = zip(relative(run, values), relative(run, ours), strict=True)
    return max(float(np.max(np.abs(a - b))) for a, b in pairs)


def executed(text: str) -> SimpleNamespace:
    """Names of an exported Python file."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(text, "exported.py", "exec"), names)
    return SimpleNamespace(**{key: value for key, value in names.items() if not key.startswith("__")})


def drive_scheduler(scheduler: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Array], list[Array]]:
    """States (process coordinates) of a scheduler of diffusers whose timesteps are set, and the noise it drew."""
    import torch

    noise, name = Noise(), type(scheduler).__mro__[1 if type(scheduler).__name__ == "ExactGrid" else 0].__name__
    module = sys.modules[next(c for c in type(scheduler).__mro__ if c.__name__ == name).__module__]
    if hasattr(module, "randn_tensor"):
        monkeypatch.setattr(module, "randn_tensor", noise)
    flow, exploding = run.flow, name in EXPLODING
    alpha = run.table.alpha[:: run.table.rows]
    z = start_of(run)
    found = [z]
    state = torch.from_numpy(z / alpha[0] if exploding else z)
    pairs = name in STAGED or len(scheduler.timesteps) > run.grid.steps + 1
    count = len(scheduler.timesteps) if pairs else run.grid.steps
    if name == "DPMSolverSDEScheduler":
        scheduler.noise_sampler = path_noise(noise)
    for i, t in enumerate(scheduler.timesteps[:count]):
        scale = 1.0
        if hasattr(scheduler, "scale_model_input"):
            scale = float(scheduler.scale_model_input(torch.ones(1, dtype=torch.float64), t)[0])
        # The level of a stage is what the scheduler scales its input by.
        sigma = np.sqrt(scale**-2 - 1) if name in STAGED[1:3] else _level(scheduler, i, t, exploding)
        if name == "DPMSolverSDEScheduler" and i % 2:
            sigma = float(torch.sqrt(scheduler.sigmas[scheduler.step_index - 1] * scheduler.sigmas[scheduler.step_index]))
        output = _output(name, state.double().numpy(), sigma, flow, exploding)
        state = scheduler.step(torch.from_numpy(output), t, state).prev_sample.double()
        if not pairs or i % 2 or i == len(scheduler.timesteps) - 1:
            value = state.numpy()
            found.append(value * alpha[len(found)] if exploding else value)
    return found, noise.draws


def path_noise(noise: Noise) -> Callable[..., Any]:
    """Noise of both parts of a step from one Brownian path, with the correlation of eq. (20); what is drawn is recorded."""
    import torch

    parts: list[tuple[float, float, Array]] = []

    def draw(a: Any, b: Any) -> Any:
        high, low = float(a), float(b)
        fresh = noise(EIG.shape).numpy()
        if not parts or parts[-1][0] != high:
            parts.append((high, low, fresh))
            return torch.from_numpy(fresh)
        _, middle, first = parts.pop()
        c = np.sqrt((high - middle) / (high - low))
        return torch.from_numpy(c * first + np.sqrt(1 - c**2) * fresh)

    return draw


def _level(scheduler: Any, i: int, t: Any, exploding: bool) -> float:
    if not hasattr(scheduler, "sigmas"):  # DDPM
        abar = float(scheduler.alphas_cumprod[int(t)])
        return float(np.sqrt(1 / abar - 1))
    return float(scheduler.sigmas[scheduler.step_index if exploding else i])


def _output(name: str, value: Array, sigma: float, flow: bool, exploding: bool) -> Array:
    """What the network of this scheduler would say."""
    if flow:
        return (value - ratio_denoiser(value, 1 - sigma, sigma)) / sigma
    x = value if exploding else value * np.sqrt(1 + sigma**2)
    denoised = EIG / (EIG + sigma**2) * x
    if name == "EDMEulerScheduler":
        data = 0.5
        skip = data**2 / (sigma**2 + data**2)
        return (denoised - skip * x) / (sigma * data / np.sqrt(sigma**2 + data**2))
    return (x - denoised) / sigma


def stub(name: str, **content: Any) -> ModuleType:
    """A module that stands for a package which is not installed."""
    module = ModuleType(name)
    module.__path__ = []  # type: ignore[attr-defined]
    for key, value in content.items():
        setattr(module, key, value)
    return module


class _Nothing:
    """Stands for anything that is imported and never really used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


class _Vision(ModuleType):
    """torchvision is only imported by name: its release for this torch cannot be imported without a compiled part."""

    __path__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing()


_PARTS = ("datasets", "datasets.folder", "datasets.utils", "utils", "transforms", "transforms.functional")
VISION = ("torchvision", *(f"torchvision.{part}" for part in _PARTS))


def package_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package of which only the folder is used: its __init__ is not run."""
    parent, _, leaf = name.rpartition(".")
    if parent:
        paths = [f"{path}/{leaf}" for path in sys.modules[parent].__path__]
    else:
        spec = importlib.util.find_spec(name)
        assert spec is not None, f"{name} is not installed"
        paths = list(spec.submodule_search_locations or [])
    folder = stub(name)
    folder.__path__ = paths  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, folder)
    return folder


def imported(package: str, module: str, monkeypatch: pytest.MonkeyPatch, keep_init: bool = True) -> ModuleType:
    """A module of a package that is installed without its dependencies."""
    for name in VISION:
        monkeypatch.setitem(sys.modules, name, _Vision(name))
    if not keep_init:
        for depth in range(module.count(".") + 1):
            package_folder(".".join([package, *module.split(".")[:depth]]), monkeypatch)
    return importlib.import_module(f"{package}.{module}" if module else package)


def model_for_k_diffusion(run: Run) -> Callable[..., Any]:
    """model(x, sigma, **extra) -> D with one sigma per sample."""
    import torch

    eig = torch.from_numpy(EIG)

    def model(x: Any, sigma: Any, **_: Any) -> Any:
        s = sigma.reshape(-1, 1, 1, 1).double()
        return eig / (eig + s**2) * x

    return model
