"""`optimize` on an ensemble file: the robust objective runs over the file's own members."""

from __future__ import annotations

import json

import numpy as np
import pytest
from estimation_data import pixels

from diffopt.cli.main import main
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.spectrum_formats import to_json
from diffopt.foundation.atomic import write_atomic
from diffopt.objectives import OBJECTIVES


def sigmas(path, capsys, *flags: str) -> list[float]:
    assert main(["optimize", str(path), "--steps", "5", "--format", "json", *flags]) == 0
    return json.loads(capsys.readouterr().out)["sigmas"]


def test_estimated_ensembles_are_accepted(tmp_path, capsys):
    np.save(tmp_path / "a.npy", pixels(40, (3, 8, 8)))
    words = [str(tmp_path / "a.npy"), "--patches", "4", "-o", str(tmp_path / "e.npz")]
    assert main(["spectrum", "estimate", *words]) == 0
    capsys.readouterr()
    assert main(["optimize", str(tmp_path / "e.npz"), "--steps", "4"]) == 0
    assert "robust runs over the 4 spectra of the file" in capsys.readouterr().err


def test_members_change_the_robust_grid_and_nothing_else(tmp_path, capsys):
    pooled = Spectrum.create([10.0, 1.0, 0.1])
    members = Ensemble.create([Spectrum.create([100.0, 0.01, 0.01]), Spectrum.create([1e-3, 1e-3, 1e-3])])
    write_atomic(tmp_path / "plain.json", to_json(pooled))
    write_atomic(tmp_path / "ensemble.json", to_json(pooled, {}, members))
    plain, own = (sigmas(tmp_path / f"{n}.json", capsys) for n in ("plain", "ensemble"))
    assert np.max(np.abs(np.log(np.array(plain[:-1]) / np.array(own[:-1])))) > 0.05
    flags = ("--objective", "frechet")
    plain, own = (sigmas(tmp_path / f"{n}.json", capsys, *flags) for n in ("plain", "ensemble"))
    assert plain == own


def test_union_is_what_robust_prepares():
    members = Ensemble.create([Spectrum.create([4.0, 1.0]), Spectrum.create([2.0])], [3, 1])
    robust = OBJECTIVES["robust"]()
    prepared = robust.prepare(Spectrum.create([1.0]), members)
    np.testing.assert_allclose(prepared.eig, [4.0, 2.0, 1.0])
    np.testing.assert_allclose(prepared.weight, [0.75, 0.25, 0.75])
    assert members.union().trace == pytest.approx(0.75 * 5 + 0.25 * 2)
