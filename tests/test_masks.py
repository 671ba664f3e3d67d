"""Masks: positions that are bad in every sample, and positions that never vary."""

from __future__ import annotations

import numpy as np
import pytest

from diffopt.cli.main import main
from diffopt.estimation import estimate

MASK = np.zeros((8, 8), dtype=bool)
MASK[2:5, 1:5] = True


def fields(count: int = 40) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 8, 8)) + 20


def said(capsys, path, *flags: str) -> tuple[int, str]:
    code = main(["spectrum", "estimate", str(path), "-o", str(path.with_suffix(".json")), "--force", *flags])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("skip", [(), ("--skip-bad",)])
@pytest.mark.parametrize("flags", [(), ("--standardize", "0.5"), ("--method", "fourier"), ("--method", "lanczos")])
@pytest.mark.parametrize("count", [20, 200])
def test_a_mask_of_nan_is_named_and_skipping_is_not_advised(tmp_path, capsys, skip, flags, count):
    data = fields(count)
    data[:, MASK] = np.nan
    np.save(tmp_path / "masked.npy", data)
    code, err = said(capsys, tmp_path / "masked.npy", *flags, *skip)
    assert code == 2
    assert f"all {count} samples are bad: {MASK.sum()} of 64 positions are NaN in every sample, a mask" in err
    assert "--skip-bad" not in err
    assert not (tmp_path / "masked.json").exists()


def test_samples_that_are_bad_at_different_places_share_no_mask(tmp_path, capsys):
    data = fields(30).reshape(30, 64)
    data[np.arange(30), np.arange(30)] = np.nan
    np.save(tmp_path / "holes.npy", data)
    code, err = said(capsys, tmp_path / "holes.npy", "--skip-bad")
    assert code == 2
    assert "all 30 samples are bad" in err
    assert "no position that all share" in err


def test_one_good_sample_keeps_the_advice(tmp_path, capsys):
    data = fields(30)
    data[:-1, MASK] = np.nan
    np.save(tmp_path / "mostly.npy", data)
    code, err = said(capsys, tmp_path / "mostly.npy")
    assert code == 2
    assert "add --skip-bad" in err


def test_a_mask_of_a_missing_value_is_named(tmp_path, capsys):
    data = fields()
    data[:, MASK] = -9999
    np.save(tmp_path / "filled.npy", data)
    code, err = said(capsys, tmp_path / "filled.npy", "--missing=-9999")
    assert code == 2
    assert f"{MASK.sum()} of 64 positions are NaN, infinite or missing in every sample" in err


@pytest.mark.parametrize("method", ["pca", "fourier", "lanczos"])
@pytest.mark.parametrize("block", [0, 7])
def test_positions_that_never_vary_are_counted(method, block):
    from diffopt.estimation.facts import notes

    data = fields()
    data[:, MASK] = 0
    found = [line for line in notes(estimate(data, method, block=block)) if "never vary" in line]
    assert len(found) == 1
    assert f"{MASK.sum()} of 64 positions never vary (all 0)" in found[0]
    data[-1, 2, 1] = 1  # varies in the last sample alone
    assert f"{MASK.sum() - 1} of 64 positions" in "".join(notes(estimate(data, method, block=block)))
    assert not any("never vary" in line for line in notes(estimate(fields(), method, block=block)))


@pytest.mark.parametrize("method", ["pca", "fourier"])
@pytest.mark.parametrize("stop", [10, 30])
def test_positions_that_never_vary_are_counted_after_a_resume(method, stop, tmp_path):
    """What the checkpoint covers counts: a position that varied only before it is no fixed one."""
    from diffopt.estimation.engines.checkpoint import Checkpoint
    from diffopt.estimation.engines.local import Local
    from diffopt.estimation.facts import notes
    from diffopt.estimation.sources.source import StreamSource

    data = fields()
    data[:, MASK] = 0
    data[0, 2, 1] = 1

    def engine():
        return Local(checkpoint=Checkpoint(tmp_path / "check", "same", interval=0.0))

    def interrupted():
        yield data[:stop]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        estimate(StreamSource(interrupted), method, block=10, engine=engine())
    assert (tmp_path / "check").exists()
    whole = StreamSource(lambda: iter([data]))
    found = [line for line in notes(estimate(whole, method, block=10, engine=engine())) if "never vary" in line]
    assert len(found) == 1
    assert f"{MASK.sum() - 1} of 64 positions never vary (all 0)" in found[0]


@pytest.mark.parametrize("odd", [None, 0, 15, 39])
def test_positions_that_never_vary_are_counted_by_workers(odd):
    """The parts that workers sum agree with one sweep, also where parts differ only from one another."""
    from diffopt.estimation.engines.dask import merge, part
    from diffopt.estimation.sources.samples import Samples
    from diffopt.estimation.sources.source import StreamSource
    from diffopt.estimation.sums.moments import Covariance

    data = fields()
    data[:, MASK] = 0
    data[20:, 3, 3] = 1
    if odd is not None:
        data[odd, 2, 1] = 1
    samples = Samples(StreamSource(lambda: iter([data])), block=5)
    parts = [part(samples, Covariance(samples.pilot()), start, start + 10) for start in range(0, 40, 10)]
    fixed = merge([merge(parts[:3]), merge(parts[3:])])[2]
    expected = np.flatnonzero((data == data[0]).all(axis=0))
    assert fixed.places is not None
    assert list(fixed.places) == list(expected)
    assert fixed.count == MASK.sum() - 1 - (odd is not None)
