"""`diffopt.load` and `.save`: every result in every form that it saves is read back or refused in one line."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.api.flags import SUFFIXES
from diffopt.api.load import RESULTS
from diffopt.api.spectrum_flags import SPECTRUM_FORMS
from diffopt.data.builtin import BUILTINS
from diffopt.documents.schemas import DOCUMENTS

EIG = np.array([4.0, 1.0, 0.25])
SAMPLES = np.random.default_rng(0).normal(size=(40, 2))
TABLE = {"process": "table", "betas": "scaled_linear:0.00085,0.012,1000"}


def arrays():
    return diffopt.siem_collect(lambda y, sigma: 0.9 * y, [SAMPLES], [0.5, 2.0])


#: A result of each document.
MADE = {
    "diffopt.schedule/1": lambda: diffopt.optimize(EIG, "heun", 3),
    "diffopt.evaluation/1": lambda: diffopt.evaluate(EIG, schedule="karras", steps=3),
    "diffopt.comparison/1": lambda: diffopt.compare(EIG, steps=3, only="karras"),
    "diffopt.convergence/1": lambda: diffopt.orders(EIG, "euler", "4,8", metric="frechet"),
    "diffopt.eta/1": lambda: diffopt.best_eta(EIG, "ddim", 3, design="constant", noise_objective="exact"),
    "diffopt.recommendation/1": lambda: diffopt.recommend(EIG, calls=2),
    "diffopt.shift/1": lambda: diffopt.shift(EIG, steps=3),
    "diffopt.budget/1": lambda: diffopt.budget(EIG, samples=1000, steps=4),
    "diffopt.check/1": lambda: diffopt.check([80.0, 1.0, 0.0], "comfyui"),
    "diffopt.siem/1": lambda: diffopt.siem(arrays()),
    "diffopt.simulation/1": lambda: diffopt.simulate(samples=SAMPLES, steps=2, count=20, reference_steps=4),
}


def test_every_document_is_made_here():
    spectra = {"diffopt.spectrum/1", "diffopt.ensemble/1", "diffopt.summary/1"}
    assert set(MADE) == set(RESULTS) == set(DOCUMENTS) - spectra


@cache
def made_once(schema):
    return MADE[schema]()


@pytest.mark.parametrize("schema", MADE)
def test_a_result_is_read_from_json_as_it_was_and_shows_itself(schema, tmp_path):
    made = made_once(schema)
    made.save(tmp_path / "r.json")
    again = diffopt.load(tmp_path / "r.json")
    assert type(again) is type(made)
    assert again.to_dict() == made.to_dict()
    assert again.rows() == made.rows()
    assert again.render("table") == made.render("table")
    assert repr(again) == repr(made)
    # The notes of a question are not in its file.
    assert made._repr_html_().startswith(again._repr_html_())
    try:
        again.plot()
    except diffopt.UnsupportedError as error:
        assert "file does not hold" in str(error) or "there is no picture" in str(error), error
    for suffix in SUFFIXES:
        if suffix == ".txt" and "lines" not in made.forms:
            continue
        again.save(tmp_path / f"again{suffix}")


@pytest.mark.parametrize("schema", MADE)
@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s != ".json"])
def test_a_result_in_another_form_gives_its_grid_or_is_refused(schema, suffix, tmp_path):
    made = made_once(schema)
    path = tmp_path / f"r{suffix}"
    if suffix == ".txt" and "lines" not in made.forms:
        with pytest.raises(diffopt.UnsupportedError, match="is for grids"):
            made.save(path)
        return
    made.save(path)
    if "lines" in made.forms and suffix != ".md":
        again = diffopt.load(path)
        np.testing.assert_allclose(again.sigmas, made.sigmas, rtol=1e-8)
        assert again.solver is None and again.converged is None and again.errors == {}
        assert any("names no solver" in note for note in again.notes)
        assert "without a solver" in repr(again) and "<table>" in again._repr_html_() and again.render("table")
        return
    with pytest.raises(diffopt.InputError, match=r"load the \.json"):
        diffopt.load(path)


#: Flags, suffix, and what is certain of the process; None where it is refused.
PROCESSES = [
    ({}, ".csv", "ve"), ({}, ".txt", "ve"),
    ({"process": "flow"}, ".csv", "flow"), ({"process": "flow"}, ".txt", None),
    ({"process": "flow", "sigma_max": 20.0}, ".csv", "flow"), ({"process": "flow", "sigma_max": 20.0}, ".txt", None),
    ({"process": "vp_linear"}, ".csv", None), (TABLE, ".csv", None),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "suffix", "process"), PROCESSES)
def test_times_are_never_taken_for_those_of_another_process(flags, suffix, process, tmp_path):
    made = diffopt.optimize(EIG, steps=3, **flags)
    made.save(tmp_path / f"g{suffix}")
    if process is None:
        with pytest.raises(diffopt.InputError, match="process"):
            diffopt.load(tmp_path / f"g{suffix}")
        return
    again = diffopt.load(tmp_path / f"g{suffix}")
    assert again.document["process"]["name"] == process
    np.testing.assert_allclose(again.sigmas, made.sigmas, rtol=1e-8)
    np.testing.assert_allclose(again.times, made.times, rtol=1e-8)


def test_a_column_of_eta_is_kept(tmp_path):
    made = diffopt.optimize(EIG, "ddim", 3, eta=0.5)
    made.save(tmp_path / "g.csv")
    again = diffopt.load(tmp_path / "g.csv")
    np.testing.assert_array_equal(again.eta, made.eta)
    assert diffopt.evaluate(EIG, again, "ddim").errors["frechet"] == diffopt.evaluate(EIG, made).errors["frechet"]


@pytest.mark.parametrize("suffix", SPECTRUM_FORMS)
def test_a_spectrum_is_the_object_that_read_spectrum_gives(suffix, tmp_path):
    path = tmp_path / f"s{suffix}"
    diffopt.estimate(SAMPLES, mean=False).save(path)
    if suffix == ".npy":
        with pytest.raises(diffopt.InputError, match="eigenvalues or levels"):
            diffopt.load(path)
        return
    found, read = diffopt.load(path), diffopt.read_spectrum(path)
    assert type(found) is type(read)
    np.testing.assert_array_equal(found.eigenvalues, read.eigenvalues)
    assert found.summary().document == read.summary().document
    assert len(repr(found)) < 200


@pytest.mark.parametrize("name", [f"builtin:{name}" for name in BUILTINS])
def test_a_builtin_spectrum_is_loaded_by_its_name(name):
    assert diffopt.load(name).summary().document == diffopt.read_spectrum(name).summary().document


def test_an_ensemble_and_a_posterior_are_read(tmp_path):
    diffopt.estimate(SAMPLES, labels=np.arange(40) % 2).save(tmp_path / "e.npz")
    assert len(diffopt.load(tmp_path / "e.npz").dataset.members.spectra) == 2
    made = diffopt.posterior(np.diag(EIG), "diagonal:0.5", 0.5)
    made.save(tmp_path / "p.npz")
    np.testing.assert_array_equal(diffopt.load(tmp_path / "p.npz").eigenvalues, made.eigenvalues)


@pytest.mark.parametrize("kind", ["spectrum", "ensemble", "schedule", "list", "mapping"])
def test_a_file_is_read_and_parsed_once(kind, tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    if kind in ("list", "mapping"):
        path.write_text("[4, 1, 0]" if kind == "list" else '{"sigmas": [4, 1, 0]}')
    elif kind == "schedule":
        diffopt.optimize(EIG, steps=3).save(path)
    else:
        diffopt.estimate(SAMPLES, labels=np.arange(40) % 2 if kind == "ensemble" else None).save(path)
    seen, loads, read = [], json.loads, Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: seen.append("read") or read(self))
    monkeypatch.setattr(json, "loads", lambda *a, **k: seen.append("parsed") or loads(*a, **k))
    diffopt.load(path)
    assert sorted(seen) == ["parsed", "read"]


OTHERS = [("a.json", "{}"), ("a.json", '{"schema": "other/1"}'), ("a.json", "[3]"), ("a.json", "x"), ("a.csv", "a,b\n1,2\n"),
          ("a.txt", "words"), ("a.html", "<p>")]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), OTHERS)
def test_what_diffopt_does_not_write_is_refused_in_a_line(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(diffopt.InputError) as caught:
        diffopt.load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_summary_and_a_missing_file_are_refused(tmp_path):
    diffopt.read_spectrum(EIG).summary().save(tmp_path / "s.json")
    with pytest.raises(diffopt.InputError, match="summary"):
        diffopt.load(tmp_path / "s.json")
    for name in ("no.json", "no.csv", "no.npz", "no.txt"):
        with pytest.raises(diffopt.InputError, match="no"):
            diffopt.load(tmp_path / name)
