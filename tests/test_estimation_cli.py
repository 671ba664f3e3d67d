"""The `diffopt spectrum` commands: files, streams, checkpoints, dask."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from estimation_data import WRITERS, floats, pixels, reference
from forked import started

from diffopt.cli.main import main
from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.data.synthetic import exponential, lattice, power_law, radial, two_level
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.documents.spectrum_formats import from_document, from_npz, to_json, to_npz
from diffopt.errors import InputError
from diffopt.estimation import estimate
from diffopt.estimation.engines.checkpoint import Checkpoint
from diffopt.estimation.engines.local import Local
from diffopt.estimation.estimate import METHODS
from diffopt.estimation.methods.lanczos import LanczosOptions
from diffopt.estimation.result import MethodOptions
from diffopt.estimation.sources.source import StreamSource

ROOT = Path(__file__).parents[1]


def run(*words: object) -> int:
    return main(["spectrum", *map(str, words)])


@pytest.fixture
def data(tmp_path):
    np.save(tmp_path / "data.npy", floats(60))
    return tmp_path / "data.npy"


@pytest.mark.parametrize("suffix", ["json", "npz", "csv", "npy"])
def test_every_output_format_is_read_back(suffix, data, tmp_path, capsys):
    target = tmp_path / f"out.{suffix}"
    flags = ["--no-mean"] if suffix == "npy" else []
    assert run("estimate", data, "-o", target, *flags) == 0
    assert capsys.readouterr().out == ""
    loaded = load_spectrum(str(target))
    expected = estimate(data, options=MethodOptions(keep_mean=not flags)).spectrum
    np.testing.assert_array_equal(loaded.eig, expected.eig)
    np.testing.assert_array_equal(loaded.weight, expected.weight)
    if not flags:
        np.testing.assert_array_equal(loaded.mean, expected.mean)


def test_data_on_stdout_notes_on_stderr_or_not(data, capsys):
    assert run("estimate", data) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schema"] == "diffopt.spectrum/1"
    assert "pooled standard deviation" in err
    assert "EDM assumes 0.5" in err
    assert run("estimate", data, "--quiet") == 0
    again, err = capsys.readouterr()
    assert again == out
    assert err == ""


def test_facts_of_the_estimate(data, capsys):
    import hashlib

    assert run("estimate", data, "--scale", "2", "--shift", "1", "--quiet") == 0
    document = json.loads(capsys.readouterr().out)
    numbers = 2 * floats(60) + 1
    eig = reference(numbers)
    assert document["scale"] == {"scale": 2.0, "shift": 1.0, "origin": "given"}
    assert document["pooled_std"] == pytest.approx(numbers.std())
    assert document["trace"] == pytest.approx(eig.sum())
    assert document["condition"] == pytest.approx(eig[0] / eig[-1])
    assert document["rank"] == 12
    assert document["samples"] == 60
    assert document["source_hash"] == {
        "kind": "sha256",
        "value": hashlib.sha256(data.read_bytes()).hexdigest(),
    }


def test_range_maps_pixels(tmp_path, capsys):
    np.save(tmp_path / "a.npy", pixels())
    for flags in ([], ["--range", "0,255:-1,1"], ["--scale", str(1 / 127.5), "--shift", "-1"]):
        assert run("estimate", tmp_path / "a.npy", "--quiet", *flags) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["pooled_std"] == pytest.approx((pixels() / 127.5 - 1).std())
    assert run("estimate", tmp_path / "a.npy", "--quiet", "--scale", "1") == 0
    assert json.loads(capsys.readouterr().out)["pooled_std"] == pytest.approx(pixels().std())


@pytest.mark.parametrize(
    "flags", [["--clusters", "2"], ["--patches", "2"], ["--method", "fourier", "--bands", "2"]]
)
@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_ensembles_round_trip_and_are_spectra_to_others(flags, suffix, tmp_path, capsys):
    np.save(tmp_path / "a.npy", pixels(40, (3, 8, 8)))
    target = tmp_path / f"e.{suffix}"
    assert run("estimate", tmp_path / "a.npy", *flags, "-o", target, "-q") == 0
    other = tmp_path / f"again.{'npz' if suffix == 'json' else 'json'}"
    assert run("convert", target, "-o", other) == 0
    assert run("convert", other, "-o", tmp_path / f"back.{suffix}") == 0
    assert (tmp_path / f"back.{suffix}").read_bytes() == target.read_bytes()
    method = flags[1] if flags[0] == "--method" else "pca"
    assert load_spectrum(str(target)).sha256 == estimate(tmp_path / "a.npy", method).spectrum.sha256
    assert run("show", target, "--format", "json") == 0
    assert len(json.loads(capsys.readouterr().out)["members"]) >= 2


def test_ensemble_files_keep_every_number():
    members = [Spectrum.create([3.0, 1.0], [1.0, 2.5], [0.1, 0.2]), Spectrum.create([2.0])]
    ensemble = Ensemble.create(members, [1, 3], ["a", "b"])
    whole = Spectrum.create([2.0, 1.0])
    import io

    with np.load(io.BytesIO(to_npz(whole, {}, ensemble)), allow_pickle=False) as arrays:
        copies = [from_document(json.loads(to_json(whole, {}, ensemble))), from_npz(arrays)]
    for copy in copies:
        assert isinstance(copy, Ensemble)
        assert copy.labels == ("a", "b")
        np.testing.assert_array_equal(copy.probabilities, [0.25, 0.75])
        assert [s.sha256 for s in copy.spectra] == [s.sha256 for s in members]
    union = ensemble.union()
    assert union.trace == pytest.approx(0.25 * members[0].trace + 0.75 * members[1].trace)


def test_bootstrap_reports_bands_and_what_they_do_to_the_grid(data, tmp_path, capsys):
    assert run("estimate", data, "--n-boot", "3", "--boot-steps", "4", "-o", tmp_path / "b.json") == 0
    assert "of exact error" in capsys.readouterr().err
    found = json.loads((tmp_path / "b.json").read_text())["bootstrap"]
    assert found["n_boot"] == 3
    assert len(found["grid"]["sigmas"]) == len(found["grid"]["low"]) == 5
    assert found["grid"]["loss_median"] >= 0


def test_show_draws_and_draws_the_same_again(data, tmp_path, capsys):
    assert run("estimate", data, "-o", tmp_path / "a.npz", "-q", "--n-boot", "3", "--boot-steps", "2") == 0
    for suffix in ("svg", "png"):
        for name in ("one", "two"):
            assert (
                run("show", tmp_path / "a.npz", "--plot", tmp_path / f"{name}.{suffix}", "--format", "table")
                == 0
            )
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    assert "directions" in capsys.readouterr().out
    assert run("show", tmp_path / "a.npz", "--plot", tmp_path / "x.pdf") == 2


def test_synthetic_spectra_have_the_formula_and_the_scale():
    law = power_law(100, 1.5, 0.5)
    np.testing.assert_allclose(law.eig / law.eig[0], np.arange(1, 101) ** -1.5)
    fall = exponential(50, 3.0)
    assert fall.eig[-1] / fall.eig[0] == pytest.approx(1e-3)
    np.testing.assert_allclose(np.diff(np.log(fall.eig)), -3 * np.log(10) / 49)
    step = two_level(1000, 1e-2, 0.25)
    np.testing.assert_array_equal(step.weight, [250, 750])
    for made in (law, fall, step):
        assert made.trace / made.dim == pytest.approx(0.25)


@pytest.mark.parametrize("shape", [(8,), (7,), (6, 5), (4, 4, 6)])
def test_radial_spectrum_is_that_of_the_dense_covariance(shape):
    """The covariance of a periodic grid, summed over its wave vectors, and diagonalized."""
    spacing = 0.5
    wave = np.geomspace(0.1, 40, 400)
    power = wave**-2.0
    axes = [2 * np.pi * np.fft.fftfreq(n, spacing) for n in shape]
    k = np.sqrt(sum(a**2 for a in np.meshgrid(*axes, indexing="ij")))
    values = np.maximum(k, 0.1) ** -2.0
    correlation = np.fft.ifftn(values).real / spacing ** len(shape)
    points = list(np.ndindex(*shape))
    dense = np.array(
        [
            [correlation[tuple((a - b) % n for a, b, n in zip(p, q, shape, strict=True))] for q in points]
            for p in points
        ]
    )
    found = radial(wave, power, shape, spacing)
    repeated = np.repeat(found.eig, found.weight.astype(int))
    np.testing.assert_allclose(repeated, np.linalg.eigvalsh(dense)[::-1], rtol=1e-9)


def test_lattice_counts_every_wave_vector():
    for shape in ((5,), (8, 8), (6, 10, 4)):
        assert lattice(shape)[1].sum() == np.prod(shape)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from diffopt.cli.main import main; "
        "names = [[], ['estimate'], ['show'], ['synthesize'], ['convert']]; "
        "codes = [main(['spectrum', *w, '--help']) for w in names]; "
        "heavy = {'numpy', 'scipy', 'matplotlib', 'dask', 'h5py', 'zarr'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy or any(codes) else 0)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("estimate", "show", "synthesize", "convert"):
        assert re.search(rf"Examples?: diffopt spectrum {command}\b", " ".join(done.stdout.split()))


class Stop(KeyboardInterrupt):
    """Ctrl-C in the middle of a block of a test."""


@pytest.mark.parametrize("method", ["pca", "fourier"])
@pytest.mark.parametrize("stop_after", [1, 4, 9])
def test_resumed_numbers_are_identical(method, stop_after, tmp_path):
    samples = floats(100, (20,))
    path = tmp_path / "check"

    def engine() -> Local:
        return Local(checkpoint=Checkpoint(path, "same", interval=0.0))

    def stopping() -> StreamSource:
        calls = []

        def blocks():
            for i in range(10):
                calls.append(i)
                yield samples[10 * i : 10 * i + 10]

        source = StreamSource(blocks)
        inner = source.rows

        def rows(start, stop, size):
            for number, block in enumerate(inner(start, stop, size)):
                if number == stop_after:
                    raise Stop
                yield block

        source.rows = rows  # type: ignore[method-assign]
        return source

    with pytest.raises(KeyboardInterrupt):
        estimate(stopping(), method, block=10, engine=engine())
    assert path.exists()
    again = StreamSource(lambda: iter([samples[:10], samples[10:]]))
    resumed = estimate(again, method, block=10, engine=engine()).spectrum
    whole = estimate(again, method, block=10).spectrum
    assert resumed.sha256 == whole.sha256
    with pytest.raises(InputError, match="other data or options"):
        estimate(again, method, block=10, engine=Local(checkpoint=Checkpoint(path, "other")))


@pytest.mark.parametrize("flags", [["--clusters", "2"], ["--n-boot", "2", "--boot-steps", "2"]])
def test_checkpoints_of_all_data_are_not_taken_for_those_of_parts(flags, data, tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint.__init__, "__defaults__", (0.0,))
    for name, extra in (("plain", []), ("resumed", ["--resume"])):
        target = tmp_path / f"{name}.json"
        assert run("estimate", data, "-o", target, "--block", "7", "-q", *flags, *extra) == 0
    assert (tmp_path / "plain.json").read_bytes() == (tmp_path / "resumed.json").read_bytes()


def slow_run(data: Path, target: Path, *flags: str) -> subprocess.Popen[str]:
    """Start the command line with a pause after each block and a checkpoint at each."""
    code = (
        "import sys, time; import diffopt.estimation.sums.moments as m; "
        "import diffopt.estimation.engines.checkpoint as c; "
        "add = m.Covariance.add; c.Checkpoint.__init__.__defaults__ = (0.0,); "
        "m.Covariance.add = lambda self, block, first: "
        "(add(self, block, first), print(flush=True), time.sleep(0.2)); "
        "from diffopt.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    words = ["spectrum", "estimate", str(data), "-o", str(target), "--block", "5", "--quiet", *flags]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("resume", [False, True])
def test_ctrl_c_leaves_nothing_half_written_and_resume_goes_on(resume, data, tmp_path):
    target = tmp_path / "out.npz"
    flags = ["--resume"] if resume else []
    process = slow_run(data, target, *flags)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "error: interrupted\n"
    left = {p.name for p in tmp_path.iterdir()}
    assert left == ({"data.npy", "out.npz.checkpoint"} if resume else {"data.npy"})
    if resume:
        assert run("estimate", data, "-o", target, "--block", "5", "--resume", "-q") == 0
        assert not target.with_name("out.npz.checkpoint").exists()
        assert run("estimate", data, "-o", tmp_path / "whole.npz", "--block", "5", "-q") == 0
        assert target.read_bytes() == (tmp_path / "whole.npz").read_bytes()


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    import warnings

    import dask

    # Workers that are forked do not import everything anew, nor do those that take the place of killed ones.
    started("distributed")
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            local = distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                worker_dashboard_address=None,
            )
        yield local
        local.close()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.filterwarnings("ignore")
def test_dask_computes_the_same(method, cluster, tmp_path):
    from diffopt.estimation.engines.dask import connected
    from diffopt.estimation.facts import notes

    samples = floats(200, (30,))
    samples[:, 3:7] = 2
    np.save(tmp_path / "a.npy", samples)
    options = MethodOptions(method, lanczos=LanczosOptions(depth=3, steps=6))
    plain = estimate(tmp_path / "a.npy", options=options, block=16)
    with connected(cluster.scheduler_address, 0) as engine:
        shared = estimate(tmp_path / "a.npy", options=options, block=16, engine=engine)
    assert notes(shared) == notes(plain)
    assert any("4 of 30 positions never vary (all 2)" in line for line in notes(plain))
    here, there = plain.spectrum, shared.spectrum
    np.testing.assert_allclose(there.eig, here.eig, atol=1e-10 * here.max)
    np.testing.assert_allclose(there.weight, here.weight, rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_chunked_arrays_of_dask_are_samples(cluster):
    import dask.array

    from diffopt.estimation.engines.dask import connected

    data = floats(200, (30,))
    chunked = dask.array.from_array(data, chunks=(33, 10))
    here = estimate(data, "pca").spectrum
    assert np.max(np.abs(estimate(chunked, "pca").spectrum.eig - here.eig)) < 1e-10 * here.max
    with connected(cluster.scheduler_address, 0) as engine:
        there = estimate(chunked, "pca", block=16, engine=engine).spectrum
    assert np.max(np.abs(there.eig - here.eig)) < 1e-10 * here.max


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("which", [0, 1])
def test_a_killed_worker_does_not_change_the_result(which, cluster, tmp_path):
    from diffopt.estimation.engines.dask import connected

    data = floats(4000, (200,))
    np.save(tmp_path / "a.npy", data)
    here = estimate(tmp_path / "a.npy", "pca", block=50).spectrum
    with connected(cluster.scheduler_address, 0) as engine:
        victim = list(cluster.workers.values())[which].process.process.pid
        killed = []

        def kill(stage, done, total):
            if done and not killed:
                killed.append(os.kill(victim, signal.SIGKILL))

        engine.progress = kill
        there = estimate(tmp_path / "a.npy", "pca", block=50, engine=engine).spectrum
    assert killed
    np.testing.assert_allclose(there.eig, here.eig, atol=1e-10 * here.max)


def test_reader_flags_reach_the_reader(tmp_path, capsys):
    path, _ = WRITERS["wav"](tmp_path)
    assert run("estimate", path, "--window", "64", "--hop", "32", "--method", "fourier", "--quiet") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["shape"] == [2, 64]
    assert document["dim"] == 128


def test_progress_is_for_terminals_only(data, tmp_path, capsys, monkeypatch):
    """In a process of its own on a terminal; that it is silent where it is asked to be, or cannot draw, in this one."""
    import pty

    assert run("estimate", data) == 0
    assert "60/60" not in capsys.readouterr().err
    # Sixty samples are read before anybody would wait for them: here the display does not wait.
    code = "import sys; import diffopt.cli.progress as p; p.PATIENCE = 0.0; from diffopt.cli.main import main; sys.exit(main())"
    monkeypatch.setattr("diffopt.cli.progress.PATIENCE", 0.0)
    words = ["estimate", str(data), "-o", str(tmp_path / "o.npz"), "--force"]

    def process(terminal, kind):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": kind, "COLUMNS": "120"}
        command = [sys.executable, "-c", code, "spectrum", *words]
        subprocess.run(command, env=environment, stderr=terminal, check=True)

    def here(terminal, kind, *flags):
        with monkeypatch.context() as patch, open(terminal, "w", closefd=False) as stream:
            patch.setenv("TERM", kind)
            patch.setattr(sys, "stderr", stream)
            assert run(*words, *flags) == 0

    for call, shown in (
        (lambda t: process(t, "xterm"), True), (lambda t: here(t, "xterm"), True), (lambda t: here(t, "xterm", "--quiet"), False),
        (lambda t: here(t, "dumb"), False),
    ):  # fmt: skip
        controller, terminal = pty.openpty()
        call(terminal)
        os.close(terminal)
        seen = b""
        try:
            while part := os.read(controller, 65536):
                seen += part
        except OSError:
            pass
        os.close(controller)
        assert (b"covariance" in seen and b"60/60" in seen) == shown
        assert (b"\x1b" in seen) == shown
