"""Plain files: the numbers, for programs that read numbers."""

from __future__ import annotations

import io
import json
from typing import ClassVar

import numpy as np

from diffopt import __version__
from diffopt.documents.options import options_of
from diffopt.errors import UnsupportedError
from diffopt.hosts.base import Host, HostQuery
from diffopt.hosts.findings import HostPlan
from diffopt.hosts.run import Run
from diffopt.hosts.text import fixed_point


class Plain(Host):
    """A file of numbers; nothing is known of who reads it."""

    samplers: ClassVar = {}
    start = "exact"
    flow_values = "s as each step visits it, shifted already; schedulers of diffusers shift what they are given: --to diffusers"

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """The run as it is."""
        return HostPlan(run.solver.name, run)


class Json(Plain):
    """Sigmas with the sampler they are for; pure noise is null."""

    name = "json"
    title = "JSON"
    suffix = ".json"

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """An object with sigmas, times, timesteps, eta, solver and process."""
        timesteps = run.grid.timesteps
        data = {
            "solver": run.solver.name, "solver_options": options_of(run.solver),
            "clock": run.solver.clock_name(run.process), "steps": run.grid.steps,
            "process": {"name": run.process.name, **run.process.parameters(), **run.process.origin()},
            "start": run.start, "end": "zero" if run.grid.sigmas[-1] == 0 else "sigma_min",
            "sigmas": [float(s) if np.isfinite(s) else None for s in run.grid.sigmas],
            "times": run.grid.times.tolist(),
            "timesteps": None if timesteps is None else np.asarray(timesteps).tolist(),
            "eta": run.eta.tolist(), "eta_meaning": run.solver.eta_meaning, "diffopt_version": __version__,
        }  # fmt: skip
        return json.dumps(data, indent=2, allow_nan=False) + "\n"


class Csv(Plain):
    """Columns step, sigma, time, eta; the last row has no eta."""

    name = "csv"
    title = "CSV"
    suffix = ".csv"

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """One row a grid point."""
        rows = ["step,sigma,time,eta"]
        for k, (sigma, time) in enumerate(zip(run.grid.sigmas, run.grid.times, strict=True)):
            eta = repr(float(run.eta[k])) if k < run.eta.size else ""
            rows.append(f"{k},{float(sigma)!r},{float(time)!r},{eta}")
        return "\n".join(rows) + "\n"


class Lines(Plain):
    """One level a line in fixed-point: s on flow models, sigma on others."""

    name = "lines"
    title = "lines of numbers"

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """N + 1 lines."""
        return "".join(f"{fixed_point(float(v))}\n" for v in run.levels)


class Npy(Plain):
    """A one-dimensional array of float64: s on flow models, sigma on others."""

    name = "npy"
    title = "NumPy array"
    suffix = ".npy"

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> bytes:
        """Bytes of the .npy file."""
        if not np.all(np.isfinite(run.levels)):
            raise UnsupportedError("the grid starts at pure noise, which has no finite sigma; use --to json")
        buffer = io.BytesIO()
        np.save(buffer, run.levels, allow_pickle=False)
        return buffer.getvalue()
