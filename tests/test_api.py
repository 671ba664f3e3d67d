"""The library: arrays, files and objects in, frozen results out; the same answer as the commands'."""

from __future__ import annotations

import doctest
import io
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.api.arguments import Flags
from diffopt.api.flags import GROUPS, OWN, VERBS, flags_of
from diffopt.api.load import NOT_READ, RESULTS
from diffopt.cli.main import main
from diffopt.documents.schemas import DOCUMENTS
from diffopt.errors import InputError

EIG = np.array([9.0, 1.0, 0.2, 0.01])
PUBLIC = {name: getattr(diffopt, name) for name in diffopt.NAMES}


def documented():
    """Modules of the public names, once each."""
    return sorted({target.partition(":")[0] for target in diffopt.NAMES.values()})


@pytest.mark.parametrize("module", ["", *documented()])
def test_examples_run(module, capsys):
    found = doctest.testmod(import_module(f"diffopt.{module}".rstrip(".")))
    assert found.failed == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", [n for n in diffopt.NAMES if callable(PUBLIC[n]) and not isinstance(PUBLIC[n], type)])
def test_verbs_have_an_example_and_say_what_they_raise(name):
    text = PUBLIC[name].__doc__
    for section in ("Parameters\n", "Raises\n", "Examples\n", ">>> "):
        assert section in text, f"diffopt.{name}: the docstring has no {section.strip()}"


def test_importing_the_package_imports_no_numerics():
    code = "import diffopt, sys; print([m for m in ('numpy', 'torch', 'scipy', 'pydantic') if m in sys.modules])"
    code += "; dir(diffopt); print('numpy' in sys.modules); diffopt.Spectrum; print('numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.split("\n")[:3] == ["[]", "False", "True"]


ROOT = Path(diffopt.__file__).parents[1]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="it has optimize"):
        diffopt.optimise  # noqa: B018


def test_the_stub_names_what_the_package_has():
    stub = (ROOT / "diffopt" / "__init__.pyi").read_text()
    for name in diffopt.NAMES:
        assert f"import {name} as {name}" in stub, f"diffopt/__init__.pyi: add a line for {name}"


def test_shared_flags_are_typed_once():
    shared = {flag.name for _, group in GROUPS.values() for flag in group} - {"solver", "steps"}
    assert set(Flags.__annotations__) == shared
    assert set(OWN) <= {*VERBS, *OWN}


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_keyword_is_a_type_error_that_suggests_the_nearest(verb):
    call = getattr(diffopt, verb)
    # Every verb with a range has sigma_max; the shift of a flow grid has none.
    known = next((name for name in flags_of(verb) if name.startswith("sigma_m")), "feature_space")
    with pytest.raises(TypeError, match=known):
        call(EIG, **{known.replace("_", ""): 1.0})


@pytest.fixture
def carriers(tmp_path):
    """The same data in every form."""
    np.save(tmp_path / "a.npy", EIG)
    np.savez(tmp_path / "a.npz", eigenvalues=np.ones(3), mine=EIG)
    return {
        "path": (tmp_path / "a.npy", {}),
        "text": (str(tmp_path / "a.npy"), {}),
        "key": (tmp_path / "a.npz", {"key": "mine"}),
        "list": (EIG.tolist(), {}),
        "array": (EIG, {}),
        "covariance": (np.diag(EIG), {}),
        "spectrum": (diffopt.Spectrum.create(EIG), {}),
        "dataset": (diffopt.Dataset.of(diffopt.Spectrum.create(EIG)), {}),
    }


def test_every_form_of_the_data_gives_the_same_grid(carriers, monkeypatch):
    expected = diffopt.optimize(EIG, "heun", 4)
    for name, (data, flags) in carriers.items():
        found = diffopt.optimize(data, "heun", 4, **flags)
        np.testing.assert_array_equal(found.sigmas, expected.sigmas, err_msg=name)
        assert found.errors == expected.errors, name
    raw = Path(carriers["text"][0]).read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
    np.testing.assert_array_equal(diffopt.optimize("-", "heun", 4).sigmas, expected.sigmas)


def test_library_and_command_write_the_same_bytes(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", EIG)
    assert main(["optimize", "a.npy", "-s", "heun", "-n", "4", "-o", "cli.json", "-q"]) == 0
    diffopt.optimize("a.npy", solver="heun", steps=4).save("api.json")
    assert Path("cli.json").read_bytes() == Path("api.json").read_bytes()
    assert main(["evaluate", "a.npy", "cli.json", "-o", "e.json", "-q"]) == 0
    diffopt.evaluate("a.npy", diffopt.load("api.json")).save("f.json")
    assert Path("e.json").read_bytes() == Path("f.json").read_bytes()


def test_results_are_frozen_and_show_themselves(tmp_path):
    result = diffopt.optimize(EIG, "dpmpp_2m_sde", 4)
    with pytest.raises(AttributeError):
        result.document = {}
    assert len(repr(result)) < 100
    assert "<table>" in result._repr_html_()
    assert result.eta.shape == (4,)
    assert result.timesteps is None
    assert json.loads(result.render("json")) == result.to_dict()
    for kind in ("json", "csv", "md", "txt"):
        result.save(tmp_path / f"g.{kind}")
    with pytest.raises(diffopt.InputError, match="suffix"):
        result.save(tmp_path / "g.xlsx")
    again = diffopt.load(tmp_path / "g.json")
    assert again.to_dict() == result.to_dict()


def written() -> dict[str, object]:
    """A result of each schema, as cheap as there is one."""
    rng = np.random.default_rng(0)
    noise, grid = rng.standard_normal((40, 2)), diffopt.optimize(EIG, steps=3)
    outputs = {"x0": rng.standard_normal((40, 2)), "noise": noise, "predicted": 0.9 * noise, "sigma": np.full(40, 2.0)}
    found = [
        grid, diffopt.evaluate(EIG, grid), diffopt.compare(EIG, steps=3, only="karras"), diffopt.recommend(EIG, 3),
        diffopt.orders(EIG, "euler", [4, 8], metric="frechet"), diffopt.best_eta(EIG, "ddim", 3, design="constant"),
        diffopt.simulate(rng.standard_normal((20, 2)), steps=3, count=8, reference_steps=4), diffopt.shift(EIG, 3),
        diffopt.check(grid, "comfyui"), diffopt.budget(EIG, samples=100), diffopt.siem(outputs),
    ]  # fmt: skip
    return {str(result.document["schema"]): result for result in found}


def test_load_reads_what_every_verb_writes(tmp_path):
    """The same kind of result with the same document; spectra are data, and a summary says that it is none."""
    results = written()
    assert set(results) == set(RESULTS), "a new schema needs its result in diffopt/api/load.py and one here"
    assert set(RESULTS) | set(NOT_READ) | {"diffopt.spectrum/1", "diffopt.ensemble/1"} == set(DOCUMENTS)
    for schema, result in results.items():
        path = tmp_path / f"{schema.split('.')[1].split('/')[0]}.json"
        result.save(path)
        again = diffopt.load(path)
        assert type(again) is type(result)
        assert again.to_dict() == json.loads(result.render("json"))
        assert again.answers() == result.answers(), schema
        again.render("table")
    diffopt.read_spectrum(EIG).summary().save(tmp_path / "summary.json")
    with pytest.raises(InputError, match="diffopt.read_spectrum"):
        diffopt.load(tmp_path / "summary.json")


def test_a_printed_result_is_the_table_of_the_command_and_a_notebook_shows_its_columns(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", EIG)
    made = diffopt.evaluate("a.npy", schedule="karras", steps=4)
    assert main(["evaluate", "a.npy", "--schedule", "karras", "-n", "4", "-o", "t.txt", "--format", "table", "-q"]) == 0
    table = Path("t.txt").read_text().rstrip("\n")
    assert str(made) == "\n".join([table, *made.notes])
    assert "using solver euler" in made.notes[0]
    html = made._repr_html_()
    heads = re.findall(r"<th>(.*?)</th>", html)
    columns = [line.split() for line in table.split("\n") if line.lstrip().startswith(("step ", "schedule "))]
    assert heads == [name for line in columns for name in line]
    assert html.count("<tr>") == 2 + 5 + len(made.references) and made.notes[0] in html
    assert len(repr(made)) < 100


def test_equal_questions_have_equal_results_and_names_are_listed():
    one, two = diffopt.optimize(EIG, steps=3), diffopt.optimize(EIG, steps=3)
    assert one == two and hash(one) == hash(two) and one != diffopt.optimize(EIG, steps=4)
    assert one != diffopt.evaluate(EIG, one)
    assert one.denoiser_calls == 3 and one.objective["name"] == "robust" and one.coefficients is None
    assert list(diffopt.names("processes")) == ["ve", "vp_linear", "vp_cosine", "flow", "table"]
    assert len(diffopt.names("processes")) == 5 and "vp_cosine" in str(diffopt.names("processes"))
    assert {name for name in dir(diffopt) if not name.startswith("__")} == set(diffopt.NAMES)
    with pytest.raises(diffopt.InputError, match=r'\.export\("npy"\)'):
        one.save("g.npy")


def test_what_estimate_returns_is_data(tmp_path):
    samples = np.random.default_rng(0).normal(size=(400, 3)) * [3, 1, 0.1]
    found = diffopt.estimate(samples)
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(np.cov(samples.T))[::-1], rtol=1e-9)
    found.save(tmp_path / "s.npz")
    direct, read = diffopt.optimize(found, steps=4), diffopt.optimize(tmp_path / "s.npz", steps=4)
    np.testing.assert_array_equal(direct.sigmas, read.sigmas)


def test_a_table_of_flow_starts_at_pure_noise():
    result = diffopt.optimize(EIG, steps=3, process="flow")
    assert result.sigmas[0] == np.inf
    assert result.times[0] == 1
    listed = diffopt.evaluate(EIG, times=result.times, process="flow")
    np.testing.assert_allclose(listed.sigmas[1:], result.sigmas[1:], rtol=1e-12)
    assert listed.errors["frechet"] == pytest.approx(result.errors["frechet"], rel=1e-9)


def test_grids_of_one_step_are_evaluated_on_trained_levels():
    """The range that a grid fills ends where the process does, however short the grid is."""
    rule = "scaled_linear:0.00085,0.012,1000"
    for grid, bottom in (([14.0, 0.0], 0.0291672), ([0.04, 0.03], 0.0291672), ([14.0, 12.0], 7.0)):
        found = diffopt.evaluate([4.0, 1.0, 0.1], solver="ddim", sigmas=grid, process="table", betas=rule)
        assert found.document["process"]["sigma_min"] == pytest.approx(bottom, rel=1e-5)
        assert found.errors["frechet"] > 0
    # The same law at the data as in any other process.
    found = diffopt.evaluate([4.0, 1.0, 0.1], solver="ddim", sigmas=[14.0, 0.0], process="table", betas=rule)
    exact = diffopt.evaluate([4.0, 1.0, 0.1], solver="ddim", sigmas=[14.0, 0.0])
    assert found.errors["frechet"] == pytest.approx(exact.errors["frechet"], rel=1e-12)
