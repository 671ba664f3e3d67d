"""Ranges and settings at the edge of what a rule takes: a right result, or one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from problems import EXAMPLES, irregular, make

import diffopt
from diffopt.cli.main import main
from diffopt.data.spectrum import Spectrum
from diffopt.errors import DiffoptError, InputError, UnsupportedError
from diffopt.law.gradient import Design, DifferentiableTable, Direction
from diffopt.objectives import OBJECTIVES
from diffopt.processes import VE
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.studies.eta import ETA_MAX, NoiseDesign, at_bound

FIRST = OBJECTIVES["frechet"]()

LINES = [
    "optimize builtin:power3 -s sra1 -n 4 --process vp_cosine --sigma-max 0.524832 --sigma-min 0.022681 --free family,eta",
    "optimize builtin:power2 -s euler_maruyama -n 4 --process vp_cosine --t-max 1 --sigma-min 1e6",
    "evaluate builtin:power2 --schedule dmn_latent -n 4 --sigma-min 2.2e-308",
    "evaluate builtin:power2 --schedule edm_iddpm -n 4 --sigma-min 1e6 --sigma-max 1e8",
    "evaluate builtin:power2 --schedule karras -n 4 --sigma-max 1e160",
    "optimize builtin:power2 -s unipc:order=3 --process flow -n 6",
]


@pytest.mark.parametrize("line", LINES)
def test_one_line_or_a_result(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(line.split())
    out, err = capsys.readouterr()
    assert code in (0, 2)
    assert "Traceback" not in err
    if code == 2:
        assert out == ""
        assert len([part for part in err.splitlines() if part.startswith("error: ")]) == 1
    else:
        assert out.startswith("{")


@pytest.mark.parametrize("name", [n for n, c in SCHEDULES.items() if not hasattr(c, "spectral") and c.slow is not True])
@pytest.mark.parametrize(("low", "high"), [(2.2e-308, 80.0), (1e6, 1e8), (1e-6, 1e-5), (1e-90, 1e90)])
def test_named_schedules_at_extreme_ranges(name: str, low: float, high: float) -> None:
    """A grid from sigma_max down to sigma_min, or a refusal in one line."""
    with np.errstate(all="ignore"):
        try:
            grid = SCHEDULES[name]().grid(Span(VE(), 4, high, low, "sigma_min"))
        except DiffoptError as refusal:
            assert "\n" not in str(refusal)
            return
    assert grid.sigmas[0] <= high * (1 + 1e-9) and np.all(np.diff(grid.sigmas) < 0)


def test_a_refusal_of_dmn_names_the_range() -> None:
    with pytest.raises(UnsupportedError, match=r"2\.2e-308"):
        SCHEDULES["dmn_latent"]().grid(Span(VE(), 4, 80.0, 2.2e-308))


def test_eta_zero_beside_a_moving_family() -> None:
    """A direction of the family at eta = 0 and a moving eta are differentiated together; the law's slope by eta is 0 there."""
    solver, levels = make("sra1"), irregular(3, "sigma_min")
    along = Direction(log_sigma=np.array([0.0, 1.0, 0.0, 0.0]))
    both = DifferentiableTable(solver, EXAMPLES["vp_linear"], Design(levels, np.zeros(3), False, True, (along,)))
    moved = levels * np.exp(1e-6 * along.log_sigma), levels * np.exp(-1e-6 * along.log_sigma)
    up, down = (DifferentiableTable(solver, EXAMPLES["vp_linear"], Design(m, np.zeros(3), False, False)).table for m in moved)
    bars = FIRST.value_and_bars(both.table, Spectrum.create([1.0, 0.2]), "exact")[1]
    _, by_eta, (slope,) = both.gradient(bars)
    values = [FIRST.value(table, Spectrum.create([1.0, 0.2]), "exact") for table in (up, down)]
    assert slope == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)
    assert np.all(by_eta == 0)


@pytest.mark.parametrize(("eta", "held"), [([ETA_MAX, 0.1], True), ([0.5, 0.5], False)])
def test_an_eta_at_the_bound_is_known(eta: list[float], held: bool) -> None:
    assert at_bound(NoiseDesign(None, "per_step", "exact", np.array(eta), {}, {})) is held


@pytest.mark.parametrize(("top", "held"), [(0.01, True), (80.0, False)])
def test_an_eta_at_the_bound_is_said(top: float, held: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From noise of 0.01 data of width 1 are out of reach, and the scheme only adds: the more noise the better."""
    np.save(tmp_path / "one.npy", np.array([1.0]))
    ends = ["--sigma-max", str(top), "--sigma-min", str(top / 2), "--start", "sigma", "--end", "sigma_min"]
    line = ["-n", "2", "--design", "constant,per_step", "--noise-objective", "exact", "--clock", "variance"]
    assert main(["eta", str(tmp_path / "one.npy"), *line, *ends]) == 0
    out, err = capsys.readouterr()
    assert all((max(row["eta"]) > ETA_MAX * 0.999) == held for row in json.loads(out)["rows"])
    assert ("no eta above 3 is tried" in err and "constant in the variance clock" in err) == held


@pytest.mark.parametrize("low", [5e-324, 1e-320, 1e-160])
@pytest.mark.parametrize("name", [name for name, schedule in SCHEDULES.items() if not schedule.slow])
def test_ranges_that_leave_the_doubles(name, low):
    """Every schedule gives a decreasing grid over hundreds of decades, or says that it has none.

    Those that search are left out for their time; their errors are caught at the same place.
    """
    span = Span(VE(), 3, 80.0, low, spectrum=Spectrum.create([4.0, 1.0, 0.1]))
    try:
        with np.errstate(all="ignore"):
            sigmas = SCHEDULES[name]().grid(span).sigmas
    except DiffoptError as error:
        assert "\n" not in str(error)
    else:
        assert np.all(np.diff(sigmas) < 0)


@pytest.mark.parametrize("top", ["1401", "1e8", "1e308"])
@pytest.mark.parametrize("command", ["evaluate builtin:power2 --sigmas 20,1,0", "optimize builtin:power2 -n 2"])
def test_rates_whose_noise_leaves_the_doubles(command, top, capsys):
    assert main([*command.split(), "--process", "vp_linear", "--beta-max", top]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "leaves the range of doubles" in err and err.count("\n") == 1


@pytest.mark.parametrize("do", [diffopt.check, diffopt.export])
def test_levels_beyond_single_precision_run_in_no_program(do):
    with pytest.raises(InputError, match=r"level 1e\+308 is beyond single precision \(up to 3.4e\+38\)"):
        do([1e308, 0.8, 0.0], "diffusers")


def test_a_spectrum_of_endless_directions_is_too_large_for_dense_algebra():
    with pytest.raises(InputError, match=r"^1e\+130 directions are too many for dense algebra"):
        diffopt.posterior(Spectrum.create([1.0, 0.5], weight=[1e130, 1.0]), "identity", 0.1)


def test_a_block_of_bad_samples_alone_adds_nothing(tmp_path):
    """One sample a block, and one of them is no sample: the covariance is that of the others, in numpy."""
    samples = np.random.default_rng(5).standard_normal((6, 3))
    for i, row in enumerate(samples):
        np.save(tmp_path / f"{i}.npy", row)
    (tmp_path / "2a.npy").write_bytes(b"nothing")
    found = diffopt.estimate(str(tmp_path), method="pca", block=1, skip_bad=True)
    wish = np.linalg.eigvalsh(np.cov(samples.T))[::-1]
    np.testing.assert_allclose(found.spectrum.eig, wish, rtol=1e-9)
