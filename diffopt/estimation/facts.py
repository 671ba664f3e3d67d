"""The honest part: facts and remarks about an estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diffopt.estimation.result import Estimate
from diffopt.estimation.sources.provenance import source_hash

#: Standard deviation that EDM assumes of its data.
SIGMA_DATA = 0.5


def facts(estimate: Estimate) -> dict[str, Any]:
    """Provenance and summary; plain JSON values."""
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
        "source_hash": source_hash(Path(path) if path is not None else None),
        "notes": notes(estimate),
    }


def notes(estimate: Estimate) -> list[str]:
    """Sentences for people; each says what to do."""
    result = [f"method {estimate.method}: {estimate.why}", *estimate.raw.notes]
    scaling, std = estimate.samples.scaling, estimate.raw.pooled_std
    result.append(f"scale {scaling}; pooled standard deviation {std:.4g}, EDM assumes {SIGMA_DATA}")
    if std > 4 * SIGMA_DATA or std < SIGMA_DATA / 4:
        result.append("that is far from what EDM assumes: check --range, --scale and --shift")
    result += _bias(estimate)
    skipped = estimate.samples.source.log.bad
    if skipped:
        result.append(f"{len(skipped)} bad samples skipped, the first: {next(iter(skipped.values()))}")
    return result


def _bias(estimate: Estimate) -> list[str]:
    """How far the sample eigenvalues are spread, by the Marchenko-Pastur law of white noise."""
    if estimate.method == "fourier":
        return [f"stationarity assumed: each power is an average over {estimate.raw.samples} samples"]
    ratio = estimate.samples.dim / max(estimate.raw.samples - 1, 1)
    if ratio < 0.01:
        return []
    low, high = max(0.0, 1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    text = (
        f"{estimate.raw.samples} samples in {estimate.samples.dim} dimensions: equal variances would show as "
        f"sample eigenvalues from {low:.2g} to {high:.2g} times their value"
    )
    return [text + ("; --shrinkage population corrects it" if estimate.options.shrinkage == "none" else "")]
