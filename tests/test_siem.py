"""SIEM from network outputs against the Gaussian closed form (theory.md, eqs. (195), (196), (197), (198), (199))."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.errors import InputError
from diffopt.studies.siem.levels import Levels
from diffopt.studies.siem.siem import RATES, siem
from diffopt.studies.siem.sums import Rows

SIGMA0 = np.diag([4.0, 1.0, 0.25])
DELTA = np.array([[0.03, 0.01, 0.0], [0.01, -0.02, 0.005], [0.0, 0.005, 0.05]])


def outputs(n: int, rng: np.random.Generator, sigmas=(0.5, 1.0, 2.0), shift: float = 0.0) -> dict[str, np.ndarray]:
    """Rows of a linear network whose score is off by -Delta y + shift; `exact` is the right noise."""
    sigma = np.repeat(np.asarray(sigmas), n)
    x0 = rng.standard_normal((sigma.size, 3)) * np.sqrt(np.diag(SIGMA0))
    noise = rng.standard_normal(x0.shape)
    y = x0 + sigma[:, None] * noise
    exact = sigma[:, None] * y / (np.diag(SIGMA0) + sigma[:, None] ** 2)
    error = -y @ DELTA + shift
    return {"x0": x0, "noise": noise, "predicted": exact - sigma[:, None] * error, "sigma": sigma, "exact": exact}


def gaussian_drift(delta: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    """E[y.e] and E[(y.e)^2] for y ~ N(0, V) and the linear error e = -Delta y, Delta symmetric (theory.md, eq. 199)."""
    product = delta @ covariance
    trace = float(np.trace(product))
    return -trace, trace**2 + 2 * float(np.trace(product @ product))


def truth(sigmas=(0.5, 1.0, 2.0), clock: str = "vp", eta: float = 0.0) -> tuple[float, float]:
    """Coherent and per-particle values by hand: trapezoids in log sigma of kappa^2 g^2 2 sigma^2 moments."""
    speeds = {"vp": lambda s: 1 / (1 + s**2), "variance": lambda s: 1.0, "sigma": lambda s: 2 * s, "logsnr": lambda s: 2 * s**2}
    x, speed = np.log(sigmas), speeds[clock]
    drift = [gaussian_drift(DELTA, SIGMA0 + s**2 * np.eye(3)) for s in sigmas]
    rate = [((1 + eta**2) / 2) ** 2 * speed(s) * 2 * s**2 for s in sigmas]
    coherent = [r * d[0] ** 2 for r, d in zip(rate, drift, strict=True)]
    particle = [r * d[1] for r, d in zip(rate, drift, strict=True)]
    return float(np.trapezoid(coherent, x)), float(np.trapezoid(particle, x))


def test_closed_form_is_the_moments_of_samples() -> None:
    """Eq. (199) against two million samples."""
    y = np.random.default_rng(0).multivariate_normal(np.zeros(3), SIGMA0, size=2_000_000)
    z = -np.einsum("ni,ij,nj->n", y, DELTA, y)
    found = gaussian_drift(DELTA, SIGMA0)
    assert found[0] == pytest.approx(z.mean(), abs=4 * z.std() / np.sqrt(z.size))
    assert found[1] == pytest.approx((z**2).mean(), rel=0.01)


@pytest.mark.parametrize("clock", RATES)
def test_unbiased_over_two_hundred_repetitions(clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eqs. (196), (197): z-tests of the means of 200 estimates; the interval of one clock covers about as often as it says."""
    if clock != "vp":  # a clock is a rate in front of the same rows, and intervals take most of the time
        monkeypatch.setattr("diffopt.studies.siem.siem.RESAMPLES", 2)
    values, particle, inside, target = [], [], 0, truth(clock=clock, eta=0.5)
    for seed in range(200):
        data = outputs(150, np.random.default_rng(seed))
        found = diffopt.siem(data, reference={"predicted": data["exact"]}, clock=clock, eta=0.5, seed=seed)
        values.append(found.coherent["value"])
        particle.append(found.per_particle["value"])
        inside += found.coherent["low"] <= target[0] <= found.coherent["high"]
    for series, true in ((values, target[0]), (particle, target[1])):
        assert abs(np.mean(series) - true) < 3.5 * np.std(series, ddof=1) / np.sqrt(200)
    assert inside >= 170 or clock != "vp"


@pytest.mark.parametrize("clock", ["vp", "variance"])
def test_unbiased_where_every_row_has_a_level_of_its_own(clock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eqs. (197), (254): rows in bins against the integral over log sigma, z-tests over 200 repetitions."""
    monkeypatch.setattr("diffopt.studies.siem.siem.RESAMPLES", 2)
    fine = np.geomspace(0.5, 2.0, 400)
    target, rows = truth(fine, clock), 4000
    values, particle = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sigma = np.exp(rng.uniform(np.log(0.5), np.log(2.0), rows))
        data = outputs(1, rng, sigmas=sigma)
        found = diffopt.siem(data, reference={"predicted": data["exact"]}, clock=clock)
        values.append(found.coherent["value"])
        particle.append(found.per_particle["value"])
    for series, true in ((values, target[0]), (particle, target[1])):
        assert abs(np.mean(series) - true) < 3.5 * np.std(series, ddof=1) / np.sqrt(200) + 2e-3 * true


def test_weights_that_are_no_ratio_are_said() -> None:
    data = outputs(200, np.random.default_rng(8))
    right = np.exp(0.1 * np.random.default_rng(9).standard_normal(600) - 0.005)
    assert not any("weights" in note for note in diffopt.siem({**data, "weights": right}).notes)
    assert any("mean 3" in note for note in diffopt.siem({**data, "weights": np.full(600, 3.0)}).notes)


def test_memory_is_bounded_in_levels_and_numbers() -> None:
    """Sums of a thousand levels of large pictures are refused before anything is read."""
    levels = Levels.of(np.repeat(np.geomspace(0.01, 80, 900), 2))
    with pytest.raises(InputError, match="fewer levels"):
        siem(iter(()), levels, 100_000)


def test_a_perfect_score_is_zero_on_average_and_the_naive_square_is_not() -> None:
    """Eq. (197): with e = 0 the estimate has mean 0, while the square of the mean does not."""
    rng = np.random.default_rng(1)
    values, naive = [], []
    for _ in range(200):
        data = outputs(60, rng, sigmas=(1.0,))
        data["predicted"] = data["exact"]
        values.append(diffopt.siem(data).coherent["value"])
        y = data["x0"] + data["noise"]
        naive.append(0.25 * ((y * (data["noise"] - data["exact"])).sum(axis=1).mean()) ** 2)
    error = np.std(values, ddof=1) / np.sqrt(200)
    assert abs(np.mean(values)) < 3.5 * error
    assert np.mean(naive) > 5 * error


def test_mean_vector_is_a_shift() -> None:
    """Eq. (197), second part: a constant error of the score is sigma times as large in the noise."""
    found = diffopt.siem(outputs(40_000, np.random.default_rng(2), sigmas=(2.0,), shift=0.1)).mean_vector_norm
    assert found["low"] <= 2 * 0.1 * np.sqrt(3) <= found["high"]
    assert found["value"] == pytest.approx(0.2 * np.sqrt(3), rel=0.1)


def test_without_a_reference_it_is_an_upper_bound_by_the_spread_of_the_noise() -> None:
    """Eq. (198): Cov(n | y) = eig/(eig + sigma^2) on the axes."""
    data = outputs(200_000, np.random.default_rng(3), sigmas=(1.0,))
    found = diffopt.siem(data)
    c = np.diag(SIGMA0) + 1
    extra = np.sum(c * np.diag(SIGMA0) / c)
    expected = 0.25 * (gaussian_drift(DELTA, np.diag(c))[1] + extra)
    assert found.per_particle["value"] == pytest.approx(expected, rel=0.02)
    assert found.document["per_particle"]["upper_bound"]
    assert any("upper bound" in note for note in found.notes)


def test_weights_move_the_expectation() -> None:
    """Rows drawn from N(0, V) and weighted to N(0, W): the closed form of the latter."""
    rng, sigma, n = np.random.default_rng(4), 1.0, 400_000
    data = outputs(n, rng, sigmas=(sigma,))
    y = data["x0"] + data["noise"]
    v, w = np.diag(SIGMA0) + 1, 0.8 * (np.diag(SIGMA0) + 1)
    data["weights"] = np.exp(-0.5 * (y**2 * (1 / w - 1 / v)).sum(axis=1)) * np.sqrt(np.prod(v / w))
    found = diffopt.siem(data)
    expected = 0.25 * gaussian_drift(DELTA, np.diag(w))[0] ** 2
    assert found.coherent["low"] <= expected <= found.coherent["high"]
    assert found.coherent["value"] == pytest.approx(expected, rel=0.1)


def test_window_takes_the_top_of_the_range() -> None:
    sigma = np.repeat(np.geomspace(0.01, 100.0, 41), 4)
    kept = Levels.of(sigma, 0.1)
    assert kept.sigma.min() == pytest.approx(100 * 1e-4**0.1)
    assert Levels.of(sigma, (1.0, 10.0)).sigma.max() == pytest.approx(10.0)
    assert kept.width.sum() == pytest.approx(0.1 * np.log(1e4))
    free = Levels.of(np.exp(np.random.default_rng(0).uniform(-3, 3, 5000)))
    assert free.sigma.size == 25
    assert free.width.sum() == pytest.approx(6, rel=1e-2)


def test_files_give_what_arrays_give(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    data = outputs(500, np.random.default_rng(5))
    plain = {k: v for k, v in data.items() if k != "exact"}
    np.savez(tmp_path / "a.npz", **plain)
    np.savez(tmp_path / "better.npz", predicted=data["exact"])
    expected = diffopt.siem(plain, reference={"predicted": data["exact"]}, window=0.6)
    argv = ["siem", str(tmp_path / "a.npz"), "--reference", str(tmp_path / "better.npz"), "--window", "0.6", "--format", "json"]
    assert main(argv) == 0
    found = json.loads(capsys.readouterr().out)
    for name in ("coherent", "per_particle", "mean_vector_norm"):
        assert found[name] == expected.document[name]
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({k: np.ascontiguousarray(v) for k, v in plain.items()}, tmp_path / "a.safetensors")
    assert diffopt.siem(tmp_path / "a.safetensors").coherent == diffopt.siem(plain).coherent


def test_a_state_may_be_given_instead_of_the_data() -> None:
    data = outputs(300, np.random.default_rng(6))
    y = data["x0"] + data["sigma"][:, None] * data["noise"]
    scaled = {k: data[k] for k in ("noise", "predicted", "sigma")} | {"xt": y / np.sqrt(1 + data["sigma"][:, None] ** 2)}
    assert diffopt.siem(scaled, picture="vp").coherent["value"] == pytest.approx(diffopt.siem(data).coherent["value"])


def test_memory_does_not_grow_with_the_rows() -> None:
    """A million rows of 16 numbers, 380 MB as float64 arrays, through sums of a few."""
    count, block, peak = 1_000_000, 10_000, []
    sigma = np.repeat(np.geomspace(0.1, 10, 20), count // 20)

    def rows():
        rng = np.random.default_rng(0)
        for begin in range(0, count, block):
            noise = rng.standard_normal((block, 16))
            yield Rows(sigma[begin : begin + block, None] * noise, noise, 0.9 * noise)

    levels = Levels.of(sigma)
    tracemalloc.start()
    found = siem(rows(), levels, 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 120e6
    # y.e = -0.1 n.n/... = y.(n - 0.9 n)/sigma has the mean 0.1 * 16.
    np.testing.assert_allclose(found.drift, 1.6, rtol=0.02)


BASE = outputs(20, np.random.default_rng(7))


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        ({"noise": None}, [], "no array noise"), ({"x0": None}, [], "x0 (or xt)"),
        ({"predicted": BASE["predicted"][:, :2]}, [], "must be equal"), ({"sigma": BASE["sigma"][:-1]}, [], "one a row"),
        ({"predicted": np.where(np.arange(60)[:, None] == 3, np.nan, BASE["predicted"])}, [], "row 3 is not finite"),
        ({"sigma": 0 * BASE["sigma"]}, [], "positive"), ({}, ["--window", "50:60"], "holds 0 rows"),
        ({}, ["--window", "2"], "(0, 1]"), ({}, ["--picture", "vp"], "no effect"), ({}, ["--window", "0"], "(0, 1]"),
        ({}, ["--window", "2:1"], "increase"), ({}, ["--seed", "-1"], "seed"),
        ({}, ["--window", "x"], "number"), ({}, ["--clock", "wall"], "unknown"), ({}, ["--eta", "-1"], ">= 0"),
        ({"weights": -np.ones(60)}, [], ">= 0"), ({}, ["--reference", "none.npz"], "no file"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_no_file(
    change: dict, flags: list, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    arrays = {k: v for k, v in {**BASE, **change}.items() if v is not None}
    np.savez("a.npz", **arrays)
    assert main(["siem", "a.npz", *flags, "-o", "out.json", "-q"]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_collecting_from_torch() -> None:
    torch = pytest.importorskip("torch")
    layer = torch.nn.Linear(3, 3)
    batches = [torch.ones(5, 3), torch.zeros(4, 3)]
    arrays = diffopt.siem_collect(lambda y, sigma: layer(y) / sigma[:, None], batches, [0.5, 2.0], seed=1)
    assert arrays["predicted"].shape == (18, 3)
    y = arrays["x0"] + arrays["sigma"][:, None] * arrays["noise"]
    expected = (y @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()) / arrays["sigma"][:, None]
    np.testing.assert_allclose(arrays["predicted"], expected, rtol=1e-5, atol=1e-6)
    assert diffopt.siem(arrays).document["rows"] == 18


def test_collecting_needs_data_and_levels() -> None:
    with pytest.raises(InputError, match="no data"):
        diffopt.siem_collect(lambda y, s: y, [], [1.0])
    with pytest.raises(InputError, match="positive"):
        diffopt.siem_collect(lambda y, s: y, [np.ones((2, 2))], [0.0])


@pytest.mark.parametrize("what", ["x0", "v", "score", "none"])
def test_outputs_that_are_no_noise_are_asked_about(what: str) -> None:
    """The denoiser, v = alpha n - s x0 and the score of an exact network; its noise, wrong by a tenth, is not asked about."""
    data = outputs(400, np.random.default_rng(7), sigmas=(0.1, 1.0, 8.0))
    sigma = data["sigma"][:, None]
    y, noise = data["x0"] + sigma * data["noise"], data["exact"]
    clean = y - sigma * noise
    given = {"x0": clean, "v": (noise - sigma * clean) / np.hypot(1, sigma), "score": -noise / sigma, "none": 1.1 * noise}[what]
    found = diffopt.siem({**{k: data[k] for k in ("x0", "noise", "sigma")}, "predicted": given})
    assert any("is it x0, v or the score?" in line for line in found.notes) == (what != "none")


def test_the_answer_says_what_the_number_is_compared_with() -> None:
    data = outputs(400, np.random.default_rng(8))
    (line,) = diffopt.siem({k: v for k, v in data.items() if k != "exact"}).answers()
    assert "without unit" in line and "a perfect score has 0" in line and "no threshold" in line
