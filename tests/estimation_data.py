"""Data sets in every format, made by the writers of other packages; shared by the estimation tests."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


def floats(count: int = 40, shape: tuple[int, ...] = (12,), seed: int = 0) -> np.ndarray:
    """Correlated samples with a mean."""
    rng = np.random.default_rng(seed)
    dim = int(np.prod(shape))
    mixing = rng.standard_normal((dim, dim)) / np.sqrt(dim)
    return ((rng.standard_normal((count, dim)) @ mixing) + 0.3).reshape(count, *shape)


def pixels(count: int = 30, shape: tuple[int, ...] = (4, 5, 3), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def reference(samples: np.ndarray) -> np.ndarray:
    """Descending eigenvalues by numpy's own covariance."""
    flat = np.asarray(samples, dtype=np.float64).reshape(len(samples), -1)
    return np.linalg.eigvalsh(np.cov(flat.T))[::-1]


def npy_bytes(array: np.ndarray, pickled: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


def png_bytes(array: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def write_npy(folder: Path) -> tuple[Path, np.ndarray]:
    data = floats()
    np.save(folder / "data.npy", data)
    return folder / "data.npy", data


def write_npz(folder: Path) -> tuple[Path, np.ndarray]:
    data = floats(shape=(3, 4)).astype(np.float32)
    np.savez_compressed(folder / "data.npz", arr_0=data, labels=np.arange(40))
    return folder / "data.npz", data


def write_safetensors(folder: Path) -> tuple[Path, np.ndarray]:
    from safetensors.numpy import save_file

    data = floats().astype(np.float16)
    save_file({"latents": data}, folder / "data.safetensors")
    return folder / "data.safetensors", data


def write_hdf5(folder: Path) -> tuple[Path, np.ndarray]:
    import h5py

    data = floats()
    with h5py.File(folder / "data.h5", "w") as file:
        file.create_dataset("group/images", data=data, chunks=(7, 12), compression="gzip")
        file["scale"] = 3.0
    return folder / "data.h5", data


def write_csv(folder: Path) -> tuple[Path, np.ndarray]:
    data = floats()
    names = ",".join(f"x{i}" for i in range(12))
    np.savetxt(folder / "data.csv", data, fmt="%.17g", delimiter=",", header=names, comments="")
    return folder / "data.csv", data


def write_tar(folder: Path) -> tuple[Path, np.ndarray]:
    data = pixels()
    with tarfile.open(folder / "shard.tar", "w") as archive:
        for i, image in enumerate(data):
            for name, content in ((f"{i:05d}.png", png_bytes(image)), (f"{i:05d}.cls", b"3")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return folder / "shard.tar", data


def write_zarr(folder: Path) -> tuple[Path, np.ndarray]:
    import zarr

    data = floats()
    array = zarr.create_array(str(folder / "data.zarr"), shape=data.shape, chunks=(7, 12), dtype="float64")
    array[:] = data
    return folder / "data.zarr", data


def write_zip(folder: Path) -> tuple[Path, np.ndarray]:
    """In the layout of EDM's dataset tool."""
    data = pixels()
    with zipfile.ZipFile(folder / "data.zip", "w", zipfile.ZIP_STORED) as archive:
        names = [f"{i // 1000:05d}/img{i:08d}.png" for i in range(len(data))]
        for name, image in zip(names, data, strict=True):
            archive.writestr(name, png_bytes(image))
        labels = [[name, i % 2] for i, name in enumerate(names)]
        archive.writestr("dataset.json", json.dumps({"labels": labels}))
    return folder / "data.zip", data


def write_wav(folder: Path) -> tuple[Path, np.ndarray]:
    sound = (8000 * np.random.default_rng(0).standard_normal((16384 * 3 + 100, 2))).astype("<i2")
    with wave.open(str(folder / "sound.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(sound.tobytes())
    return folder / "sound.wav", sound[: 16384 * 3].reshape(3, 16384, 2).transpose(0, 2, 1)


def write_images(folder: Path) -> tuple[Path, np.ndarray]:
    data = pixels(shape=(6, 4))
    for i, image in enumerate(data):
        place = folder / "images" / f"{i // 10:02d}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i:04d}.png").write_bytes(png_bytes(image))
    return folder / "images", data


#: One writer for each line of the table of readers.
WRITERS: dict[str, Callable[[Path], tuple[Path, np.ndarray]]] = {
    "npy": write_npy,
    "npz": write_npz,
    "safetensors": write_safetensors,
    "hdf5": write_hdf5,
    "csv": write_csv,
    "tar": write_tar,
    "zarr": write_zarr,
    "zip": write_zip,
    "wav": write_wav,
    "images": write_images,
}

__all__ = ["WRITERS", "floats", "npy_bytes", "pixels", "png_bytes", "reference", "struct"]
