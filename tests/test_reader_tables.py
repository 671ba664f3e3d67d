"""Tables of text as people have them: the numbers that were written, or one line about what is wrong."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json

import numpy as np
import pytest
from reading_helpers import answer, collected, refused, remarks, trace

from diffopt.cli.main import main

RNG = np.random.default_rng(1)
DATA = np.round(RNG.standard_normal((40, 4)) @ RNG.standard_normal((4, 4)) + 3, 6)
CELLS = [[f"{v:.6f}" for v in row] for row in DATA]


def text(separator: str = ",", comma: bool = False, header: str = "", first: list[str] | None = None, end: str = "\n") -> str:
    """The table, with decimal commas, a header line, a first column."""
    rows = [[c.replace(".", ",") for c in row] if comma else row for row in CELLS]
    if first is not None:
        rows = [[f, *row] for f, row in zip(first, rows, strict=True)]
    return (header + end if header else "") + end.join(separator.join(row) for row in rows) + end


def quoted(rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows(rows)
    return buffer.getvalue()


COUNT = [str(i) for i in range(40)]
FROM_ONE = [str(i + 1) for i in range(40)]
#: Name: bytes of a file whose samples are DATA.
RIGHT = {
    "plain": text().encode(),
    "byte order mark": codecs.BOM_UTF8 + text().encode(),
    "byte order mark and header": codecs.BOM_UTF8 + text(header="a,b,c,d").encode(),
    "UTF-16": text().encode("utf-16"),
    "UTF-16 big-endian with mark": codecs.BOM_UTF16_BE + text().encode("utf-16-be"),
    "UTF-16 without mark": text().encode("utf-16-le"),
    "UTF-32": text().encode("utf-32"),
    "semicolons and decimal commas": text(";", True).encode(),
    "tabs and decimal commas": text("\t", True).encode(),
    "blanks and decimal commas": text(" ", True).encode(),
    "semicolons": text(";").encode(),
    "tabs": text("\t").encode(),
    "blanks": text("  ").encode(),
    "comma and blank": text(", ").encode(),
    "Windows line ends": text(end="\r\n").encode(),
    "old Mac line ends": text(end="\r").encode(),
    "header": text(header="a,b,c,d").encode(),
    "quoted header with commas": text(header='"a, b",b,c,"d;e"').encode(),
    "quoted cells": quoted(CELLS).encode(),
    "quoted with header": quoted([["a", "b", "c", "d"], *CELLS]).encode(),
    "comments and blank lines": ("# made by hand\n\n" + text().replace("\n", "\n\n", 3)).encode(),
    "lines of separators at the end": (text() + ",,,\n,,,\n").encode(),
    "separator at the end of lines": text().replace("\n", ",\n").encode(),
    "index without name": text(header=",a,b,c,d", first=COUNT).encode(),
    "index called Unnamed: 0": text(header="Unnamed: 0,a,b,c,d", first=COUNT).encode(),
    "index called id": text(header="id,a,b,c,d", first=[str(7 * i + 100) for i in range(40)]).encode(),
    "index called row": text(header="row,a,b,c,d", first=FROM_ONE).encode(),
    "index from 1 without header": text(first=FROM_ONE).encode(),
    "index from 0 without header": text(first=COUNT).encode(),
    "names as index": text(header=",a,b,c,d", first=[f"s{i}" for i in range(40)]).encode(),
    "numbers as header": text(header="0,1,2,3").encode(),
    "numbers as header from 1": text(header="1,2,3,4").encode(),
    "numbers as header with index": text(header=",0,1,2,3", first=COUNT).encode(),
    "write.table of R": ('"a" "b" "c" "d"\n' + text(" ", first=[f'"{i + 1}"' for i in range(40)])).encode(),
    "class column": ("label,a,b,c,d\n" + text(first=[str(i % 3) for i in range(40)])).encode(),
    "index as fractions": text(first=[f"{i}.0" for i in range(40)]).encode(),
    "index as fractions with decimal commas": text(";", True, first=[f"{i},0" for i in range(40)]).encode(),
    "index called id at the end": ("a,b,c,d,id\n" + text().replace("\n", ",7\n")).encode(),
    "index of two levels": text(header=",,a,b,c,d", first=[f"{i // 10},{i % 10}" for i in range(40)]).encode(),
    "comments of Matlab": ("% a b c d\n" + text(" ")).encode(),
    "separator named as Excel does": ("sep=;\n" + text(";", header="a;b;c;d")).encode(),
    "separator named and decimal commas": ("sep=;\r\n" + text(";", True, end="\r\n")).encode(),
    "end mark of MS-DOS": text().encode() + b"\x1a",
    "exponents and signs": "\n".join(",".join(f"{v:+.8E}" for v in row) for row in DATA).encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_reads_the_numbers_that_were_written(name, tmp_path):
    (tmp_path / "a.csv").write_bytes(RIGHT[name])
    np.testing.assert_allclose(collected(tmp_path / "a.csv"), DATA, rtol=1e-12)


@pytest.mark.parametrize("suffix", [".csv.gz", ".txt.gz", ".tsv.gz", ".dat", ".CSV"])
def test_compressed_and_other_names(suffix, tmp_path):
    content = text("\t" if "tsv" in suffix else ",").encode()
    (tmp_path / f"a{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    np.testing.assert_allclose(collected(tmp_path / f"a{suffix}"), DATA, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "said"),
    [("semicolons and decimal commas", "commas are decimal marks"), ("index without name", "the first column has no name"),
     ("index called id", "column 1 is called 'id'"), ("index called row", "'row') counts its rows"),
     ("index from 0 without header", "the first column counts 0, 1"), ("numbers as header", "the first line counts"),
     ("class column", "'label' is a class"), ("separator at the end of lines", "an empty last column")],
)  # fmt: skip
def test_what_is_assumed_is_said(name, said, tmp_path, capsys):
    (tmp_path / "a.csv").write_bytes(RIGHT[name])
    code, found, err = answer(capsys, tmp_path / "a.csv")
    assert (code, found["samples"], found["dim"]) == (0, 40, 4)
    assert found["trace"] == pytest.approx(trace(DATA), rel=1e-9)
    assert said in err


YEARS, TENTHS = [str(1980 + i) for i in range(40)], [f"{i / 10:.1f}" for i in range(40)]
WRONG = {
    "empty cell": (",2,3\n4,5,6\n7,8,9.5\n", "line 1: empty cell 1 of 3"),
    "empty cell later": ("1.5,2,3\n4,,6\n", "line 2: empty cell 2 of 3"),
    "empty cell in a table with tabs": ("1.5\t2\t3\n4\t\t6\n", "line 2: empty cell 2 of 3"),
    "empty cell and semicolons": ("1,5;2;3\n4;;6\n", "line 2: empty cell 2 of 3"),
    "NA": ("1.5,2,3\n4,NA,6\n", "line 2: cell 'NA' is no number: 2 of 3"),
    "nan": ("1.5,2,3\n4,nan,6\n", "line 2: cell 'nan' is no number: 2 of 3"),
    "infinite": ("1.5,2,3\n4,inf,6\n5,5,5\n", "infinite"),
    "too large": ("1.5,2,3\n4,1e999,6\n5,5,5\n", "infinite"),
    "word": ("1.5,2,3\n4,x,6\n", "line 2: cell 'x' is no number: 2 of 3"),
    "underscore": ("1.5,2,3\n4,1_000,6\n", "cell '1_000' is no number"),
    "thousands and points": ('"1,234.5";2;3\n4;5;6\n', "groups of thousands"),
    "thousands": ("1,234;5,678\n2,345;6,789\n3,456;7,891\n", "decimal commas or groups of thousands"),
    "millions": ("1,234,567;2\n2;3\n", "groups of thousands"),
    "quoted thousands": ('"1,234.5","2"\n"2,345.5","3"\n', "groups of thousands"),
    "points and commas": ("1,5;2.5\n3,5;4,5\n", "decimal commas or groups"),
    "one decimal comma a line": ("4,045202\n1,897531\n0,199893\n", "decimal commas"),
    "one decimal comma a line, no zeros": ("4,945202\n1,897531\n0,199893\n", "a decimal comma or two numbers"),
    "ragged": ("1.5,2\n3,4,5\n", "line 2: 3 cells, the first line of numbers has 2"),
    "header too short": ("a,b\n1,2,3,4\n5,6,7,8\n", "2 names and 4 columns"),
    "first line half a header": ("1.5,x,3\n4,5,6\n", "line 1: cell 'x' is no number"),
    "dates": ("day,a\n2020-01-01,3\n2020-01-02,4\n", "cell '2020-01-01' is no number"),
    "index with gaps": (text(first=COUNT).replace("\n39,", "\n77,"), "the first column only rises (0, 1, ...)"),
    "years": (text(header="year,a,b,c,d", first=YEARS), "the first column only rises (1980, 1981, ...)"),
    "time": (text(header="time,a,b,c,d", first=TENTHS), "an index or a time? Leave it out with --columns 2-5"),
    "time of uneven steps": (text(first=[f"{i**1.5:.3f}" for i in range(40)]), "the first column only rises"),
    "wave lengths above the columns": (text(header="400,410,420,430"), "Say --header yes or --header no"),
    "Latin-1": ("größe,b\n1,2\n3,5\n", "not UTF-8 text"),
    "zero bytes": ("1,2\n\0,4\n", "zero bytes"),
    "covariance": ("4,1,2\n1,5,3\n2,3,6.5\n", "symmetric: a covariance"),
    "covariance with names": (",a,b,c\na,4,1,2\nb,1,5,3\nc,2,3,6.5\n", "symmetric: a covariance"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_understood_is_refused_in_a_line(name, tmp_path, capsys):
    content, said = WRONG[name]
    (tmp_path / "a.csv").write_bytes(content.encode("latin-1"))
    assert said in refused(capsys, tmp_path / "a.csv")


def test_groups_of_thousands_after_blanks_that_keep_them_together_are_refused(tmp_path, capsys):
    for blank in "\u00a0\u202f\u2009":
        (tmp_path / "a.csv").write_text(f"1{blank}234 5\n2{blank}345 6\n", encoding="utf-8")
        assert "groups of thousands" in refused(capsys, tmp_path / "a.csv")


def test_lines_with_missing_cells_can_be_skipped(tmp_path, capsys):
    rows = [list(row) for row in CELLS]
    rows[3][1], rows[17][0] = "", "NA"
    (tmp_path / "a.csv").write_text("\n".join(map(",".join, rows)))
    code, found, err = answer(capsys, tmp_path / "a.csv", "--skip-bad")
    assert (code, found["samples"], found["skipped"]) == (0, 38, 2)
    assert found["trace"] == pytest.approx(trace(np.delete(DATA, [3, 17], axis=0)), rel=1e-9)
    assert "add --skip-bad" not in err


def test_a_table_of_one_bad_line_has_no_samples(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("0,2,5,9(7\n")
    assert "no samples" in refused(capsys, tmp_path / "a.csv", "--skip-bad")


def test_an_index_that_stops_counting_is_noticed_where_it_does(tmp_path, capsys):
    rows = [f"{i},{v:.3f}" for i, v in enumerate(RNG.standard_normal(300))]
    rows[250] = "9" + rows[250]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert "line 251: the first column counted 0, 1, ... and now is '9250'" in refused(capsys, tmp_path / "a.csv")


def test_whole_numbers_are_samples_and_not_a_header(tmp_path):
    (tmp_path / "a.csv").write_text("0,1\n1,0\n0,1\n1,1\n")
    np.testing.assert_array_equal(collected(tmp_path / "a.csv"), [[0, 1], [1, 0], [0, 1], [1, 1]])
    pixels = RNG.integers(0, 256, (9, 12))
    names = ",".join(map(str, range(12)))
    (tmp_path / "b.csv").write_text(names + "\n" + "\n".join(",".join(map(str, row)) for row in pixels))
    np.testing.assert_array_equal(collected(tmp_path / "b.csv"), pixels)
    assert "the first line counts the columns" in remarks(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("columns", "places"),
    [("all", [0, 1, 2, 3, 4]), ("2-5", [1, 2, 3, 4]), ("a,c", [1, 3]), ("id,5", [0, 4]), ("b-c", [2]), (" d , 2", [1, 4])],
)
def test_columns_are_those_that_are_named(columns, places, tmp_path):
    """Names win over ranges of numbers; nothing is left out or assumed beside."""
    (tmp_path / "a.csv").write_text(text(header="id,a,b-c,c,d", first=COUNT))
    whole = np.column_stack([np.arange(40), DATA])
    np.testing.assert_allclose(collected(tmp_path / "a.csv", columns=columns), whole[:, places], rtol=1e-12)
    assert remarks(tmp_path / "a.csv", columns=columns) == ""


@pytest.mark.parametrize("columns", ["x", "0", "6", "3-2", "1-9", "a,,b", "-"])
def test_columns_that_are_not_there_are_named(columns, tmp_path, capsys):
    (tmp_path / "a.csv").write_text(text(header="a,b,c,d"))
    assert "names no column; it has a, b, c, d" in refused(capsys, tmp_path / "a.csv", "--columns", columns)


def test_whether_the_first_line_holds_names_can_be_said(tmp_path, capsys):
    """Wave lengths above fractions, and 0, 1, 2, 3 that are a sample."""
    (tmp_path / "a.csv").write_text(text(header="400,410,420,430"))
    np.testing.assert_allclose(collected(tmp_path / "a.csv", header="yes"), DATA, rtol=1e-12)
    np.testing.assert_allclose(collected(tmp_path / "a.csv", header="no"), np.vstack([[400, 410, 420, 430], DATA]), rtol=1e-12)
    (tmp_path / "b.csv").write_text(text(header="0,1,2,3"))
    np.testing.assert_allclose(collected(tmp_path / "b.csv", header="no"), np.vstack([[0, 1, 2, 3], DATA]), rtol=1e-12)
    assert "header must be auto, yes, no" in refused(capsys, tmp_path / "b.csv", "--header", "maybe")


def test_what_is_left_out_can_be_kept_on_the_command_line(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(text(first=COUNT))
    code, found, err = answer(capsys, tmp_path / "a.csv", "--columns", "all")
    assert (code, found["dim"]) == (0, 5)
    assert found["trace"] == pytest.approx(trace(np.column_stack([np.arange(40), DATA])), rel=1e-9)
    assert "left out" not in err


@pytest.mark.parametrize("header", ["", "k,P\n", "# a comment\nk,P\n"])
@pytest.mark.parametrize("style", [",", ";", "\t", " "])
def test_a_power_spectrum_keeps_its_wave_numbers(header, style, tmp_path, capsys):
    """Wave numbers 1, 2, 3, ... count, and are no index; P = k^-2 on a ring of 16 points (docs/spectra.md, eq. 13)."""
    rows = "".join(f"{k}{style}{k**-2.0!r}\n" for k in range(1, 60))
    (tmp_path / "p.csv").write_text(header.replace(",", style) + rows)
    words = ["spectrum", "synthesize", "radial", "--table", str(tmp_path / "p.csv"), "--shape", "16"]
    assert main([*words, "--spacing", str(2 * np.pi / 16)]) == 0
    found = json.loads(capsys.readouterr().out)
    spacing = 2 * np.pi / 16
    k = np.abs(16 * np.fft.fftfreq(16))
    right = np.maximum(k, 1) ** -2.0 / spacing
    eig = np.repeat(found["eigenvalues"], np.array(found["weights"], int))
    np.testing.assert_allclose(np.sort(eig), np.sort(right), rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("eigenvalue,weight\n4,1\n1,1\n0.2,3\n", "a spectrum already"),
        ("index,eigenvalue\n0,4\n1,1\n2,0.2\n", "a spectrum already"),
        ("step,sigma\n0,80\n1,3\n2,0\n", "a grid"),
        ("step,s,sigma,timestep\n0,0.9,9,900\n1,0.5,1,500\n2,0,0,\n", "a grid"),
        ("sigma;mse\n0.1;0.01\n1;0.5\n10;2\n", "spectrum from-loss"),
    ],
)
def test_tables_that_hold_no_samples_are_named(text, words, tmp_path, capsys):
    """What other commands write has rows of numbers too."""
    (tmp_path / "x.csv").write_text(text)
    assert main(["spectrum", "estimate", str(tmp_path / "x.csv")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and words in err and err.count("\n") == 1
    # Samples of such quantities can still be said to be samples.
    whole = text if "timestep" not in text else text.replace("0,0,\n", "0,0,1\n")
    (tmp_path / "x.csv").write_text(whole)
    assert main(["spectrum", "estimate", str(tmp_path / "x.csv"), "--columns", "all"]) == 0
