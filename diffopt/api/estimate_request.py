"""What `diffopt spectrum estimate` is asked for, and what of it has no effect."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffopt.errors import InputError
from diffopt.estimation.methods.lanczos import LanczosOptions
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.result import MethodOptions
from diffopt.estimation.sources.missing import Missing
from diffopt.estimation.sources.provenance import last_change
from diffopt.estimation.sources.source import Log, Source

#: Least value of whole numbers.
LEAST = {
    "n_boot": 0, "boot_steps": 1, "clusters": 0, "patches": 0, "bands": 0, "window": 2, "hop": 0, "block": 0, "workers": 1,
    "seed": 0,
}  # fmt: skip
#: Flags of one way of running, and what asks for it.
OF = {"boot_steps": "--n-boot", "boot_solver": "--n-boot", "scheduler": "--engine dask", "workers": "--engine dask"}
#: Flags that only some readers look at.
READERS_OWN = ("key", "channels", "columns", "header", "mode", "window", "hop", "max_expanded", "max_member")


@dataclass(frozen=True)
class Request:
    """Every keyword of the verb; None where it was left out and something else decides."""

    samples: Any
    method: str = "auto"
    range: str | None = None
    scale: float | None = None
    shift: float | None = None
    standardize: float | None = None
    shrinkage: str = "none"
    radial: bool = False
    mean: bool = True
    covariance: bool = False
    n_boot: int = 0
    boot_steps: int | None = None
    boot_solver: str | None = None
    labels: Any = None
    clusters: int = 0
    patches: int = 0
    bands: int = 0
    key: str | None = None
    reader: str | None = None
    channels: str | None = None
    columns: str | None = None
    header: str | None = None
    missing: str | None = None
    mode: str | None = None
    window: int | None = None
    hop: int | None = None
    skip_bad: bool = False
    block: int = 0
    memory: float = 2.0
    max_member: float | None = None
    max_expanded: float | None = None
    engine: str = "local"
    scheduler: str | None = None
    workers: int | None = None
    seed: int = 0
    checkpoint: str | Path | None = None

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < least):
                raise InputError(f"--{name.replace('_', '-')} must be a whole number >= {least}, got {value!r}")
        running = {"--n-boot": self.n_boot > 0, "--engine dask": self.engine == "dask"}
        for name, needed in OF.items():
            if getattr(self, name) is not None and not running[needed]:
                raise InputError(f"--{name.replace('_', '-')} has no effect without {needed}; leave it out")

    @property
    def path(self) -> str | None:
        """Path of the samples; None of arrays and blocks."""
        return str(self.samples) if isinstance(self.samples, str | Path) else None

    def read_options(self) -> Watched:
        """Options of the reader."""
        for flag, value in (("memory", self.memory), ("max-member", self.max_member), ("max-expanded", self.max_expanded)):
            if value is not None and not 0 < value < 1e9:
                raise InputError(f"--{flag} must be positive gigabytes, got {value:g}")
        given = {name: getattr(self, name) for name in READERS_OWN if getattr(self, name) is not None}
        given |= {name: int(given[name] * 2**30) for name in ("max_expanded", "max_member") if name in given}
        return Watched(**given, log=Log(self.skip_bad, Missing.parse(self.missing)))

    def check_read(self, options: Watched, source: Source) -> None:
        """Refuse what the reader did not ask for.

        Raises
        ------
        InputError
            A flag of other kinds of files.
        """
        for name in READERS_OWN:
            if getattr(self, name) is not None and name not in options.used:
                flag = f"--{name.replace('_', '-')}"
                raise InputError(f"{flag} has no effect on {source.label}: {READERS_HELP[name]}; leave it out")

    def method_options(self) -> MethodOptions:
        """Options of the method."""
        return MethodOptions(
            self.method, self.shrinkage, self.mean, self.radial, int(self.memory * 2**30), self.covariance,
            LanczosOptions(seed=self.seed),
        )  # fmt: skip

    def fingerprint(self, hashed: dict[str, str] | None) -> str:
        """Everything that a checkpoint depends on."""
        values: dict[str, Any] = {name: getattr(self, name) for name in SWEPT}
        return json.dumps(values | {"data": hashed, "changed": last_change(Path(self.path or ""))}, sort_keys=True)


@dataclass(frozen=True)
class Watched(ReadOptions):
    """Options that remember which of them a reader has looked at."""

    used: set[str] = field(default_factory=set, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.used.clear()

    def __getattribute__(self, name: str) -> Any:
        if name in READERS_OWN:
            super().__getattribute__("used").add(name)
        return super().__getattribute__(name)


#: What the flags of some readers are for.
READERS_HELP = {
    "key": "it is for files that hold several arrays", "channels": "its samples say where their channels are",
    "columns": "it is for tables of text", "header": "it is for tables of text", "mode": "it is for images",
    "window": "it is for sound", "hop": "it is for sound", "max_expanded": "it is for archives and packed files",
    "max_member": "it is for packed files, images and archives",
}  # fmt: skip


#: Flags that the sums of the first sweep depend on.
SWEPT = (
    "method", "range", "scale", "shift", "standardize", "key", "reader", "channels", "columns", "header", "missing", "mode",
    "window", "hop", "block", "skip_bad", "memory", "shrinkage", "mean", "radial", "patches", "seed",
    "covariance",
)  # fmt: skip
