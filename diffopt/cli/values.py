"""Values of flags for completion and help, read without importing anything numeric."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

#: Short tables, beside those that are read from the packages' own tables of names; a test compares them with the registries.
FEW: dict[str, tuple[str, ...]] = {
    "process": ("ve", "vp_linear", "vp_cosine", "flow", "table"),
    "objective": ("robust", "frechet", "kl", "discretization", "kl_discretization", "path_kl"),
    "format": ("json", "table", "csv", "markdown", "lines"),
    "end": ("zero", "sigma_min"),
    "betas": ("sd", "sd15", "sdxl"),
    "shift": ("sd3", "flux", "flux_schnell"),
    "estimate.shift": (),
    "start": ("exact", "sigma", "unit"),
    "clock": ("sigma", "variance", "logsnr", "time"),
    "free": (
        "grid", "shared", "eta", "eta_per_step", "family", "coefficients", "sigma_min", "sigma_max", "s_churn", "s_noise",
        "s_tmin", "s_tmax", "beta_min", "beta_max", "rho", "c", "shift", "mu", "std", "a", "b", "pivot", "slope",
    ),
    "kind": ("fixed", "table", "spectrum", "stochasticity", "added", "optimized"),
    "metric": ("frechet", "weak", "strong"),
    "design": ("none", "constant", "window", "per_step"),
    "noise_objective": ("exact", "signed", "absolute"),
    "timesteps": ("any", "integer"),
    "over": ("samples", "steps"),
    "siem.clock": ("vp", "variance", "sigma", "logsnr"),
    "picture": ("ve", "vp", "flow"),
    "method": ("auto", "pca", "fourier", "lanczos"),
    "posterior.method": ("fourier", "dense"),
    "spectrum_kind": ("power_law", "exponential", "two_level", "radial"),
    "channels": ("auto", "first", "last", "none"),
    "header": ("auto", "yes", "no"),
    "mode": ("L", "RGB"),
    "show.format": ("json", "table"),
    **dict.fromkeys(
        [f"{name}.format" for name in (
            "compare_schedules", "convergence", "eta", "recommend", "shift", "check", "siem", "simulate", "error_budget"
        )],
        ("json", "table", "csv", "markdown"),
    ),
    **dict.fromkeys(
        [f"{name}.format" for name in ("estimate", "synthesize", "convert", "posterior", "from_loss")],
        ("json", "npz", "npy", "csv", "table"),
    ),
    "shrinkage": ("none", "population", "analytical", "ledoit_wolf", "oas"),
    "engine": ("local", "dask"),
    "builtin": ("photos", "power1", "power2", "power3", "white"),
    "list": ("solvers", "schedules", "designs", "objectives", "processes", "hosts", "builtins"),
}
#: Packages whose `__init__` holds a LazyTable, and its flag's names.
TABLES = {"solver": "solvers", "schedule": "schedules", "host": "hosts"}
#: Flags that take names of another one.
SAME = {"only": "schedule", "skip": "schedule", "boot_solver": "solver", "to": "host"}
#: Flags whose values are a comma list.
LISTS = frozenset({"solver", "free", "kind", "metric", "design", "noise_objective", "only", "skip", "clock"})


@cache
def values(flag: str, command: str | None = None) -> tuple[str, ...]:
    """What a flag of a command accepts, empty where that is no list of names."""
    known = _known(flag, command)
    return _table(known) if isinstance(known, str) else known


def _known(flag: str, command: str | None) -> tuple[str, ...] | str:
    """Names that a flag accepts, or the package whose table has them."""
    alone = f"{(command or '').replace('-', '_')}.{flag}"
    if alone in FEW:
        return FEW[alone]
    flag = SAME.get(flag, flag)
    return TABLES[flag] if flag in TABLES else FEW.get(flag, ())


def _table(package: str) -> tuple[str, ...]:
    """Names of the LazyTable in a package's `__init__`, from its text: importing it would load numpy."""
    import ast
    from importlib import resources

    try:
        text = resources.files("diffopt").joinpath(package, "__init__.py").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "LazyTable":
            table = node.args[1]
            if isinstance(table, ast.Dict):
                return tuple(str(key.value) for key in table.keys if isinstance(key, ast.Constant))
    return ()


def completer(flag: str, command: str | None = None) -> Callable[[str], list[str]] | None:
    """Function from the beginning of a value to its completions; the last item where a comma list is taken."""
    if not _known(flag, command):
        return None

    def complete(incomplete: str) -> list[str]:
        done, comma, part = incomplete.rpartition(",") if flag in LISTS else ("", "", incomplete)
        return [f"{done}{comma}{name}" for name in values(flag, command) if name.startswith(part)]

    return complete


def spectrum(incomplete: str) -> list[str]:
    """Built-in spectra and files that can be one."""
    from pathlib import Path

    named = [f"builtin:{name}" for name in FEW["builtin"] if f"builtin:{name}".startswith(incomplete)]
    parent = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    lead = "" if str(parent) == "." and not incomplete.startswith("./") else f"{parent}/".replace("//", "/")
    found = []
    try:
        for path in sorted(parent.iterdir())[:500]:
            name = lead + path.name + ("/" if path.is_dir() else "")
            fits = path.is_dir() or path.suffix.lower() in (".npy", ".npz", ".json", ".csv", ".txt")
            if fits and name.startswith(incomplete) and not path.name.startswith("."):
                found.append(name)
    except OSError:
        pass
    return named + found
