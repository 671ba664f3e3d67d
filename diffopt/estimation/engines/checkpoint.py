"""Saving a long sweep now and then, and continuing it with the same numbers."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.sources.masked import Fixed
from diffopt.estimation.sources.source import Log
from diffopt.estimation.sums.accumulator import Accumulator
from diffopt.foundation.array_file import write_npz
from diffopt.foundation.atomic import write_atomic
from diffopt.foundation.guard import reading


@dataclass
class Checkpoint:
    """A file with the sums so far and the number of stored samples they cover.

    Attributes
    ----------
    path : Path
        Written atomically; deleted when the result is safe.
    fingerprint : str
        Of the source and all options; another one is refused.
    interval : float
        Least seconds between two writes; raised so that writing takes at most a twentieth of the time.
    """

    path: Path
    fingerprint: str
    interval: float = 5.0
    _last: float = field(default_factory=time.monotonic, init=False)

    def load(self, stage: str, into: Accumulator, log: Log, fixed: Fixed) -> int:
        """Fill `into` and `fixed` from the file and return the number of samples it covers; 0 without a file.

        Raises
        ------
        InputError
            The file belongs to other data or options, or is not a checkpoint.
        """
        if not self.path.exists():
            return 0
        with reading(f"checkpoint {self.path}"), np.load(self.path, allow_pickle=False) as arrays:
            if str(arrays["fingerprint"]) != self.fingerprint:
                raise InputError(
                    f"checkpoint {self.path} is of other data or options; delete it or leave out --resume"
                )
            if str(arrays["stage"]) != stage:
                return 0
            into.restore({name: arrays[name] for name in into.sums()})
            fixed.restore(arrays)
            log.bad.update(json.loads(str(arrays["bad"])))
            return int(arrays["done"])

    def offer(self, stage: str, done: int, sums: Accumulator, log: Log, fixed: Fixed) -> None:
        """Write the sums if the last time is long enough ago. They are whole blocks only."""
        before = time.monotonic()
        if before - self._last >= self.interval:
            self.save(stage, done, sums, log, fixed)
            self._last = time.monotonic()
            self.interval = max(self.interval, 20 * (self._last - before))

    def save(self, stage: str, done: int, sums: Accumulator, log: Log, fixed: Fixed) -> None:
        """Write the sums now."""
        facts = {"fingerprint": self.fingerprint, "stage": stage, "done": done, "bad": json.dumps(log.bad)}
        write_atomic(self.path, write_npz({**facts, **sums.state(), **fixed.state()}), force=True)

    def discard(self) -> None:
        """Delete the file; the result has been written."""
        self.path.unlink(missing_ok=True)
