"""docs/extending.md and docs/python.md run and are complete; what is missing after an addition is said with its place."""

from __future__ import annotations

import dataclasses
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from estimation_data import WRITERS
from oracles import FACTS, ORACLES, Mixture, Run
from problems import EXAMPLES, TABLED, has_step_to_zero, irregular
from solver_oracles import LINEARIZED, RANDOM
from test_hosts import CASES, DRIVEN_ELSEWHERE

import diffopt
from diffopt.documents.options import fields_of
from diffopt.estimation.readers import READERS
from diffopt.estimation.readers.base import Reader
from diffopt.foundation.registry import LazyTable
from diffopt.hosts import HOSTS
from diffopt.hosts.base import Host
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.base import Objective
from diffopt.objectives.metrics import METRICS
from diffopt.processes import PROCESSES
from diffopt.processes.base import Process
from diffopt.processes.grid import Grid
from diffopt.report.extending import TABLES, renewed
from diffopt.schedules.base import Schedule
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.base import Solver
from diffopt.solvers.loop import sample

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


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What the first three blocks of the page make."""
    with pytest.MonkeyPatch.context() as patch:
        return execute(blocks("extending.md", "")[:3], tmp_path_factory.mktemp("page"), patch)


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
@pytest.mark.parametrize("clock", ["sigma", "variance", "logsnr", "time"])
def test_the_oracle_of_the_page_is_the_solver_of_the_page(process, clock, written):
    sigmas, target = irregular(5, "zero" if has_step_to_zero(clock) else "sigma_min"), Mixture()
    table = run_table(written["Midpoint"](clock=clock), Grid.create(EXAMPLES[process], sigmas))
    x = 9 * np.random.default_rng(0).normal(size=(20, 2))
    got = sample(table, target.denoise, x * table.alpha[0], score=target.score) / table.alpha[-1]
    wish = written["midpoint"](Run(target, FACTS[process], list(sigmas), [0.0] * 5, [], clock), x)
    np.testing.assert_allclose(got, wish, rtol=1e-12, atol=1e-12)


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


#: Kind -> (base class, package of its classes, where its line goes).
KINDS = {
    "solvers": (Solver, "diffopt.solvers.methods", "SOLVERS (diffopt/solvers/__init__.py)"),
    "schedules": (Schedule, "diffopt.schedules", "SCHEDULES (diffopt/schedules/__init__.py)"),
    "objectives": (Objective, "diffopt.objectives", "OBJECTIVES (diffopt/objectives/__init__.py)"),
    "processes": (Process, "diffopt.processes", "PROCESSES (diffopt/processes/__init__.py)"),
    "readers": (Reader, "diffopt.estimation.readers", "READERS (diffopt/estimation/readers/__init__.py)"),
    "hosts": (Host, "diffopt.hosts", "HOSTS (diffopt/hosts/__init__.py)"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_has_its_line(kind):
    """A class that says its name, or can be made, is in the table of its kind."""
    base, package, line = KINDS[kind]
    listed = {thing if isinstance(thing, type) else type(thing) for thing in TABLES[kind].values()}
    for info in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        for name, cls in vars(import_module(info.name)).items():
            own = isinstance(cls, type) and issubclass(cls, base) and cls.__module__ == info.name and cls is not base
            complete = own and not inspect.isabstract(cls) and ("name" in vars(cls) or kind == "readers")
            assert not complete or cls in listed, f"{info.name}: class {name} has no line in {line}"
    assert len(listed) == len(TABLES[kind]), f"{line}: two names have one class"


def test_every_file_of_methods_is_named_by_a_line():
    named = {SOLVERS.module(name) for name in SOLVERS}
    for info in pkgutil.iter_modules(import_module("diffopt.solvers.methods").__path__):
        assert f"methods.{info.name}" in named, (
            f"diffopt/solvers/methods/{info.name}.py: no line of SOLVERS (diffopt/solvers/__init__.py) names it; "
            "add the line, or put what several methods share into diffopt/solvers/rules"
        )


@pytest.mark.parametrize(
    ("entry", "error", "said"),
    [("methods.absent:A", ModuleNotFoundError, "module that there is not"), ("methods.heun:Absent", AttributeError, "'Absent'")],
)
def test_a_wrong_line_is_named(entry, error, said):
    table = LazyTable("diffopt.solvers", {"mine": entry})
    with pytest.raises(error, match=rf'the line "mine": "{entry}" .*{said}'):
        table["mine"]


def described(cls):
    """Whether a class has a docstring of its own; a dataclass without one gets its signature."""
    text = vars(cls).get("__doc__") or ""
    return bool(text) and not text.startswith(f"{cls.__name__}(")


def check_options(cls, base):
    """Annotated names are options, and constants are none."""
    fields = {f.name for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else set()
    for part in cls.__mro__:
        if part is base or not issubclass(part, base):
            continue
        for name, kind in vars(part).get("__annotations__", {}).items():
            constant = "ClassVar" in str(kind) or name in getattr(base, "__annotations__", {})
            assert constant or name in fields, (
                f"{part.__name__}.{name} is annotated but no option: write @dataclass(frozen=True) over the class, or ClassVar"
            )
    constants = {n for n, kind in getattr(base, "__annotations__", {}).items() if "ClassVar" in str(kind)}
    mistaken = sorted(constants & fields)
    assert not mistaken, f"{cls.__name__}.{mistaken[0]} became an option: annotate it as ClassVar[...]" if mistaken else ""


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_is_complete(name):
    cls = SOLVERS[name]
    for attribute in ("name", "law_order", "reference"):
        assert getattr(cls, attribute, None), f"{cls.__name__}: the class attribute {attribute} is missing"
    assert cls.name == name, f"{cls.__name__}.name is {cls.name!r}, and the line in SOLVERS says {name!r}"
    assert not inspect.isabstract(cls), f"{cls.__name__}: write the method table(points, eta)"
    check_options(cls, Solver)
    if name in TABLED:
        assert name in ORACLES, f"tests/solver_oracles.py: write the published loop of {name} as a function {name}(run, x)"
    elif not cls.needs_data:
        assert name in (*RANDOM, *LINEARIZED), f"tests/solver_oracles.py: name {name}, a scheme of maps, in RANDOM or LINEARIZED"
    assert (cls.default_eta == 0) or cls.eta_meaning, f"{cls.__name__}: with a default_eta it needs eta_meaning"
    assert described(cls), f"{cls.__name__}: the docstring is missing; it says the recurrence, the options and 'Reference: ...'"
    texts = [base.__doc__ or "" for base in cls.__mro__ if issubclass(base, Solver)]
    assert any("Reference:" in text for text in texts), f"{cls.__name__}: its docstring has no line 'Reference: ...'"
    said = {word for text in texts for word in re.findall(r"\w+", text)}
    assert set(fields_of(cls)) <= said, (
        f"{cls.__name__}: its docstring does not name all of its options {sorted(set(fields_of(cls)) - {'clock'})}"
    )


def test_oracles_have_a_solver():
    unknown = sorted(set(ORACLES) - set(SOLVERS))
    assert not unknown, f"tests have an oracle for {unknown[0]}; add its line to SOLVERS in diffopt/solvers/__init__.py"


@pytest.mark.parametrize("name", TABLES["schedules"])
def test_a_schedule_is_complete(name):
    cls = TABLES["schedules"][name]
    assert cls.name == name, f"{cls.__name__}.name is {cls.name!r}, and the line in SCHEDULES says {name!r}"
    for attribute in ("formula", "reference"):
        assert getattr(cls, attribute, None), f"{cls.__name__}: the class attribute {attribute} is missing"
    assert described(cls), f"{cls.__name__}: the docstring is missing; it says the rule and 'Reference: ...'"
    assert "Reference:" in cls.__doc__, f"{cls.__name__}: its docstring has no line 'Reference: ...'"
    check_options(cls, Schedule)
    assert re.search(rf"\b{name}\b", TESTS), f"tests: no test holds the numbers of schedule {name}"


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_objective_is_shown(name):
    for attribute in ("unit", "summary"):
        assert getattr(OBJECTIVES[name], attribute, None), f"objective {name}: the class attribute {attribute} is missing"
    check_options(OBJECTIVES[name], Objective)
    assert name in METRICS, f"diffopt/objectives/metrics.py: objective {name} has no line in METRICS, so that nothing shows it"
    assert METRICS[name].unit == OBJECTIVES[name].unit, f"{name}: the units in METRICS and in the class differ"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_complete(name):
    assert name in EXAMPLES, f"tests/problems.py: add an example of process {name} to EXAMPLES"
    assert name in FACTS, f"tests/oracles.py: write the closed form of process {name} into FACTS"
    check_options(PROCESSES[name], Process)
    # Fields at their defaults need not be written.
    moved = {field: 2 * value + 2 for field, value in fields_of(PROCESSES[name]).items()}
    if moved:
        made = PROCESSES[name](**moved)
        written = {field: made.parameters().get(field) for field in moved}
        assert written == moved, f"process {name}: parameters() must hold the fields that make it again"


def test_readers_are_complete():
    missing, unknown = set(READERS) - set(WRITERS), set(WRITERS) - set(READERS)
    assert not missing, f"tests/estimation_data.py: write such a file in WRITERS: {missing}"
    assert not unknown, f"tests write files of {unknown}; add the line to READERS in diffopt/estimation/readers/__init__.py"


def test_every_metric_says_what_it_is():
    for name, metric in METRICS.items():
        assert metric.unit and metric.title, f"diffopt/objectives/metrics.py: {name} needs a unit and a title"


@pytest.mark.parametrize("name", TABLES["hosts"])
def test_a_host_is_complete(name):
    cls = TABLES["hosts"][name]
    for attribute in ("name", "title", "samplers"):
        assert hasattr(cls, attribute), f"{cls.__name__}: the class attribute {attribute} is missing"
    assert cls.name == name, f"{cls.__name__}.name is {cls.name!r}, and the line in HOSTS says {name!r}"
    unknown = set(cls.samplers) - set(SOLVERS)
    assert not unknown, f"{cls.__name__}.samplers names solvers that there are not: {unknown}"


def test_every_solver_that_diffusers_is_said_to_run_is_driven():
    """Only names are compared here; the drives themselves are `pytest -m hosts`. A solver that no host runs needs no entry."""
    driven = {case.solver for case in CASES} | DRIVEN_ELSEWHERE
    missing = sorted(set(HOSTS["diffusers"].samplers) - driven)
    assert not missing, (
        f"diffopt/hosts/diffusers says that diffusers runs {missing[0] if missing else ''}: drive its scheduler in CASES "
        "(tests/test_hosts.py) or in tests/test_hosts_solvers.py and name the solver in DRIVEN_ELSEWHERE"
    )


def test_the_manual_is_made_from_the_root(tmp_path):
    """`python docs/make_commands.py` finds the package of its own checkout."""
    code = f"import runpy; print(runpy.run_path({str(DOCS / 'make_commands.py')!r})['PAGE'])"
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(DOCS / "commands.md")
