"""Running an estimate as it was asked for: with ensembles, bands of a bootstrap, checkpoints, clusters."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.api.estimate_request import Request
from diffopt.api.results.spectrum import CovarianceResult, SpectrumResult
from diffopt.data.dataset import Dataset
from diffopt.data.ensemble import Ensemble
from diffopt.errors import InputError
from diffopt.estimation.engines.checkpoint import Checkpoint
from diffopt.estimation.engines.local import Engine, Local, Progress
from diffopt.estimation.engines.standardize import standardizing
from diffopt.estimation.ensembles.label_file import read_labels
from diffopt.estimation.ensembles.labels import cluster
from diffopt.estimation.ensembles.partition import by_bands, by_labels, by_tiles
from diffopt.estimation.estimate import as_source, estimate_samples
from diffopt.estimation.facts import facts as facts_of
from diffopt.estimation.readers.piped import as_file
from diffopt.estimation.result import Estimate
from diffopt.estimation.sources.provenance import source_hash
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.scaling import Scaling
from diffopt.estimation.sources.source import Source
from diffopt.studies.bootstrap_report import boot_facts

#: Solver and steps of the grids of a bootstrap, and processes of dask.
BOOT_SOLVER, BOOT_STEPS, WORKERS = "euler", 10, 2


def estimate_request(request: Request, progress: Progress) -> SpectrumResult:
    """The spectrum that was asked for; a checkpoint is kept until the result is saved.

    Raises
    ------
    InputError
        Data or flags that are not allowed, or that contradict each other.
    """
    with ExitStack() as stack:
        source, hashed = _source(request, stack)
        engine, checkpoint = _engine(request, progress, stack, hashed)
        samples = Samples(source, _scaling(request, source, progress), request.block)
        result = estimate_samples(samples, request.method_options(), engine)
        if request.radial and result.method != "fourier":
            raise InputError(f"--radial has no effect on method {result.method}; say --method fourier, or leave it out")
        # The checkpoint is of the sweep over all data; the sweeps over parts of them must not find it.
        others = Local(progress) if isinstance(engine, Local) else engine
        ensemble = _ensemble(request, result, others)
        facts = facts_of(result, hashed)
        if ensemble is not None:
            facts["notes"].append(f"ensemble of {len(ensemble.spectra)}: {_listed(ensemble)}")
        if request.n_boot:
            boot = (request.n_boot, request.seed, request.boot_solver or BOOT_SOLVER, request.boot_steps or BOOT_STEPS)
            facts |= boot_facts(result, others, *boot, facts["notes"])
    data = Dataset(result.spectrum, ensemble, facts, result.spectrum.source)
    told = tuple(f"note: {line}" for line in facts["notes"])
    if result.covariance is None:
        return SpectrumResult(data, told, checkpoint)
    return CovarianceResult(data, told, checkpoint, result.covariance, result.raw.center)


def _source(request: Request, stack: ExitStack) -> tuple[Source, dict[str, str] | None]:
    """Where the samples come from, and the hash of a file's or folder's bytes."""
    options = request.read_options()
    if request.path is None:
        if request.checkpoint is not None:
            raise InputError("--resume reads the data again, and needs them in a file")
        if request.reader is not None:
            raise InputError("--reader has no effect: it is for files, and the samples are no file")
        source = as_source(request.samples, options)
        request.check_read(options, source)
        return source, None
    path = stack.enter_context(as_file(request.path))
    if request.checkpoint is not None and path != request.path:
        raise InputError(f"--resume reads the data again, and {request.path} can be read only once; save it to a file")
    source = as_source(path, options, request.reader)
    source.label = source.label.replace(path, request.path)
    request.check_read(options, source)
    return source, source_hash(Path(path))


def _listed(ensemble: Ensemble) -> str:
    """Labels and probabilities of the first members."""
    pairs = zip(ensemble.labels, ensemble.probabilities, strict=True)
    listed = [f"{label[:40]} ({probability:.3g})" for label, probability in list(pairs)[:6]]
    return ", ".join(listed) + (", ..." if len(ensemble.spectra) > 6 else "")


def _scaling(request: Request, source: Source, progress: Progress) -> Scaling:
    """Map to model units: by the flags, or in a pass of its own."""
    flags = (request.range, request.scale, request.shift)
    if request.standardize is None:
        return Scaling.create(*flags, source.dtype, source.full_range)
    if any(flag is not None for flag in flags):
        raise InputError("--standardize finds scale and shift itself; leave out --range, --scale and --shift")
    return standardizing(source, request.standardize, Local(progress), request.block)


def _engine(
    request: Request, progress: Progress, stack: ExitStack, hashed: dict[str, str] | None
) -> tuple[Engine, Checkpoint | None]:
    if request.engine == "dask":
        if request.checkpoint is not None:
            raise InputError("--resume is for --engine local; dask repeats lost work by itself")
        from diffopt.estimation.engines.dask import connected

        return stack.enter_context(connected(request.scheduler, request.workers or WORKERS, progress)), None
    if request.engine != "local":
        raise InputError(f"engine must be local or dask, got {request.engine!r}")
    if request.checkpoint is None:
        return Local(progress), None
    checkpoint = Checkpoint(Path(request.checkpoint), request.fingerprint(hashed))
    return Local(progress, checkpoint), checkpoint


def _ensemble(request: Request, result: Estimate, engine: Engine) -> Ensemble | None:
    """Ensemble asked for, if any.

    Raises
    ------
    InputError
        Two kinds at once.
    """
    asked = ["labels"] if request.labels is not None else []
    asked += [n for n in ("clusters", "patches", "bands") if getattr(request, n)]
    if len(asked) > 1:
        raise InputError(f"choose one of --{' and --'.join(asked)}")
    if request.labels is not None:
        return by_labels(result, _labels(request.labels, result.samples.source), engine)
    if request.clusters:
        return by_labels(result, cluster(result.samples, engine, request.clusters, request.seed), engine)
    if request.patches:
        return by_tiles(result, request.patches, engine)
    return by_bands(result, request.bands) if request.bands else None


def _labels(given: Any, source: Source) -> Any:
    """Label of each sample, of a file or of an array."""
    if isinstance(given, str | Path):
        with as_file(str(given)) as file:
            return read_labels(Path(file), source)
    try:
        labels = np.asarray(given)
    except ValueError:
        labels = np.empty(0)
    if labels.ndim != 1 or len(labels) != source.count:
        raise InputError(f"labels: an array of shape {labels.shape} for {source.count} samples; give one each")
    return labels.astype(np.str_)
