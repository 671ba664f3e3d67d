"""One direction of imports, no cycles, no heavy packages in the wrong place, and the size budget."""

from __future__ import annotations

import ast
import statistics
from fnmatch import fnmatch
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import diffopt
from diffopt.schedules import HABIT

PACKAGE = Path(diffopt.__file__).parent

#: Rooms from the bottom up: a module imports from its own room and from those before it. The rooms are the
#: packages and modules directly below `diffopt`, so that a new file never edits this test.
ROOMS = (
    "", "errors", "foundation", "data", "processes", "estimation", "solvers", "law", "asymptotics", "simulation",
    "objectives", "schedules", "search", "studies", "documents", "hosts", "report", "api", "cli", "__main__",
)  # fmt: skip

#: Packages of the outer layers.
OUTER = {"pydantic", "typer", "rich", "matplotlib"}
NUMERIC = {"numpy", "scipy"}
#: Layers that may know pydantic, rich and matplotlib; typer belongs to the command line alone.
SHOWN = {"documents", "hosts", "report", "api", "cli", "__main__"}

MAX_FILE, MAX_FUNCTION = 300, 50
MEDIAN_FILE, MEDIAN_FUNCTION = 120, 8

#: Debts: modules that break a rule today. An entry that has become untrue fails, so the list only shrinks.
NUMERIC_COMMANDS: set[str] = set()
LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()


def module_name(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


class Trees(dict[str, ast.Module]):
    """Syntax trees by module, parsed when they are asked for."""

    def __missing__(self, name: str) -> ast.Module:
        self[name] = ast.parse(MODULES[name].read_text(encoding="utf-8"))
        return self[name]


TREES = Trees()


def type_checking_only(tree: ast.Module) -> set[ast.AST]:
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    return {inner for block in blocks for inner in ast.walk(block)}


@cache
def imported(name: str, run_time: bool = False) -> frozenset[str]:
    """Absolute names a module imports anywhere in it; `run_time` leaves out `if TYPE_CHECKING`."""
    tree = TREES[name]
    skip = type_checking_only(tree) if run_time else set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in skip:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}".removeprefix("diffopt.")
                found.add(f"diffopt.{inner}" if inner in MODULES and node.module.startswith("diffopt") else node.module)
    return frozenset(found)


def imported_modules(name: str, run_time: bool = True) -> set[str]:
    used = {i for i in imported(name, run_time) if i.partition(".")[0] == "diffopt"}
    return {i.removeprefix("diffopt").removeprefix(".") for i in used} - {name}


def external(name: str) -> set[str]:
    return {i.partition(".")[0] for i in imported(name)}


def room(name: str) -> int:
    return ROOMS.index(name.partition(".")[0])


def test_every_module_is_in_a_room():
    for name in MODULES:
        assert name.partition(".")[0] in ROOMS, f"diffopt.{name}: put it into a room of ROOMS, or name its room there"


def test_imports_go_down():
    for name in MODULES:
        for other in imported_modules(name, run_time=False):
            assert other in MODULES, f"diffopt.{name} imports diffopt.{other}, which does not exist"
            assert room(other) <= room(name), f"diffopt.{name} imports diffopt.{other} from a room above its own"


@pytest.mark.parametrize("name", [n for n in MODULES if (PACKAGE / n.replace(".", "/")).is_dir() and n])
def test_every_room_says_its_purpose_in_a_sentence(name):
    assert ast.get_docstring(TREES[name]).splitlines()[0].endswith(".")


def test_there_are_no_cycles():
    graph = {name: {o for o in imported_modules(name, run_time=False) if o} for name in MODULES}
    # A package and its own modules load together; its table of names is no cycle of meaning.
    for name, others in graph.items():
        others -= {o for o in others if name.startswith(f"{o}.")}
    tuple(TopologicalSorter(graph).static_order())


def test_heavy_packages_stay_in_their_layers():
    for name in MODULES:
        layer, used = name.partition(".")[0], external(name)
        if layer not in SHOWN:
            assert not used & OUTER, f"diffopt.{name}"
        if layer not in ("cli", "__main__"):
            assert "typer" not in used, f"diffopt.{name}"


@pytest.mark.parametrize("name", [n for n in MODULES if fnmatch(n, "cli*")])
def test_commands_have_no_numerics(name):
    assert bool(external(name) & NUMERIC) == (name in NUMERIC_COMMANDS)


#: What a command may import beside its own room and the library: errors, and what is about files, names, text and its process.
COMMANDS_MAY = {
    "", "errors", "foundation.allocator", "foundation.atomic", "foundation.encoding", "foundation.names", "foundation.nearby",
    "foundation.shown", "foundation.workers",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in MODULES if fnmatch(n, "cli*")])
def test_commands_call_the_library_and_nothing_else(name):
    others = {o for o in imported_modules(name, run_time=False) if o.partition(".")[0] not in ("cli", "api")}
    assert others <= COMMANDS_MAY, f"diffopt.{name}: make a verb in diffopt/api of {', '.join(others - COMMANDS_MAY)}"


def functions():
    for name, tree in ((name, TREES[name]) for name in MODULES):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield f"{name}.{node.name}", body_lines(node), name


def body_lines(node: ast.FunctionDef) -> int:
    """Lines of the body without the docstring; a command's options are its signature and do not count."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_budget_of_files():
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name for name, lines in sizes.items() if lines > MAX_FILE} == LONG_FILES
    assert statistics.median(sizes.values()) <= MEDIAN_FILE


def test_budget_of_functions():
    sizes = [(label, lines) for label, lines, _ in functions()]
    assert {label for label, lines in sizes if lines > MAX_FUNCTION} == LONG_FUNCTIONS
    assert statistics.median(lines for _, lines in sizes) <= MEDIAN_FUNCTION


def test_public_things_have_docstrings():
    for name, tree in ((name, TREES[name]) for name in MODULES):
        assert ast.get_docstring(tree) or not MODULES[name].read_text(encoding="utf-8").strip(), f"diffopt.{name}"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"diffopt.{name}.{node.name} has no docstring"


#: Schemes and diffusers' schedulers that run them, under the name that both have there.
SAME_IN_DIFFUSERS = {"DDPM", "EulerAncestral", "UniPC"}


def test_a_class_has_a_name_of_its_own():
    """And so has an alias of a type, but for `Progress`: a module says which two numbers it reports."""
    found: dict[str, list[str]] = {}
    for name, tree in ((name, TREES[name]) for name in MODULES):
        for node in tree.body:
            names = [node.name] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [t.id for t in targets if isinstance(t, ast.Name) and not t.id.isupper()]
            for one in names:
                if one[0].isupper():
                    found.setdefault(one, []).append(name)
    assert {name for name, places in found.items() if len(places) > 1} == SAME_IN_DIFFUSERS | {"Progress"}
    assert len(found) > 300


def test_the_habit_is_written_down_in_one_place():
    """Its name stands in the table of schedules; elsewhere it is `HABIT`, but for EDM's own rule and the words of answers."""
    other = {"report.family", "api.speech"}
    rooms = ("search", "studies", "report", "api", "cli")
    said = {
        name for name in MODULES if name.partition(".")[0] in rooms for node in ast.walk(TREES[name])
        if isinstance(node, ast.Constant) and node.value == HABIT
    }  # fmt: skip
    assert said == other


def test_nothing_is_printed_outside_the_command_line():
    for name, tree in ((name, TREES[name]) for name in MODULES):
        calls = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert "print" not in calls, f"diffopt.{name}"


def test_arguments_of_verbs_have_types():
    for place, _, verb in (place.partition(":") for place in diffopt.NAMES.values() if place.startswith("api.")):
        for node in TREES[place].body:
            if isinstance(node, ast.FunctionDef) and node.name == verb:
                for arg in (*node.args.args, *node.args.kwonlyargs, *filter(None, (node.args.kwarg,))):
                    assert arg.annotation is not None and ast.unparse(arg.annotation) != "Any", f"{verb}: {arg.arg}"


def test_nobody_asks_a_process_or_a_solver_by_name_or_attribute():
    """Properties of `Process` and `Solver` answer instead; hosts have tables of names, which are names of their own."""
    for name, tree in ((name, TREES[name]) for name in MODULES):
        for node in ast.walk(tree):
            named = isinstance(node, ast.Compare) and ast.unparse(node.left).endswith("process.name")
            if named and not isinstance(node.ops[0], ast.Is | ast.IsNot):
                assert name.startswith("hosts."), f"diffopt.{name}: {ast.unparse(node)}"
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("hasattr", "getattr"):
                asked = ast.unparse(node.args[0]).endswith(("solver", "process"))
                assert not (asked and isinstance(node.args[1], ast.Constant)), f"diffopt.{name}: {ast.unparse(node)}"
