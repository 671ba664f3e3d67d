"""Values of every flag: sensible ones and others; files that they name."""

from __future__ import annotations

import functools
import json

import typer

from diffopt.cli.app import application
from fuzzing.dice import WILD, Case, Dice, mutated

#: Flags without a value.
SWITCHES = {
    "feature-space", "equal-steps", "precondition", "force", "quiet", "show-settings", "long", "radial", "mean", "skip-bad",
    "resume", "all", "covariance",
}  # fmt: skip
#: Flags by name: good values, bad values. Dask and many processes are tried in tests/test_estimation_cli.py.
FLAGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "key": (("x", "eigenvalues"), ("nope", "", "[/x]")), "max-member": (("1", "0.1"), WILD), "memory": (("1",), WILD),
    "solver": (("euler", "heun", "ddim", "DPM++ 2M"), ("nope", "")), "steps": (("2", "3"), WILD),
    "eta": (("0", "0.5", "1"), WILD),
    "clock": (("sigma", "logsnr"), ("x",)), "option": (("s_churn=2", "rho=5"), ("x", "=", "x=1", "s_churn=nan")),
    "s-churn": (("0", "2"), WILD), "s-tmin": (("0.1",), WILD), "s-tmax": (("10",), WILD), "s-noise": (("1.003",), WILD),
    "process": (("ve", "vp_linear", "flow"), ("x",)), "beta-min": (("0.2",), WILD), "beta-max": (("15",), WILD),
    "alphas-cumprod": (("a.json",), ("none", ".")), "betas": (("scaled_linear:0.00085,0.012,100",), ("x", "a.json")),
    "scheduler-config": (("scheduler_config.json",), ("none", "a.json")), "sigma-max": (("20", "80"), WILD),
    "sigma-min": (("0.01", "0"), WILD), "t-max": (("0.9",), WILD), "t-min": (("0.05",), WILD),
    "end": (("zero", "sigma_min"), ("x",)),
    "start": (("exact", "sigma", "unit"), ("x",)),
    "schedule": (("karras", "beta:0.5,0.7", "ays_sd15"), ("x", "karras:", "karras:rho=-1")),
    "score-error": (("0.02", "data:0.05", "noise:0.02", "random:0.02", "absolute:0.01", "curve:e.csv"),
                    ("x", "-1", "curve:none", "nan")),
    "objective": (("frechet", "kl", "path_kl", "discretization"), ("x",)),
    "free": (("grid", "eta", "shared", "family", "sigma_min", "rho,s_churn"), ("x", "", "grid,x", "rho")),
    "host": (("comfyui", "k_diffusion", "edm", "diffusers"), ("x",)), "timesteps": (("any", "integer"), ("x",)),
    "grid-of": (("own", "euler", "euler,heun"), ("x",)), "sigmas": (("80,5,1,0", "10 1 0"), ("1,2", "x", "inf,1,0")),
    "times": (("1,0.5,0",), ("0", "2,1", "x")), "calls": (("2", "3"), WILD), "only": (("karras", "k*"), ("nope",)),
    "skip": (("karras",), ("*", "nope")), "kind": (("fixed", "added,optimized"), ("x",)), "sort": (("frechet", "-kl"), ("x",)),
    "top": (("1", "3"), WILD), "add": (("20,5,1,0", "g.json"), ("none", "times:x")), "explain": (("karras",), ("nope",)),
    "html": (("p.html",), ("p.json", "none/p.html")), "metric": (("frechet", "weak", "strong"), ("x",)),
    "accuracy": (("0.1",), WILD),
    "paths": (("20", "40"), WILD), "seed": (("1",), WILD), "error-map": (("m.svg",), ("m.json",)),
    "samples": (("100", "1e4"), WILD),
    "tau": (("0.1",), WILD), "iterations": (("10",), WILD), "langevin": (("1e-5",), WILD),
    "minimize": (("sigma_min", "steps"), ("x",)),
    "subject-to": (("calls<=4", "samples<=100"), ("x", "calls<", "calls<=x")), "verify": (("10",), ("0", "-1", "x")),
    "kernel": (("k.npz",), ("k.json",)), "over": (("samples", "steps"), ("x",)), "tokens": (("256",), WILD),
    "frames": (("2",), WILD),
    "frame-correlation": (("0.5",), WILD), "design": (("none", "constant", "window"), ("x",)),
    "noise-objective": (("exact", "signed"), ("x",)),
    "mixture": (("mixture.npz",), ("a.json", "none")), "denoiser": (("d:f",), ("none:f", "math:sqrt", "x", "math:pi")),
    "shape": (("2", "1,2"), ("0", "x", "1000000,1000000")), "components": (("1", "2"), ("0", "x")),
    "bandwidth": (("0.1",), WILD),
    "posterior": (("a.json",), ("none",)), "count": (("20", "40"), ("0", "-1", "x")), "workers": (("1",), ("0", "x")),
    "reference-steps": (("4", "10"), ("0", "x", "-1")), "config": (("c.toml",), ("none", "a.json")),
    "output": (("o.json", "-"), (".", "o.x")),
    "format": (("json", "table", "csv", "markdown", "lines"), ("x", "npz")), "plot": (("p.svg", "p.png"), ("p.pdf", "p")),
    "to": (("comfyui", "k_diffusion:python", "json", "edm", "diffusers:snippet", "csv"), ("x", "comfyui:x", "")),
    "spectrum": (("builtin:power2", "builtin:photos"), ("none", "a.json")), "window": (("16", "0.5"), WILD),
    "reference": (("r.npz",), ("none",)),
    "picture": (("ve", "vp"), ("x",)), "method": (("auto", "pca", "fourier", "dense"), ("lanczos", "x")),
    "range": (("0,255:-1,1",), ("0,0:1,2", "x")),
    "scale": (("1", "0.5"), WILD), "shift": (("-1",), WILD), "standardize": (("0.5",), WILD),
    "shrinkage": (("none", "oas", "ledoit_wolf", "population"), ("analytical", "x")), "n-boot": (("2",), ("-1", "x")),
    "boot-steps": (("2",), WILD), "boot-solver": (("euler", "heun"), ("x",)), "labels": (("labels.txt",), ("none", "a.json")),
    "clusters": (("2",), ("0", "99", "x")), "patches": (("2",), ("0", "99", "x")), "bands": (("2",), ("0", "99", "x")),
    "reader": (("npy", "csv", "zip"), ("x",)), "channels": (("auto", "none", "0"), ("first", "7")),
    "columns": (("all", "1-2"), ("9", "x", "-", "")),
    "header": (("auto", "no"), ("yes", "x")), "missing": (("none", "-9999"), ("x", "0", "nan")), "mode": (("L", "RGB"), ("x",)),
    "hop": (("8",), WILD), "block": (("1", "7"), WILD), "max-expanded": (("1",), WILD), "engine": (("local",), ("x",)),
    "scheduler": (("x",), ("",)),
    "dim": (("8", "300"), WILD), "exponent": (("1.5",), WILD), "decades": (("3",), WILD), "ratio": (("0.01",), WILD),
    "fraction": (("0.3",), WILD),
    "table": (("pk.txt",), ("none", "a.json")), "spacing": (("2",), WILD), "std": (("1",), WILD),
    "operator": (("inpainting:0.5", "blur:1", "diagonal:1"), ("x", "blur:nan")), "noise": (("0.1",), WILD),
    "measurement": (("y.txt",), ("none",)),
    "dense": (("100",), WILD), "sigma-cap": (("50",), WILD), "eig-cap": (("10",), WILD),
}  # fmt: skip
#: Files that values name.
NAMED = {
    "a.json": json.dumps([0.99, 0.9, 0.5, 0.1, 0.01]),
    "scheduler_config.json": '{"beta_schedule": "linear", "num_train_timesteps": 50}',
    "e.csv": "sigma,error\n0.01,0.05\n1,0.02\n100,0.01", "g.json": "[20, 5, 1, 0]", "c.toml": 'solver = "heun"\n',
    "pk.txt": "0.1 3\n1 2\n4 0.1",
    "labels.txt": "\n".join(str(i % 2) for i in range(12)), "y.txt": "1\n2\n3\n",
    "d.py": "def f(x, sigma):\n    return x / (1 + sigma**2)\n",
}  # fmt: skip


@functools.cache
def options() -> dict[str, tuple[str, ...]]:
    """Long flags of every command, by the command's words."""

    def walk(command, name=""):
        if hasattr(command, "commands"):
            for word, below in command.commands.items():
                yield from walk(below, f"{name} {word}".strip())
        else:
            longs = {o[2:] for p in command.params for o in p.opts if o.startswith("--")} - {"help", "install-completion"}
            yield name, tuple(sorted(longs))

    return dict(walk(typer.main.get_command(application())))


def add(flag: str, words: list[str], r: Dice, case: Case) -> None:
    """Append a flag, and its value and file where it has them."""
    words.append(f"--{flag}")
    if flag in SWITCHES:
        return
    value = r.pick(*FLAGS[flag], 0.3)
    words.append(value)
    name = value.removeprefix("curve:")
    name = "d.py" if value == "d:f" else name
    if name in NAMED and name not in case.files:
        case.files[name] = NAMED[name].encode() if name.endswith(".py") else mutated(NAMED[name].encode(), r, 0.1)


def extra(command: str, r: Dice, case: Case) -> None:
    """Any flag of the command that its line has not, now and then."""
    while r.random() < 0.15:
        left = [f for f in options()[command] if f"--{f}" not in case.words]
        if left:
            add(r.choice(left), case.words, r, case)
