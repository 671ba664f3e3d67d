"""`diffopt spectrum posterior`: the spectrum of x given y = A x + noise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from diffopt.cli import options as opt
from diffopt.cli.help import GroupedCommand
from diffopt.cli.output import target
from diffopt.cli.spectrum_options import MaxArray
from diffopt.cli.values import completer

Text = Optional[str]  # noqa: UP045
Prior = Annotated[
    str, typer.Argument(metavar="PRIOR", help="Covariance in pixels (.npy, .npz), power:EXPONENT, or a SPECTRUM.")
]
OperatorName = Annotated[
    str,
    typer.Option("--operator", help="inpainting:KEEP[:box], blur:WIDTH, super_resolution:FACTOR, "
                 "compressed_sensing:COUNT, diagonal:GAIN or FILE, matrix:FILE."),
]  # fmt: skip
Noise = Annotated[float, typer.Option("--noise", help="Standard deviation of the measurement noise.")]
ShapeText = Annotated[Text, typer.Option("--shape", help="Shape of the data, e.g. 16,16 [default: a vector].")]
Measurement = Annotated[Text, typer.Option("--measurement", help="y, for the posterior mean (.npy or text).")]
Dense = Annotated[int, typer.Option("--dense", min=1, metavar="N", help="Most directions for dense algebra.")]
Method = Annotated[
    Text,
    typer.Option(
        "--method", help="fourier or dense [default: fourier where possible].", autocompletion=completer("posterior_method")
    ),
]
OutputFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--output", "-o", parser=target, metavar="FILE", help="File to write, .json or .npz [default: JSON on stdout]."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the `spectrum` group."""
    app.command("posterior", cls=GroupedCommand)(posterior)


def posterior(
    prior: Prior,
    operator: OperatorName,
    noise: Noise,
    shape: ShapeText = None,
    measurement: Measurement = None,
    posterior_method: Method = None,
    dense: Dense = 3072,
    key: opt.Key = None,
    max_member: MaxArray = None,
    seed: opt.Seed = None,
    output: OutputFile = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Posterior covariance spectrum of a linear inverse problem, ready for `diffopt optimize`.

    Example: diffopt spectrum posterior power:2 --shape 32,32 --operator blur:1.5 --noise 0.05 -o posterior.json
    Example: diffopt spectrum posterior power:2 --shape 16,16 --operator inpainting:0.5 --noise 0.1 -o posterior.npz
    """
    from diffopt.cli import output as out
    from diffopt.cli.progress import groups
    from diffopt.cli.spectrum.output import spoken
    from diffopt.data.posterior.posterior import posterior as compute
    from diffopt.documents.operator_text import parse_operator, parse_shape
    from diffopt.documents.prior_file import encode, load_measurement, load_prior
    from diffopt.foundation.limits import expanding

    out.check_paths(force, output)
    with spoken(quiet), expanding(max_member):
        field = load_prior(prior, parse_shape(shape), key, dense)
        given = None if measurement is None else load_measurement(measurement)
    form = "json" if output is None else output.suffix.lower().lstrip(".")
    with groups("diagonalizing", quiet):
        result = compute(field, parse_operator(operator, seed or 0), noise, given, posterior_method, dense, form == "npz")
    facts = {"prior": prior, "operator": operator, "noise": noise}
    data = encode(result, facts, form)
    out.note(f"{result.spectrum.dim:g} directions, trace {result.spectrum.trace:.4g}, {result.method}", quiet)
    out.emit_bytes(data, output, force, True)
