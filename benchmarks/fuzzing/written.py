"""What the commands write themselves, in every form: read back, damaged, given to the wrong command."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import tempfile
from pathlib import Path

import numpy as np

from diffopt.cli.main import main
from fuzzing.dice import Case, Dice, mutated

#: Command lines by the schema that they write; e.csv is a spectrum of three, w.json a grid.
DOCUMENTS = {
    "diffopt.schedule/1": "optimize e.csv -n 3",
    "diffopt.evaluation/1": "evaluate e.csv --schedule karras -n 3",
    "diffopt.comparison/1": "compare-schedules e.csv -n 2 --only karras,uniform_t",
    "diffopt.convergence/1": "convergence e.csv -s euler -n 10,20 --metric frechet",
    "diffopt.eta/1": "eta e.csv -n 2 --design constant --noise-objective exact --clock sigma",
    "diffopt.recommendation/1": "recommend e.csv --calls 1 --host edm",
    "diffopt.shift/1": "shift e.csv -n 2",
    "diffopt.check/1": "check w.json --host k_diffusion",
    "diffopt.budget/1": "error-budget e.csv --samples 100 -n 2",
    "diffopt.siem/1": "siem outputs.npz",
    "diffopt.simulation/1": "simulate --mixture mixture.npz --schedule karras -n 2 --count 20 --reference-steps 4",
    "diffopt.spectrum/1": "spectrum synthesize power_law --dim 5",
    "diffopt.ensemble/1": "spectrum estimate data.npy --clusters 2",
    "diffopt.summary/1": "spectrum show e.csv",
}
#: Others that write no document, or another form of one.
OTHERS = {"list": "list solvers", "estimate": "spectrum estimate data.npy",
 "loss": "spectrum from-loss curve.csv"}
FORMS = ("json", "csv", "markdown", "lines", "table")
#: Where a file goes: {} in a command line.
PLACES = (
    "optimize {} -n 2", "evaluate {} --schedule karras -n 2", "evaluate e.csv {}", "evaluate e.csv --sigmas {}",
    "evaluate e.csv --times {}",
    "compare-schedules e.csv -n 2 --only karras --add {}", "spectrum show {}", "spectrum convert {}", "spectrum estimate {}",
    "spectrum from-loss {}", "spectrum posterior {} --operator diagonal:1 --noise 0.1", "export {} --to comfyui",
    "check {} --host comfyui",
    "siem {}", "simulate --mixture mixture.npz {} --count 20 --reference-steps 4",
    "simulate --mixture {} --schedule karras -n 2 --count 20",
    "evaluate e.csv --process table --alphas-cumprod {} --schedule karras -n 2",
    "evaluate e.csv --process table --betas {} --schedule karras -n 2",
    "evaluate e.csv --scheduler-config {} --schedule karras -n 2",
    "evaluate e.csv --score-error curve:{} --schedule karras -n 2",
    "optimize e.csv -n 2 --config {}", "spectrum estimate data.npy --labels {}", "export w.json --to comfyui --spectrum {}",
)  # fmt: skip


def inputs() -> dict[str, bytes]:
    """The files that the command lines name."""
    def saved(save, *arrays, **named) -> bytes:
        buffer = io.BytesIO()
        save(buffer, *arrays, **named)
        return buffer.getvalue()

    r = np.random.default_rng(3)
    noise, sigma = r.standard_normal((20, 2)), np.geomspace(0.01, 80, 20)
    loss = [float(sum(e * s * s / (e + s * s) for e in (4.0, 1.0, 0.1))) for s in sigma]
    return {
        "e.csv": b"4\n1\n0.25\n", "w.json": b'{"sigmas": [20, 3, 0.5, 0], "solver": "euler"}',
        "data.npy": saved(np.save, r.standard_normal((20, 3)) * [3, 2, 1]),
        "outputs.npz": saved(np.savez, x0=r.standard_normal((20, 2)), noise=noise, predicted=0.9 * noise, sigma=sigma),
        "mixture.npz": saved(np.savez, weights=[0.5, 0.5], means=[[-1.0, 0], [1, 0]], variances=np.full((2, 2), 0.1)),
        "curve.csv": "\n".join(["sigma,mse", *(f"{s!r},{m!r}" for s, m in zip(sigma.tolist(), loss, strict=True))]).encode(),
    }  # fmt: skip


def run_here(words: list[str]) -> tuple[int, bytes]:
    """Exit code and standard output of a command in this process."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main(words)
    out.flush()
    return code, out.buffer.getvalue()  # type: ignore[attr-defined]


@functools.cache
def corpus() -> dict[str, bytes]:
    """By name: every document in every form that its command has."""
    found, here = {}, os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, data in inputs().items():
                Path(name).write_bytes(data)
            for name, line in (DOCUMENTS | OTHERS).items():
                for form in FORMS:
                    code, out = run_here([*line.split(), "--format", form])
                    if code == 0 and out:
                        found[f"{name.removeprefix('diffopt.').replace('/', '')}.{form}"] = out
        finally:
            os.chdir(here)
    return found


def written(r: Dice) -> Case:
    """A document of our own where any file may stand."""
    name = r.choice(sorted(corpus()))
    file = r.choice((name, "f.json", "f.csv", "f.txt", "f"))
    words = [word.replace("{}", file) for word in r.choice(PLACES).split()]
    files = {n: d for n, d in inputs().items() if n in words}
    data = corpus()[name]
    if r.random() < 0.15:
        data = data.replace(b"\n", b"\r\n")
    return Case(words, files | {file: mutated(data, r, 0.2)})
