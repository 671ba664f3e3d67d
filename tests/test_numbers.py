"""Numbers in text as people have them: every form gives the numbers that it shows, or one line that says why not."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zipfile

import numpy as np
import pytest

import diffopt
from diffopt.documents.number_list import content_of, load_array, load_list
from diffopt.documents.numbers import parse_table
from diffopt.documents.spectrum_file import load_dataset, load_spectrum
from diffopt.errors import InputError
from diffopt.foundation import array_file
from diffopt.foundation.encoding import decode
from diffopt.foundation.limits import expanding
from diffopt.foundation.notes import listening, note
from diffopt.foundation.strict_json import numbers, parse

EIG = [4.0, 2.0, 0.25, 0.03]
ROTATION = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
COVARIANCE = ROTATION @ np.diag(EIG) @ ROTATION.T
ROWS = [[repr(float(x)) for x in row] for row in COVARIANCE]
LONG = "\n".join(map(repr, EIG))


def matrix(separator=",", header="", index=False, comma=False, tail=""):
    """The covariance as text."""
    rows = [[c.replace(".", ",") for c in row] if comma else row for row in ROWS]
    lines = [separator.join(([str(i)] if index else []) + row) + tail for i, row in enumerate(rows)]
    return ([header] if header else []) + lines


#: Text and what it is: eigenvalues (EIG) in every line, with a word of the note that must be said ("" for none).
SPECTRA = {
    "one a line": (LONG, ""),
    "commas": ("4,2,0.25,0.03", ""),
    "commas and blanks": ("4, 2, 0.25, 0.03,\n", ""),
    "semicolons": ("4;2;0.25;0.03", ""),
    "semicolons, decimal commas": ("4;2;0,25;0,03", "decimal marks"),
    "column, decimal commas with leading zeros": ("4,0\n2,0\n0,25\n0,03\n", "decimal marks"),
    "tabs, decimal commas": ("4,0\t2,0\t0,25\t0,03", "decimal marks"),
    "titled column, decimal commas": ("variance\n4,1\n2,5\n".replace("4,1\n2,5", "4,0\n2,0\n0,25\n0,03"), "decimal marks"),
    "carriage returns": ("4\r\n2\r\n0.25\r\n0.03\r\n", ""),
    "wrapped": ("4 2 0.25\n0.03", ""),
    "brackets": ("[4, 2, 0.25, 0.03]", ""),
    "numpy's own print": ("[4.   2.   0.25 0.03]", ""),
    "wrapped print": ("[4.   2.  \n 0.25 0.03]", None),
    "tensor": ("tensor([4.0000, 2.0000, 0.2500, 0.0300], dtype=torch.float64)", ""),
    "comments": ("# eigenvalues\n4 # largest\n2\n0.25\n0.03", ""),
    "Fortran exponents": ("4.0D0\n2.0d0\n2.5E-1\n3e-2", ""),
    "title": ("Eigenvalues\n" + LONG, ""),
    "title of a series": ("0\n" + "\n".join(f"{x:.6f}" for x in EIG), "numbers the columns"),
    "series with index": (",0\n" + "\n".join(f"{i},{x!r}" for i, x in enumerate(EIG)), "numbers the rows"),
    "scree": ("component,variance\n" + "\n".join(f"{i + 1},{x!r}" for i, x in enumerate(EIG)), "numbers the rows"),
    "scree with shares": (
        "PC;Eigenvalue;Percent\n" + "\n".join(f"{i + 1};{x!r};{x:.1f}" for i, x in enumerate(EIG)), "percent is left out",
    ),
    "caps": ("Eigenvalue, Weight\n" + "\n".join(f"{x!r}, 1" for x in EIG), ""),
    "weights first": ("weight,eigenvalue\n" + "\n".join(f"1,{x!r}" for x in EIG), ""),
    "quoted": ('"weight","eigenvalue"\n' + "\n".join(f'"1","{x!r}"' for x in EIG), ""),
    "multiplicity": ("lambda\tmultiplicity\n" + "\n".join(f"{x!r}\t1" for x in EIG), ""),
    "markdown": ("| eigenvalue | weight |\n|---|---|\n" + "\n".join(f"| {x!r} | 1 |" for x in EIG), ""),
    "covariance": ("\n".join(matrix()), ""),
    "covariance, blanks": ("\n".join(matrix("  ")), ""),
    "covariance, decimal commas": ("\n".join(matrix(";", comma=True)), "decimal marks"),
    "covariance, closed lines": ("\n".join(matrix(",", tail=",")), ""),
    "covariance of a frame": ("\n".join(matrix(",", ",a,b,c,d", index=True)), "numbers the rows"),
    "covariance of a bare frame": ("\n".join(matrix(",", ",0,1,2,3", index=True)), "numbers the rows"),
    "covariance under a numbered header": ("\n".join(matrix(",", "0,1,2,3")), "numbers the columns"),
    "covariance under names": ("\n".join(matrix(",", "a,b,c,d")), ""),
    "covariance in brackets": ("[[" + "],\n [".join(", ".join(row) for row in ROWS) + "]]", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_spectrum_is_what_the_text_shows(tmp_path, name, coding):
    text, said = SPECTRA[name]
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(coding))
    with listening() as heard:
        if said is None:  # a list in two rows of two: not told from a table
            with pytest.raises(InputError):
                load_spectrum(str(path))
            return
        found = load_spectrum(str(path))
    np.testing.assert_allclose(found.eig, EIG, rtol=2e-15 if "cov" not in name else 1e-12)
    np.testing.assert_array_equal(found.weight, 1)
    assert bool(heard) == bool(said)
    assert said in " ".join(heard)


@pytest.mark.parametrize("kind", [".csv", ".txt", ".tsv", ".dat", ".csv.gz", ".txt.gz"])
def test_kinds_of_text(tmp_path, kind):
    data = b"eigenvalue,weight\n4,1\n1,3\n"
    path = tmp_path / f"a{kind}"
    path.write_bytes(gzip.compress(data) if kind.endswith(".gz") else data)
    found = load_spectrum(str(path))
    assert (found.dim, found.trace) == (4, 7)


def test_two_by_two_is_a_covariance(tmp_path):
    for text in ("1.0,0.5\n0.5,1.0\n", "1 0.5\n0.5 1", "2,1\n1,2"):
        (tmp_path / "a.csv").write_text(text)
        eig = load_spectrum(str(tmp_path / "a.csv")).eig
        np.testing.assert_allclose(eig, [3, 1] if text.startswith("2") else [1.5, 0.5])


#: Text that has no one meaning, and a word of the message.
REFUSED = {
    "two columns without a header": ("4,1\n1,3\n2,2", "one number with a decimal comma or two columns"),
    "two columns of fractions": ("4.0,1\n1.5,3\n2,2", "2 columns without a header"),
    "index without a header": ("0 4\n1 2\n2 0.25", "counts the rows"),
    "number or two": ("4,2\n5", "decimal comma or two numbers"),
    "samples": ("1 2 3\n4 5 6", "spectrum estimate"),
    "not symmetric": ("1 2\n3 4", "symmetric"),
    "unknown columns": ("a,b\n1,2\n3,4\n5,6", "a, b"),
    "unknown weight": ("eigenvalue,foo\n4,1\n1,3", "foo"),
    "weights alone": ("weight,foo\n4,1\n1,3", "foo"),
    "eigenvalues twice": ("eigenvalue,variance\n4,4\n1,1", "eigenvalue, variance"),
    "an empty cell": ("eigenvalue,weight\n4,\n1,3", "line 2: cell 2 of 2 is empty"),
    "an empty cell in a list": ("4,,2", "line 1: cell 2 of 3 is empty"),
    "an empty first cell": (",2,3\n2,1,0\n3,0,1", "line 1: cell 1 of 3 is empty"),
    "missing numbers": ("eigenvalue\n4\nnan\n1", "finite"),
    "two decimal signs": ("4,5;2.5", "decimal comma"),
    "thousands": ("1.234,5;2", "no number"),
    "thousands after a blank that keeps them together": ("4\u00a0000\n2", "line 1: .* groups of thousands"),
    "thousands after a thin blank": ("2\n4\u202f000", "line 2: .* groups of thousands"),
    "thousands in quotes": ('"1,234.5"\n"2"', "no number"),
    "two separators": ("80,20 5,1", "both separate"),
    "ragged": ("1,2,3\n4,5\n6,7,8", "line 2 has 2 numbers, line 1 has 3"),
    "cut off": ("1,2,3\n4,5,6\n7,8", "line 3 has 2 numbers"),
    "header too short": ("a,b,c\n1,2\n3,4", "2 cells for 3 names"),
    "underscores": ("1_0\n2", "no number"),
    "other digits": ("١\n2", "no number"),
    "too large": ("1e999\n2", "too large"),
    "hexadecimal": ("0x10\n1", "no number"),
    "a second header": ("eig\n4\neig\n2", "line 3"),
    "nothing": ("", "non-empty"),
    "comments only": ("# none\n", "non-empty"),
    "nested on a line": ("[[1, 0.5], [0.5, 1]]", "one row a line"),
    "sum beyond a double": ("1e308\n1e308", "largest eigenvalue must lie in"),
    "zero bytes": ("4\0\n2", "zero bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_understood_is_refused_in_one_line(tmp_path, name):
    text, word = REFUSED[name]
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=word) as caught:
        load_spectrum(str(tmp_path / "a.csv"))
    assert "\n" not in str(caught.value)


JSON_REFUSED = {
    "strings": ('["5", "1"]', "without quotes"),
    "booleans": ("[true, false]", "without quotes"),
    "null": ("[1, null]", "null"),
    "nan": ("[NaN]", "NaN"),
    "infinity": ("[-Infinity]", "Infinity"),
    "key twice": ('{"eigenvalues": [4], "eigenvalues": [5]}', "twice"),
    "deep": ("[" * 5000 + "]" * 5000, "nested deeper"),
    "deep objects": ('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper"),
    "a huge integer": ("[1" + "0" * 400 + "]", "digits"),
    "an integer beyond doubles": ("[2" + "0" * 308 + "]", "309 digits"),
    "a huge number": ("[1e400]", "too large"),
    "sum beyond a double": ("[1e308, 1e308]", "largest eigenvalue must lie in"),
    "weights that are text": ('{"eigenvalues": [4, 1], "weights": ["1", "2"]}', "without quotes"),
    "a word": ('{"eigenvalues": "4 1"}', "list of numbers"),
    "trailing text": ("[1] 2", "JSON"),
    "ragged": ("[[1, 2], [3]]", "equal length"),
    "mixed": ("[[1, 2], 3]", "equal length"),
}


@pytest.mark.parametrize("name", JSON_REFUSED)
def test_json_is_strict(tmp_path, name):
    text, word = JSON_REFUSED[name]
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=word) as caught:
        load_spectrum(str(tmp_path / "a.json"))
    assert "\n" not in str(caught.value)


def test_facts_are_strict_too(tmp_path):
    (tmp_path / "a.json").write_text('{"schema": "diffopt.spectrum/1", "eigenvalues": [1], "samples": Infinity}')
    with pytest.raises(InputError, match="Infinity"):
        load_dataset(str(tmp_path / "a.json"))
    for text, word in (("[1]", "object"), ('{"samples": NaN}', "NaN"), ("{", "JSON")):
        np.savez(tmp_path / "a.npz", eigenvalues=[1.0], facts=np.array(text))
        with pytest.raises(InputError, match=word):
            load_dataset(str(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", eigenvalues=[1.0], facts=np.array([1, 2]))
    with pytest.raises(InputError, match="JSON text"):
        load_dataset(str(tmp_path / "a.npz"))


def test_an_ensemble_without_facts_is_still_one(tmp_path):
    """Members by their numbered names, as the format says; without them the file is refused."""
    members = {"eigenvalues_0": [4.0], "weights_0": [1.0], "eigenvalues_1": [1.0], "weights_1": [1.0]}
    np.savez(tmp_path / "a.npz", eigenvalues=[2.5], weights=[1.0], probabilities=[0.5, 0.5], labels=["a", "b"], **members)
    data = load_dataset(str(tmp_path / "a.npz"))
    assert data.spectrum.trace == 2.5
    assert [s.trace for s in data.members.spectra] == [4.0, 1.0]


@pytest.mark.parametrize("flip", range(0, 700, 7))
def test_a_flipped_bit_in_an_archive_is_one_line_or_other_numbers(tmp_path, flip):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, eigenvalues=np.arange(1.0, 60.0), weights=np.ones(59))
    data = bytearray(buffer.getvalue())
    data[flip % len(data)] ^= 0x10
    (tmp_path / "a.npz").write_bytes(data)
    for read in (load_spectrum,):
        try:
            read(str(tmp_path / "a.npz"))
        except InputError as error:
            assert "\n" not in str(error)


def test_bombs_are_refused_before_they_are_inflated(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("cov.npy", "w", force_zip64=True) as stream:
            np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (12000, 12000)})
            for _ in range(72):
                stream.write(bytes(16_000_000))
    import tracemalloc

    tracemalloc.start()
    with pytest.raises(InputError, match=r"takes 1152000128 bytes; allowed are .* raise --max-member 1.073 "):
        load_spectrum(str(tmp_path / "a.npz"))
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1\n" * 5000))
    with expanding(1e-6), pytest.raises(InputError, match="--max-member"):
        load_spectrum(str(tmp_path / "a.csv.gz"))


def test_a_header_that_claims_more_than_the_file_holds(tmp_path):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    (tmp_path / "a.npy").write_bytes(buffer.getvalue() + bytes(80))
    with pytest.raises(InputError, match="claim 8000000000000 bytes but hold"):
        load_spectrum(str(tmp_path / "a.npy"))


def test_orders_and_kinds_of_arrays(tmp_path):
    for kind in ("<f8", ">f8", "<f4", "<i2"):
        whole = np.asfortranarray(np.arange(12).reshape(3, 4).astype(kind))
        buffer = io.BytesIO()
        np.save(buffer, whole)
        np.testing.assert_array_equal(array_file.read_npy(buffer.getvalue(), "a"), whole)
        archive = array_file.Archive(array_file.write_npz({"x": whole, "facts": np.array("ü")}), "b")
        np.testing.assert_array_equal(archive["x"], whole)
        assert list(archive) == ["x", "facts"]
        assert str(archive["facts"]) == "ü"


def test_written_archives_hold_their_arrays_and_no_others():
    """On every numpy version: `savez` of 1.26 would have stored a keyword `allow_pickle` as an array."""
    data = array_file.write_npz({"a": [1.0, 2.0]})
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        assert archive.files == ["a"]
        np.testing.assert_array_equal(archive["a"], [1, 2])
    assert data == array_file.write_npz({"a": [1.0, 2.0]})
    with pytest.raises(ValueError, match="Object arrays"):
        array_file.write_npz({"a": np.array([{}], dtype=object)})


def in_safetensors(data):
    return content_of(data, "a.safetensors")


def test_safetensors_by_its_own_library(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = {"alphas_cumprod": np.linspace(0.9, 0.1, 5, dtype="f4"), "x": np.arange(6.0).reshape(2, 3), "h": np.ones(3, "f2")}
    data = safetensors.save(arrays)
    for name, array in in_safetensors(data).items():
        np.testing.assert_array_equal(array, arrays[name])
    (tmp_path / "a.safetensors").write_bytes(data)
    np.testing.assert_array_equal(load_list(str(tmp_path / "a.safetensors"), ["alphas_cumprod"]).values, arrays["alphas_cumprod"])
    for broken in (b"", data[:7], data[:60], b"\xff" * 8 + data[8:], data[:-30]):
        with pytest.raises(InputError):
            in_safetensors(broken)


def test_bfloat16_is_the_upper_half_of_a_float32():
    values = np.array([1.0, -2.5, 3.0e-3], "f4")
    halves = (values.view("u4") >> 16).astype("<u2").tobytes()
    head = json.dumps({"x": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    found = in_safetensors(len(head).to_bytes(8, "little") + head + halves)["x"]
    np.testing.assert_allclose(found, values, rtol=2**-8)


@pytest.mark.parametrize("place", [[-8, -4], [-4, 4], [4, 0], [0, 12]])
def test_a_tensor_outside_of_its_file_is_refused(place):
    head = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": place}}).encode()
    with pytest.raises(InputError, match="a.safetensors: tensor 'x' lies outside of the file"):
        in_safetensors(len(head).to_bytes(8, "little") + head + bytes(8))



LISTS = {
    "a.json": '{"sigmas": [3, 2, 1]}', "b.json": "[3, 2, 1]", "c.json": '{"only": [3, 2, 1], "word": "x"}',
    "a.csv": "step,sigma,eta\n0,3,1\n1,2,1\n2,1,\n", "b.csv": "sigmas\n3\n2\n1\n", "c.csv": "3;2;1",
    "d.csv": ",0\n0,3\n1,2\n2,1\n", "a.md": "| step | sigma |\n|---|---|\n| 0 | 3 |\n| 1 | 2 |\n| 2 | 1 |\n", "a": "3 2 1",
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_lists(tmp_path, name):
    (tmp_path / name).write_text(LISTS[name])
    np.testing.assert_array_equal(load_list(str(tmp_path / name), ["sigmas", "sigma"]).values, [3, 2, 1])


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("a.json", '{"a": [1], "b": [2]}', "none of sigmas"),
        ("a.json", "3", "list of numbers"),
        ("a.json", '{"sigmas": null}', "none of sigmas"),
        ("a.csv", "a,b\n1,2\n3,4", "2 rows of 2 columns"),
        ("a.pt", "PK", "pickles are never loaded"),
        ("a.npz", "", "empty"),
        ("a.npy", "", "empty"),
    ],
)
def test_lists_that_are_refused(tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=word):
        load_list(str(tmp_path / name), ["sigmas"])


def test_paths_that_cannot_be_asked_about(tmp_path):
    for name in ("x" * 5000, "a\0b", str(tmp_path / "loop")):
        if name.endswith("loop"):
            (tmp_path / "loop").symlink_to(tmp_path / "loop")
        for read in (load_spectrum, load_list, lambda n: load_array(n, "measurement")):
            with pytest.raises(InputError) as caught:
                read(name)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 500


def test_decoding():
    assert decode(codecs.BOM_UTF8 + b"a", "f") == "a"
    assert decode("λ1".encode("utf-16"), "f") == "λ1"
    for data in (b"\xff\xfe\x00", b"\xff\xff", b"a\0b", b"\x80abc"):
        with pytest.raises(InputError, match="not text"):
            decode(data, "f")


def test_notes_are_heard_once_and_by_all_who_listen():
    note("nobody hears this")
    with listening() as outer:
        note("one")
        with listening() as inner:
            note("two\nlines")
            note("two lines")
        assert inner == ["two lines"]
    assert outer == ["one", "two lines"]


def test_parsed_numbers_keep_every_bit():
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308]
    assert numbers(parse(json.dumps(values), "a"), "a") == values
    table = parse_table("\n".join(map(repr, values)), "a")
    assert table.rows[:, 0].tolist() == values


def test_covariances_of_any_scale_have_the_eigenvalues_of_their_shape(tmp_path):
    """Squares of the entries overflow or vanish; the eigenvalues are those of the plain matrix, scaled."""
    plain = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    for scale in (1e-90, 1.0, 1e95):
        np.save(tmp_path / "c.npy", plain * scale)
        found = load_dataset(str(tmp_path / "c.npy")).spectrum.eig
        np.testing.assert_allclose(found / scale, np.linalg.eigvalsh(plain)[::-1], rtol=1e-12)
    np.save(tmp_path / "c.npy", np.array([[1e308, 1e307], [1e307, 1e-308]]))
    with pytest.raises(InputError, match="largest eigenvalue"):
        diffopt.optimize(str(tmp_path / "c.npy"), steps=2)
