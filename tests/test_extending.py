"""docs/extending.md and docs/python.md run and are complete; what is missing after an addition is said with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from estimation_data import WRITERS
from oracles import FACTS, ORACLES
from problems import EXAMPLES, TABLED

import diffopt
from diffopt.documents.options import fields_of
from diffopt.estimation.readers import READERS
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.metrics import METRICS
from diffopt.processes import PROCESSES
from diffopt.report.extending import TABLES, renewed
from diffopt.solvers import SOLVERS

DOCS = Path(__file__).parents[1] / "docs"
TESTS = "\n".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))


def blocks(page, tag):
    return re.findall(rf"```python{tag}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def execute(parts, folder, monkeypatch, names=None):
    monkeypatch.chdir(folder)
    names = {} if names is None else names
    for part in parts:
        exec(compile(part, "page", "exec"), names)
    return names


@pytest.mark.parametrize("page", ["python.md", "extending.md"])
def test_blocks_of_the_page_run_in_order(page, tmp_path, monkeypatch):
    parts = blocks(page, "")
    assert len(parts) >= 2
    execute(parts, tmp_path, monkeypatch)


@pytest.mark.hosts
def test_blocks_for_torch_run(tmp_path, monkeypatch):
    parts = blocks("python.md", " torch")
    assert parts
    names = execute(parts, tmp_path, monkeypatch, {"diffopt": diffopt})
    assert tuple(names["x"].shape) == (2, 4, 4, 4)


def test_lists_of_the_page_are_those_of_the_tables():
    text = (DOCS / "extending.md").read_text()
    assert renewed(text) == text, "run: python -m diffopt.report.extending docs/extending.md"
    for kind, table in TABLES.items():
        assert f"<!-- generated: {kind} -->" in text, f"docs/extending.md: a section for {kind} with its mark is missing"
        for name in table:
            assert f"`{name}`" in text


def test_every_verb_is_on_the_page():
    text = (DOCS / "python.md").read_text()
    verbs = [n for n in diffopt.NAMES if n.islower()]
    missing = [n for n in verbs if not re.search(rf"diffopt\.{n}\b|schedule\.{n}\b", text)]
    assert not missing, f"docs/python.md: say in a sentence what diffopt.{missing[0]} is for" if missing else ""


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_is_complete(name):
    cls = SOLVERS[name]
    for attribute in ("name", "law_order", "reference"):
        assert getattr(cls, attribute, None), f"{cls.__name__}: the class attribute {attribute} is missing"
    assert cls.name == name, f"{cls.__name__}.name is {cls.name!r}, and the line in SOLVERS says {name!r}"
    if name in TABLED:
        assert name in ORACLES, f"tests/solver_oracles.py: write the published loop of {name} and name it in SOLVER_ORACLES"
    assert (cls.default_eta == 0) or cls.eta_meaning, f"{cls.__name__}: with a default_eta it needs eta_meaning"
    said = {word for base in cls.__mro__ for word in re.findall(r"\w+", base.__doc__ or "")}
    assert set(fields_of(cls)) <= said, (
        f"{cls.__name__}: its docstring does not name all of its options {sorted(set(fields_of(cls)) - {'clock'})}"
    )


@pytest.mark.parametrize("name", TABLES["schedules"])
def test_a_schedule_is_complete(name):
    cls = TABLES["schedules"][name]
    assert cls.name == name, f"{cls.__name__}.name is {cls.name!r}, and the line in SCHEDULES says {name!r}"
    for attribute in ("formula", "reference"):
        assert getattr(cls, attribute, None), f"{cls.__name__}: the class attribute {attribute} is missing"
    assert re.search(rf"\b{name}\b", TESTS), f"tests: no test holds the numbers of schedule {name}"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_is_shown(name):
    assert name in METRICS, f"diffopt/objectives/metrics.py: objective {name} has no line in METRICS, so that nothing shows it"
    assert METRICS[name].unit == OBJECTIVES[name].unit, f"{name}: the units in METRICS and in the class differ"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_complete(name):
    assert name in EXAMPLES, f"tests/problems.py: add an example of process {name} to EXAMPLES"
    assert name in FACTS, f"tests/oracles.py: write the closed form of process {name} into FACTS"
    assert set(fields_of(PROCESSES[name])) <= set(EXAMPLES[name].parameters()), (
        f"process {name}: parameters() must hold the fields that make it again"
    )


def test_readers_are_complete():
    missing = set(READERS) - set(WRITERS)
    assert not missing, f"tests/estimation_data.py: write such a file in WRITERS: {missing}"


@pytest.mark.parametrize("name", TABLES["hosts"])
def test_a_host_is_complete(name):
    cls = TABLES["hosts"][name]
    for attribute in ("name", "title", "samplers"):
        assert hasattr(cls, attribute), f"{cls.__name__}: the class attribute {attribute} is missing"
    assert cls.name == name, f"{cls.__name__}.name is {cls.name!r}, and the line in HOSTS says {name!r}"
    unknown = set(cls.samplers) - set(SOLVERS)
    assert not unknown, f"{cls.__name__}.samplers names solvers that there are not: {unknown}"
