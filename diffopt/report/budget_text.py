"""An error budget for people: what was asked, the terms, what would help and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from diffopt.foundation.shown import visible
from diffopt.report.plain_data import PlainData
from diffopt.report.terminal import rows_table
from diffopt.report.text import conditions, short

#: What moving a number does to the sampler or its training, in words.
MOVES = {
    "samples": "twice the samples", "tau": "half the step size of the training", "iterations": "twice the iterations",
    "steps": "twice the steps", "langevin": "half the step size of the chain", "sigma_min": "half the sigma_min",
}  # fmt: skip
MOST = "What would help most"
#: Least part of the total from which the placement of the steps, or a higher start, is worth a word.
WORTH = 0.05
#: Least relative change of the total that is a change.
SAME = 1e-3


def budget_view(document: PlainData, rows: Sequence[PlainData], width: int) -> RenderableType:
    """What is meant, above a row a source: squared, and as a distance."""
    lines = []
    for row in rows:
        line = {"source": _named(row["source"], document), "squared error": row["error"], "its root": _root(row)}
        if document["simulated"] is not None:
            low, high = row["simulated_low"], row["simulated_high"]
            line |= {"predicted": row["simulated_predicted"], "simulated": row["simulated_value"]}
            line["95 %"] = "-" if low is None else f"{short(low)} to {short(high)}"
        lines.append(line)
    head = [Text(visible(line), style="bold" if not i else "") for i, line in enumerate(_head(document))]
    return Group(*head, Text(), rows_table(lines, width=width, spare=("predicted", "its root")))


def _root(row: PlainData) -> float | None:
    """A distance; an interaction is none."""
    return None if row["source"] == "interaction" or row["error"] is None else math.sqrt(max(row["error"], 0.0))


def _named(source: str, document: PlainData) -> str:
    last = source == "noise_floor" and document["sampler"]["end"] == "zero"
    return "noise floor (last step to 0)" if last else source.replace("_", " ")


def _head(document: PlainData) -> list[str]:
    """Sampler, grid, start and data, and against what the steps are measured."""
    sampler, spectrum = document["sampler"], document["spectrum"]
    data = f"spectrum {spectrum['source']}, dim {spectrum['dim']:g}, trace {spectrum['trace']:.4g}"
    assumed = _assumed(document)
    if sampler["process"] is None:
        return [f"{_stepless(sampler)}, start {sampler['start']}; {data}", *assumed]
    grid = f"the {sampler['schedule']} grid" if sampler["schedule"] else "the grid that was given"
    lines = [f"{sampler['name']}, {sampler['steps']} steps, {sampler['denoiser_calls']} denoiser calls, {grid}"]
    lines.append(f"process {conditions(sampler)}; {data}")
    if sampler["end"] == "zero":
        level = sampler["sigmas"][-2]
        above = "pure noise" if level is None else f"sigma {level:.4g}"
        lines.append(
            f"discretization is against infinitely many steps down to {above} and the same last step to 0, the noise floor is "
            "what that last step alone leaves; evaluate's steps are both in one"
        )
    return lines + assumed


def _assumed(document: PlainData) -> list[str]:
    """What is taken to be exact because it was not given."""
    perfect = []
    if document["samples"] is None:
        perfect.append("infinitely many samples (--samples)")
    if document["training"] is None:
        perfect.append("a perfectly trained score (--tau)")
    if document["sampler"]["start"] == "exact":
        perfect.append("an exact start (--start sigma)")
    return [f"assumed: {', '.join(perfect)}"] if perfect else []


def _stepless(sampler: PlainData) -> str:
    if sampler["name"] == "langevin":
        steps = "stationary" if sampler["steps"] is None else f"{sampler['steps']} steps"
        return f"Langevin chain of step size {sampler['gamma']:g} at sigma {sampler['sigma_min']:g}, {steps}"
    return f"exact reverse flow, sigma {sampler['sigma_max']:g} to {sampler['sigma_min']:g}"


def answers(document: PlainData) -> list[str]:
    """Whether the numbers hold, which source is the largest, what would help and why, and what would not."""
    total, reasons = document["total"], document["reasons"]
    if total is None:
        return [f"The expected error is infinite: {reasons[0]}."]
    said = []
    if not document["valid"]:
        said.append(f"Not valid: {'; '.join(reasons)}. What follows is the expansion beyond its reach, a hint and no prediction.")
    largest = document["dominant"]
    if largest is None:
        return [*said, "Nothing is inexact: the expected error is 0."]
    alone = f"{document['terms'][largest]:.4g} alone"
    if document["terms"][largest] > total * (1 + SAME):
        alone += ", of which the others take off a part"
    subject = "The expected" if document["valid"] else "By it the expected"
    said.append(
        f"{subject} squared 2-Wasserstein error is {total:.4g} (a distance of {math.sqrt(max(total, 0)):.4g}); "
        f"its largest source is {largest.replace('_', ' ')}, {alone}."
    )
    plan = document["plan"]
    if plan is not None:
        values = ", ".join(f"{k.replace('_', '-')} {v:.4g}" for k, v in plan["values"].items())
        said.append(f"Best within the limits: {values}.")
    return said + (_changes(document, total) if document["valid"] else _hints(document, total)) + _untried(document, total)


def headline(document: PlainData) -> list[str]:
    """The first answer, and of numbers that hold what would help most."""
    first, *others = answers(document)
    most = [line.rpartition(", as ")[0] + "." for line in others if line.startswith(MOST)]
    return [first, *most] if document["valid"] else [first]


def _sorted(document: PlainData, total: float) -> tuple[dict[str, PlainData], list[str], list[str]]:
    """Every move with a total; the names of those that help, the most first, and of those that do not."""
    known = {k: v for k, v in document["halving"].items() if v["total"] is not None}
    ranked = sorted(known, key=lambda name: float(known[name]["total"]))
    helps = [name for name in ranked if known[name]["total"] < total * (1 - SAME)]
    return known, helps, [name for name in ranked if name not in helps]


def _hints(document: PlainData, total: float) -> list[str]:
    """What may help where the numbers do not hold: in order, without the totals that nobody can count on."""
    known, helps, idle = _sorted(document, total)
    words = {name: f"{MOVES[name]} ({known[name]['value']:g})" for name in known}
    parts = [("most", helps[:1]), ("then", helps[1:]), ("no", idle)]
    told = [f"{how} help from {', '.join(words[name] for name in names)}" for how, names in parts if names]
    return [f"A guess by it, with no number to count on: {'; '.join(told)}."] if told else []


def _changes(document: PlainData, total: float) -> list[str]:
    """What helps, the most first and with the reason, and what does not."""
    known, helps, idle = _sorted(document, total)
    lines = []
    if helps:
        first = helps[0]
        lines.append(f"{MOST}: {_move(first, known)}, as {_reason(document, known[first])}.")
        if others := "; ".join(_move(name, known) for name in helps[1:]):
            lines.append(f"Less: {others}.")
    if idle:
        lines.append(f"No help: {'; '.join(_move(name, known) for name in idle)}.")
    return lines


def _untried(document: PlainData, total: float) -> list[str]:
    """What no number of the budget moves: the placement of a named schedule, and where the sampler starts."""
    sampler, terms, found = document["sampler"], document["terms"], []
    if sampler["schedule"] and (terms["discretization"] or 0.0) > WORTH * total:
        command = f"diffopt optimize SPECTRUM --solver {sampler['name']} --steps {sampler['steps']} --output FILE"
        found.append(f"as many steps placed for these data instead of {sampler['schedule']} (`{command}`, with the same "
                     "process, range and start)")
    high = (terms["initialization"] or 0.0) > WORTH * total
    if high and sampler["process"] and sampler["process"]["name"] == "ve":
        found.append("a larger --sigma-max, if the network was trained there")
    return [f"Not tried here: {'; '.join(found)}."] if found else []


def _move(name: str, known: Mapping[str, PlainData]) -> str:
    return f"{MOVES[name]} ({known[name]['value']:g}), total {known[name]['total']:.4g}"


def _reason(document: PlainData, moved: PlainData) -> str:
    """The term that falls most."""
    pairs = {k: (v, moved["terms"][k]) for k, v in document["terms"].items() if v is not None and moved["terms"][k] is not None}
    most = max(pairs, key=lambda name: pairs[name][0] - pairs[name][1])
    was, now = pairs[most]
    if was <= now:
        return "the terms then cancel each other more"
    return f"{most.replace('_', ' ')} falls from {was:.4g} to {now:.4g}"
