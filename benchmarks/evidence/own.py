"""Networks of our own: small EDM-preconditioned ones, trained on data that packages ship (PyTorch, one core).

python benchmarks/evidence/own.py [--cases own_patches] [--steps 5000]

Trains and says how good a network is; some ten minutes of one core for both. The weights stay in the cache.
Preconditioning, loss weights and the log-normal noise levels are those of Karras et al. (2022, table 1); the network
is a multilayer perceptron with residual blocks that the noise level scales and shifts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from case import Case, cached, spectrum_of
from exact import digits_data, patches_data

from diffopt.simulation.distance import frechet, pathwise
from diffopt.simulation.user import UserDenoiser

#: Steps by network; batch, learning rate, decay of the averaged weights, and log-normal noise levels.
STEPS = {"own_patches": 5000, "own_digits": 3000}
BATCH, RATE, DECAY = 512, 2e-3, 0.999
LOG_MEAN, LOG_DEVIATION = -0.6, 1.5
#: Width of the layers and number of residual blocks.
WIDTH, BLOCKS = 256, 5
#: Name -> (seed, all data of a law: the network trains on the first part, the rest is the truth it is held to).
Split = tuple[np.ndarray, np.ndarray]


def digits_split() -> Split:
    """1300 digits to learn from, 497 that the network never sees."""
    data = digits_data()[np.random.default_rng(21).permutation(1797)]
    return data[:1300], data[1300:]


def patches_split() -> Split:
    """100,000 places of two photographs to learn from, and 4096 others."""
    data = patches_data(8, 104_096)
    return data[:-4096], data[-4096:]


SPLITS: dict[str, Callable[[], Split]] = {"own_digits": digits_split, "own_patches": patches_split}


def network(dim: int) -> Any:
    """F(x, c_noise) as a torch module."""
    import torch
    from torch import nn

    class Net(nn.Module):
        """Residual blocks; the embedded noise level scales and shifts what goes into each."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("waves", torch.exp(torch.linspace(-1, 3, 16)))
            self.embed = nn.Sequential(nn.Linear(32, 64), nn.SiLU())
            self.first, self.last = nn.Linear(dim, WIDTH), nn.Linear(WIDTH, dim)
            self.film = nn.ModuleList(nn.Linear(64, 2 * WIDTH) for _ in range(BLOCKS))
            self.inner = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(BLOCKS))
            self.outer = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(BLOCKS))
            for layer in (*self.outer, self.last):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

        def forward(self, x: Any, level: Any) -> Any:
            angle = level[:, None] * self.waves
            e, h = self.embed(torch.cat([angle.sin(), angle.cos()], 1)), self.first(x)
            for film, inner, outer in zip(self.film, self.inner, self.outer, strict=True):
                scale, shift = film(e).chunk(2, 1)
                z = nn.functional.layer_norm(h, (WIDTH,)) * (1 + scale) + shift
                h = h + outer(nn.functional.silu(inner(z)))
            return self.last(nn.functional.layer_norm(h, (WIDTH,)))

    return Net()


@dataclass(frozen=True, eq=False)
class Denoiser:
    """D(x, sigma) = c_skip x + c_out F(c_in x, ln(sigma)/4), for the data's mean and deviation."""

    net: Any
    mean: float
    deviation: float

    def torch(self, x: Any, sigma: Any) -> Any:
        """On tensors of shapes (n, d) and (n,)."""
        total = self.deviation**2 + sigma**2
        skip, out, scale = self.deviation**2 / total, sigma * self.deviation / total**0.5, 1 / total**0.5
        x = x - self.mean
        return self.mean + skip[:, None] * x + out[:, None] * self.net(scale[:, None] * x, sigma.log() / 4)

    def __call__(self, x: np.ndarray, sigma: float) -> np.ndarray:
        """On arrays, as `diffopt simulate --denoiser` calls it."""
        import torch

        with torch.no_grad():
            tensor = torch.as_tensor(x, dtype=torch.float32)
            return self.torch(tensor, torch.full((len(x),), float(sigma))).numpy().astype(float)


def train(data: np.ndarray, steps: int, seed: int = 0, batch: int = BATCH) -> Denoiser:
    """Adam with a cosine rate; the averaged weights are kept."""
    import torch

    torch.manual_seed(seed)
    net, kept = network(data.shape[1]), network(data.shape[1])
    kept.load_state_dict(net.state_dict())
    model = Denoiser(net, float(data.mean()), float(data.std()))
    optimizer = torch.optim.Adam(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=max(0.05, 3 / steps))
    clean = torch.as_tensor(data, dtype=torch.float32)
    for step in range(steps):
        x = clean[torch.randint(len(clean), (batch,))]
        sigma = (LOG_MEAN + LOG_DEVIATION * torch.randn(batch)).exp()
        weight = (sigma**2 + model.deviation**2) / (sigma * model.deviation) ** 2
        error = model.torch(x + sigma[:, None] * torch.randn_like(x), sigma) - x
        loss = (weight * error.square().mean(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        rate = min(DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            for a, b in zip(kept.parameters(), net.parameters(), strict=True):
                a.lerp_(b, 1 - rate)
        if step % 500 == 0:
            print(f"step {step} loss {loss.item():.4f}", file=sys.stderr, flush=True)
    return Denoiser(kept, model.mean, model.deviation)


def trained(name: str, steps: int | None = None) -> Denoiser:
    """The network of a name, from the cache or trained now."""
    import torch

    data = SPLITS[name]()[0]
    steps = steps or STEPS[name]
    path = cached(f"{name}-{steps}.pt")
    if not path.exists():
        began, threads = time.process_time(), torch.get_num_threads()
        torch.set_num_threads(1)
        found = train(data, steps)
        torch.set_num_threads(threads)
        print(f"{name}: {steps} steps in {time.process_time() - began:.0f} s of one core", file=sys.stderr)
        torch.save(found.net.state_dict(), path)
    net = network(data.shape[1])
    net.load_state_dict(torch.load(path, weights_only=True))
    return Denoiser(net.eval(), float(data.mean()), float(data.std()))


def case(name: str, steps: int | None = None) -> Case:
    """The spectrum is that of what the network learnt from; data are what it never saw."""
    learnt, other = SPLITS[name]()
    target = UserDenoiser(trained(name, steps), (learnt.shape[1],), name)
    return Case(name, "own", target, spectrum_of(learnt, name), other, count=1024, shape=(8, 8))


def quality(found: Case) -> dict[str, float]:
    """The network's own error: its fine limit to unseen data, beside as many samples of what it learnt from."""
    learnt, other = SPLITS[found.name]()
    some = learnt[np.random.default_rng(0).integers(len(learnt), size=found.count)]
    limit, half = found.reference(), found.reference(found.fine // 2)
    return {
        "limit_to_unseen": frechet(limit, other), "learnt_to_unseen": frechet(some, other),
        "limit_to_learnt": frechet(limit, learnt), "learnt_floor": frechet(some, learnt),
        "fine_to_half": pathwise(limit, half), "deviation": float(np.sqrt(np.var(learnt, axis=0).sum())),
    }  # fmt: skip


def note(found: Case, folder: Path) -> dict[str, float]:
    """Keep the quality of a network beside the results."""
    numbers = {key: float(f"{value:.4g}") for key, value in quality(found).items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{found.name}.json").write_text(json.dumps(numbers) + "\n")
    return numbers


CASES = {name: partial(case, name) for name in SPLITS}


def main() -> None:
    """Train what was asked for and say how good it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default=",".join(SPLITS))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "networks")
    args = parser.parse_args()
    for name in args.cases.split(","):
        print(name, note(case(name, args.steps), args.out), flush=True)


if __name__ == "__main__":
    main()
