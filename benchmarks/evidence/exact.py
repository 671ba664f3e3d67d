"""Ten laws with exact scores: digits, photographs, terrain, sound, mixtures, heavy tails, two posteriors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from case import Case, spectrum_of

from diffopt.data.spectrum import Spectrum
from diffopt.simulation.empirical import Empirical
from diffopt.simulation.mixture import Mixture

#: Blur of samples that stand for their law.
BANDWIDTH = 0.05


def _case(name: str, target: Empirical | Mixture, shape: tuple[int, ...], count: int = 256) -> Case:
    """The covariance is the target's own; data are independent draws."""
    spectrum = Spectrum.create(np.maximum(np.linalg.eigvalsh(target.covariance()), 0), source=name)
    data = target.draw(2048, np.random.default_rng(99))
    return Case(name, "exact", target, spectrum, data, count=count, shape=shape)


def digits_data() -> np.ndarray:
    """1797 digits of 8 x 8 pixels in [-1, 1] (scikit-learn)."""
    from sklearn.datasets import load_digits

    return load_digits().data / 8 - 1


def patches_data(size: int, count: int = 2500) -> np.ndarray:
    """Grey patches of scikit-learn's two photographs in [-1, 1]."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(5)
    pictures = [image.mean(axis=2) / 127.5 - 1 for image in load_sample_images().images]
    out = []
    for i in range(count):
        picture = pictures[i % 2]
        y, x = (rng.integers(n - size) for n in picture.shape)
        out.append(picture[y : y + size, x : x + size].ravel())
    return np.array(out)


def terrain_data(size: int = 12, count: int = 2000) -> np.ndarray:
    """Windows of an elevation map (matplotlib's sample data), each less its mean, unit variance together."""
    from matplotlib import cbook

    with np.load(cbook.get_sample_data("jacksboro_fault_dem.npz", asfileobj=False)) as archive:
        height = archive["elevation"].astype(float)
    rng = np.random.default_rng(6)
    places = [[int(rng.integers(n - size)) for n in height.shape] for _ in range(count)]
    out = np.array([height[y : y + size, x : x + size].ravel() for y, x in places])
    out -= out.mean(axis=1, keepdims=True)
    return out / out.std()


def audio_data(width: int = 96, count: int = 2000) -> np.ndarray:
    """Windows of plucked tones with harmonics and a little noise, 8 kHz, synthesized; rms near 1/2."""
    rng = np.random.default_rng(7)
    time = np.arange(width) / 8000
    out = np.zeros((count, width))
    for row in out:
        pitch, decay, loud = rng.choice([110, 147, 196, 262, 330, 440]), rng.uniform(5, 60), rng.gamma(2.0, 0.5)
        for k in range(1, 7):
            row += loud * np.exp(-decay * k * time) / k * np.sin(2 * np.pi * (pitch * k * time + rng.uniform()))
    return out / (2 * out.std())


def power_law(decay: float) -> Mixture:
    """24 components in 32 dimensions, scales falling as j^(-decay/2), uneven inside."""
    rng = np.random.default_rng(0)
    scale = np.arange(1, 33) ** (-decay / 2)
    mean = rng.standard_normal((24, 32)) * scale * 3
    weight = rng.dirichlet(np.full(24, 5.0))
    return Mixture.create(weight, mean - weight @ mean, variances=(0.3 * scale) ** 2 * np.exp(rng.normal(0, 0.5, (24, 32))))


def heavy_tails() -> Mixture:
    """Scale mixture: a power-law Gaussian in 24 dimensions times a log-normal factor (16 quantiles, log deviation 1)."""
    from scipy.stats import norm

    factors = np.exp(norm.ppf((np.arange(16) + 0.5) / 16))
    variances = factors[:, None] * np.arange(1, 25) ** -1.5
    return Mixture.create(np.ones(16), np.zeros((16, 24)), variances=variances)


def inpainting() -> Mixture:
    """Digits given their two upper rows with noise 0.5: some thirty digits share the weight, none holds a sixth."""
    prior = Empirical.create(digits_data(), BANDWIDTH).mixture()
    matrix = np.eye(64)[:16]
    rng = np.random.default_rng(11)
    truth = prior.draw(1, rng)[0]
    return _heaviest(prior.posterior(matrix, matrix @ truth + 0.5 * rng.standard_normal(16), 0.5))


def super_resolution() -> Mixture:
    """Photo patches given means of 4 x 4 blocks with noise 0.1."""
    prior = Empirical.create(patches_data(8), BANDWIDTH).mixture()
    block = np.kron(np.eye(2), np.full((1, 4), 0.25))
    matrix = np.kron(block, block)
    rng = np.random.default_rng(12)
    truth = prior.draw(1, rng)[0]
    return _heaviest(prior.posterior(matrix, matrix @ truth + 0.1 * rng.standard_normal(4), 0.1))


def _heaviest(mixture: Mixture, share: float = 1e-8) -> Mixture:
    """Components that hold more than `share`; the others change nothing that can be measured."""
    keep = mixture.weights > share
    weights = mixture.weights[keep] / mixture.weights[keep].sum()
    return Mixture(weights, mixture.means[keep], mixture.eig[keep], mixture.basis)


CASES: dict[str, Callable[[], Case]] = {
    "digits": lambda: _case("digits", Empirical.create(digits_data(), BANDWIDTH), (8, 8)),
    "patches8": lambda: _case("patches8", Empirical.create(patches_data(8), BANDWIDTH), (8, 8)),
    "patches16": lambda: _case("patches16", Empirical.create(patches_data(16), BANDWIDTH), (16, 16)),
    "terrain": lambda: _case("terrain", Empirical.create(terrain_data(), BANDWIDTH), (12, 12)),
    "audio": lambda: _case("audio", Empirical.create(audio_data(), BANDWIDTH), (96,)),
    "decay1": lambda: _case("decay1", power_law(1.0), (32,), 512),
    "decay2": lambda: _case("decay2", power_law(2.0), (32,), 512),
    "heavy": lambda: _case("heavy", heavy_tails(), (24,), 512),
    "inpainting": lambda: _case("inpainting", inpainting(), (8, 8)),
    "super_resolution": lambda: _case("super_resolution", super_resolution(), (8, 8), 512),
}

__all__ = ["CASES", "spectrum_of"]
