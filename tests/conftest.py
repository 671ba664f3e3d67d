"""What every test runs under: loud floating-point errors, a narrow fixed terminal, a home of its own."""

from __future__ import annotations

import gc
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

# Tiny matrices: threads of the linear algebra library only wait for each other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Without bytecode every process that a test starts compiles the package anew, which takes longer than most commands.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("diffopt", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("diffopt")


#: Whatever terminal the suite is started from: 100 columns, no colour. In processes that a test starts, a warning of numpy
#: is an error: on stderr it would be for developers only.
SURROUNDINGS = {
    "COLUMNS": "100", "LINES": "40", "NO_COLOR": "1", "TERM": "dumb", "PYTHONWARNINGS": "error::RuntimeWarning",
}  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Home, caches and temporary files of the session in one throwaway folder; what a test changes it changes back."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR", "TMPDIR"):
            patch.setenv(name, str(home))
        for name in [key for key in os.environ if key.startswith("DIFFOPT_")]:
            patch.delenv(name)
        for name, value in SURROUNDINGS.items():
            patch.setenv(name, value)
        yield home


@pytest.fixture
def no_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations leave out the optimum beside them, which takes a search each: for tests of everything else they say."""
    monkeypatch.setattr("diffopt.api.evaluate.REFERENCES", 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Division by zero, overflow and NaN raise unless the code under test says that it expects them."""
    if item.get_closest_marker("quiet_floats"):
        return (yield)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        return (yield)


#: Files that the fast lane takes whole, and those it leaves out: they start many processes, wait, or need torch.
WHOLE = ("test_architecture.py", "test_documents.py", "test_answers.py", "test_typing_help.py", "test_tableaux.py")
SLOW = (
    "test_readme.py", "test_docs.py", "test_transfer.py", "test_estimation_cli.py", "test_streams.py", "test_kills.py",
    "test_fuzz.py", "test_library_arguments.py",
)  # fmt: skip
#: Of the other files, one test in so many.
SHARE = 60


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Fourteen thousand tests are no garbage: none is looked for while they are collected, nor again among them later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast lane: some files whole, of the others a sample that a test's name alone decides."""
    for item in items:
        name = item.path.name
        sampled = name not in SLOW and zlib.crc32(item.nodeid.encode()) % SHARE == 0
        away = any(item.get_closest_marker(marker) for marker in ("hosts", "browser"))
        if not away and (name in WHOLE or sampled):
            item.add_marker(pytest.mark.fast)
