"""What `diffopt spectrum estimate` does with its flags."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt.cli.bar import Bar
from diffopt.cli.spectrum.output import format_of, say, write
from diffopt.data.ensemble import Ensemble
from diffopt.errors import InputError
from diffopt.estimation.engines.checkpoint import Checkpoint
from diffopt.estimation.engines.local import Engine, Local
from diffopt.estimation.ensembles.labels import cluster, read_labels
from diffopt.estimation.ensembles.partition import by_bands, by_labels, by_tiles
from diffopt.estimation.estimate import as_source, estimate_samples
from diffopt.estimation.facts import facts as facts_of
from diffopt.estimation.methods.lanczos import LanczosOptions
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.result import Estimate, MethodOptions
from diffopt.estimation.sources.provenance import source_hash
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.scaling import Scaling
from diffopt.estimation.sources.source import Log
from diffopt.foundation.atomic import check_target
from diffopt.studies.bootstrap_report import boot_facts


@dataclass(frozen=True)
class Request:
    """All flags of the command, as given."""

    path: str
    method: str
    ranges: str | None
    scale: float | None
    shift: float | None
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
    window: int
    hop: int
    skip_bad: bool
    block: int
    memory: float
    max_expanded: float
    engine: str
    scheduler: str | None
    workers: int
    resume: bool
    seed: int
    output: Path | None
    form: str | None
    force: bool
    quiet: bool

    def read_options(self) -> ReadOptions:
        """Options of the reader."""
        if not 0 < self.memory < 1e6 or not 0 < self.max_expanded < 1e9:
            raise InputError(
                f"--memory and --max-expanded must be positive, got {self.memory}, {self.max_expanded}"
            )
        return ReadOptions(
            key=self.key,
            channels=self.channels,
            window=self.window,
            hop=self.hop,
            max_expanded=int(self.max_expanded * 2**30),
            log=Log(skip=self.skip_bad),
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

    def fingerprint(self) -> str:
        """Everything that a checkpoint depends on."""
        numbers = (
            "method",
            "ranges",
            "scale",
            "shift",
            "key",
            "reader",
            "channels",
            "window",
            "hop",
            "block",
        )
        values: dict[str, Any] = {
            name: getattr(self, name) for name in (*numbers, "skip_bad", "memory", "patches")
        }
        return json.dumps(values | {"data": source_hash(Path(self.path))}, sort_keys=True)


def run(request: Request) -> None:
    """Check the output first, then read, compute, write."""
    form = format_of(request.output, request.form)
    if request.output is not None:
        check_target(request.output, request.force)
    samples = _samples(request)
    options = request.method_options()
    with Bar(request.quiet) as bar, ExitStack() as stack:
        engine, checkpoint = _engine(request, bar, stack)
        result = estimate_samples(samples, options, engine)
        facts = facts_of(result)
        # The checkpoint is of the sweep over all data; the sweeps over parts of them must not find it.
        others = Local(bar) if isinstance(engine, Local) else engine
        ensemble = _ensemble(request, result, others)
        if request.n_boot:
            boot = (request.n_boot, request.seed, request.boot_solver, request.boot_steps)
            facts |= boot_facts(result, others, *boot, facts["notes"])
    write(result.spectrum, facts, ensemble, request.output, form, request.force)
    if checkpoint is not None:
        checkpoint.discard()
    if not request.quiet:
        say(facts["notes"])


def _samples(request: Request) -> Samples:
    source = as_source(request.path, request.read_options(), request.reader)
    scaling = Scaling.create(request.ranges, request.scale, request.shift, source.dtype)
    return Samples(source, scaling, request.block)


def _engine(request: Request, bar: Bar, stack: ExitStack) -> tuple[Engine, Checkpoint | None]:
    if request.engine == "dask":
        if request.resume:
            raise InputError("--resume is for --engine local; dask repeats lost work by itself")
        from diffopt.estimation.engines.dask import connected

        return stack.enter_context(connected(request.scheduler, request.workers, bar)), None
    if request.engine != "local":
        raise InputError(f"engine must be local or dask, got {request.engine!r}")
    if not request.resume:
        return Local(bar), None
    if request.output is None:
        raise InputError("--resume keeps its checkpoint beside the output; name one with --output")
    path = request.output.with_name(request.output.name + ".checkpoint")
    checkpoint = Checkpoint(path, request.fingerprint())
    return Local(bar, checkpoint), checkpoint


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
