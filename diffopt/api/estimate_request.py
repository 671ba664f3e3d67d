"""Estimates as `diffopt spectrum estimate` asks for them: with ensembles, bands of a bootstrap, checkpoints, clusters."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt.api.estimate import SpectrumResult
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
from diffopt.estimation.methods.lanczos import LanczosOptions
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.readers.piped import as_file
from diffopt.estimation.result import Estimate, MethodOptions
from diffopt.estimation.sources.missing import Missing
from diffopt.estimation.sources.provenance import last_change, source_hash
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.scaling import Scaling
from diffopt.estimation.sources.source import Log, Source
from diffopt.studies.bootstrap_report import boot_facts


@dataclass(frozen=True)
class Request:
    """Every flag of the command that says something about the estimate; `output` is where a checkpoint lies beside."""

    path: str
    method: str
    ranges: str | None
    scale: float | None
    shift: float | None
    standardize: float | None
    shrinkage: str
    radial: bool
    mean: bool
    n_boot: int
    boot_steps: int
    boot_solver: str
    labels: Path | None
    clusters: int
    patches: int
    bands: int
    key: str | None
    reader: str | None
    channels: str
    columns: str | None
    header: str
    missing: str | None
    mode: str | None
    window: int
    hop: int
    skip_bad: bool
    block: int
    memory: float
    max_member: float
    max_expanded: float | None
    engine: str
    scheduler: str | None
    workers: int
    resume: bool
    seed: int
    output: Path | None

    def read_options(self) -> ReadOptions:
        """Options of the reader."""
        for flag, value in (("memory", self.memory), ("max-member", self.max_member), ("max-expanded", self.max_expanded)):
            if value is not None and not 0 < value < 1e9:
                raise InputError(f"--{flag} must be positive gigabytes, got {value:g}")
        return ReadOptions(
            key=self.key,
            channels=self.channels,
            columns=self.columns,
            header=self.header,
            mode=self.mode,
            window=self.window,
            hop=self.hop,
            max_expanded=None if self.max_expanded is None else int(self.max_expanded * 2**30),
            max_member=int(self.max_member * 2**30),
            log=Log(self.skip_bad, Missing.parse(self.missing)),
        )

    def method_options(self) -> MethodOptions:
        """Options of the method."""
        return MethodOptions(
            self.method,
            self.shrinkage,
            self.mean,
            self.radial,
            int(self.memory * 2**30),
            LanczosOptions(seed=self.seed),
        )

    def fingerprint(self, hashed: dict[str, str] | None) -> str:
        """Everything that a checkpoint depends on."""
        values: dict[str, Any] = {name: getattr(self, name) for name in SWEPT}
        return json.dumps(values | {"data": hashed, "changed": last_change(Path(self.path))}, sort_keys=True)


#: Flags that the sums of the first sweep depend on.
SWEPT = (
    "method", "ranges", "scale", "shift", "standardize", "key", "reader", "channels", "columns", "header", "missing", "mode",
    "window", "hop", "block", "skip_bad", "memory", "shrinkage", "mean", "radial", "patches", "seed",
)  # fmt: skip


def estimate_request(request: Request, progress: Progress) -> tuple[SpectrumResult, Callable[[], None]]:
    """The spectrum that was asked for, and what to call when it is written: it throws the checkpoint away.

    Raises
    ------
    InputError
        Data or flags that are not allowed, or that contradict each other.
    """
    with ExitStack() as stack:
        path = stack.enter_context(as_file(request.path))
        if request.resume and path != request.path:
            raise InputError(f"--resume reads the data again, and {request.path} can be read only once; save it to a file")
        source = as_source(path, request.read_options(), request.reader)
        source.label = source.label.replace(path, request.path)
        hashed = source_hash(Path(path))
        engine, checkpoint = _engine(request, progress, stack, hashed)
        samples = Samples(source, _scaling(request, source, progress), request.block)
        result = estimate_samples(samples, request.method_options(), engine)
        # The checkpoint is of the sweep over all data; the sweeps over parts of them must not find it.
        others = Local(progress) if isinstance(engine, Local) else engine
        ensemble = _ensemble(request, result, others)
        facts = facts_of(result, hashed)
        if ensemble is not None:
            facts["notes"].append(f"ensemble of {len(ensemble.spectra)}: {described(ensemble)}")
        if request.n_boot:
            boot = (request.n_boot, request.seed, request.boot_solver, request.boot_steps)
            facts |= boot_facts(result, others, *boot, facts["notes"])
    data = Dataset(result.spectrum, ensemble, facts, result.spectrum.source)
    return SpectrumResult(data, tuple(facts["notes"])), checkpoint.discard if checkpoint is not None else _nothing


def _nothing() -> None:
    """What is to be done after a run without a checkpoint."""


def described(ensemble: Ensemble) -> str:
    """Labels and probabilities of the first members."""
    pairs = zip(ensemble.labels, ensemble.probabilities, strict=True)
    listed = [f"{label[:40]} ({probability:.3g})" for label, probability in list(pairs)[:6]]
    return ", ".join(listed) + (", ..." if len(ensemble.spectra) > 6 else "")


def _scaling(request: Request, source: Source, progress: Progress) -> Scaling:
    """Map to model units: by the flags, or in a pass of its own."""
    flags = (request.ranges, request.scale, request.shift)
    if request.standardize is None:
        return Scaling.create(*flags, source.dtype, source.full_range)
    if any(flag is not None for flag in flags):
        raise InputError("--standardize finds scale and shift itself; leave out --range, --scale and --shift")
    return standardizing(source, request.standardize, Local(progress), request.block)


def _engine(
    request: Request, progress: Progress, stack: ExitStack, hashed: dict[str, str] | None
) -> tuple[Engine, Checkpoint | None]:
    if request.engine == "dask":
        if request.resume:
            raise InputError("--resume is for --engine local; dask repeats lost work by itself")
        from diffopt.estimation.engines.dask import connected

        return stack.enter_context(connected(request.scheduler, request.workers, progress)), None
    if request.engine != "local":
        raise InputError(f"engine must be local or dask, got {request.engine!r}")
    if not request.resume:
        return Local(progress), None
    if request.output is None:
        raise InputError("--resume keeps its checkpoint beside the output; name one with --output")
    path = request.output.with_name(request.output.name + ".checkpoint")
    checkpoint = Checkpoint(path, request.fingerprint(hashed))
    return Local(progress, checkpoint), checkpoint


def _ensemble(request: Request, result: Estimate, engine: Engine) -> Ensemble | None:
    """Ensemble asked for, if any.

    Raises
    ------
    InputError
        Two kinds at once.
    """
    asked = [n for n in ("labels", "clusters", "patches", "bands") if getattr(request, n)]
    if len(asked) > 1:
        raise InputError(f"choose one of --{' and --'.join(asked)}")
    if request.labels is not None:
        return by_labels(result, read_labels(request.labels, result.samples.source), engine)
    if request.clusters:
        return by_labels(result, cluster(result.samples, engine, request.clusters, request.seed), engine)
    if request.patches:
        return by_tiles(result, request.patches, engine)
    return by_bands(result, request.bands) if request.bands else None
