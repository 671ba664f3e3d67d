"""Runs and distances against exact laws, literal loops, and scipy.stats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.law.law import Law
from diffopt.processes import VE, VPLinear
from diffopt.processes.grid import Grid
from diffopt.simulation.distance import Sliced, energy, frechet, measure, median_gap, pathwise
from diffopt.simulation.gaussian import Gaussian
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.run import Batch, run
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample, states

SIGMAS = [20.0, 6.0, 2.0, 0.5, 0.1, 0.0]
MIXTURE = Mixture.create([0.3, 0.7], [[-2.0, 0.0], [1.0, 0.5]], variances=[[0.1, 0.4], [0.2, 0.05]])


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m", "dpmpp_2m_sde", "ddim"])
@pytest.mark.parametrize("start", ["exact", "sigma", "unit"])
def test_gaussian_runs_have_the_exact_law(solver: str, start: str) -> None:
    """Variances of 40,000 samples against the closed-form law, within five standard errors."""
    eig = np.array([4.0, 0.3])
    table = run_table(SOLVERS[solver](), Grid.create(VE(), SIGMAS))
    (out,) = run(Batch(Gaussian.create(eig), 40_000, 1, start), [table])  # type: ignore[arg-type]
    law = Law(table, Spectrum.create(eig), start)  # type: ignore[arg-type]
    np.testing.assert_allclose(out.var(axis=0), law.variance, rtol=5 * np.sqrt(2 / 40_000))


def test_heun_on_a_mixture_is_the_published_loop() -> None:
    """EDM's algorithm 1 without churn, written out, on a denoiser that is not linear."""
    batch = Batch(MIXTURE, 50, 3, "sigma")
    table = run_table(SOLVERS["heun"](), Grid.create(VE(), SIGMAS))
    x = 20.0 * np.random.default_rng([3, 0, 0]).standard_normal((50, 2))
    for now, after in zip(SIGMAS[:-1], SIGMAS[1:], strict=True):
        slope = (x - MIXTURE.denoise(x, 1.0, now)) / now
        ahead = x + (after - now) * slope
        if after > 0:
            slope = (slope + (ahead - MIXTURE.denoise(ahead, 1.0, after)) / after) / 2
        x = x + (after - now) * slope
    np.testing.assert_allclose(run(batch, [table])[0], x, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("solver", [name for name in SOLVERS if SOLVERS[name].eta_meaning is None])
def test_states_can_be_watched_and_end_in_the_sample(solver: str) -> None:
    """One state a grid point, the start first; each is the sample of the grid cut there (schemes without memory)."""
    grid = Grid.create(VPLinear(), SIGMAS[:-1])
    table = run_table(SOLVERS[solver]().for_data(Dataset.of(Spectrum.create([2.0, 0.3]))), grid)
    batch = Batch(MIXTURE, 7, 0)
    seen = list(batch.paths(table))
    assert [state.step for state in seen] == list(range(grid.steps + 1))
    ratios = [state.level / state.alpha for state in seen]
    np.testing.assert_allclose(ratios, SIGMAS[:-1], rtol=1e-9)
    np.testing.assert_array_equal(seen[-1].z, batch.last(table, 0))
    if SOLVERS[solver].memory == 0 and table.maps is None and not table.stochastic:
        short = run_table(SOLVERS[solver](), Grid.create(VPLinear(), SIGMAS[:3]))
        np.testing.assert_allclose(seen[2].z, batch.last(short, 0), rtol=1e-10, atol=1e-12)


def test_the_generator_steps_only_when_asked() -> None:
    calls: list[float] = []

    def denoiser(z, alpha, noise):
        calls.append(noise)
        return z * 0

    path = states(run_table(SOLVERS["euler"](), Grid.create(VE(), SIGMAS)), denoiser, np.ones((1, 1)))
    next(path)
    assert calls == []
    next(path)
    assert calls == [20.0]


def test_long_histories_are_kept_as_long_as_they_are_read() -> None:
    """3M reads three outputs back: against 2N+1 states computed with everything remembered (dense recursion)."""
    table = run_table(SOLVERS["dpmpp_3m"](), Grid.create(VE(), SIGMAS))
    z = np.random.default_rng(0).standard_normal((3, 2)) * 20
    nodes = [z]
    for k in range(table.steps):
        for row in range(table.rows):
            new = np.zeros_like(z)
            for lag in range(min(table.lags, len(nodes))):
                i = len(nodes) - 1 - lag
                new += table.state[k, row, lag] * nodes[i]
                if table.denoised[k, row, lag]:
                    new += table.denoised[k, row, lag] * MIXTURE.denoise(nodes[i], table.alpha[i], table.level[i])
                if table.score[k, row, lag]:
                    new += table.score[k, row, lag] * MIXTURE.score(nodes[i], table.alpha[i], table.level[i])
            nodes.append(new)
    np.testing.assert_allclose(sample(table, MIXTURE.denoise, z), nodes[-1], rtol=1e-12)


def test_processes_and_seeds_change_nothing_they_should_not() -> None:
    tables = [run_table(SOLVERS[name](), Grid.create(VE(), SIGMAS)) for name in ("heun", "euler_ancestral")]
    batch = Batch(MIXTURE, 600, 5)
    alone, together = run(batch, tables), run(batch, tables, workers=2)
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)
    more = run(Batch(MIXTURE, 900, 5), tables)
    np.testing.assert_array_equal(more[0][:512], alone[0][:512])
    assert not np.array_equal(run(Batch(MIXTURE, 600, 6), tables)[0], alone[0])
    seen: list[tuple[int, int]] = []
    run(batch, tables, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 6) for i in range(1, 7)]


def test_runs_that_make_no_sense_are_refused() -> None:
    table = run_table(SOLVERS["euler"](), Grid.create(VE(), SIGMAS))
    with pytest.raises(InputError, match="at least 2 samples"):
        run(Batch(MIXTURE, 1), [table])


def cloud(seed: int, n: int = 300, d: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)) * [2.0, 1.0, 0.5, 0.1][:d] + seed / 10


@pytest.mark.parametrize(("n", "m", "d"), [(300, 200, 4), (5, 7, 40)])
def test_frechet_of_moments(n: int, m: int, d: int) -> None:
    """Eq. (156) against scipy's matrix square root, more and fewer samples than dimensions."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((n, d)), rng.standard_normal((m, d)) * 2 + 1
    ca, cb = np.cov(a.T), np.cov(b.T)
    value, vector = np.linalg.eigh(ca)
    root = (vector * np.sqrt(np.maximum(value, 0))) @ vector.T
    np.testing.assert_allclose(root, np.real(sqrtm(ca)), atol=1e-4)
    inner = np.linalg.eigvalsh(root @ cb @ root)
    inner[inner < 1e-9 * inner.max()] = 0  # the square root would turn rounding into 1e-8 each
    square = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(ca + cb) - 2 * np.sqrt(np.maximum(inner, 0)).sum()
    assert frechet(a, b) == pytest.approx(np.sqrt(square), rel=1e-6)


def test_sliced_and_energy_distances_against_scipy() -> None:
    """Eqs. (157), (158) in one dimension, where scipy knows the energy distance; W2 there by sorted samples."""
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((40, 1)), rng.exponential(size=(60, 1))
    # scipy returns sqrt(2) times the L2 distance of the distribution functions, which is this root.
    assert energy(a, b) == pytest.approx(stats.energy_distance(a[:, 0], b[:, 0]), rel=1e-10)
    fine = np.linspace(0, 1, 240_001)[:-1] + 0.5 / 240_000
    gap = np.sort(a[:, 0])[(fine * 40).astype(int)] - np.sort(b[:, 0])[(fine * 60).astype(int)]
    assert Sliced(3)(a, b) == pytest.approx(np.sqrt(np.mean(gap**2)), rel=1e-6)
    one = np.sort(rng.standard_normal((50, 1)), axis=0)
    assert stats.wasserstein_distance(one[:, 0], one[:, 0] + 3) == pytest.approx(Sliced(2)(one, one + 3), rel=1e-12)


def test_distances_know_shifts_and_bound_each_other() -> None:
    a, shift = cloud(1), np.array([0.3, -0.4, 0.0, 1.2])
    for distance in (frechet, pathwise, median_gap):
        assert distance(a, a + shift) == pytest.approx(1.3, rel=1e-9)
    assert Sliced(4096)(a, a + shift) == pytest.approx(1.3, rel=0.05)
    for distance in (frechet, Sliced(), energy, pathwise, median_gap):
        assert distance(a, a) == pytest.approx(0, abs=1e-6)
    b = a * [1.1, 0.7, 1.0, 2.0]
    assert frechet(a, b) <= pathwise(a, b) * np.sqrt(300 / 299) * (1 + 1e-9)


@pytest.mark.parametrize("paired", [True, False])
def test_energy_intervals_are_the_jackknife_written_out(paired: bool) -> None:
    """Eq. (159) from group sums, against leaving samples out and computing again (the generic way)."""
    a, b = cloud(1, 203, 3), cloud(2, 203, 3)
    fast, slow = measure(energy, a, b, paired), measure(lambda x, y: energy(x, y), a, b, paired)
    assert fast.value == slow.value
    assert fast.high == pytest.approx(slow.high, rel=1e-9)


@pytest.mark.parametrize("paired", [True, False])
def test_intervals_hold_the_truth(paired: bool) -> None:
    """Eq. (159): N(0, 1) against N(1, 4) in one direction, Frechet sqrt(2): held by 95 % of 100 intervals, within error."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        a = rng.standard_normal((400, 1))
        b = 1 + 2 * (a if paired else rng.standard_normal((400, 1)))
        interval = measure(frechet, a, b, paired)
        held += interval.low <= np.sqrt(2) <= interval.high
    assert 87 <= held <= 100
