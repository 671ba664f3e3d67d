"""Samples out of pipes: every kind of file that one stream can hold, the numbers that went in, errors that name the pipe."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tarfile
import threading
import wave
import zipfile

import numpy as np
import pytest
from reading_helpers import trace

from diffopt.cli.main import main

DATA = np.random.default_rng(0).standard_normal((50, 3))
SOUND = np.random.default_rng(1).integers(-3000, 3000, 64).astype("<i2")


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(kind=zipfile.ZIP_STORED, folder=""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for i, row in enumerate(DATA if folder else [DATA]):
            archive.writestr(f"{folder}{i}.npy", npy(row))
    return buffer.getvalue()


def tar(kind):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=kind) as archive:
        for i, row in enumerate(DATA):
            info = tarfile.TarInfo(f"{i:02}.npy")
            info.size = len(npy(row))
            archive.addfile(info, io.BytesIO(npy(row)))
    return buffer.getvalue()


def safetensors():
    header = json.dumps({"x": {"dtype": "F64", "shape": [50, 3], "data_offsets": [0, DATA.nbytes]}}).encode()
    return len(header).to_bytes(8, "little") + header + DATA.tobytes()


def hdf5():
    module = pytest.importorskip("h5py")
    buffer = io.BytesIO()
    with module.File(buffer, "w") as file:
        file["x"] = DATA
    return buffer.getvalue()


def wav():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 2, 16000, 0, "NONE", ""))
        sound.writeframes(SOUND.tobytes())
    return buffer.getvalue()


def csv():
    return "\n".join(",".join(repr(float(v)) for v in row) for row in DATA).encode()


KINDS = {
    "npy": lambda: npy(DATA), "npz": npz, "zip": lambda: npz(zipfile.ZIP_DEFLATED, "s/"), "tar": lambda: tar("w"),
    "tar.gz": lambda: tar("w:gz"), "tar.xz": lambda: tar("w:xz"), "safetensors": safetensors, "hdf5": hdf5, "csv": csv,
    "csv.gz": lambda: gzip.compress(csv()), "UTF-16": lambda: csv().decode().encode("utf-16"),
}  # fmt: skip


def piped(monkeypatch, capsys, data, *flags):
    """Exit code, document and messages with these bytes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    code = main(["spectrum", "estimate", "-", *flags])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


@pytest.mark.parametrize("kind", KINDS)
def test_standard_input_is_read(kind, monkeypatch, capsys):
    code, found, err = piped(monkeypatch, capsys, KINDS[kind]())
    assert code == 0, err
    assert found["trace"] == pytest.approx(trace(DATA), rel=1e-9)
    assert found["source"].partition(":")[0] == "-"
    assert "samples." not in err


def test_sound(monkeypatch, capsys):
    code, found, err = piped(monkeypatch, capsys, wav(), "--window", "4")
    assert code == 0, err
    assert found["trace"] == pytest.approx(trace(SOUND.reshape(16, 4) / 32768), rel=1e-9)


def test_the_same_bytes_give_the_same_document(monkeypatch, capsys):
    assert piped(monkeypatch, capsys, npy(DATA))[1] == piped(monkeypatch, capsys, npy(DATA))[1]


@pytest.mark.parametrize(
    ("data", "word"),
    [(b"", "-: is empty"), (b"a,b\n", "-: no line of numbers"), (b"1,2\n3\n", "-: line 2"), (b"\x93NUMPYxx", "-: cannot be read"),
     (b"PK\x03\x04", "-: cannot be read"), (b"1,2\n3,4\n5,\n", "-: line 3: empty cell 2 of 2")],
)  # fmt: skip
def test_errors_name_the_pipe(data, word, monkeypatch, capsys):
    code, found, err = piped(monkeypatch, capsys, data)
    assert (code, found) == (2, {})
    assert err.startswith(f"error: {word}") and err.count("\n") == 1, err


def test_a_checkpoint_needs_a_file(monkeypatch, capsys, tmp_path):
    code, _, err = piped(monkeypatch, capsys, npy(DATA), "--resume", "-o", str(tmp_path / "s.json"))
    assert code == 2 and "--resume reads the data again" in err
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_is_no_pipe(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    assert main(["spectrum", "estimate", "-"]) == 2
    assert "nothing on standard input" in capsys.readouterr().err


def test_named_pipes_are_read(tmp_path, capsys):
    """As shells make them for <(command)."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(npy(DATA)))
    writer.start()
    code = main(["spectrum", "estimate", str(path)])
    writer.join()
    found = json.loads(capsys.readouterr().out)
    assert code == 0 and found["trace"] == pytest.approx(trace(DATA), rel=1e-9)
