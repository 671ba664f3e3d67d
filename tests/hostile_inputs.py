"""Malformed and hostile inputs: each entry makes one in a folder and returns the arguments to run on it."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from estimation_data import WRITERS, floats, npy_bytes, pixels, png_bytes

Case = Callable[[Path], list[str]]
CASES: dict[str, Case] = {}
MARK = "hostile_code_has_run"


def estimate(path: Path, *flags: str) -> list[str]:
    return ["spectrum", "estimate", str(path), *flags]


def raw(name: str, content: bytes, *flags: str) -> Case:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return estimate(folder / name, *flags)

    return make


class Pickled:
    """Would leave a file behind if it were ever unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.mkdir, (MARK,)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w", **kinds: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name + ".png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return buffer.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def header(text: str, data: bytes = b"\0" * 800) -> bytes:
    body = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body + data


def bomb_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 10_000)) + chunk(b"IEND", b"")


def damage() -> Iterator[tuple[str, Case]]:
    """Every format, cut off at many places and overwritten."""

    def cut(name: str, part: float) -> Case:
        def make(folder: Path) -> list[str]:
            path, _ = WRITERS[name](folder)
            path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
            return estimate(path)

        return make

    def overwrite(name: str, content: bytes) -> Case:
        def make(folder: Path) -> list[str]:
            path, _ = WRITERS[name](folder)
            path.write_bytes(content)
            return estimate(path)

        return make

    random = np.random.default_rng(0).bytes(5000)
    for name in ("npy", "npz", "safetensors", "hdf5", "tar", "zip", "wav"):
        for part in (0.0, 0.0005, 0.003, 0.02, 0.1, 0.3, 0.5, 0.75, 0.9):
            if (name, part) != ("tar", 0.9):  # what is cut off there is only padding
                yield f"{name} cut at {part}", cut(name, part)
        for kind, content in (("zeros", b"\0" * 4000), ("noise", random), ("text", b"hello\n" * 500)):
            yield f"{name} overwritten with {kind}", overwrite(name, content)


def arrays() -> Iterator[tuple[str, Case]]:
    """Arrays of wrong types, shapes and values, in every array format."""
    good = floats(20)
    nan, inf = good.copy(), good.copy()
    nan[3, 4], inf[3, 4] = np.nan, -np.inf
    both = good.copy()
    both[3, 4:6] = np.inf, -np.inf
    bad = {
        "complex": good + 1j,
        "text": np.array([["a", "b"], ["c", "d"]]),
        "bytes": np.array([[b"a", b"b"], [b"c", b"d"]]),
        "dates": np.zeros((5, 3), "datetime64[s]"),
        "records": np.zeros((5, 3), [("x", "f8"), ("y", "f8")]),
        "void": np.zeros((5, 3), "V7"),
        "scalar": np.array(3.0),
        "vector": np.arange(5.0),
        "no samples": np.zeros((0, 5)),
        "no dimensions": np.zeros((5, 0)),
        "one sample": good[:1],
        "constant": np.full((9, 3), 0.1),
        "zeros": np.zeros((9, 3)),
        "nan": nan,
        "inf": inf,
        "both inf": both,
        "overflow": np.full((9, 3), 1e200) * np.arange(9)[:, None],
    }
    for name, array in bad.items():
        yield f"npy {name}", raw("a.npy", npy_bytes(array))
        yield f"npz {name}", raw("a.npz", npz(x=array))
    for name in (
        "complex",
        "scalar",
        "vector",
        "one sample",
        "constant",
        "nan",
        "inf",
        "no samples",
        "bytes",
    ):
        yield f"hdf5 {name}", hdf5(bad[name])
    for name in ("complex", "vector", "one sample", "constant", "nan", "inf"):
        yield f"zarr {name}", zarr(bad[name])
    for name in ("vector", "one sample", "constant", "nan", "inf"):
        yield f"safetensors {name}", safetensors(bad[name])
    pickled = np.array([[Pickled(), 1]], dtype=object)
    yield "npy pickle", raw("a.npy", npy_bytes(pickled, pickled=True))
    yield "npz pickle", raw("a.npz", npz(x=pickled))
    yield "npz plain pickle", raw("a.npz", __import__("pickle").dumps(Pickled()))
    yield "npy plain pickle", raw("a.npy", __import__("pickle").dumps(Pickled()))
    yield "npz several arrays", raw("a.npz", npz(a=good, b=good))
    yield "npz no such key", raw("a.npz", npz(a=good), "--key", "zz")
    yield "npz no arrays", raw("a.npz", zipped({"readme.txt": b"x"}))
    yield "npz columns first", raw("a.npz", npz(a=np.asfortranarray(good)), "--max-member", "1e-6")
    yield "npz lies", raw("a.npz", zipped({"x.npy": npy_bytes(good)[:300]}))
    yield "bfloat16", raw("a.safetensors", bfloat16())


def bfloat16() -> bytes:
    text = json.dumps({"x": {"dtype": "BF16", "shape": [4, 2], "data_offsets": [0, 16]}}).encode()
    return struct.pack("<Q", len(text)) + text + b"\1" * 16


def hdf5(array: np.ndarray) -> Case:
    def make(folder: Path) -> list[str]:
        import h5py

        with h5py.File(folder / "a.h5", "w") as file:
            file["x"] = array
        return estimate(folder / "a.h5")

    return make


def external_hdf5(folder: Path) -> list[str]:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("x", (5, 3), "u1", external=[("/etc/passwd", 0, 15)])
    return estimate(folder / "a.h5")


def linked_hdf5(folder: Path) -> list[str]:
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file["x"] = h5py.ExternalLink("/etc/hosts", "/x")
    return estimate(folder / "a.h5")


def zarr(array: np.ndarray) -> Case:
    def make(folder: Path) -> list[str]:
        import zarr as package

        made = package.create_array(str(folder / "a.zarr"), shape=array.shape, dtype=array.dtype)
        made[:] = array
        return estimate(folder / "a.zarr")

    return make


def zarr_meta(text: str, mark: str = ".zarray") -> Case:
    def make(folder: Path) -> list[str]:
        (folder / "a.zarr").mkdir()
        (folder / "a.zarr" / mark).write_text(text)
        return estimate(folder / "a.zarr")

    return make


def zarrs() -> Iterator[tuple[str, Case]]:
    """Metadata that lies, and codecs that run code."""
    meta = {"zarr_format": 2, "shape": [5, 3], "chunks": [5, 3], "dtype": "<f8", "order": "C",
            "fill_value": 0, "compressor": None, "filters": None}  # fmt: skip
    changes: dict[str, dict[str, object]] = {
        "pickle": {"dtype": "|O", "filters": [{"id": "pickle", "protocol": 4}]},
        "pickle compressor": {"compressor": {"id": "pickle"}},
        "unknown codec": {"compressor": {"id": "no_such_codec"}},
        "object": {"dtype": "|O"},
        "negative": {"shape": [-5, 3]},
        "huge chunks": {"shape": [10**9, 10**6], "chunks": [10**9, 10**6]},
        "zero chunks": {"chunks": [0, 3]},
        "words": {"shape": ["a", "b"]},
        "no dtype": {"dtype": "nonsense"},
        "codec of wrong type": {"filters": ["pickle"]},
        "all fill value": {},
        "fill value nan": {"fill_value": "NaN"},
    }
    for name, change in changes.items():
        yield f"zarr {name}", zarr_meta(json.dumps(meta | change))
    yield "zarr not json", zarr_meta("{")
    yield "zarr a list", zarr_meta("[]", "zarr.json")
    yield "zarr a group", zarr_meta('{"zarr_format": 2}', ".zgroup")
    yield "zarr no node type", zarr_meta("{}", "zarr.json")
    yield "zarr deep json", zarr_meta("[" * 100_000, "zarr.json")


def safetensors(array: np.ndarray) -> Case:
    def make(folder: Path) -> list[str]:
        from safetensors.numpy import save_file

        save_file({"x": array}, folder / "a.safetensors")
        return estimate(folder / "a.safetensors")

    return make


def headers() -> Iterator[tuple[str, Case]]:
    """Heads of `.npy` files that lie."""
    texts = {
        "huge": "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1000000), }",
        "negative": "{'descr': '<f8', 'fortran_order': False, 'shape': (-5, 20), }",
        "code": f"__import__('os').mkdir('{MARK}')",
        "not a dict": "[1, 2, 3]",
        "no shape": "{'descr': '<f8', 'fortran_order': False}",
        "shape of words": "{'descr': '<f8', 'fortran_order': False, 'shape': ('a', 'b'), }",
        "unknown type": "{'descr': '<q99', 'fortran_order': False, 'shape': (10, 10), }",
        "object type": "{'descr': '|O', 'fortran_order': False, 'shape': (10, 10), }",
        "too long": "{'descr': '<f8', 'fortran_order': False, 'shape': (10, 20), }" + " " * 40_000,
        "deep": "(" * 5000,
    }
    for name, text in texts.items():
        yield f"npy header {name}", raw("a.npy", header(text))
        yield f"npz header {name}", raw("a.npz", zipped({"x.npy": header(text)}))
        if name not in ("too long",):
            yield f"zip header {name}", raw("a.zip", zipped({"x.npy": header(text), "y.npy": header(text)}))
    yield "npy version 9", raw("a.npy", b"\x93NUMPY\x09\x00" + b"\0" * 200)


def archives() -> Iterator[tuple[str, Case]]:
    """Make archives that want to write, to expand, or to confuse."""
    images = {f"{i}.png": png_bytes(x) for i, x in enumerate(pixels(6))}
    names = ["../x.png", "/etc/x.png", "a/../../x.png", "..\\x.png", "C:\\x.png", "a/..", "/x.txt"]
    for name in names:
        yield f"zip traversal {name}", raw("a.zip", zipped({**images, name: images["0.png"]}))
        yield f"tar traversal {name}", raw("a.tar", tarred({name: images["0.png"], **images}))
    for kind, code in (("link", tarfile.SYMTYPE), ("hard link", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE),
                       ("device", tarfile.CHRTYPE), ("disk", tarfile.BLKTYPE)):  # fmt: skip
        yield f"tar {kind}", raw("a.tar", tarred(images, x=code))
    zeros = npy_bytes(np.zeros((1 << 22,), np.float32))
    yield "zip bomb", raw("a.zip", zipped({"a.npy": zeros, "b.npy": zeros}, zipfile.ZIP_DEFLATED))
    yield "zip bomb by total", raw("a.zip", zipped({"a.npy": zeros}), "--max-expanded", "0.001")
    yield "npz bomb by total", raw("a.npz", npz(x=np.zeros((1 << 10, 1 << 12))), "--max-expanded", "0.001")
    yield (
        "tar bomb",
        raw("a.tar.gz", tarred({"a.npy": zeros, "b.npy": zeros}, "w:gz"), "--max-expanded", "0.001"),
    )
    yield "zip in zip", raw("a.zip", zipped({"a.zip": zipped(images)}))
    yield "zip empty", raw("a.zip", zipped({}))
    yield "zip of text", raw("a.zip", zipped({"a.txt": b"x", "b.json": b"{}"}))
    yield "tar empty", raw("a.tar", tarred({}))
    yield "tar of text", raw("a.tar", tarred({"a.txt": b"x"}))
    yield "tar gz that is not", raw("a.tar.gz", tarred(images)[:-1][:3000] + b"x")
    yield "tar gz cut", raw("a.tgz", tarred(images, "w:gz")[:400])
    yield "zip encrypted", raw("a.zip", encrypted(zipped(images)))
    yield "zip unknown compression", raw("a.zip", patched(zipped(images), 10, 8, struct.pack("<H", 99)))
    yield "zip wrong checksum", raw("a.zip", patched(zipped(images), 16, 14, b"\1\2\3\4"))
    for kind, wrap in (("zip", zipped), ("tar", tarred)):
        bad = {
            "ragged": {**images, "z.png": png_bytes(pixels(1, (9, 9, 3))[0])},
            "mixed channels": {**images, "z.png": png_bytes(pixels(1, (4, 5))[0])},
            "mixed kinds": {**images, "z.npy": npy_bytes(floats(4, (5, 3)))},
            "broken image": {**images, "z.png": images["0.png"][:60]},
            "not an image": {**images, "z.png": b"hello"},
            "empty image": {**images, "z.png": b""},
            "pixel bomb": {"a.png": bomb_png(100_000, 100_000)},
            "wide bomb": {"a.png": bomb_png(2**31 - 1, 1)},
            "short pixels": {"a.png": bomb_png(3000, 3000), "b.png": bomb_png(3000, 3000)},
            "one image": {"a.png": images["0.png"]},
            "equal images": {"a.png": images["0.png"], "b.png": images["0.png"]},
            "pickled member": {"a.npy": npy_bytes(np.array([Pickled()], object), pickled=True)},
            "scalar member": {"a.npy": npy_bytes(np.array(1.0)), "b.npy": npy_bytes(np.array(2.0))},
            "nan member": {"a.npy": npy_bytes(np.array([1.0, np.nan])), "b.npy": npy_bytes(np.ones(2))},
            "complex member": {"a.npy": npy_bytes(np.ones(2) + 1j), "b.npy": npy_bytes(np.ones(2))},
            "postscript": {"a.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"},
            "animation": {"a.gif": animation(), "b.gif": animation()},
        }
        for name, members in bad.items():
            yield f"{kind} {name}", raw(f"a.{kind}", wrap(members))


def animation() -> bytes:
    from PIL import Image

    frames = [Image.fromarray(x) for x in pixels(3, (4, 4))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def patched(data: bytes, central: int, local: int, value: bytes) -> bytes:
    """Overwrite a field of the first member, in both of its headers."""
    place = data.index(b"PK\1\2") + central
    data = data[:place] + value + data[place + len(value) :]
    return data[:local] + value + data[local + len(value) :]


def encrypted(data: bytes) -> bytes:
    return patched(data, 8, 6, struct.pack("<H", 1))


def folders() -> Iterator[tuple[str, Case]]:
    """Folders without, or with the wrong, samples."""

    def folder_of(**files: bytes) -> Case:
        def make(folder: Path) -> list[str]:
            for name, content in files.items():
                (folder / name.replace("__", ".")).write_bytes(content)
            return estimate(folder)

        return make

    image, other = png_bytes(pixels(1)[0]), png_bytes(pixels(1, (7, 7, 3))[0])
    yield "folder empty", folder_of()
    yield "folder of text", folder_of(a__txt=b"x")
    yield "folder ragged", folder_of(a__png=image, b__png=other)
    yield "folder broken image", folder_of(a__png=image, b__png=b"x")
    yield "folder empty image", folder_of(a__png=b"", b__png=b"")
    yield "folder one image", folder_of(a__png=image)
    yield "folder hidden files", folder_of(**{"__a__png": image})
    yield "folder broken sound", folder_of(a__wav=b"RIFF", b__wav=b"")
    yield "folder broken shard", folder_of(a__tar=b"x" * 600)

    def loop(folder: Path) -> list[str]:
        (folder / "self").symlink_to(folder, target_is_directory=True)
        return estimate(folder)

    def dangling(folder: Path) -> list[str]:
        (folder / "a.png").symlink_to(folder / "nowhere")
        return estimate(folder)

    def pipe(folder: Path) -> list[str]:
        os.mkfifo(folder / "a.png")
        return estimate(folder)

    yield "folder loop", loop
    yield "folder dangling link", dangling
    yield "folder pipe", pipe
    yield "no such file", lambda folder: estimate(folder / "nothing.npy")
    yield "no suffix", raw("data", b"x")
    yield "unknown suffix", raw("data.xyz", b"x")
    yield "pickle file", raw("data.pkl", __import__("pickle").dumps(Pickled()))
    yield "pickle by force", raw("data.pkl", __import__("pickle").dumps(Pickled()), "--reader", "npy")


def texts() -> Iterator[tuple[str, Case]]:
    """Text that is not a table of numbers."""
    lines = {
        "empty": b"",
        "header only": b"a,b,c\n",
        "words": b"a,b\nc,d\ne,f\n",
        "word inside": b"1,2\n3,x\n",
        "ragged": b"1,2\n3,4,5\n",
        "short": b"1,2\n3\n",
        "one line": b"1,2,3\n",
        "nan": b"1,2\nnan,3\n4,5\n",
        "inf": b"1,2\ninf,3\n4,5\n",
        "overflow": b"1,2\n1e400,3\n4,5\n",
        "complex": b"1,2\n1+2j,3\n4,5\n",
        "binary": bytes(range(256)) * 20,
        "utf-16 cut": "1,2\n3,4\n".encode("utf-16")[:-3],
        "gap": b"1,2,3\n4,,6\n",
        "constant": b"1,2\n1,2\n1,2\n",
        "nul": b"1,2\n\0,4\n",
    }
    for name, content in lines.items():
        yield f"csv {name}", raw("a.csv", content)


def sounds() -> Iterator[tuple[str, Case]]:
    """WAV files with wrong heads."""

    def riff(
        channels: int = 1, rate: int = 8000, bits: int = 16, kind: int = 1, data: bytes = b"\1\2" * 40_000
    ) -> bytes:
        align = max(1, channels * bits // 8)
        head = struct.pack("<HHIIHH", kind, channels, rate, rate * align & 0xFFFFFFFF, align, bits)
        body = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", len(data)) + data
        return b"RIFF" + struct.pack("<I", len(body)) + body

    yield "wav no channels", raw("a.wav", riff(channels=0))
    yield "wav no bits", raw("a.wav", riff(bits=0))
    yield "wav strange bits", raw("a.wav", riff(bits=13))
    yield "wav unknown kind", raw("a.wav", riff(kind=85))
    yield "wav too short", raw("a.wav", riff(data=b"\1\2" * 100))
    yield "wav one window", raw("a.wav", riff(data=b"\1\2" * 17_000))
    yield "wav silence", raw("a.wav", riff(data=b"\0\0" * 40_000))
    yield "wav nan", raw("a.wav", riff(kind=3, bits=32, data=struct.pack("<f", float("nan")) * 40_000))
    yield "wav no data", raw("a.wav", riff(data=b""))
    yield "wav window of one", raw("a.wav", riff(), "--window", "1")
    yield "wav negative hop", raw("a.wav", riff(), "--hop", "-3")

    def mixed(folder: Path) -> list[str]:
        (folder / "a.wav").write_bytes(riff())
        (folder / "b.wav").write_bytes(riff(rate=44_100))
        return estimate(folder)

    yield "wav mixed rates", mixed


def flags() -> Iterator[tuple[str, Case]]:
    """Good data, bad flags."""
    good = npy_bytes(floats(40))
    image = npy_bytes(pixels(40, (3, 8, 8)))
    wrong = [
        *(["--range", text] for text in ("1", "0,255", "0,255:-1", "a,b:c,d", "0,0:-1,1", "0,1:2,2",
                                         "nan,1:0,1", "0,inf:0,1", "0,255:-1,1:3,4", "", "1,2,3:4,5")),
        ["--scale", "0"], ["--scale", "nan"], ["--scale", "inf"], ["--shift", "nan"], ["--scale", "x"],
        ["--method", "magic"], ["--shrinkage", "magic"], ["--channels", "middle"], ["--reader", "magic"],
        ["--engine", "magic"], ["--format", "xml"], ["--memory", "0"], ["--memory", "nan"], ["--n-boot", "1"],
        ["--n-boot", "-1"], ["--block", "-1"], ["--clusters", "1"], ["--clusters", "41"], ["--bands", "3"],
        ["--patches", "99"], ["--resume"], ["--clusters", "2", "--patches", "2"], ["--channels", "first"],
        ["--key", "x", "--reader", "npz"], ["--labels", "nowhere.npy"], ["--max-expanded", "-1"],
        ["--seed", "-1"], ["--no-such-flag"], ["--method", "fourier", "--shrinkage", "oas"],
        ["--method", "lanczos", "--shrinkage", "ledoit_wolf"], ["--format", "npy", "--clusters", "2"],
        ["--engine", "dask", "--scheduler", "nonsense"],
    ]  # fmt: skip
    for words in wrong:
        yield "flag " + " ".join(words), raw("a.npy", good, *words)
    yield "flag bands too many", raw("a.npy", image, "--method", "fourier", "--bands", "50")
    outputs = {
        "folder": ".",
        "missing folder": "no/where.json",
        "no suffix": "out",
        "strange suffix": "out.docx",
    }
    for name, target in outputs.items():
        yield f"output {name}", output_case(target, good)
    yield "output exists", output_case("a.npy", good)
    labels = {
        "short": npy_bytes(np.arange(7)),
        "two axes": npy_bytes(np.zeros((40, 2))),
        "single": npy_bytes(np.arange(40)),
        "pickled": npy_bytes(np.array([Pickled()] * 40, object), pickled=True),
        "empty": b"",
    }
    for name, content in labels.items():
        yield f"labels {name}", label_case(content, "labels.npy", good)
    yield "labels not edm", label_case(b"[]", "labels.json", good)
    yield "labels text empty", label_case(b"\n\n", "labels.txt", good)


def output_case(target: str, good: bytes) -> Case:
    def make(folder: Path) -> list[str]:
        (folder / "a.npy").write_bytes(good)
        return estimate(folder / "a.npy", "-o", str(folder / target))

    return make


def label_case(content: bytes, name: str, good: bytes) -> Case:
    def make(folder: Path) -> list[str]:
        (folder / "a.npy").write_bytes(good)
        (folder / name).write_bytes(content)
        return estimate(folder / "a.npy", "--labels", str(folder / name))

    return make


def spectra() -> Iterator[tuple[str, Case]]:
    """Spectrum files that are none, for `show` and `convert`; and impossible synthetic ones."""
    schema = "diffopt.spectrum/1"
    documents = {
        "no numbers": {"schema": schema},
        "words": {"schema": schema, "eigenvalues": ["a"]},
        "empty": {"schema": schema, "eigenvalues": []},
        "negative": {"schema": schema, "eigenvalues": [1.0, -1.0]},
        "weights": {"schema": schema, "eigenvalues": [1.0, 2.0], "weights": [1.0]},
        "zero weight": {"schema": schema, "eigenvalues": [1.0, 2.0], "weights": [1.0, 0.0]},
        "all zero": {"schema": schema, "eigenvalues": [0.0, 0.0]},
        "unknown schema": {"schema": "diffopt.unknown/7", "eigenvalues": [1.0]},
        "no members": {"schema": "diffopt.ensemble/1", "members": [], "eigenvalues": [1.0]},
        "member words": {"schema": "diffopt.ensemble/1", "members": ["x"], "eigenvalues": [1.0]},
        "member chance": {
            "schema": "diffopt.ensemble/1",
            "members": [{"eigenvalues": [1.0], "probability": -1}],
            "eigenvalues": [1.0],
        },
    }
    for name, document in documents.items():
        for command in ("show", "convert"):
            yield f"{command} json {name}", spectrum_case(command, "a.json", json.dumps(document).encode())
    for name, content in {
        "cut": b'{"schema": "diffopt.sp',
        "deep": b"[" * 100_000,
        "binary": b"\xff\xfe\0",
    }.items():
        yield f"show json {name}", spectrum_case("show", "a.json", content)
    facts = np.array("{}")
    yield "show npz words", spectrum_case("show", "a.npz", npz(eigenvalues=np.array(["a"]), facts=facts))
    yield "show npz facts", spectrum_case("show", "a.npz", npz(eigenvalues=np.ones(2), facts=np.array("{")))
    yield "show npz cut", spectrum_case("show", "a.npz", npz(eigenvalues=np.ones(2), facts=facts)[:100])
    pickled = np.array([Pickled()], object)
    yield "show npz pickle", spectrum_case("show", "a.npz", npz(eigenvalues=pickled, facts=facts))
    for words in (
        ["magic"], ["power_law", "--dim", "0"], ["power_law", "--dim", "1000000000000"],
        ["power_law", "--std", "0"], ["power_law", "--exponent", "nan"], ["power_law", "--exponent", "-1"],
        ["exponential", "--decades", "-1"],
        ["exponential", "--decades", "1000"], ["two_level", "--ratio", "2"], ["two_level", "--ratio", "nan"],
        ["two_level", "--fraction", "0"], ["two_level", "--fraction", "1"], ["two_level", "--dim", "1"],
        ["power_law", "--std", "nan"], ["radial"], ["radial", "--shape", "8,8"], ["power_law", "--dim", "x"],
    ):  # fmt: skip
        yield "synthesize " + " ".join(words), lambda _folder, words=words: ["spectrum", "synthesize", *words]
    tables = {
        "words": (b"k,P\na,b\n", "8,8"),
        "three columns": (b"1,2,3\n", "8,8"),
        "one row": (b"1,2\n", "8,8"),
        "descending": (b"2,1\n1,1\n", "8,8"),
        "negative": (b"1,1\n2,-1\n", "8,8"),
        "zero": (b"0,1\n20,1\n", "8,8"),
        "too short": (b"0.1,1\n0.2,1\n", "8,8"),
        "bad shape": (b"0.1,1\n20,1\n", "8,b"),
        "negative shape": (b"0.1,1\n20,1\n", "8,-8"),
        "huge shape": (b"0.1,1\n20,1\n", "99999,99999,99999"),
        "empty": (b"", "8,8"),
    }
    for name, (content, shape) in tables.items():
        yield f"radial {name}", radial_case(content, shape)


def spectrum_case(command: str, name: str, content: bytes) -> Case:
    def make(folder: Path) -> list[str]:
        (folder / name).write_bytes(content)
        return ["spectrum", command, str(folder / name)]

    return make


def radial_case(content: bytes, shape: str) -> Case:
    def make(folder: Path) -> list[str]:
        (folder / "p.csv").write_bytes(content)
        return ["spectrum", "synthesize", "radial", "--table", str(folder / "p.csv"), "--shape", shape]

    return make


for group in (damage, arrays, zarrs, headers, archives, folders, texts, sounds, flags, spectra):
    for label, case in group():
        if label in CASES:
            raise ValueError(f"two cases are called {label!r}")
        CASES[label] = case
CASES["hdf5 external file"] = external_hdf5
CASES["hdf5 external link"] = linked_hdf5
