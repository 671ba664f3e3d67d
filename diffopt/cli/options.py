"""Shared command-line options; every default is None, so that a config file can fill the gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

# typer reads these annotations at run time; Optional keeps them readable on every supported Python.
Spectrum = Annotated[
    Optional[str],  # noqa: UP045
    typer.Argument(metavar="SPECTRUM", help="Path (.npy .npz .json .csv .txt), - for stdin, or builtin:NAME."),
]


def _option(kind: type, names: str, help_text: str, metavar: str | None = None):  # type: ignore[no-untyped-def]
    return Annotated[Optional[kind], typer.Option(*names.split(), help=help_text, metavar=metavar)]  # noqa: UP045


Solver = _option(str, "--solver -s", "Solver (diffopt list solvers) [default: euler].", "NAME")
Steps = _option(str, "--steps -n", "Number of steps [default: 10].", "N")
Process = _option(str, "--process", "ve, vp_linear, vp_cosine, flow or table [default: ve].", "NAME")
BetaMin = _option(float, "--beta-min", "Of vp_linear [default: 0.1].")
BetaMax = _option(float, "--beta-max", "Of vp_linear [default: 20].")
Alphas = _option(str, "--alphas-cumprod", "Table of a trained model, for --process table.", "FILE")
Betas = _option(str, "--betas", "E.g. scaled_linear:0.00085,0.012,1000, for --process table.", "RULE")
SigmaMax = _option(float, "--sigma-max", "Largest noise ratio [default: 80; flow: pure noise; table: its end].")
SigmaMin = _option(float, "--sigma-min", "Smallest positive noise ratio [default: 0.002; table: its end].")
TMax = _option(float, "--t-max", "The same as a time of the process.")
TMin = _option(float, "--t-min", "The same as a time of the process.")
End = _option(str, "--end", "zero: a last step to 0; sigma_min: stop there [default: zero].", "WHERE")
Start = _option(str, "--start", "Initial law: exact, sigma or unit [default: exact].", "LAW")
Schedule = _option(str, "--schedule", "Named schedule (diffopt list schedules).", "NAME")
Objective = _option(str, "--objective", "What is minimized (diffopt list objectives) [default: robust].", "NAME")
Free = _option(str, "--free", "Comma list of grid, eta, eta_per_step, family [default: grid].", "LIST")
Eta = _option(float, "--eta", "Diffusion-term coefficient, start or fixed value [default: solver's own].")
Clock = _option(str, "--clock", "sigma, variance, logsnr or time [default: solver's own].", "NAME")
Churn = _option(float, "--s-churn", "Of edm_stochastic [default: 1].")
ChurnMin = _option(float, "--s-tmin", "Of edm_stochastic [default: 0].")
ChurnMax = _option(float, "--s-tmax", "Of edm_stochastic [default: none].")
ChurnNoise = _option(float, "--s-noise", "Of edm_stochastic [default: 1].")
Key = _option(str, "--key", "Array of an .npz to read.", "NAME")
FeatureSpace = Annotated[bool, typer.Option("--feature-space", help="Accept FID feature statistics as data.")]
Config = _option(Path, "--config", "TOML file with these settings; flags win.", "FILE")
Output = _option(Path, "--output -o", "Write to a file, atomically [default: stdout].", "FILE")
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing output.")]
Format = _option(str, "--format", "json, table, csv, markdown or lines [default: table on a terminal, else json].", "KIND")
Plot = _option(Path, "--plot", "Picture, PNG or SVG by extension.", "FILE")
Seed = _option(int, "--seed", "Where randomness enters [default: 0].")
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no notes.")]
