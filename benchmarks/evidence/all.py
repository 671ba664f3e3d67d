"""All of the evidence with one command: exact scores, networks of our own, pretrained networks, published FIDs; tables, pictures.

    pip install . matplotlib scikit-learn torch jax && pip install --no-deps galaxygrad==0.2.1
    python benchmarks/evidence/all.py [--quick] [--fids FIDS.csv --eigenvalues EIGENVALUES.npy] [--out FOLDER]

Hours on two cores. Everything measured is kept in benchmarks/evidence/cache (or $DIFFOPT_EVIDENCE_CACHE) and not
computed again. `--quick` is a rehearsal of every part within a minute: two targets, few samples, a network that is
hardly trained; its numbers mean nothing and go to a folder of their own. What cannot run is said on standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import curves
import exact
import measure
import objectives
import pictures
import tables
from case import Case

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
#: What `--quick` runs: solvers, calls, samples, reference steps, training steps.
#: Cases whose samples are shown.
SHOWN = ("own_digits", "own_patches", "hsc32")
EVERY = {"solvers": measure.SOLVERS_MEASURED, "calls": measure.CALLS}
QUICK: dict[str, Any] = {"solvers": ["dpmpp_2m"], "calls": [5], "count": 32, "fine": 12, "training": 4}


def cases(quick: bool) -> Iterator[Case]:
    """Every case whose packages are there."""
    for name in ("heavy",) if quick else exact.CASES:
        yield exact.CASES[name]()
    if importlib.util.find_spec("torch"):
        import own

        for name in ("own_digits",) if quick else own.CASES:
            yield own.case(name, QUICK["training"] if quick else None)
    else:
        _say("networks of our own are left out: pip install torch")
    if not (importlib.util.find_spec("galaxygrad") and importlib.util.find_spec("jax")):
        _say("pretrained networks are left out: pip install --no-deps galaxygrad==0.2.1, and jax")
    elif not quick:
        import galaxies

        for name in galaxies.NETWORKS:
            yield galaxies.case(name)


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
    parser.add_argument("--fids", type=Path)
    parser.add_argument("--eigenvalues", type=Path)
    parser.add_argument("--out", type=Path, help="folder of results, tables and pictures; the repository's own")
    args = parser.parse_args(argv)
    out = args.out or (HERE / "cache" / "quick" if args.quick else None)
    results, docs = (measure.RESULTS, DOCS) if out is None else (out / "results", out)
    known: dict[str, Case] = {}
    for case in cases(args.quick):
        case = replace(case, count=QUICK["count"], fine=QUICK["fine"]) if args.quick else case
        solvers, calls = (QUICK[k] if args.quick else every for k, every in EVERY.items())
        known[case.name] = case
        measure.measure(case, list(solvers), list(calls), False, results)
        if case.kind == "own":
            import own

            own.note(case, results / "networks")
        if not args.quick:
            objectives.study(case.name, [5, 8, 12], results / "objectives")
            if case.kind != "exact":
                curves.note(case.name, ["heun", "dpmpp_2m", "euler"], [5, 8, 12], results / "curves")
    fids = published(args.fids, args.eigenvalues)
    rows = tables.read(results)
    pictures.curves(rows, docs / "evidence.png")
    shown = [name for name in SHOWN if name in known]
    pictures.samples(shown, rows, results, docs / "evidence_samples.png", known.__getitem__)
    if out is None:
        tables.write(DOCS / "evidence.md", tables.sections(results))
    (results / "tables.md").write_text("\n".join([*tables.sections(results).values(), fids]))
    print(results / "tables.md")


if __name__ == "__main__":
    main()
