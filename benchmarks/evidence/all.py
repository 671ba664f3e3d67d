"""All of the evidence with one command: exact scores, networks of our own, pretrained networks, published FIDs; tables, pictures.

    pip install . matplotlib scikit-learn torch jax && pip install --no-deps galaxygrad==0.2.1
    python benchmarks/evidence/all.py [--quick] [--cases heavy,hsc32] [--out FOLDER]
        [--fids FIDS.csv --eigenvalues EIGENVALUES.npy]

Some ten hours of one core, or the part of some cases; standard error has the seconds of every part. What was measured is kept in
benchmarks/evidence/cache (or $DIFFOPT_EVIDENCE_CACHE) and not computed again. `--quick` is a rehearsal within a minute:
two targets, few samples, a network that is hardly trained, without the studies of `further`; its numbers mean nothing
and go to a folder of their own. What cannot run is said on standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import curves
import exact
import galaxies
import measure
import noises
import objectives
import pictures
import tables
from case import Case

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
#: Cases whose samples are shown, and those that are run from other noises.
SHOWN = ("own_digits", "own_patches", "hsc32")
AGAIN = ("decay1", "decay2", "heavy", "hsc32", "ztf32", "hsclog32")
EVERY = {"solvers": measure.SOLVERS_MEASURED, "calls": measure.CALLS}
#: Of every rule and design, of the curves and of the objectives.
FEW = [5, 8, 12]
#: What `--quick` runs: cases, solvers, calls, samples, reference steps, training steps.
QUICK: dict[str, Any] = {
    "cases": ("heavy", "own_digits"), "solvers": ["dpmpp_2m"], "calls": [5], "count": 32, "fine": 12, "training": 4,
}  # fmt: skip


def cases(quick: bool, asked: Sequence[str] = ()) -> Iterator[Case]:
    """Every case that is asked for, by default all, whose packages are there."""
    import own

    names = QUICK["cases"] if quick else asked or (*exact.CASES, *own.CASES, *galaxies.CASES)
    torch = importlib.util.find_spec("torch")
    jax = importlib.util.find_spec("galaxygrad") and importlib.util.find_spec("jax")
    if not torch:
        _say("networks of our own are left out: pip install torch")
    if not jax:
        _say("pretrained networks are left out: pip install --no-deps galaxygrad==0.2.1, and jax")
    if unknown := set(names) - {*exact.CASES, *own.CASES, *galaxies.CASES}:
        raise SystemExit(f"unknown cases: {', '.join(sorted(unknown))}")
    for name in names:
        if name in own.CASES and torch:
            yield own.case(name, QUICK["training"] if quick else None)
        elif name in exact.CASES or (name in galaxies.CASES and jax):
            yield measure.find(name)


def further(case: Case, folder: Path) -> None:
    """Beside the cells: grids from loss curves; every rule and design; but of cases left out, other objectives."""
    left_out = case.name in galaxies.LEFT_OUT
    if case.kind != "exact":
        with _timed(f"{case.name}, curves"):
            curves.note(case.name, ["heun", "dpmpp_2m", "euler"], FEW, folder / "curves", 64 if left_out else 256)
    with _timed(f"{case.name}, every rule"):
        measure.measure(case, *(list(some) for some in EVERY.values()), True, folder / "every")
    if not left_out:
        with _timed(f"{case.name}, objectives"):
            objectives.study(case.name, FEW, folder / "objectives")


@contextlib.contextmanager
def _timed(part: str) -> Iterator[None]:
    began = time.process_time()
    yield
    _say(f"{part}: {time.process_time() - began:.0f} s of the processor")


def published(fids: Path | None, eigenvalues: Path | None) -> str:
    """Predictions beside published FIDs, where their table is given."""
    if fids is None or eigenvalues is None:
        _say("published FIDs are left out: give their table with --fids and the spectrum of the data with --eigenvalues")
        return ""
    sys.path.insert(0, str(HERE.parent))
    import published_fid

    with contextlib.redirect_stdout(io.StringIO()) as said:
        published_fid.main(fids, eigenvalues)
    return said.getvalue()


def _say(words: str) -> None:
    print(words, file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> None:
    """Run every part in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cases", default="", help="only these")
    parser.add_argument("--fids", type=Path)
    parser.add_argument("--eigenvalues", type=Path)
    parser.add_argument("--out", type=Path, help="folder of results, tables and pictures; the repository's own")
    args = parser.parse_args(argv)
    out = args.out or (HERE / "cache" / "quick" if args.quick else None)
    results, docs = (measure.RESULTS, DOCS) if out is None else (out / "results", out)
    known: dict[str, Case] = {}
    for case in cases(args.quick, [name for name in args.cases.split(",") if name]):
        case = replace(case, count=QUICK["count"], fine=QUICK["fine"]) if args.quick else case
        solvers, calls = (QUICK[k] if args.quick else every for k, every in EVERY.items())
        folder = results / "left_out" if case.name in galaxies.LEFT_OUT else results
        known[case.name] = case
        with _timed(f"{case.name}, cells"):
            measure.measure(case, list(solvers), list(calls), False, folder)
        if case.kind == "own":
            import own

            own.note(case, results / "networks")
        if not args.quick:
            further(case, folder)
    if not args.quick:
        with _timed("other noises"):
            noises.note([name for name in AGAIN if name in known], FEW, [11, 12, 13], results / "noises" / "shared.json")
    fids = published(args.fids, args.eigenvalues)
    rows = tables.read(results)
    pictures.curves(rows, docs / "evidence.png")
    if shown := [name for name in SHOWN if name in known]:
        pictures.samples(shown, rows, results, docs / "evidence_samples.png", known.__getitem__)
    if out is None:
        for page in tables.PAGES:
            tables.write(DOCS / page, tables.sections(results))
    (results / "tables.md").write_text("\n".join([*tables.sections(results).values(), fids]))
    print(results / "tables.md")


if __name__ == "__main__":
    main()
