"""Does SIEM rank networks as their samples do? Families of perturbed scores of a small network on scikit-learn's pictures.

    PYTHONPATH=. python benchmarks/networks/score_metric.py [--data digits|photos] [--steps 6000] [--json out.json]

A denoiser with EDM's preconditioning is trained on two thirds of the digits, or of patches of two photographs. Its score is
perturbed (a constant bias, a scaling up or down, fresh noise in every call, a fixed random field, early stopping), samples
are drawn with Heun's method, and the rank correlation of SIEM's variants with the sliced 2-Wasserstein and the Frechet
distance of the samples to held-out pictures is printed, for the full range and for its top tenth.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits, load_sample_images

import diffopt
from diffopt.simulation.distance import Sliced, frechet

WIDTH, BATCH, STEPS = 256, 256, 18
LEVELS = np.geomspace(0.02, 80.0, 24)
SPREAD = 0.5
METRICS = (
    "coherent", "per_particle", "per_particle, no reference", "mean_vector_norm", "coherent, variance clock",
    "per_particle, variance clock",
)  # fmt: skip


class Denoiser(torch.nn.Module):
    """EDM's preconditioning around a multilayer perceptron of image and log noise."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        layers = [torch.nn.Linear(dim + 16, WIDTH), torch.nn.SiLU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU()]
        self.body = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU(), torch.nn.Linear(WIDTH, dim))

    def forward(self, y: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        s = sigma[:, None]
        root = (s**2 + SPREAD**2).sqrt()
        phase = s.log() / 4 * torch.arange(1, 9) * 0.7
        seen = torch.cat([y / root, phase.sin(), phase.cos()], dim=1)
        return SPREAD**2 / root**2 * y + s * SPREAD / root * self.body(seen)


def train(data: torch.Tensor, steps: int) -> list[Denoiser]:
    """Averaged network after 1/128, 1/64, ... of the steps and after all."""
    torch.manual_seed(0)
    net = Denoiser(data.shape[1])
    average = copy.deepcopy(net)
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    marks, kept = [round(steps * 2.0**-k) for k in range(7, 0, -1)], []
    for step in range(1, steps + 1):
        x = data[torch.randint(len(data), (BATCH,))]
        sigma = (torch.randn(BATCH) * 1.6 - 0.4).exp()
        y = x + sigma[:, None] * torch.randn_like(x)
        weight = (sigma**2 + SPREAD**2) / (sigma * SPREAD) ** 2
        loss = (weight[:, None] * (net(y, sigma) - x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate = min(0.999, step / (step + 50))
        with torch.no_grad():
            for a, b in zip(average.parameters(), net.parameters(), strict=True):
                a.lerp_(b, 1 - rate)
        if step in marks:
            kept.append(copy.deepcopy(average))
    return [*kept, average]


def pictures(name: str) -> np.ndarray:
    """Pictures of 8 x 8 numbers in -1 to 1: digits, or grey patches at a quarter of the resolution."""
    if name == "digits":
        return np.asarray(load_digits().data / 8 - 1)
    rng, found = np.random.default_rng(5), []
    for photo in load_sample_images().images:
        grey = photo.mean(axis=2) / 127.5 - 1
        small = grey[:424, :640].reshape(106, 4, 160, 4).mean(axis=(1, 3))
        for row, column in zip(rng.integers(0, 98, 900), rng.integers(0, 152, 900), strict=True):
            found.append(small[row : row + 8, column : column + 8].ravel())
    return np.array(found)


Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def noise_of(net: Denoiser) -> Predict:
    """The network's estimate of the noise."""
    return lambda y, sigma: (y - net(y, sigma)) / sigma[:, None]


def families(nets: list[Denoiser], dim: int) -> dict[str, list[Predict]]:
    """Families of perturbations of the last network's noise, in growing size, unperturbed first; and early stopping."""
    best = noise_of(nets[-1])
    rng = torch.Generator().manual_seed(1)
    shift = torch.randn(dim, generator=rng)
    shift /= shift.norm() / dim**0.5
    fresh = torch.Generator().manual_seed(3)
    first, second = torch.randn(dim, 128, generator=rng), torch.randn(128, dim, generator=rng) / 8

    def field(y: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return torch.sin(y / (sigma[:, None] ** 2 + SPREAD**2).sqrt() @ first) @ second

    sizes = (0.0, 0.005, 0.01, 0.02, 0.04, 0.08)

    def moved(how: str, size: float) -> Predict:
        return {
            "bias": lambda y, s: best(y, s) + size * shift,
            "scaling up": lambda y, s: best(y, s) * (1 + size),
            "scaling down": lambda y, s: best(y, s) * (1 - size),
            "noise": lambda y, s: best(y, s) + 4 * size * torch.randn(y.shape, generator=fresh),
            "random field": lambda y, s: best(y, s) + 2 * size * field(y, s),
        }[how]

    found = {how: [moved(how, size) for size in sizes] for how in ("bias", "scaling up", "scaling down", "noise", "random field")}
    return {**found, "early stopping": [noise_of(net) for net in reversed(nets)]}


def draw(predict: Predict, dim: int, count: int) -> np.ndarray:
    """Heun on the karras grid from sigma 80, literally."""
    steps = np.arange(STEPS) / (STEPS - 1)
    grid = np.append((80.0 ** (1 / 7) + steps * (0.002 ** (1 / 7) - 80.0 ** (1 / 7))) ** 7, 0.0)
    x = 80.0 * torch.randn(count, dim, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        for a, b in zip(grid[:-1], grid[1:], strict=True):
            slope = predict(x, torch.full((count,), float(a)))
            y = x + float(b - a) * slope
            if b > 0:
                y = x + float(b - a) * (slope + predict(y, torch.full((count,), float(b)))) / 2
            x = y
    return x.double().numpy()


def main() -> None:
    """Train, perturb, sample, correlate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--data", choices=("digits", "photos"), default="digits")
    parser.add_argument("--json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images = pictures(args.data)
    order = np.random.default_rng(0).permutation(len(images))
    data, held = images[order[:1200]], images[order[1200:]]
    nets = train(torch.tensor(data, dtype=torch.float32), args.steps)
    batches = [torch.tensor(held, dtype=torch.float32)]
    reference = diffopt.siem_collect(noise_of(nets[-1]), batches, LEVELS)
    rows = []
    for family, members in families(nets, images.shape[1]).items():
        for place, predict in enumerate(members):
            arrays = diffopt.siem_collect(predict, batches, LEVELS)
            row = {"family": family, "place": place}
            for label, window in (("full", None), ("tenth", 0.1)):
                for clock, tail in (("vp", ""), ("variance", ", variance clock")):
                    found = diffopt.siem(arrays, window=window, reference={"predicted": reference["predicted"]}, clock=clock)
                    names = {f"{name}{tail}": name for name in ("coherent", "per_particle", "mean_vector_norm")}
                    row |= {f"{k} {label}": found.document[name]["value"] for k, name in names.items() if k in METRICS}
                found = diffopt.siem(arrays, window=window)
                row[f"per_particle, no reference {label}"] = found.document["per_particle"]["value"]
            samples = draw(predict, images.shape[1], 2000)
            row["frechet"] = float(frechet(samples, held))
            row["w2"] = float(Sliced()(samples, held))
            rows.append(row)
            print(json.dumps(row), flush=True)
    report(rows)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


def report(rows: list[dict]) -> None:
    """Spearman's rank correlations by family and over all rows, as a table."""
    names = list(dict.fromkeys(row["family"] for row in rows))
    print("\n| metric | window | against | " + " | ".join([*names, "all"]) + " |")
    print("|---|---|---|" + "---|" * (len(names) + 1))
    for metric in METRICS:
        for label in ("full", "tenth"):
            for target in ("w2", "frechet"):
                cells = []
                for name in [*names, None]:
                    part = [row for row in rows if name is None or row["family"] == name]
                    cells.append(spearmanr([r[f"{metric} {label}"] for r in part], [r[target] for r in part]).statistic)
                print(f"| {metric} | {label} | {target} | " + " | ".join(f"{c:.2f}" for c in cells) + " |")


if __name__ == "__main__":
    main()
