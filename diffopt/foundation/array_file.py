"""Arrays in `.npy` and `.npz` bytes, checked before anything is allocated; pickles are never loaded."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError
from diffopt.foundation.guard import reading
from diffopt.foundation.limits import check_expanded

NPY, ZIP, PICKLES = b"\x93NUMPY", b"PK", (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
MEMBERS = 10_000


def read_npy(data: bytes, label: str) -> NDArray[Any]:
    """Array of the bytes of a `.npy` file.

    Raises
    ------
    InputError
        Not such bytes, objects (pickles), or fewer bytes than the header claims.
    """
    if data[:6] != NPY:
        raise InputError(_not_numpy(data, label))
    return _array(data, label)


def _not_numpy(data: bytes, label: str) -> str:
    if data[:2] in PICKLES:
        return f"{label}: holds pickled objects, which are never loaded; save plain numbers"
    if not data:
        return f"{label}: is empty, no numpy data"
    return f"{label}: is not numpy data; for numbers as text use the extension .txt, .csv or .json"


def _array(data: bytes, label: str) -> NDArray[Any]:
    """Array of the bytes of a `.npy` file, which it looks at and does not copy."""
    stream = io.BytesIO(data)
    with reading(f"{label}: numpy data"):
        shape, fortran, dtype = _header(stream)
    if dtype.hasobject:
        raise InputError(f"{label}: holds pickled objects, which are never loaded; save plain numbers")
    needed = math.prod((dtype.itemsize, *shape))
    if needed > len(data):
        raise InputError(f"{label}: numpy data claim {needed} bytes but hold {len(data)}; the file is broken")
    with reading(f"{label}: numpy data"):
        content = memoryview(data)[stream.tell() :][:needed]
        if len(content) < needed:
            raise EOFError("the data end too early")
        flat = np.frombuffer(content, dtype)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version in ((2, 0), (3, 0)):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"npy version {version} is not supported")


class Archive(Mapping[str, NDArray[Any]]):
    """Arrays of the bytes of an `.npz` file by name; each is read when it is asked for.

    Raises
    ------
    InputError
        Not an archive, damaged, pickles, or an array that expands beyond the limit.
    """

    def __init__(self, data: bytes, label: str) -> None:
        if data[:2] != ZIP:
            raise InputError(_not_numpy(data, label))
        self._label = label
        with reading(f"{label}: archive"):
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            infos = self._zip.infolist()
        if len(infos) > MEMBERS:
            raise InputError(f"{label}: {len(infos)} members; at most {MEMBERS} are read")
        self._members = {i.filename.removesuffix(".npy"): i for i in infos if i.filename.endswith(".npy")}

    def __getitem__(self, name: str) -> NDArray[Any]:
        info = self._members[name]
        label = f"{self._label}: array {name[:60]!r}"
        check_expanded(info.file_size, label)
        with reading(label):
            # Not more than is claimed, whatever the stream would go on to give.
            content = self._zip.open(info).read(info.file_size)
        if content[:6] != NPY:
            raise InputError(f"{label} is not numpy data; pickles are never loaded")
        return _array(content, label)

    def __iter__(self) -> Any:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members


def write_npz(arrays: Mapping[str, Any]) -> bytes:
    """Bytes of an `.npz`; equal arrays give equal bytes, on every numpy version.

    `numpy.savez` knows no `allow_pickle` before numpy 2.2 and would store it as an array of that name, so
    members are written one by one, objects refused.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, value in arrays.items():
            # A fixed date, as numpy's own writer has it.
            info = zipfile.ZipInfo(name + ".npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asanyarray(value), allow_pickle=False)
    return buffer.getvalue()
