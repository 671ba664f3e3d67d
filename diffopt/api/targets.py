"""From what a user has to a target: a mixture, samples, a denoiser, or a target itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.estimation.readers import open_source
from diffopt.estimation.readers.piped import as_file
from diffopt.estimation.sources.samples import Samples
from diffopt.foundation.arrays import Array
from diffopt.foundation.notes import note
from diffopt.foundation.tensors import described, numbers_of
from diffopt.simulation.empirical import Empirical
from diffopt.simulation.files import read_measurement, read_mixture
from diffopt.simulation.fit import fit_mixture
from diffopt.simulation.gaussian import Gaussian
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.target import Target
from diffopt.simulation.user import UserDenoiser, find_function

#: Bandwidth of a kernel density where none is given, in pooled standard deviations of the samples.
BANDWIDTH = 0.1


@dataclass(frozen=True, eq=False)
class NamedTarget:
    """A target, its spectrum where one is known, and how the document names it."""

    target: Target
    data: Dataset | None
    facts: dict[str, Any]

    @property
    def portable(self) -> bool:
        """Whether other processes can run it: a user's function stays where it is."""
        return not isinstance(self.target, UserDenoiser)

    @property
    def mean(self) -> float:
        """Length of the mean of a target whose spectrum is known."""
        target = self.target
        if isinstance(target, Mixture):
            return float(np.linalg.norm(target.weights @ target.means))
        if isinstance(target, Gaussian):
            return float(np.linalg.norm(target.mean))
        samples = target.samples if isinstance(target, Empirical) else getattr(target, "data", None)
        return 0.0 if samples is None else float(np.linalg.norm(samples.mean(axis=0)))


def find_target(
    target: Any, mixture: Any, samples: Any, denoiser: Any, shape: Any, components: int | None,
    bandwidth: float | None, posterior: Any, memory: int,
) -> NamedTarget:  # fmt: skip
    """The one target that was named.

    Raises
    ------
    InputError
        None, several, or options that do not belong to it.
    """
    if target is not None:
        mixture, samples, denoiser = _sorted_out(target, mixture, samples, denoiser)
    named = [name for name, thing in (("mixture", mixture), ("denoiser", denoiser)) if thing is not None]
    if len(named) > 1:
        raise InputError("name one target: --mixture FILE.npz, --samples FILE or --denoiser MODULE:FUNCTION")
    if isinstance(target, Target) and not named and samples is None:
        found: Target = target
        facts: dict[str, Any] = {"kind": "target", "source": type(target).__name__}
    elif denoiser is not None and mixture is None:
        found, facts = _denoiser(denoiser, shape, samples)
    elif (mixture is None) == (samples is None):
        raise InputError("name one target: --mixture FILE.npz, --samples FILE or --denoiser MODULE:FUNCTION")
    elif mixture is not None:
        found = mixture if isinstance(mixture, Mixture) else read_mixture(mixture, memory)
        facts = {"kind": "mixture", "source": _name(mixture), "components": found.weights.size}
    else:
        found, facts = _samples(samples, components, bandwidth, memory)
    for value, name, kinds in ((shape, "shape", ("denoiser",)), (components, "components", ("samples",)),
                               (bandwidth, "bandwidth", ("samples",))):  # fmt: skip
        if value is not None and facts["kind"] not in kinds:
            raise InputError(f"--{name} is for --{kinds[0]}")
    if posterior is not None:
        found, facts = _posterior(found, posterior, memory), {**facts, "source": f"{facts['source']} given {_name(posterior)}"}
    return NamedTarget(found, _spectrum(found, facts["source"]), {**facts, "dim": found.dim})


def _sorted_out(target: Any, mixture: Any, samples: Any, denoiser: Any) -> tuple[Any, Any, Any]:
    """The first argument of the verb under its own name."""
    if mixture is not None or (denoiser is not None and not isinstance(target, np.ndarray)):
        raise InputError("name one target: --mixture FILE.npz, --samples FILE or --denoiser MODULE:FUNCTION")
    if isinstance(target, Mixture):
        return target, samples, denoiser
    if isinstance(target, Target):
        return mixture, samples, denoiser
    if callable(target):
        return mixture, samples, target
    return mixture, target, denoiser


def _name(thing: Any) -> str:
    if isinstance(thing, str | Path):
        return str(thing)
    return str(getattr(thing, "__name__", type(thing).__name__))


def _array(samples: Any) -> Array:
    """Samples (m, d...) of a path in any format that `spectrum estimate` reads, or of an array."""
    if not isinstance(samples, str | Path):
        return numbers_of(samples, "the samples", "a path, or an array (m, ...)")
    with as_file(str(samples)) as file:
        blocks = [block.copy() for _, block in Samples(open_source(file)).blocks()]
    if not blocks or sum(map(len, blocks)) < 2:
        raise InputError(f"samples {samples}: at least 2 samples are needed")
    return np.concatenate(blocks)


def _samples(samples: Any, components: int | None, bandwidth: float | None, memory: int) -> tuple[Target, dict[str, Any]]:
    array = _array(samples)
    source = _name(samples)
    if components is not None:
        if bandwidth is not None:
            raise InputError("--bandwidth is of a kernel density, --components of a fitted mixture; give one")
        law = fit_mixture(Empirical.create(array, 0.0).samples, int(components))
        return law, {"kind": "samples", "source": source, "components": int(components)}
    if bandwidth is None:
        bandwidth = BANDWIDTH * float(np.sqrt(np.var(np.asarray(array, dtype=np.float64), axis=0).mean()))
        note(f"note: kernel density of {len(array)} samples with --bandwidth {bandwidth:.4g} (a tenth of their deviation)")
    kernel = Empirical.create(array, float(bandwidth), memory)
    return kernel, {"kind": "samples", "source": source, "components": len(array), "bandwidth": kernel.bandwidth}


def _denoiser(denoiser: Any, shape: Any, samples: Any) -> tuple[Target, dict[str, Any]]:
    function: Callable[..., Any] = find_function(denoiser) if isinstance(denoiser, str) else denoiser
    if isinstance(function, Target):
        return function, {"kind": "target", "source": str(denoiser)}
    array = None if samples is None else _array(samples)
    data = None if array is None else Empirical.create(array, 0.0).samples
    sides = _shape(shape if shape is not None else getattr(function, "shape", None), array)
    if data is not None and data.shape[1] != int(np.prod(sides)):
        raise InputError(f"--shape {sides} has {int(np.prod(sides))} numbers, the samples have {data.shape[1]}")
    return UserDenoiser(function, sides, _name(denoiser), data), {"kind": "denoiser", "source": _name(denoiser)}


def _shape(shape: Any, array: Array | None) -> tuple[int, ...]:
    """Shape of one sample: as said, or that of the samples."""
    if shape is None and array is not None:
        return tuple(int(n) for n in array.shape[1:])
    if shape is None:
        raise InputError("a denoiser needs the shape of one sample: --shape 3,32,32 (or --samples FILE of such data)")
    parts = str(shape).lower().replace("x", ",").split(",") if isinstance(shape, str | int) else list(shape)
    try:
        sides = tuple(int(part) for part in parts)
    except (TypeError, ValueError):
        raise InputError(f"--shape must look like 3,32,32, got {shape!r}") from None
    if not sides or min(sides) < 1:
        raise InputError(f"--shape must be positive numbers, got {shape!r}")
    return sides


def _posterior(target: Target, measurement: Any, memory: int) -> Mixture:
    """The target given a linear measurement."""
    prior = target.mixture() if isinstance(target, Empirical) else target
    if not isinstance(prior, Mixture):
        raise InputError("--posterior needs the exact posterior score of a mixture: use --mixture or --samples")
    if isinstance(measurement, str | Path):
        measurement = read_measurement(measurement, memory)
    if not isinstance(measurement, tuple | list) or len(measurement) != 3:
        raise InputError(f"posterior: expected a path, or (matrix, measurement, noise), got {described(measurement)}")
    return prior.posterior(*measurement)


def _spectrum(target: Target, source: str) -> Dataset | None:
    """Covariance spectrum of a target, where it is known."""
    if isinstance(target, Gaussian):
        return Dataset.of(Spectrum.create(target.eig, source=source))
    if isinstance(target, Mixture | Empirical):
        return Dataset.of(Spectrum.create(np.maximum(np.linalg.eigvalsh(target.covariance()), 0), source=source))
    data = getattr(target, "data", None)
    if data is None or len(data) < 3:
        return None
    values = np.linalg.svd(data - data.mean(axis=0), compute_uv=False) ** 2 / (len(data) - 1)
    values = np.concatenate([values, np.zeros(max(data.shape[1] - values.size, 0))])
    return Dataset.of(Spectrum.create(values, source=source))
