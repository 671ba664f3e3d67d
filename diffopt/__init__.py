"""Optimal step grids for diffusion samplers, computed exactly from a covariance spectrum.

>>> import diffopt
>>> schedule = diffopt.optimize([4.0, 1.0, 0.1], solver="heun", steps=5)
>>> schedule  # doctest: +ELLIPSIS
ScheduleResult(heun, 5 steps, frechet ..., robust ...)
>>> errors = diffopt.evaluate([4.0, 1.0, 0.1], schedule).errors
>>> errors["frechet"] == schedule.errors["frechet"]
True
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: Public names and where they are; nothing is imported until one is used.
NAMES = {
    "optimize": "api.optimize:optimize",
    "evaluate": "api.evaluate:evaluate",
    "compare": "api.compare:compare",
    "estimate": "api.estimate:estimate",
    "read_spectrum": "api.read_spectrum:read_spectrum",
    "synthesize": "api.synthesize:synthesize",
    "orders": "api.orders:orders",
    "budget": "api.budget:budget",
    "siem": "api.siem:siem",
    "siem_collect": "api.siem_collect:siem_collect",
    "best_eta": "api.best_eta:best_eta",
    "recommend": "api.recommend:recommend",
    "shift": "api.shift:shift",
    "posterior": "api.posterior:posterior",
    "simulate": "api.simulate:simulate",
    "from_loss": "api.from_loss:from_loss",
    "load": "api.load:load",
    "export": "api.export:export",
    "check": "api.check:check",
    "names": "api.names:names",
    "explain": "api.names:explain",
    "schema": "api.schema:schema",
    "Dataset": "data.dataset:Dataset",
    "Spectrum": "data.spectrum:Spectrum",
    "Ensemble": "data.ensemble:Ensemble",
    "DiffoptError": "errors:DiffoptError",
    "InputError": "errors:InputError",
    "UnsupportedError": "errors:UnsupportedError",
}

__all__ = ["__version__", *NAMES]


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module 'diffopt' has no attribute {name!r}; it has {', '.join(NAMES)}")
    module, _, attribute = NAMES[name].partition(":")
    value = getattr(import_module(f"diffopt.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*NAMES, *(name for name in globals() if name.startswith("__"))})
