"""A spectrum for people: a summary and a chart of characters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.nearness import whole
from diffopt.foundation.shown import visible
from diffopt.report.chart import bars

SHOWN = (
    "method", "shrinkage", "samples", "shape", "pooled_mean", "pooled_std", "scale", "skipped", "source_hash",
)  # fmt: skip


def rows(spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None) -> list[tuple[str, str]]:
    """Name and value of each line of the summary."""
    positive = spectrum.eig[spectrum.eig > 0]
    lines = [
        ("source", str(facts.get("source", spectrum.source))),
        ("dimension", f"{spectrum.dim:g} in {len(spectrum.eig)} entries"),
        ("rank", f"{spectrum.rank:g}"),
        ("trace", f"{spectrum.trace:.6g} (standard deviation {(spectrum.trace / spectrum.dim) ** 0.5:.4g})"),
        ("largest, smallest > 0", f"{spectrum.max:.6g}, {positive[-1]:.6g}"),
        ("condition", f"{positive[0] / positive[-1]:.4g}"),
        (
            "mean",
            "0" if spectrum.mean is None else f"squared length {spectrum.mean**2 @ spectrum.weight:.6g}",
        ),
        ("sha256", spectrum.sha256[:16]),
    ]
    lines += [(name.replace("_", " "), _plain(facts[name])) for name in SHOWN if facts.get(name) is not None]
    if ensemble is not None:
        for label, p, member in zip(ensemble.labels, ensemble.probabilities, ensemble.spectra, strict=True):
            lines.append(
                (f"member {label}", f"p {p:.3g}, dimension {member.dim:g}, trace {member.trace:.5g}")
            )
    return lines


def plain_rows(spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None) -> list[dict[str, Any]]:
    """The same for programs: a name and a bare value a row, numbers with all their digits."""
    positive = spectrum.eig[spectrum.eig > 0]
    found = {
        "source": str(facts.get("source", spectrum.source)), "dim": whole(spectrum.dim), "entries": len(spectrum.eig),
        "rank": whole(spectrum.rank), "trace": spectrum.trace, "std": (spectrum.trace / spectrum.dim) ** 0.5, "max": spectrum.max,
        "min_positive": float(positive[-1]), "condition": float(positive[0] / positive[-1]),
        "mean_squared": 0.0 if spectrum.mean is None else float(spectrum.mean**2 @ spectrum.weight), "sha256": spectrum.sha256,
    }  # fmt: skip
    for name in SHOWN:
        value = facts.get(name)
        for key, part in value.items() if isinstance(value, dict) else [("", value)]:
            if part is not None:
                found[f"{name}_{key}".rstrip("_")] = _plain(part) if isinstance(part, list | dict) else part
    if ensemble is not None:
        for label, p, member in zip(ensemble.labels, ensemble.probabilities, ensemble.spectra, strict=True):
            parts = {"p": float(p), "dim": whole(member.dim), "trace": member.trace}
            found |= {f"member {label}: {name}": value for name, value in parts.items()}
    return [{"name": name, "value": value} for name, value in found.items()]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
    if isinstance(value, list):
        return " x ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)[:80]


def summary(spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None, width: int, colour: bool) -> str:
    """The summary and the chart for a terminal of that width; names are text, whatever is in them."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from diffopt.report.terminal import to_terminal

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, value in rows(spectrum, facts, ensemble):
        table.add_row(Text(visible(name)), Text(visible(value)))
    chart = [Text(line) for line in bars(spectrum, max(20, width - 44))]
    return to_terminal(Group(table, Text(), *chart), width, colour)
