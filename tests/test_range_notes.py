"""Notes on a range of noise that does not fit the data, and advice that can be followed."""

from __future__ import annotations

import numpy as np
import pytest
from small_verbs import VERBS

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.simulation.mixture import Mixture

pytestmark = pytest.mark.usefixtures("no_optimum")

#: Standard deviations 8, 3 and 2: of the variance 77, 13 is below 5.
EIG = [64.0, 9.0, 4.0]


def lines(found, part: str) -> list[str]:
    return [line for line in found.notes if part in line]


@pytest.mark.parametrize("verb", ["optimize", "evaluate"])
def test_variance_below_sigma_min_is_a_share(verb):
    flags = {} if verb == "optimize" else {"schedule": "karras"}
    ask = getattr(diffopt, verb)
    found = lines(ask(EIG, solver="euler", steps=4, sigma_min=5.0, **flags), "below sigma_min 5")
    assert len(found) == 1
    assert f"{100 * 13 / 77:.3g} % of the data's variance" in found[0]
    # 4 is 5 % of 77, 4 + 9 is 17 %: down to the root of 9.
    assert found[0].endswith("or lower sigma_min to 3, where it is less than 10 %")
    assert not lines(ask(EIG, solver="euler", steps=4, sigma_min=3.0, **flags), "below sigma_min")


def test_a_listed_grid_is_not_told_to_take_a_flag_that_it_refuses():
    (line,) = lines(diffopt.evaluate(EIG, sigmas=[80.0, 20.0, 5.0]), "below sigma_min 5")
    assert "the grid ends before they are made" in line
    assert "or end the grid at 3, where" in line
    assert "lower sigma_min" not in line
    (line,) = lines(diffopt.evaluate(EIG, sigmas=[6.0, 2.0, 0.1, 0.0]), "above sigma_max")
    assert "begin the grid at 54, where such a start misses 1 % of their spread" in line
    assert "raise sigma_max" not in line


def table(tmp_path) -> dict[str, str]:
    np.savetxt(tmp_path / "betas.txt", np.linspace(1e-4, 2e-3, 50))
    return {"process": "table", "betas": str(tmp_path / "betas.txt")}


def test_a_table_is_not_told_to_go_beyond_its_end(tmp_path):
    found = diffopt.evaluate(EIG, schedule="uniform_t", solver="euler", steps=40, start="sigma", **table(tmp_path))
    (line,) = lines(found, "above sigma_max")
    assert "scale the data" not in line and "no grid without noise mends it" in line
    (split,) = [line for line in found.answers() if "start dominates" in line]
    assert "larger sigma_max" not in split
    assert "the process goes no higher" in split


def test_where_the_top_can_be_raised_it_is_advised():
    grid = [*np.geomspace(1.0, 0.01, 60), 0.0]
    found = diffopt.evaluate(EIG, sigmas=grid, solver="heun", start="sigma")
    assert f"sigma_max {found.document['sigma_max_needed']:g} would do" in found.answers()[0]


@pytest.mark.parametrize("verb", VERBS)
def test_data_that_the_range_does_not_fit_are_said_by_every_verb(verb):
    """Wider than the most noise, or far from 0: with the number, which is the data's own."""
    wide = " ".join(VERBS[verb]([320.0**2, 100.0, 1.0]).notes)
    assert "largest standard deviation 320 is above sigma_max 80" in wide
    far = " ".join(VERBS[verb](Spectrum.create([4.0, 1.0], mean=[300.0, 0.0])).notes)
    assert "mean has length 300" in far and "(robust leaves it out)" in far and "above sigma_max" not in far
    calm = " ".join(VERBS[verb]([4.0, 1.0]).notes)
    assert "sigma_max 80" not in calm and "length" not in calm


def test_a_comparison_says_what_the_exact_start_hides():
    notes = " ".join(diffopt.compare([320.0**2, 100.0, 1.0], steps=5, only="karras").notes)
    exact = 320 - 320 * 80 / np.hypot(320, 80)  # from N(0, sigma_max^2) the exact flow keeps the ratio to the marginal
    assert float(notes.split("adds up to ")[1].split(" ")[0]) == pytest.approx(exact, rel=0.03)
    assert "adds up to" not in " ".join(diffopt.compare([4.0, 1.0], steps=3, only="karras").notes)


@pytest.fixture
def grid_of_another_run(tmp_path):
    """A grid of dpmpp_2m on vp_linear, made for another spectrum."""
    path = tmp_path / "g.json"
    diffopt.optimize([9.0, 1.0], solver="dpmpp_2m", steps=3, process="vp_linear", sigma_max=20).save(path)
    return str(path)


def test_grids_of_another_run_are_said_by_every_verb_that_takes_them(grid_of_another_run):
    here, (grid, data) = {"solver": "euler", "process": "ve"}, (grid_of_another_run, [4.0, 1.0])
    mixture = Mixture.create(weights=[1.0], means=[[0.0, 0.0]], variances=[[4.0, 1.0]])
    found = {
        "evaluate": diffopt.evaluate(data, grid, **here),
        "compare": diffopt.compare(data, steps=3, only="karras", add=grid, **here),
        "budget": diffopt.budget(data, grid=grid, samples=1e6, **here),
        "simulate": diffopt.simulate(mixture, grid, count=20, reference_steps=4, **here),
    }
    for verb, result in found.items():
        notes = " ".join(result.notes)
        assert "made for solver dpmpp_2m, evaluated with euler" in notes, verb
        assert "made for process vp_linear, evaluated on ve" in notes, verb
        # A simulation's target is samples or a mixture: what the grid was made for is never that file.
        assert ("made for spectrum" in notes) == (verb != "simulate"), verb


def test_grids_of_the_same_run_are_not_remarked_on(grid_of_another_run):
    same = {"solver": "dpmpp_2m", "process": "vp_linear", "sigma_max": 20}
    table = diffopt.compare([9.0, 1.0], steps=3, only="karras", add=grid_of_another_run, **same)
    assert "made for" not in " ".join(table.notes)


def test_a_simulation_says_what_the_range_does_not_fit(tmp_path):
    """Samples and mixtures: their own widths and means, and the way out, since there is no flag for their scale."""
    rows = np.random.default_rng(0).normal([200.0, 300.0, 0.0], [100.0, 1.0, 0.5], (60, 3))
    wide = float(np.sqrt(np.linalg.eigvalsh(np.cov(rows.T, bias=True) + 2.0**2 * np.eye(3))[-1]))
    np.save(tmp_path / "rows.npy", rows)
    few = {"count": 8, "reference_steps": 2, "steps": 2, "schedule": "karras"}
    notes = " ".join(diffopt.simulate(samples=tmp_path / "rows.npy", bandwidth=2.0, **few).notes)
    assert f"largest standard deviation {wide:.4g} is above sigma_max 80" in notes
    assert f"mean has length {np.linalg.norm(rows.mean(axis=0)):.4g}" in notes
    assert "standardize=0.5" in notes
    far = Mixture.create(weights=[0.5, 0.5], means=[[30.0, 40.0], [30.0, 40.0]], variances=[[4.0, 1.0], [4.0, 1.0]])
    assert "mean has length 50, beyond their spread 2.236" in " ".join(diffopt.simulate(far, **few).notes)
    listed = " ".join(diffopt.simulate(far, [1.0, 0.1, 0.0], solver="euler", count=8, reference_steps=2).notes)
    assert "largest standard deviation 2 is above sigma_max 1" in listed and "begin the grid at 14, where" in listed
    calm = Mixture.create(weights=[1.0], means=[[0.0, 0.0]], variances=[[4.0, 1.0]])
    assert not lines(diffopt.simulate(calm, **few), "the data's")


@pytest.mark.parametrize("verb", VERBS)
def test_zero_eigenvalues_are_counted_by_every_verb(verb):
    notes = " ".join(VERBS[verb](Spectrum.create([4.0, 1.0, 0.0], weight=[1.0, 1.0, 5.0])).notes)
    assert "note: 5 of 7 eigenvalues are 0 (rank 2)" in notes
    assert "are 0" not in " ".join(VERBS[verb]([4.0, 1.0]).notes)


def test_zeros_of_an_estimate_name_the_shrinkage_that_fills_them(tmp_path):
    rows = np.random.default_rng(0).normal(size=(20, 30))
    diffopt.estimate(rows).save(tmp_path / "few.npz")
    found = diffopt.evaluate(tmp_path / "few.npz", schedule="karras", steps=2)
    (line,) = lines(found, "eigenvalues are 0")
    assert "11 of 30 eigenvalues are 0 (rank 19)" in line
    (line,) = lines(found, "few samples")
    assert "20 samples" in line and 'shrinkage="population"' in line
    diffopt.estimate(rows, shrinkage="population").save(tmp_path / "more.npz")
    assert not lines(diffopt.evaluate(tmp_path / "more.npz", schedule="karras", steps=2), "shrinkage=")


def test_what_a_start_lacks_of_the_mean_is_said():
    """A mean within the spread: the exact flow keeps sqrt(eig/(eig + T^2)) of what the start lacks of it."""
    top, mean = 12.0, np.array([5.0, 1.0, 0.0])
    data = Spectrum.create(EIG, mean=mean)
    lacks = float(np.sqrt(np.sum(mean**2 * np.array(EIG) / (np.array(EIG) + top**2))))
    words = f"mean, of length {np.hypot(5, 1):.4g}, is not in a start from noise: at sigma_max 12 that adds up to {lacks:.4g}"
    asked = {"solver": "heun", "steps": 12, "sigma_max": top}
    (line,) = lines(diffopt.optimize(data, start="sigma", **asked), "not in a start from noise")
    assert words + " to frechet, more than the variances do, and nothing to robust;" in line
    bare = diffopt.evaluate(Spectrum.create(EIG), schedule="karras", start="sigma", **asked)
    moved = diffopt.evaluate(data, schedule="karras", start="sigma", **asked)
    assert moved.errors["robust"] == bare.errors["robust"] and moved.errors["frechet"] > bare.errors["frechet"] + lacks / 2
    (line,) = lines(diffopt.optimize(data, **asked), "assumes a start from the exact marginal")
    assert f"{lacks:.4g} of it by their mean of length {np.hypot(5, 1):.4g} (subtract the mean if the model does, or see" in line
    (centred,) = lines(diffopt.optimize(Spectrum.create(EIG), **asked), "assumes a start from the exact marginal")
    assert "mean" not in centred
    (line,) = lines(diffopt.optimize(data, solver="euler", steps=3, sigma_max=6.0), "above sigma_max 6")
    lacks = float(np.sqrt(np.sum(mean**2 * np.array(EIG) / (np.array(EIG) + 6.0**2))))
    words = f"and their mean, of length {np.hypot(5, 1):.4g}, adds up to {lacks:.4g} to the error of a start from noise"
    assert f"{words}, though not to robust:" in line
    far = float(line.split("raise sigma_max to ")[1].split(",")[0])
    long = diffopt.evaluate(data, solver="heun", steps=400, schedule="karras", sigma_max=far, start="sigma")
    assert 0.5 < long.errors["initialization"] / (0.01 * np.sqrt(sum(EIG))) < 1.01
    calm = diffopt.optimize(Spectrum.create(EIG), start="sigma", **asked)
    assert not lines(calm, "mean")


@pytest.mark.parametrize(("process", "trained"), [("ve", True), ("flow", False), ("vp_linear", False)])
def test_noise_that_a_network_may_not_know_is_advised_on_condition(process, trained):
    """A flow has all levels of noise; networks of ve were trained up to some sigma."""
    for asked in ({"sigma_max": 6.0}, {"sigma_max": 12.0, "solver": "heun", "steps": 30}):
        (line,) = lines(diffopt.evaluate(EIG, schedule="karras", process=process, **asked), "raise sigma_max to ")
        assert (", if the network was trained there" in line.partition("raise sigma_max to ")[2]) is trained


@pytest.mark.parametrize("process", ["ve", "vp_linear", "flow"])
def test_an_end_that_dominates_says_which_level_would_do_and_then_no_more(process):
    """Eq. (444): the marginal there is within a quarter of the steps' error of the data; rounding down is of two digits."""
    asked = {"solver": "heun", "steps": 12, "schedule": "karras", "end": "sigma_min", "process": process, "sigma_max": 50.0}
    eig, mean = np.array([4.0, 0.5, 0.02]), np.array([0.3, 0.0, 0.1])
    data = Spectrum.create(eig, mean=mean)
    found = diffopt.evaluate(data, sigma_min=0.6, **asked)
    needed = found.document["sigma_min_needed"]
    assert f"The end dominates: sigma_min {needed:g} would do" in found.answers()[0]

    def left(s):
        alpha = {"ve": 1.0, "vp_linear": 1 / np.sqrt(1 + s**2), "flow": 1 / (1 + s)}[process]
        return np.sqrt(np.sum((alpha * np.sqrt(eig + s**2) - np.sqrt(eig)) ** 2 + ((1 - alpha) * mean) ** 2))

    assert left(needed) <= found.errors["discretization"] / 4 < left(1.1 * needed)
    assert found.errors["truncation"] == pytest.approx(left(0.6), rel=1e-9)
    again = diffopt.evaluate(data, sigma_min=needed, **asked)
    assert "end dominates" not in again.answers()[0] and again.document["sigma_min_needed"] is None
    assert diffopt.evaluate(data, **{**asked, "end": "zero"}).document["sigma_min_needed"] is None
