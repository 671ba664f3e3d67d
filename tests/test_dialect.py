"""One way of writing numbers down for lists and for samples: the same text gives the same numbers by both doors."""

import numpy as np
import pytest

from diffopt.documents.number_list import load_array
from diffopt.errors import InputError
from diffopt.estimation.estimate import as_source
from diffopt.estimation.sources.samples import Samples

ROWS = np.array([[1.5, 20.0, -0.25], [3.0, 0.125, 4e-3], [2.5, 7.0, 9.0]])

TEXTS = {
    "commas": "1.5,20,-0.25\n3,0.125,4e-3\n2.5,7,9\n",
    "semicolons, decimal commas": "1,5;20;-0,25\n3;0,125;4e-3\n2,5;7;9\n",
    "tabs": "1.5\t20\t-0.25\n3\t0.125\t4e-3\n2.5\t7\t9\n",
    "tabs, decimal commas": "1,5\t20\t-0,25\n3\t0,125\t4e-3\n2,5\t7\t9\n",
    "blanks": "1.5   20 -0.25\n 3 0.125 4e-3\n2.5 7 9\n",
    "quotes": '"1.5","20","-0.25"\n"3","0.125","4e-3"\n"2.5","7","9"\n',
    "quotes, blanks": '"1.5" "20"  "-0.25" \n"3" "0.125" "4e-3"\n"2.5" "7" "9"\n',
    "single quotes": "'1.5' '20' '-0.25'\n'3' '0.125' '4e-3'\n'2.5' '7' '9'\n",
    "Fortran": "1.5D+00,20,-2.5d-1\n3,0.125,4D-3\n2.5,7,9\n",
    "Excel": "sep=;\n1.5;20;-0.25\n3;0.125;4e-3\n2.5;7;9\n",
    "comments": "# a\n1.5,20,-0.25\n\n3,0.125,4e-3\n2.5,7,9\n\x1a",
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


def samples(path):
    return np.concatenate([block.copy() for _, block in Samples(as_source(str(path))).blocks()])


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_table_is_the_same_as_a_list_and_as_samples(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    np.testing.assert_array_equal(load_array(str(tmp_path / "x.csv"), "list"), ROWS)
    np.testing.assert_array_equal(samples(tmp_path / "x.csv"), ROWS)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_so_it_is_in_every_encoding(tmp_path, encoding):
    (tmp_path / "x.csv").write_bytes(TEXTS["commas"].encode(encoding))
    np.testing.assert_array_equal(load_array(str(tmp_path / "x.csv"), "list"), ROWS)
    np.testing.assert_array_equal(samples(tmp_path / "x.csv"), ROWS)


def test_a_point_among_decimal_commas_is_refused_wherever_it_stands(tmp_path):
    """Far below the lines that decide how the table is written 1.234 may be a number of thousands."""
    (tmp_path / "x.csv").write_text("1,5;2,5\n" * 300 + "1.234;2,5\n")
    for read in (lambda p: load_array(str(p), "list"), samples):
        with pytest.raises(InputError, match=r"1\.234"):
            read(tmp_path / "x.csv")
