"""Samples as files of every reader."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
import wave
import zipfile
from pathlib import Path

import numpy as np

from fuzzing.dice import Case, Dice, mutated


def values_of(r: Dice) -> list[list[float]]:
    """Rows of numbers, sometimes with one that is none."""
    rows, width = r.pick((12, 30), (1, 2, 3), 0.2), r.choice((1, 2, 3, 5))
    scale = r.pick((1.0, 5.0), (1e-200, 1e120, 1e30), 0.2)
    values = [[r.gauss(0, 1) * scale + 3 for _ in range(width)] for _ in range(rows)]
    if r.wild(0.3):
        values[r.randrange(rows)][r.randrange(width)] = r.choice((float("nan"), -9999.0, 1e20, float("inf"), 0.0))
    return values


def array_of(r: Dice) -> np.ndarray:
    """The rows as an array of some type."""
    with np.errstate(all="ignore"):
        return np.array(values_of(r)).astype(r.pick(("f8", "f4"), ("f2", "i2", "u1", "c16", "S3", "?"), 0.3))


def text(r: Dice) -> bytes:
    """A table with or without names, an index, decimal commas."""
    separator = r.choice((",", ";", " ", "\t"))
    cells = [[repr(v) for v in row] for row in values_of(r)]
    if r.random() < 0.3:
        cells = [[r.pick((str(i), f"{i}.0", str(7 * i)), ("x", ""), 0.1), *row] for i, row in enumerate(cells)]
    if r.random() < 0.3:
        cells = [[r.choice(("id", "a", "", "time", "label", "0")), *(f"c{i}" for i in range(len(cells[0]) - 1))], *cells]
    lines = "\n".join(separator.join(row) for row in cells)
    if r.random() < 0.2:
        lines = lines.replace(".", ",")
    return lines.encode(r.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")))


def npy(array: np.ndarray) -> bytes:
    """Bytes of an .npy."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def npz(r: Dice) -> bytes:
    """One array under a name people use."""
    buffer = io.BytesIO()
    np.savez(buffer, **{r.choice(("x", "mu", "latents")): array_of(r)})
    return buffer.getvalue()


def picture(r: Dice, side: int, kind: str) -> bytes:
    """A small picture of some mode."""
    from PIL import Image

    shape = (side, side, 3) if kind == "RGB" else (side, side)
    pixels = np.array([r.randrange(256) for _ in range(int(np.prod(shape)))], dtype="u2" if kind == "I;16" else "u1")
    buffer = io.BytesIO()
    Image.fromarray(pixels.reshape(shape)).save(buffer, "PNG")
    return buffer.getvalue()


def sound(r: Dice) -> bytes:
    """A few hundred frames of PCM."""
    buffer = io.BytesIO()
    width, channels = r.choice((1, 2, 3, 4)), r.choice((1, 1, 2))
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(r.randbytes(400 * width * channels))
    return buffer.getvalue()


def members_of(r: Dice) -> dict[str, bytes]:
    """Files of one sample each, sometimes of several kinds."""
    kind, side = r.choice(("image", "array", "sound")), r.choice((2, 3))
    mode = r.choice(("RGB", "L", "I;16"))
    found = {}
    for i in range(r.choice((3, 8))):
        if kind == "image":
            found[f"{i}.png"] = picture(r, side, "L" if r.wild(0.05) else mode)
        elif kind == "array":
            found[f"{i}.npy"] = npy(np.array([r.gauss(0, 1) for _ in range(side)]))
        else:
            found[f"s/{i}.wav"] = sound(r)
    if r.wild(0.3):
        found[r.choice(("readme.txt", "x.pt", ".hidden", "0.gif"))] = b"x"
    return {name: mutated(data, r, 0.03) for name, data in found.items()}


def zipped(r: Dice) -> bytes:
    """An archive of members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, data in members_of(r).items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def tarred(r: Dice) -> bytes:
    """An archive of members, sometimes two in one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members_of(r).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue() * (2 if r.wild(0.1) else 1)


def tensors(r: Dice) -> bytes:
    """A safetensors file."""
    from safetensors.numpy import save

    array = array_of(r)
    return save({r.choice(("x", "latents")): array if array.dtype.kind in "fiub" else np.ones((3, 2))})


def hdf5(r: Dice) -> bytes:
    """An HDF5 file, sometimes packed."""
    import h5py

    buffer, array = io.BytesIO(), array_of(r)
    with h5py.File(buffer, "w") as file:
        data = file.create_dataset("x", data=array if array.dtype.kind in "fiu" else np.ones((3, 2)))
        if r.random() < 0.3:
            data.attrs["scale_factor"], data.attrs["add_offset"] = r.pick(((0.5, 2.0),), (("x", 0), (float("nan"), 1)))
    return buffer.getvalue()


def zarr(r: Dice) -> dict[str, bytes]:
    """The files of a zarr array."""
    import zarr as library

    with tempfile.TemporaryDirectory() as place:
        array = array_of(r)
        array = array if array.dtype.kind in "fiu" else np.ones((3, 2))
        with np.errstate(all="ignore"):
            library.save_array(place, array)
        return {p.relative_to(place).as_posix(): p.read_bytes() for p in sorted(Path(place).rglob("*")) if p.is_file()}


#: By the reader's name: file names, and what writes one.
FILES = {
    "npy": (("x.npy",), lambda r: npy(array_of(r))),
    "npz": (("x.npz",), npz),
    "safetensors": (("x.safetensors",), tensors),
    "hdf5": (("x.h5", "x.nc"), hdf5),
    "csv": (("x.csv", "x.tsv", "x.txt"), text),
    "tar": (("x.tar",), tarred),
    "zip": (("x.zip",), zipped),
    "wav": (("x.wav",), sound),
}
#: By the reader's name: what writes a folder of files.
FOLDERS = {"zarr": ("x.zarr", zarr), "images": ("x", members_of)}
#: How often each is drawn.
WEIGHTS = {"npy": 6, "npz": 4, "csv": 12, "safetensors": 2, "hdf5": 2, "tar": 2, "zip": 3, "wav": 2, "zarr": 1, "images": 3}


def samples(r: Dice, case: Case) -> str:
    """A file of samples in some form, sometimes damaged."""
    reader = r.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    if reader in FOLDERS:
        name, write = FOLDERS[reader]
        case.files |= {f"{name}/{inner}": mutated(data, r, 0.05) for inner, data in write(r).items()}
        return name
    names, write = FILES[reader]
    name, data = r.choice(names), write(r)
    if reader in ("csv", "tar") and r.random() < 0.2:
        name, data = f"{name}.gz", gzip.compress(data, mtime=0)
    case.files[name] = mutated(data, r, 0.15)
    return name
