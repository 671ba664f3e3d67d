"""`diffopt siem`: how wrong a score network is, without sampling."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from diffopt.cli import options as opt
from diffopt.cli.values import completer

Text = Optional[str]  # noqa: UP045
File = Annotated[str, typer.Argument(metavar="FILE", help=".npz or .safetensors: x0 (or xt), noise, predicted, sigma.")]
Window = Annotated[Text, typer.Option("--window", help="0.1: top tenth of the noise range; or LOW:HIGH.", metavar="SHARE")]
Reference = Annotated[Text, typer.Option("--reference", help="predicted of a better network on the same rows.", metavar="FILE")]
Eta = Annotated[float, typer.Option("--eta", help="Injected noise of the sampler that is meant.", metavar="X")]
Clock = Annotated[
    str,
    typer.Option("--clock", help="vp, variance, sigma or logsnr.", metavar="NAME", autocompletion=completer("siem_clock")),
]
Picture = Annotated[
    Text,
    typer.Option(
        "--picture", help="Scale of xt: ve, vp or flow [default: ve].", metavar="NAME", autocompletion=completer("picture")
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the bootstrap.", metavar="N")]


def siem(
    file: File,
    window: Window = None,
    reference: Reference = None,
    eta: Eta = 0.0,
    siem_clock: Clock = "vp",
    picture: Picture = None,
    seed: Seed = 0,
    output: opt.Output = None,
    form: opt.Format = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
) -> None:
    """Score-error metric from a network's outputs: coherent, per particle, and the norm of the mean error.

    Example: diffopt siem outputs.npz
    Example: diffopt siem outputs.npz --window 0.1 --reference better.npz
    """
    from diffopt.api.siem import siem as call
    from diffopt.cli import output as out
    from diffopt.cli.progress import groups

    target = None if output is None or str(output) == "-" else output
    chosen = out.chosen_format(form, target)
    out.check_paths(force, target)
    with groups("estimating", quiet):
        result = call(file, window=window, reference=reference, eta=eta, clock=siem_clock, picture=picture, seed=seed)
    for note in (*result.notes, *result.remarks(chosen)):
        out.note(note, quiet)
    out.emit(result.render(chosen, out.terminal_width()), target, force, quiet)
