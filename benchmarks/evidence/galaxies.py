"""Pretrained galaxy-image score networks of the package galaxygrad 0.2.1, read from its wheel and run with jax.

    pip install --no-deps galaxygrad==0.2.1 && pip install jax

The package is not imported: an .eqx file is 55 arrays in numpy's format, one after another. It trained in the
variance-preserving process with integral of beta = t, t in [0, 10], y = exp(-t/2) x0 + sqrt(1 - exp(-t)) n, network
= score of y. With sigma = sqrt(e^t - 1), t = log(1 + sigma^2) and y = x/sqrt(1 + sigma^2) the denoiser is
D(x) = sqrt(1 + sigma^2) (y + sigma^2/(1 + sigma^2) score).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from case import Case, cached, spectrum_of

from diffopt.simulation.run import Batch, run
from diffopt.simulation.user import UserDenoiser

#: Name -> (file, pixels, samples, samples of the half that gives the spectrum, steps of the reference).
NETWORKS = {
    "hsc32": ("eqx_hsc_ScoreNet32.eqx", 32, 64, 1024, 80),
    "ztf32": ("eqx_ZTF_ScoreNet32.eqx", 32, 64, 512, 80),
    "hsclog32": ("eqx_hsc_LogNet32.eqx", 32, 64, 384, 160),
    "hsc64": ("eqx_hsc_ScoreNet64.eqx", 64, 20, 256, 60),
    "ztf64": ("eqx_ZTF_ScoreNet64.eqx", 64, 20, 256, 60),
    "hsclog64": ("eqx_hsc_LogNet64.eqx", 64, 20, 256, 100),
}
#: Networks that take part in no choice; their results lie in a folder of their own.
LEFT_OUT = ("hsc64", "ztf64", "hsclog64")
SIGMA_MAX, SIGMA_MIN = 148.41, 0.02


def weights(file: str) -> list[np.ndarray]:
    """The arrays of an .eqx file in the order of the network's fields."""
    spec = importlib.util.find_spec("galaxygrad")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the pretrained networks need: pip install --no-deps galaxygrad==0.2.1 (and jax)")
    with (Path(spec.submodule_search_locations[0]) / file).open("rb") as stream:
        return [np.asarray(np.load(stream, allow_pickle=False)) for _ in range(55)]


def forward(arrays: list[np.ndarray], pixels: int) -> Callable[[Any, Any], Any]:
    """Batched score (n, pixels, pixels), t -> score: an MLP-mixer on patches of 4."""
    import jax
    import jax.numpy as jnp

    side = pixels // 4
    w_in, b_in, w_out, b_out = (jnp.asarray(a) for a in arrays[:4])
    blocks = [[jnp.asarray(a) for a in arrays[4 + 12 * i : 16 + 12 * i]] for i in range(4)]
    gain, shift = (jnp.asarray(a) for a in arrays[52:54])

    def normed(x: Any, gain: Any, shift: Any) -> Any:
        mean, var = x.mean(axis=(1, 2), keepdims=True), x.var(axis=(1, 2), keepdims=True)
        return (x - mean) / jnp.sqrt(var + 1e-5) * gain + shift

    def score(y: Any, t: Any) -> Any:
        n = y.shape[0]
        both = jnp.stack([y, jnp.full_like(y, t / 10)], axis=1).reshape(n, 2, side, 4, side, 4)
        x = jnp.einsum("nihawb,oiab->nohw", both, w_in).reshape(n, -1, side * side) + b_in.reshape(1, -1, 1)
        for p1, q1, p2, q2, h1, c1, h2, c2, g1, s1, g2, s2 in blocks:
            z = jax.nn.relu(normed(x, g1, s1) @ p1.T + q1)
            x = (x + z @ p2.T + q2).transpose(0, 2, 1)
            z = jax.nn.relu(normed(x, g2, s2) @ h1.T + c1)
            x = (x + z @ h2.T + c2).transpose(0, 2, 1)
        x = normed(x, gain, shift).reshape(n, -1, side, side)
        # The kernel of the transposed convolution is stored flipped (equinox): it stands as it is after one flip.
        out = jnp.einsum("nchw,ocab->nohawb", x, w_out[:, :, ::-1, ::-1])
        return out.reshape(n, pixels, pixels) + b_out.reshape(())

    return jax.jit(score)


def denoiser(name: str) -> Callable[[np.ndarray, float], np.ndarray]:
    """D(x, sigma) in the noise-ratio picture."""
    file, pixels = NETWORKS[name][:2]
    score = forward(weights(file), pixels)

    def denoise(x: np.ndarray, sigma: float) -> np.ndarray:
        root = np.sqrt(1 + sigma**2)
        y = (x / root).astype(np.float32)
        return root * (y + sigma**2 / root**2 * np.asarray(score(y, np.float32(np.log(root**2)))))

    return denoise


def case(name: str) -> Case:
    """Spectrum from an independent half (2M at 40 steps, seed 2), which no reference contains."""
    _, pixels, count, half, fine = NETWORKS[name]
    target = UserDenoiser(denoiser(name), (pixels, pixels), name)
    path = cached(f"{name}-half-{half}.npy")
    if not path.exists():
        from diffopt.processes import VE
        from diffopt.processes.span import Span
        from diffopt.schedules.fixed.k_diffusion import Karras

        grid = Karras().grid(Span(VE(), 40, SIGMA_MAX, SIGMA_MIN))
        np.save(path, run(Batch(target, half, 2, "sigma"), [Case.table("dpmpp_2m", grid.sigmas)])[0])
    samples = np.load(path)
    return Case(
        name, "pretrained", target, spectrum_of(samples, name), samples, SIGMA_MAX, SIGMA_MIN, count, fine, (pixels, pixels)
    )


CASES = {name: partial(case, name) for name in NETWORKS}
