"""Sentences say what the numbers of their documents say."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

import diffopt
from diffopt.cli.main import main
from diffopt.errors import UnsupportedError
from diffopt.report import answers, comparison_answers, noise_answers, text
from diffopt.report.terminal import with_answers

EIG = 3.0 / np.arange(1, 9) ** 1.5


@pytest.mark.parametrize(
    ("own", "other", "words"),
    [
        (1.0, 2.0, "2 times below"), (2.0, 1.0, "2 times above"), (1.0, 1.05, "4.8 % below"), (1.05, 1.0, "5 % above"),
        (1.0, 1.099, "9 % below"), (1.0, 1.101, "1.1 times below"),
        (1.0, 1.0001, "equal to"), (1.0, 123.4, "123 times below"), (0.0, 1.0, "0 against 1"),
    ],
)  # fmt: skip
def test_ratios_in_words(own, other, words):
    assert answers.gain(own, other) == words


def document(value, **baselines):
    scores = {k: {"robust": v} for k, v in baselines.items()}
    return {"errors": {"robust": value}, "objective": {"name": "robust", "value": value}, "baselines": scores}


def test_a_habit_within_two_percent_is_kept():
    assert "keep it" in answers.optimized(document(1.0, karras=1.019, beta=3.0))
    assert "keep it" not in answers.optimized(document(1.0, karras=1.021, beta=3.0))


def test_the_gain_is_in_the_objective_that_was_minimized():
    """Never another column: the sentence's numbers are the document's own."""
    for objective in ("robust", "frechet", "kl"):
        found = diffopt.optimize(EIG, "heun", 5, objective=objective)
        sentence = found.answers()[0]
        assert sentence.startswith(f"The optimized grid has {objective} ")
        told = float(re.search(rf"has {objective} ([\d.e+-]+\d)", sentence)[1])
        assert told == pytest.approx(found.document["objective"]["value"], rel=5e-3)
        habit = float(re.search(r"karras \(([\d.e+-]+)\)", sentence)[1])
        assert habit == pytest.approx(found.baselines["karras"][objective], rel=5e-3)


@pytest.mark.parametrize(
    ("free", "flags", "words"),
    [
        ("grid", {}, "The optimized grid has robust"), ("grid,eta", {}, "The optimized grid and eta [0-9.e-]+ have robust"),
        ("grid,eta_per_step", {"eta": 0.5}, r"The optimized grid and eta per step \([0-9.e-]+ to [0-9.e-]+\) have robust"),
        ("eta", {"schedule": "sgm_uniform"}, "The optimized eta [0-9.e-]+ on sgm_uniform has robust"),
    ],
)  # fmt: skip
def test_what_a_free_eta_gains_is_not_said_of_the_grid_alone(free, flags, words):
    """The subject names what was free, and the eta of the others is said; it is that at which their errors are found."""
    more = {"process": "ve", "sigma_max": 20.0, "score_error": "noise:0.1"}
    found = diffopt.optimize(EIG, "euler_ancestral", 4, free=free, **flags, **more)
    sentence = found.answers()[0]
    assert re.match(words, sentence)
    etas, said = found.document["optimizer"]["baseline_eta"], flags.get("eta", 1)
    assert etas == (None if free == "grid" else [said] * 4)
    assert (f"Every schedule beside it runs at eta {said}" in sentence) == (free != "grid")
    assert ("--free grid says what is gained without a free eta" in sentence) == (free.startswith("grid,"))
    alone = diffopt.evaluate(EIG, schedule="karras", solver="euler_ancestral", steps=4, eta=said, **more)
    assert alone.errors["robust"] == pytest.approx(found.baselines["karras"]["robust"], rel=1e-6)


def noises(etas, exact, design):
    row = {"clock": None, "design": design, "exact": exact, "absolute": exact, "eta": etas, "beats_present": "wider"}
    return {**row, "signed": exact}


def test_a_window_of_noise_is_told_by_the_levels_of_its_steps():
    """Its largest eta, and the first and last level whose step has at least a tenth of it."""
    rows = [noises([0.0] * 5, 5.0, "none"), noises([0.05, 0.2, 1.5, 0.15, 0.01], 1.0, "window")]
    data = {"rows": rows, "present": rows[0], "advised": 1, "eta_meaning": "DDIM/ancestral"}
    data["sigmas"] = [80.0, 20.0, 5.0, 1.0, 0.1, 0.0]
    (sentence,) = noise_answers.noise(data)
    assert "up to 1.5, at the steps from sigma 20 down to 1" in sentence and "5 times below" in sentence
    rows[1] = noises([1.5, 0.1, 0.0, 0.0, 0.0], 1.0, "window")
    flow = [None, 20.0, 5.0, 1.0, 0.1, 0.0]
    (sentence,) = noise_answers.noise({**data, "rows": rows, "sigmas": flow})
    assert "at the steps from pure noise (each" in sentence


def test_the_churn_is_not_called_no_noise():
    with pytest.raises(diffopt.UnsupportedError, match='its noise is the churn: .*free="family"'):
        diffopt.best_eta(EIG, solver="edm_stochastic", steps=3)


def test_no_baseline_is_no_claim():
    assert answers.optimized(document(1.5)) == "The optimized grid has robust 1.5."
    assert "not defined" in answers.optimized(document(None, karras=1.0))


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"sigmas": [80, 20, 5, 1, 0.2, 0]}, "steps dominate"),
        ({"sigmas": list(np.geomspace(1.0, 0.01, 60)) + [0], "start": "sigma"}, "start dominates"),
        ({"sigmas": list(np.geomspace(80.0, 0.5, 200))}, "end dominates"),
    ],
)
def test_the_largest_part_is_named(flags, part):
    found = diffopt.evaluate(EIG, solver="heun", **flags)
    assert part in found.answers()[0]
    parts = {k: found.errors[v] for k, v in (("steps", "discretization"), ("start", "initialization"), ("end", "truncation"))}
    assert max(parts, key=parts.get) == part.split()[0]


def test_evaluate_tells_the_distance_to_karras_and_to_the_optimum():
    found = diffopt.evaluate(EIG, schedule="exponential", solver="heun", steps=6)
    karras = diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=6)
    optimum = diffopt.optimize(EIG, "heun", 6)
    assert found.references["karras"]["robust"] == pytest.approx(karras.errors["robust"], rel=1e-6)
    assert found.references["optimized"]["robust"] == pytest.approx(optimum.errors["robust"], rel=1e-6)
    assert "karras" in found.answers()[1]
    assert all(row["frechet"] == found.errors["frechet"] for row in found.rows())


def test_equal_to_the_optimum_is_said_as_such():
    optimum = diffopt.optimize(EIG, "heun", 6)
    again = diffopt.evaluate(EIG, optimum)
    assert "equal to the optimum" in again.answers()[1]


def row(schedule, value, kind="fixed", solver="euler", design=None):
    return {
        "schedule": schedule, "robust": value, "kind": kind, "solver": solver, "budget": 5, "denoiser_calls": 5, "design": design,
        "other_range": None,
    }  # fmt: skip


def test_every_group_gets_the_row_to_take():
    rows = [row("karras", 2.0), row("beta", 1.5), row("optimized", 1.0, "optimized")]
    (line,) = comparison_answers.compared({"objective": "robust", "rows": rows})
    take = "euler, 5 calls: take optimized, robust 1, 2 times below karras"
    assert line == f"{take}; 1.5 times below beta, the best that needs no data."
    rows = [row("karras", 1.01), row("optimized", 1.0, "optimized")]
    assert "keep it" in comparison_answers.compared({"objective": "robust", "rows": rows})[0]
    rows = [row("karras", None), row("beta", None)]
    assert "not defined" in comparison_answers.compared({"objective": "robust", "rows": rows})[0]


def test_eta_says_what_to_set_and_how_good_the_present_one_is():
    found = diffopt.best_eta(EIG, "ddim", 6, start="sigma", noise_objective="exact")
    table = found.document
    own = diffopt.evaluate(EIG, schedule="karras", solver="ddim", steps=6, start="sigma")
    assert table["present"]["eta"] == [0.0] * 6
    assert table["present"]["exact"] == pytest.approx(own.errors["discretization"], rel=1e-2)
    best = min(row["exact"] for row in table["rows"])
    sentence = found.answers()[0]
    if table["advised"] is None:
        assert sentence.startswith("Keep the default eta 0")
    else:
        told = float(re.search(r"exact error ([\d.e+-]+\d)", sentence)[1])
        assert told == pytest.approx(table["rows"][table["advised"]]["exact"], rel=5e-3)
    assert best <= table["present"]["exact"]


def test_the_table_of_eta_has_at_most_eight_rows_and_begins_with_the_present_setting():
    from diffopt.report.studies import eta_table

    found = diffopt.best_eta(EIG, "euler_maruyama", 5, noise_objective="exact")
    rows = eta_table(found.document)
    assert len(rows) <= 8
    assert rows[0]["setting"].startswith("present")
    later = [row["exact"] for row in rows if not row["setting"].startswith(("present", "set: "))]
    assert later == sorted(later)


def test_the_cheapest_solver_is_named():
    found = diffopt.orders(EIG, "euler,heun", [20, 40, 80], metric="frechet", sigma_min=0.05)
    best = min(found.document["rows"], key=lambda row: row["calls"])
    assert f"frechet: {best['solver']} with {best['calls']} calls" in found.answers()[0]


def test_the_flags_of_edm_give_the_grid_of_the_file():
    """The printed flags, put into the published formula, are the grid: rho, sigma_min and sigma_max in one."""
    found = diffopt.optimize(EIG, "heun", 7, free="family", schedule="karras")
    line = next(a for a in found.answers() if a.startswith("EDM: "))
    flags = {k: float(v) for k, v in re.findall(r"--(\w+)=(\S+)", line)}
    ramp = np.arange(int(flags["steps"])) / (flags["steps"] - 1)
    ends = flags["sigma_max"] ** (1 / flags["rho"]), flags["sigma_min"] ** (1 / flags["rho"])
    sigmas = np.append((ends[0] + ramp * (ends[1] - ends[0])) ** flags["rho"], 0)
    np.testing.assert_allclose(sigmas, found.sigmas, rtol=1e-5)
    assert f"rho {flags['rho']:.4g}"[:6] in " ".join(found.answers()[1:])


def test_no_flags_where_edm_runs_another_scheme():
    for solver, free in (("dpmpp_2m", "family"), ("heun", "grid")):
        schedule = {"schedule": "karras"} if free == "family" else {}
        found = diffopt.optimize(EIG, solver, 5, free=free, **schedule)
        assert not any(a.startswith("EDM") for a in found.answers())


def test_a_search_of_hours_is_refused_with_what_to_do():
    from diffopt.errors import InputError

    with pytest.raises(InputError, match="fisher_rao"):
        diffopt.optimize(EIG, steps=100_000)


def test_counts_of_a_spectrum_file_are_whole_numbers(tmp_path):
    import json

    from diffopt.cli.main import main

    target = tmp_path / "s.json"
    assert main(["spectrum", "synthesize", "power_law", "--dim", "8", "--exponent", "1", "-o", str(target)]) == 0
    found = json.loads(target.read_text())
    assert type(found["dim"]) is int
    assert type(found["rank"]) is int
    assert found["dim"] == found["rank"] == 8


@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
def test_an_evaluation_holds_its_split_and_its_ratios_in_every_form(form: str) -> None:
    """Ratios to karras and to the optimum, from evaluations of those grids alone; nothing on stderr is needed."""
    found = diffopt.evaluate(EIG, schedule="exponential", solver="heun", steps=4, start="sigma")
    best = diffopt.optimize(EIG, "heun", 4, start="sigma").sigmas
    others = {
        "karras": diffopt.evaluate(EIG, schedule="karras", solver="heun", steps=4, start="sigma").errors,
        "optimized": diffopt.evaluate(EIG, sigmas=best, solver="heun", start="sigma").errors,
    }
    wish = {f"{m}_over_{k}": found.errors[m] / e[m] for k, e in others.items() for m in ("frechet", "kl", "robust")}
    wish |= {name: found.errors[name] for name in ("frechet", "initialization", "discretization", "truncation")}
    text = found.render(form, 100, False)
    if form == "json":
        data = json.loads(text)
        shown = {f"{m}_over_{k}": v for k, part in data["ratios"].items() for m, v in part.items()} | data["errors"]
    elif form == "csv":
        shown = next(csv.DictReader(io.StringIO(text)))
    else:
        head, _, row, *_ = (line.strip("| ").split(" | ") for line in text.splitlines())
        shown = dict(zip(head, row, strict=True))
    for name, value in wish.items():
        assert float(shown[name]) == pytest.approx(value, rel=1e-6 if form != "markdown" else 2e-3), name


def test_a_table_on_a_terminal_says_its_conditions_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The head of the table has all that the note has, which is left out beside it."""
    monkeypatch.setenv("COLUMNS", "400")
    line = "optimize builtin:white -s ddim -n 2 --process vp_linear --score-error 0.1 --end sigma_min --start unit".split()
    assert main([*line, "--format", "table"]) == 0
    shown = capsys.readouterr()
    assert "using solver" not in shown.err
    assert main([*line, "--format", "csv"]) == 0
    (note,) = [row for row in capsys.readouterr().err.splitlines() if row.startswith("using solver")]
    head = "\n".join(shown.out.splitlines()[:2])
    for part in note.removeprefix("using solver ").split(", "):
        assert part.removesuffix(" (systematic)") in head, part


STUDIES = {
    "eta": ("-s ddim -n 3 --design constant --process vp_linear --score-error 0.1 --end sigma_min --start unit --sigma-max 50",
            ["3 steps", "schedule karras", "process vp_linear", "sigma 50 to ", "end sigma_min", "start unit",
             "score error 0.1"]),
    "convergence": ("-s heun -n 8,16 --metric frechet --score-error 0.1 --sigma-max 50 --sigma-min 0.03",
                    ["process ve", "sigma 50 to 0.03", "end sigma_min", "start exact", "score error 0.1"]),
}  # fmt: skip


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("command", STUDIES)
def test_studies_say_the_conditions_that_they_hold_under(
    command: str, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    words, parts = STUDIES[command]
    assert main([command, "builtin:white", *words.split(), "--format", form]) == 0
    shown = capsys.readouterr()
    using = [line for line in shown.err.splitlines() if line.startswith("using ")]
    (said,) = using if form != "table" else ["\n".join(shown.out.splitlines()[:2])]
    assert [part for part in parts if part not in said] == []
    assert not (form == "table" and command == "eta" and using), "said twice"


def test_a_range_that_was_free_is_the_one_that_was_found():
    run = {"process": {"name": "ve", "sigma_max": 80.0, "sigma_min": 0.002}, "end": "zero", "start": "sigma"}
    assert text.conditions(run) == "ve, sigma 80 to 0.002, end zero, start sigma"
    free = {**run, "optimizer": {"family": {"rho": 7.0, "sigma_max": 58.35, "sigma_min": 0.01445}}}
    assert text.conditions(free) == "ve, sigma 58.35 to 0.01445 (free; asked 80 to 0.002), end zero, start sigma"
    # A free grid ends where it is best: the last level above 0 is said, not the one it was allowed to go down to.
    found = {**run, "sigmas": [80.0, 3.0, 0.0534, 0.0]}
    assert text.conditions(found) == "ve, sigma 80 to 0.002 (last level 0.0534), end zero, start sigma"
    assert text.conditions({**found, "sigmas": [80.0, 3.0, 0.002, 0.0]}) == text.conditions(run)
    ends = {**found, "end": "sigma_min", "sigmas": [80.0, 3.0, 0.002]}
    assert text.conditions(ends) == "ve, sigma 80 to 0.002, end sigma_min, start sigma"


@pytest.mark.parametrize(
    ("free", "ends"),
    [("grid", ""), ("rho", ""), ("sigma_min", "sigma_min"), ("grid,sigma_min", "sigma_min"),
     ("family", "sigma_max and sigma_min")],
)  # fmt: skip
def test_the_line_of_what_is_used_says_which_ends_are_free_within_the_range(
    free: str, ends: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = [] if "grid" in free else ["--schedule", "karras"]
    line = ["optimize", "builtin:white", "-s", "heun", "-n", "3", "--start", "sigma", "--free", free, *schedule]
    assert main([*line, "--format", "csv"]) == 0
    (note,) = [row for row in capsys.readouterr().err.splitlines() if row.startswith("using solver")]
    asked = "sigma 80 to 0.002"
    assert f"{asked} ({ends} free within), end" in note if ends else f"{asked}, end" in note


def test_an_eta_that_a_search_left_at_nothing_is_shown_as_none():
    run = {"eta": [5e-10, 5e-10]}
    assert text.shown_eta(run) == run["eta"]
    assert text.shown_eta({**run, "optimizer": {"free": ["grid", "eta"]}}) == [0, 0]
    assert text.shown_eta({"eta": [1e-3, 0.2], "optimizer": {"free": ["eta"]}}) == [1e-3, 0.2]


def test_a_budget_without_numbers_to_vary_says_what_its_picture_needs():
    with pytest.raises(UnsupportedError, match="give samples=N, or a sampler"):
        diffopt.budget([4.0, 1.0]).plot()


def offered(schedule, value, *hosts, kind="fixed"):
    return {**row(schedule, value, kind), "offered": {host: schedule for host in hosts}}


@pytest.mark.parametrize(
    ("host", "process", "said"),
    [
        (None, "flow", "Of the rows in ComfyUI's drop-down beta is best: robust 1.8, 1.8 times above optimized."),
        ("comfyui", "flow", "Of the rows in ComfyUI's drop-down beta is best: robust 1.8, 1.8 times above optimized."),
        (None, "ve", ""), ("diffusers", "flow", ""),
    ],
)  # fmt: skip
def test_who_picks_from_a_list_of_schedulers_is_told_the_best_of_it(host, process, said):
    rows = [
        offered("beta57", 1.5, "comfyui"), offered("beta", 1.8, "comfyui", "diffusers"), offered("simple", 2.0, "comfyui"),
        offered("optimized", 1.0, kind="optimized"),
    ]  # fmt: skip
    process = {"name": process, "model_shift": 3.0}
    (line,) = comparison_answers.compared({"objective": "robust", "rows": rows, "host": host, "process": process})
    assert ("drop-down" in line) == bool(said) and line.endswith(said)


def test_a_row_of_the_list_that_is_the_best_offered_is_told_once_and_karras_alone_is_no_best():
    rows = [offered("exponential", 1.5, "comfyui"), offered("karras", 2.0, "comfyui")]
    rows.append(offered("optimized", 1.0, kind="optimized"))
    data = {"objective": "robust", "rows": rows, "host": "comfyui", "process": {"name": "table"}}
    (line,) = comparison_answers.compared(data)
    assert line.endswith("1.5 times below exponential (in its drop-down), the best that comfyui offers.")
    # Karras is kept beside a table that is cut off: nothing is known of the others.
    (line,) = comparison_answers.compared({**data, "host": None, "rows": [offered("oss", 1.2, kind="spectrum"), *rows[1:]]})
    assert "drop-down" not in line


def test_the_table_marks_the_row_that_the_sentence_says_to_take():
    found = diffopt.compare(EIG, "euler", 5, only="karras,exponential")
    shown = [line for line in str(found).splitlines() if line.lstrip().startswith(">")]
    assert shown[0].split()[1] == found.answers()[0].split("take ")[1].split(",")[0]
    near = [row("karras", 1.01), row("optimized", 1.0, "optimized")]
    assert comparison_answers.taken({"objective": "robust", "rows": near}) == {("karras", "euler", 5)}


def test_a_rule_that_no_program_has_is_followed_by_one_that_can_be_chosen() -> None:
    rows = [row("karras", 3.0), row("bong_tangent", 1.5), row("beta57", 1.8), row("optimized", 1.0, "optimized")]
    offered = {"karras": {"edm": "x"}, "beta57": {"comfyui": "y"}}
    rows = [one | {"offered": offered.get(one["schedule"], {})} for one in rows]
    (line,) = comparison_answers.compared({"objective": "robust", "rows": rows})
    assert line.endswith(
        "1.5 times below bong_tangent, the best that needs no data, but what programs call so is another grid on this process; "
        "1.8 times below beta57, the best that one offers."
    )
    (line,) = comparison_answers.compared({"objective": "robust", "rows": [one for one in rows if one["schedule"] != "beta57"]})
    assert line.endswith("but what programs call so is another grid on this process; karras is the best that one offers.")


def test_an_optimum_is_said_to_be_compared_with_a_few_schedules_only() -> None:
    scores = {"karras": {"robust": 3.0}, "beta": {"robust": 2.0}}
    line = answers.optimized({"objective": {"name": "robust", "value": 1.0}, "errors": {}, "baselines": scores})
    assert "2 times below beta, the best of the 2 schedules beside it (`diffopt compare-schedules` tries all)" in line


@pytest.mark.parametrize(("first", "sentence"), [
    ("frechet 0.5, 1.5 % of it: end 0. The steps dominate: more help.", "frechet 0.5, 1.5 % of it: end 0."),
    ("karras is within 2 % of the optimum: keep it.", "karras is within 2 % of the optimum: keep it."),
])  # fmt: skip
@pytest.mark.parametrize("width", [30, 200])
def test_of_answers_on_a_terminal_the_first_sentence_alone_is_bold(first: str, sentence: str, width: int) -> None:
    lines = with_answers(Text("table"), [first, "Second answer. More of it.", "EDM: generate.py --steps=8 --rho=7"])
    shown = Console(width=width, color_system="standard", force_terminal=True).render(lines)
    bold = "".join(part.text for part in shown if part.style is not None and part.style.bold)
    assert " ".join(bold.split()) == sentence
