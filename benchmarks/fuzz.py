"""Seeded fuzzing of files, flags and schedule documents, in process through the command line's own entry.

Run with `python benchmarks/fuzz.py --count 10000 --seed 1`; `--only NUMBER` repeats one input. Every input must end
with a documented exit code, without a traceback or a warning, within 20 seconds of CPU; on failure standard output is
empty and no file is left; a result is never worse than the baselines printed beside it.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from fuzzing.commands import make
from fuzzing.dice import Case

from diffopt.cli.main import main
from diffopt.objectives.robust import amplifies

#: Seconds of CPU and gigabytes that an input may take, and the part of the inputs that goes through a real process.
SECONDS, GIGABYTES, PROCESS_EVERY = 20.0, 1.0, 500
CODES = (0, 2, 3, 4)
#: A result may be this much worse than a baseline: rounding of the printed numbers.
ROUNDING = 1e-6


@dataclass
class Outcome:
    """What a run did."""

    code: int
    out: str
    err: str
    seconds: float
    faults: list[str]


class Captured(io.TextIOWrapper):
    """A stream in memory, text above bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """What was written."""
        self.flush()
        return self.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]


def inside(words: list[str]) -> tuple[int, str, str]:
    """Run in this process: exit code, stdout, stderr; a traceback counts as exit 1 and stands on stderr."""
    out, err = Captured(), Captured()
    stdin = io.TextIOWrapper(io.BytesIO(b"4 1 0.25"), encoding="utf-8")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("error")
        old, sys.stdin = sys.stdin, stdin
        try:
            code = main(words)
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 1
        except Exception:
            code = 1
            err.write(traceback.format_exc())
        finally:
            sys.stdin = old
    return code, out.text(), err.text()


def outside(words: list[str]) -> tuple[int, str, str]:
    """Run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "diffopt", *words], input=b"4 1 0.25", capture_output=True, check=False, timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def run(case: Case, process: bool = False) -> Outcome:
    """Run an input in an empty folder and judge it."""
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for name, data in case.files.items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_bytes(data)
            started = time.process_time()
            code, out, err = (outside if process else inside)(case.words)
            seconds = time.process_time() - started
            given = {name.partition("/")[0] for name in case.files} | {"__pycache__"}
            left = {p.name: p for p in Path(folder).iterdir() if p.name not in given}
            faults = list(judged(code, out, err, seconds, left))
        finally:
            os.chdir(here)
    return Outcome(code, out, err, seconds, faults)


def judged(code: int, out: str, err: str, seconds: float, left: dict[str, Path]):
    """Faults of an outcome, one sentence each."""
    if "Traceback" in err or "Warning" in err:
        yield (err.strip().splitlines() or ["?"])[-1][:200]
    elif code not in CODES:
        yield f"exit code {code}: {err.strip()[:200]}"
    if seconds > SECONDS:
        yield f"{seconds:.1f} s of CPU"
    if code == 2 and out:
        yield f"output on failure: {out[:60]!r}"
    if code == 2 and left:
        yield f"a file is left on failure: {sorted(left)[:2]}"
    told = sum(line.startswith("error:") for line in err.splitlines())
    if code == 2 and told != 1:
        yield f"{told} lines of error: {err[:200]!r}"
    if any(name.endswith(".part") for name in left):
        yield "a torn file is left"
    if code in (0, 3, 4):
        text = out or next((p.read_text("utf-8", "replace") for p in left.values() if p.suffix == ".json"), "")
        if text.startswith("{"):
            yield from document_faults(text)


def document_faults(text: str):
    """Faults of a written document: strict JSON, numbers that hang together, no baseline better than the result."""
    try:
        data = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    except ValueError as error:
        yield f"no strict JSON: {error}"
        return
    if data.get("schema") == "diffopt.schedule/1":
        name, value = data["objective"]["name"], data["objective"]["value"]
        free = data["optimizer"]["free"]
        # EDM's default is a run of another setting of the solver, shown for the answer.
        for other, scores in ((k, v) for k, v in data["baselines"].items() if k != "karras_no_churn"):
            best = scores.get(name)
            if name == "robust" and amplifies(scores.get("frechet"), best):
                continue  # small local errors that the run amplifies: never returned, and no bound
            if "grid" in free and value is not None and best is not None and value > best * (1 + ROUNDING) + 1e-12:
                yield f"{name} {value:.9g} is worse than {other} {best:.9g}"
    if "sigmas" in data and "steps" in data and len(data["sigmas"]) != data["steps"] + 1:
        yield f"{len(data['sigmas'])} sigmas for {data['steps']} steps"


def fuzz(seed: int, numbers: range, process_every: int = 0) -> tuple[collections.Counter, list[tuple[int, str]], float]:
    """Run inputs: how often each exit code came, faults by number, the longest CPU time."""
    codes: collections.Counter = collections.Counter()
    faults, longest = [], 0.0
    for number in numbers:
        outcome = run(make(seed, number), bool(process_every) and number % process_every == 0)
        codes[outcome.code] += 1
        longest = max(longest, outcome.seconds)
        faults += [(number, fault) for fault in outcome.faults]
    return codes, faults, longest


def report(seed: int, first: int, count: int) -> int:
    """Run and print; 1 where there was a fault."""
    codes, faults, longest = fuzz(seed, range(first, first + count), PROCESS_EVERY)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    accepted = (codes.total() - codes[2]) / count
    print(f"{count} inputs of seed {seed}: {dict(sorted(codes.items()))}, {100 * accepted:.0f} % accepted, "
          f"longest {longest:.1f} s of CPU, {memory:.2f} GB, {len(faults)} faults")  # fmt: skip
    for fault, places in sorted(grouped(faults).items(), key=lambda item: -len(item[1])):
        print(f"  {len(places):4d} x {fault}   e.g. {places[:4]}")
    return int(bool(faults) or accepted < 1 / 3 or memory > GIGABYTES)


def grouped(faults: list[tuple[int, str]]) -> dict[str, list[int]]:
    """Numbers of inputs by fault."""
    found: dict[str, list[int]] = {}
    for number, fault in faults:
        found.setdefault(fault, []).append(number)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    if given.only is not None:
        case = make(given.seed, given.only)
        print(case.words, {k: v[:200] for k, v in case.files.items()})
        print(run(case))
        sys.exit(0)
    sys.exit(report(given.seed, given.first, given.count))
