"""`diffopt.siem`: how wrong a score network is, without sampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from diffopt import __version__
from diffopt.api.arguments import verb
from diffopt.api.likes import FileLike, NumbersLike
from diffopt.api.results.siem import SiemResult
from diffopt.documents.schemas import dump
from diffopt.documents.siem_input import SiemInput
from diffopt.documents.siem_schema import IntervalPart, LevelPart, ParticlePart, SiemDocument
from diffopt.documents.values import number
from diffopt.errors import InputError
from diffopt.estimation.readers.piped import as_file
from diffopt.studies.siem.levels import Levels
from diffopt.studies.siem.siem import Siem
from diffopt.studies.siem.siem import siem as estimate

#: Mean square error, over that of 0 or y/sigma in the place of the network, from which `predicted` looks like something else.
WORSE = 1.5


@verb
def siem(
    arrays: FileLike | Mapping[str, NumbersLike],
    *,
    window: float | str | Sequence[float] | None = None,
    reference: FileLike | Mapping[str, NumbersLike] | None = None,
    eta: float = 0.0,
    clock: str = "vp",
    picture: str | None = None,
    seed: int = 0,
) -> SiemResult:
    """Estimate the score-error metric SIEM from the outputs of a network; a reconstruction (theory.md).

    Parameters
    ----------
    arrays : path or mapping
        `.npz` or `.safetensors` (read in blocks), or arrays: `x0` (or `xt`), `noise` and `predicted`, the network's estimate
        of that noise (not x0 or v), of one shape (n, ...);
        `sigma` (n,), optionally `weights` (n,), the density ratio of the sampler's law to the marginal.
    window : float, str or pair, optional
        0.1 is the top tenth of the range of log sigma; `LOW:HIGH` a range of noise ratios.
    reference : path or mapping, optional
        `predicted` (n, ...) of a better network on the same rows; without it `per_particle` is an upper bound.
    eta : float
        Coefficient of the injected noise; the error enters with (1 + eta^2)/2.
    clock : {"vp", "variance", "sigma", "logsnr"}
        Time of the quadratic variation; `vp` is that of a variance-preserving process with beta = 1, as in DDPM.
    picture : {"ve", "vp", "flow"}, optional
        Scale of `xt`, where it is given instead of `x0`; default `ve`.
    seed : int
        Of the bootstrap.

    Returns
    -------
    SiemResult
        `.coherent`, `.per_particle` (numbers in the clock `vp`, data units squared in `variance`), `.mean_vector_norm`,
        each with value, low and high.

    Raises
    ------
    InputError
        Missing arrays, other shapes, numbers that are not finite, or a window without rows.

    Examples
    --------
    >>> import numpy as np, diffopt
    >>> rng = np.random.default_rng(0)
    >>> x0, noise = rng.standard_normal((2, 500, 3))
    >>> found = diffopt.siem({"x0": x0, "noise": noise, "predicted": 0.9 * noise, "sigma": np.full(500, 2.0)})
    >>> found.coherent["low"] > 0
    True
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed = {seed!r} is not allowed: it must be a whole number >= 0")
    span, eta = _window(window), number(eta, "eta")
    if not np.isfinite(eta) or eta < 0:
        raise InputError(f"eta must be finite and >= 0, got {eta:g}")
    with ExitStack() as stack:
        # A pipe is read in blocks as a file is, out of a temporary one.
        files = [stack.enter_context(as_file(str(f))) if isinstance(f, str | Path) else f for f in (arrays, reference)]
        data = SiemInput.read(files[0], files[1], picture)
        levels = Levels.of(data.sigma, span)
        found = estimate(data.rows(), levels, data.dim, eta, clock, seed)
        said = _weight_note(data)
    document = _document(found, data, levels, span, eta, clock, reference, seed)
    notes = [*said, "note: a reconstruction of SIEM; the paper's own formula was not available"]
    if found.gap > WORSE:
        notes.append(
            f"note: predicted has {found.gap:.3g} times the mean square error that 0 or y/sigma has as an estimate of the "
            "noise: is it x0, v or the score? It must be the network's estimate of the noise n in y = x0 + sigma n"
        )
    if found.upper_bound:
        notes.append("note: per_particle is an upper bound, as the noise's own spread is in it; give --reference")
    return SiemResult(dump(document), tuple(notes))


def _weight_note(data: SiemInput) -> list[str]:
    """Weights that are no ratio of densities: their mean is not 1."""
    if "weights" not in data.members:
        return []
    weights = data.members["weights"].whole()
    mean, error = float(weights.mean()), float(weights.std() / np.sqrt(weights.size))
    if abs(mean - 1) <= 4 * error + 1e-9:
        return []
    return [f"note: weights have the mean {mean:.4g} (+- {error:.2g}), a ratio of densities has 1"]


def _window(given: Any) -> float | tuple[float, float] | None:
    if given is None:
        return None
    if isinstance(given, str) and ":" in given:
        given = given.split(":")
    if isinstance(given, list | tuple):
        if len(given) != 2:
            raise InputError(f"window {given!r}: use a share such as 0.1, or LOW:HIGH")
        return number(given[0], "window"), number(given[1], "window")
    return number(given, "window")


def _document(
    found: Siem, data: SiemInput, levels: Levels, window: Any, eta: float, clock: str, reference: Any, seed: int
) -> SiemDocument:
    used = data.sigma[levels.number >= 0]
    named = str(reference) if isinstance(reference, str | Path) else "arrays"
    return SiemDocument(
        coherent=IntervalPart(**vars(found.coherent)),
        per_particle=ParticlePart(**vars(found.per_particle), upper_bound=found.upper_bound),
        mean_vector_norm=IntervalPart(**vars(found.mean_vector_norm)),
        rows=data.sigma.size, rows_used=used.size, dim=data.dim, window=list(window) if isinstance(window, tuple) else window,
        sigma_min=float(used.min()), sigma_max=float(used.max()), eta=eta, clock=clock, weighted="weights" in data.members,
        reference=None if reference is None else named, seed=seed, diffopt_version=__version__,
        levels=[
            LevelPart(sigma=float(s), drift=float(d), rows=int(n))
            for s, d, n in zip(found.sigma, found.drift, found.rows, strict=True)
        ],
    )  # fmt: skip
