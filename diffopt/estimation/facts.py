"""The honest part: facts and remarks about an estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.estimation.result import ASKED, Estimate
from diffopt.estimation.sources.provenance import source_hash
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.scaling import INTEGER_RANGES

#: Standard deviation that EDM assumes of its data.
SIGMA_DATA = 0.5
#: Channels of latents, and where their scaling factor stands.
LATENTS = {4: "SD 1.5 0.18215, SDXL 0.13025", 16: "scaling_factor, and shift_factor, in the config of the autoencoder"}
#: Relative distance from SIGMA_DATA from which data are those of a network with another sigma_data.
OWN = 0.1
#: Factor from 1 beyond which a latent's standard deviation is that of another scale.
FAR = 2.5
#: Share of the full range below which integers seem to be of fewer bits.
USED = 0.3


def facts(estimate: Estimate, hashed: dict[str, str] | None = None) -> dict[str, Any]:
    """Provenance and summary; plain JSON values.

    `hashed` is the hash of the data, where it is known already.
    """
    raw, samples, spectrum = estimate.raw, estimate.samples, estimate.spectrum
    path = getattr(samples.source, "path", None)
    positive = spectrum.eig[spectrum.eig > 0]
    return {
        "method": estimate.method,
        "method_reason": estimate.why,
        "shrinkage": estimate.options.shrinkage,
        "samples": raw.samples,
        "samples_per_dimension": raw.samples / samples.dim,
        "shape": list(samples.shape),
        "dtype": str(samples.source.dtype),
        "condition": float(positive[0] / positive[-1]),
        "scale": {
            "scale": samples.scaling.scale,
            "shift": samples.scaling.shift,
            "origin": samples.scaling.origin,
        },
        "pooled_mean": raw.grand_mean,
        "pooled_std": raw.pooled_std,
        "sigma_data": SIGMA_DATA,
        "mean_square": raw.mean_square,
        "mean_noise": raw.trace / raw.samples,
        "sample_max": float(raw.eig.max()),
        "seed": estimate.options.lanczos.seed,
        "skipped": len(samples.source.log.bad),
        "skipped_names": sorted(samples.source.log.bad)[:20],
        "source_hash": hashed or source_hash(None if path is None else Path(path)),
        "notes": notes(estimate),
    }


def notes(estimate: Estimate) -> list[str]:
    """Sentences for people; each says what to do."""
    source = estimate.samples.source
    result = [*source.notes(), *source.log.lines()]
    result += [] if estimate.why == ASKED else [f"method {estimate.method}: {estimate.why}"]
    result += estimate.raw.notes
    result += [*_scale(estimate), *_range(estimate), *_bias(estimate), *_fixed(estimate), *_null(estimate)]
    skipped = source.log.bad
    if skipped:
        result.append(f"{len(skipped)} bad samples skipped, the first: {next(iter(skipped.values()))}")
    return result


def _latent(samples: Samples) -> int | None:
    """Channels of what looks like a latent of an autoencoder: three axes, 4 or 16 channels of floats as they were stored."""
    axis = samples.source.channels
    if axis is None or len(samples.shape) != 3 or samples.source.dtype.kind != "f" or samples.scaling.origin == "standardized":
        return None
    return samples.shape[axis] if samples.shape[axis] in LATENTS else None


def _scale(estimate: Estimate) -> list[str]:
    mean, std = estimate.raw.grand_mean, estimate.raw.pooled_std
    line = f"scale {estimate.samples.scaling}; pooled mean {mean:.4g}, pooled standard deviation {std:.4g}"
    if (channels := _latent(estimate.samples)) is not None:
        lines = [f"{line} (latents of {channels} channels have about 1 after their model's scaling factor)"]
        if not 1 / FAR <= std <= FAR:
            lines.append(
                f"that is far from 1: if these are latents, multiply by the scaling factor of the model's autoencoder, once "
                f"(--scale; {LATENTS[channels]}); it seems forgotten or used twice"
            )
    else:
        lines = [f"{line} (EDM assumes {SIGMA_DATA})"]
        far = std > 4 * SIGMA_DATA or std < SIGMA_DATA / 4
        if not far and estimate.samples.scaling.origin != "default" and abs(std / SIGMA_DATA - 1) > OWN:
            ratio = std / SIGMA_DATA
            lines.append(
                f"for a network with sigma_data {SIGMA_DATA} say --standardize {SIGMA_DATA}; for one with sigma_data {std:.3g} "
                f"keep these numbers and give the range it was trained on: EDM's is --sigma-min {0.002 * ratio:.3g} "
                f"--sigma-max {80 * ratio:.3g} there"
            )
        if far:
            lines.append("that is far from what EDM assumes: check --range, --scale and --shift, or add --standardize 0.5")
    if abs(mean) > 4 * std:
        lines.append(
            f"the mean {mean:.4g} is {abs(mean) / std:.3g} standard deviations from 0: a sampler starts around 0; "
            "--standardize 0.5 subtracts it (--shift is added after --scale)"
        )
    return lines


def _range(estimate: Estimate) -> list[str]:
    """Integers that use little of the range that was taken for theirs."""
    samples = estimate.samples
    limits = samples.source.full_range or INTEGER_RANGES.get(samples.source.dtype.name)
    if samples.scaling.origin != "default" or limits is None:
        return []
    head = np.asarray(samples.source.head(64), dtype=np.float64)
    low, high = float(head.min()), float(head.max())
    if samples.source.stationary or high - low > USED * (limits[1] - limits[0]):
        return []
    return [
        f"the first samples lie in {low:g} to {high:g}, little of {limits[0]:g} to {limits[1]:g}: if they have fewer bits, "
        f"say so, e.g. --range 0,{2 ** int(np.ceil(np.log2(max(high, 1) + 1))) - 1}:-1,1"
    ]


def _bias(estimate: Estimate) -> list[str]:
    """How far the sample eigenvalues are spread, by the Marchenko-Pastur law of white noise."""
    if estimate.method == "fourier":
        return [f"stationarity assumed: each power is an average over {estimate.raw.samples} samples"]
    ratio = estimate.samples.dim / max(estimate.raw.samples - 1, 1)
    if ratio < 0.01:
        return []
    low, high = max(0.0, 1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    text = f"few samples, {estimate.raw.samples} for {estimate.samples.dim} numbers: "
    wrong = (
        "small eigenvalues come out too small and large ones too large (of data whose true eigenvalues are all 1 they would run "
        f"from {low:.2g} to {high:.2g})"
    )
    rule = estimate.options.shrinkage
    best = "analytical" if estimate.options.covariance else "population"
    if rule == "none":
        field = len(estimate.samples.shape) > 1 and not estimate.options.covariance
        fourier = ", --method fourier needs fewer where images or fields look the same at every position" if field else ""
        return [f"{text}{wrong}; --shrinkage {best} corrects it{fourier}"]
    if rule == best:
        return [f"{text}that spreads the eigenvalues of the samples, and --shrinkage {rule} has undone it as far as it can"]
    return [f"{text}of the samples {wrong}; --shrinkage {rule} has drawn them together, --shrinkage {best} estimates them"]


def _fixed(estimate: Estimate) -> list[str]:
    """Positions that are the same in all samples: a mask, or an edge."""
    fixed = estimate.samples.fixed
    if fixed is None or fixed.values is None or not fixed.count:
        return []
    scaling, first = estimate.samples.scaling, float(fixed.values[0])
    stored = (first - scaling.shift) / scaling.scale
    value = f"all {stored:.4g}" if np.all(fixed.values == first) else "each at its own value"
    meaning = "are directions of eigenvalue 0"
    if estimate.method == "fourier":
        meaning = "contradict stationarity, and the powers average over them"
    return [
        f"{fixed.count} of {estimate.samples.dim} positions never vary ({value}): they {meaning}; "
        "leave them out if they are a mask (the pooled mean and standard deviation count them too)"
    ]


def _null(estimate: Estimate) -> list[str]:
    """Directions without variance, where samples would have shown one."""
    spectrum, raw = estimate.spectrum, estimate.raw
    null = spectrum.dim - spectrum.rank
    fixed = 0 if estimate.samples.fixed is None else estimate.samples.fixed.count
    null, more = null - fixed, " others" if fixed else ""
    if null < 0.5 or raw.samples <= spectrum.dim:
        return []
    return [f"{null:g}{more} of {spectrum.dim:g} directions have no variance (up to rounding) and count as exactly 0"]
