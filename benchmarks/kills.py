"""What is left when a writing command is killed: nothing, or the whole file; and `--resume` gives the same bytes.

Every command runs in forked processes. Half of the kills (SIGKILL) come at a random time of the run, half at one of the
calls to the system that touch files. Afterwards the output is missing, or it is byte for byte that of an undisturbed
run; an existing file under `--force` is the old or the new one; besides there are only hidden `.part` files and
checkpoints. Every fourth command, and every one with --resume, is repeated and must give the undisturbed bytes.

    python benchmarks/kills.py [--kills 200] [--only NAME] [--seed 0]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diffopt.cli.main import main
from diffopt.estimation.engines.checkpoint import Checkpoint

#: Name: arguments, {in} is the folder of inputs and {out} the output.
COMMANDS = {
    "optimize": "optimize {in}/eig.npy -n 4 -o {out}.json",
    "optimize plot": "optimize {in}/eig.npy -n 4 --plot {out}.svg",
    "evaluate": "evaluate {in}/eig.npy {in}/grid.json -o {out}.json",
    "compare-schedules": "compare-schedules {in}/few.npy -n 2 --only karras -o {out}.json",
    "convergence": "convergence {in}/few.npy -s euler -n 10,20 --metric frechet -o {out}.json",
    "eta": "eta {in}/few.npy -n 1 --design constant --noise-objective exact --clock sigma -o {out}.json",
    "compare page": "compare-schedules {in}/few.npy -n 2 --only karras --html {out}.html",
    "recommend": "recommend {in}/few.npy --calls 1 --host edm -o {out}.json",
    "shift": "shift {in}/few.npy -n 3 -o {out}.json",
    "export": "export {in}/grid.json --to comfyui -o {out}.txt",
    "check": "check {in}/grid.json --host k_diffusion -o {out}.json",
    "error-budget": "error-budget {in}/few.npy --samples 100 --steps 3 -o {out}.json",
    "error-budget plot": "error-budget {in}/few.npy --samples 100 --steps 3 --plot {out}.svg",
    "siem": "siem {in}/outputs.npz -o {out}.json",
    "simulate": "simulate --mixture {in}/mixture.npz --schedule karras -n 2 --count 64 --reference-steps 10 -o {out}.json",
    "estimate": "spectrum estimate {in}/data.npy -o {out}.npz",
    "estimate resume": "spectrum estimate {in}/data.npy --block 10 --resume -o {out}.npz",
    "estimate clusters": "spectrum estimate {in}/data.npy --clusters 2 --block 10 --resume -o {out}.json",
    "synthesize": "spectrum synthesize power_law --dim 300 -o {out}.csv",
    "convert": "spectrum convert {in}/eig.npy -o {out}.json",
    "from-loss": "spectrum from-loss {in}/curve.csv --dim 8 -o {out}.json",
    "posterior": "spectrum posterior power:2 --shape 8,8 --operator blur:1 --noise 0.1 -o {out}.npz",
    "show plot": "spectrum show {in}/eig.npy --plot {out}.png --format json",
}
#: Events of the interpreter at which files change.
TOUCHING = {"open", "os.rename", "os.remove", "os.chmod", "os.link", "os.mkdir", "tempfile.mkstemp", "shutil.move"}


def inputs(folder: Path) -> None:
    """A spectrum, a grid, samples, and what networks put out."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "eig.npy", 1.0 / np.arange(1, 41) ** 2)
    np.save(folder / "few.npy", np.array([1.0, 0.1]))
    np.save(folder / "data.npy", np.random.default_rng(0).standard_normal((200, 20)) * np.linspace(1, 3, 20))
    r = np.random.default_rng(1)
    noise = r.standard_normal((40, 3))
    np.savez(folder / "outputs.npz", x0=r.standard_normal((40, 3)), noise=noise,
             predicted=noise + 0.1 * r.standard_normal((40, 3)), sigma=np.geomspace(0.01, 80, 40))  # fmt: skip
    np.savez(folder / "mixture.npz", weights=[0.5, 0.5], means=[[-1.0, 0.0], [1.0, 0.0]], variances=np.full((2, 2), 0.1))
    eig, sigma = 1.0 / np.arange(1, 9), np.geomspace(0.01, 80, 30)
    loss = [float(np.mean(eig * s * s / (eig + s * s))) for s in sigma]
    lines = ["sigma,mse", *(f"{s!r},{m!r}" for s, m in zip(sigma.tolist(), loss, strict=True))]
    (folder / "curve.csv").write_text("\n".join(lines))
    if child(["optimize", str(folder / "eig.npy"), "-n", "4", "-o", str(folder / "grid.json")], None) != 0:
        raise SystemExit("the inputs cannot be made")


def child(words: list[str], before: Callable[[], None] | None, after: float | None = None) -> int:
    """Exit status of the command in a forked process, killed after a time where one is given; -9 if it was killed."""
    number = os.fork()
    if not number:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        # A checkpoint after every block, so that many kills fall into one.
        Checkpoint.offer = Checkpoint.save  # type: ignore[method-assign]
        if before is not None:
            before()
        code = 1
        try:
            code = main(words)
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(number, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def warm(words: list[str]) -> None:
    """Run the command here, into nowhere, so that forked processes find its modules loaded."""
    with open(os.devnull, "w") as null, contextlib.redirect_stdout(null), contextlib.redirect_stderr(null):
        main([*words, "--force"])


def killer(call: int, folder: Path) -> Callable[[], None]:
    """Kill the process at its `call`-th touch of a file in the folder."""
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event in TOUCHING and any(str(folder) in str(a) for a in arguments):
            seen += 1
            if seen == call:
                os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(hook)


def touches(words: list[str], folder: Path) -> int:
    """How many times an undisturbed run touches files in the folder."""
    read, write = os.pipe()

    def count() -> None:
        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if event in TOUCHING and any(str(folder) in str(a) for a in arguments):
                os.write(write, b".")

        sys.addaudithook(hook)

    code = child(words, count)
    os.close(write)
    total = len(os.read(read, 65536))
    os.close(read)
    if code:
        raise SystemExit(f"{' '.join(words)}: exit code {code}")
    return total


def arguments(name: str, source: Path, folder: Path) -> tuple[list[str], Path]:
    """Words of a command and the file it writes."""
    words = [w.replace("{in}", str(source)).replace("{out}", str(folder / "out")) for w in COMMANDS[name].split()]
    return words, Path(next(w for w in words if w.startswith(str(folder / "out"))))


def faults(folder: Path, target: Path, allowed: tuple[bytes, ...], killed: bool) -> list[str]:
    """What is wrong with a folder after a run."""
    found = []
    if target.exists() and target.read_bytes() not in allowed:
        found.append("torn file")
    if not killed and not target.exists():
        found.append("no file")
    for file in folder.iterdir():
        hidden = killed and file.name.startswith(".") and file.name.endswith(".part")
        resumable = killed and file.name == f"{target.name}.checkpoint"
        if file != target and not hidden and not resumable:
            found.append(f"left {file.name}")
    return found


def one(name: str, source: Path, kills: int, random: np.random.Generator) -> dict[str, object]:
    """Kill one command many times."""
    with tempfile.TemporaryDirectory() as place:
        calm = Path(place, "calm")
        calm.mkdir()
        words, target = arguments(name, source, calm)
        child(words, None)
        warm(words)
        target.unlink()
        child(words, None)
        target.unlink()
        start = time.monotonic()
        calls = touches(words, calm)
        length = time.monotonic() - start
        whole = target.read_bytes()
        counts: Counter[str] = Counter()
        for kill in range(4 * kills):
            if counts["killed"] == kills:
                break
            folder = Path(place, str(kill))
            folder.mkdir()
            words, target = arguments(name, source, folder)
            over = kill % 4 >= 2
            if over:
                target.write_bytes(b"old")
                words.append("--force")
            if kill % 2:
                code = child(words, killer(1 + int(random.integers(calls)), folder))
            else:
                code = child(words, None, float(random.uniform(0, 1.1 * length)))
            counts["killed" if code == -signal.SIGKILL else "ended before"] += 1
            found = faults(folder, target, (whole, b"old") if over else (whole,), True)
            for hidden in folder.glob(".*.part"):
                hidden.unlink()
            if kill % 4 == 0 or "--resume" in words:
                words += ["--force"] if target.exists() and "--force" not in words else []
                found += ["the repetition fails"] if child(words, None) else []
                found += faults(folder, target, (whole,), False)
            counts.update(found)
        ended = counts.pop("ended before", 0)
        return {"command": name, "kills": counts.pop("killed", 0), "ended_before": ended, "touches": calls,
                "seconds": round(length, 3), "faults": dict(counts)}  # fmt: skip


def run(kills: int, only: str | None, seed: int) -> list[dict[str, object]]:
    """One line for each command."""
    results = []
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "in")
        inputs(source)
        for name in COMMANDS:
            if only in (None, name):
                results.append(one(name, source, kills, np.random.default_rng(seed)))
                print(json.dumps(results[-1]), flush=True)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    sys.exit(any(r["faults"] for r in run(chosen.kills, chosen.only, chosen.seed)))
