"""One file as one sample: an image, or an array, alone or in an archive of its own (cached latents)."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from diffopt.errors import InputError
from diffopt.estimation.decoding.image import decode_image
from diffopt.estimation.decoding.npy import decode_npy, npy_header
from diffopt.estimation.decoding.tensors import tensors_in
from diffopt.estimation.members.components import is_component
from diffopt.estimation.members.kinds import IMAGES
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.readers.pick import pick
from diffopt.estimation.sources.source import Raw
from diffopt.foundation.arrays import Shape
from diffopt.foundation.guard import reading


def decode(name: str, data: bytes, options: ReadOptions) -> Raw:
    """Array of one member, in the machine's byte order.

    Raises
    ------
    InputError
        Broken, empty, or not numbers.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in IMAGES:
        array = decode_image(data, name, options)
    else:
        with reading(name):
            array = ARRAYS[suffix](data, name, options)
    if array.size == 0:
        raise InputError(f"{name}: is empty")
    return _one(array, name, options)


def _one(array: Raw, name: str, options: ReadOptions) -> Raw:
    """Without the axis of a batch of one, which caches of latents often keep."""
    if array.ndim >= 4 and array.shape[0] == 1:
        options.log.remark("a first axis of length 1 is taken for a batch of one and left out", name)
        return array[0]
    return array


def _npy(data: bytes, name: str, options: ReadOptions) -> Raw:
    array, form = decode_npy(io.BytesIO(data), len(data), name)
    if form.remark:
        options.log.remark(form.remark, name)
    return array


def _npz(data: bytes, name: str, options: ReadOptions) -> Raw:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {m.filename[:-4]: m for m in archive.infolist() if m.filename.endswith(".npy")}
        if len(members) > 1000:
            raise InputError(f"{name}: {len(members)} arrays; at most 1000 are allowed")
        shapes: dict[str, Shape | None] = {}
        for key, member in members.items():
            with archive.open(member) as stream:
                shapes[key] = npy_header(stream).shape
        chosen = members[choose(shapes, name, options)]
        options.check_member(chosen.file_size, name)
        with archive.open(chosen) as stream:
            return _npy(stream.read(chosen.file_size), name, options)


def _safetensors(data: bytes, name: str, options: ReadOptions) -> Raw:
    tensors = tensors_in(data, name)
    return tensors[choose({n: t.shape for n, t in tensors.items()}, name, options)].numbers(data, name)


def choose(shapes: dict[str, Shape | None], name: str, options: ReadOptions) -> str:
    """The array of an archive that is the sample: with two axes or more if there is one, else any."""
    key = None if is_component(options.key) else options.key
    wide = any(shape is not None and len(shape) >= 2 for shape in shapes.values())
    return pick(shapes, key, name, options.log, 2 if wide else 1)


ARRAYS = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}
