"""The documentation, the listing and the explanations know every row from the tables of names alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffopt.errors import InputError
from diffopt.report.catalogue import inventory
from diffopt.report.explain import catalogue, explain, names, renewed

DOCS = Path(__file__).parents[1] / "docs" / "schedules.md"


def test_docs_are_fresh():
    """The generated part is that of the classes."""
    text = DOCS.read_text()
    assert renewed(text) == text, "run: python -m diffopt.report.explain docs/schedules.md"
    assert catalogue() in text


@pytest.mark.parametrize("name", names())
def test_every_row_is_explained_in_a_paragraph(name):
    row = explain(name)
    assert len(row["summary"]) > 30
    assert "\n" not in row["summary"]
    assert row["formula"]
    assert row["reference"]
    assert row["status"] in ("read in the source", "derived here")
    assert f"**`{name}`**" in DOCS.read_text()


def test_listing_has_formula_reference_and_status():
    rows = inventory("schedules", True)["schedules"] + inventory("designs", True)["designs"]
    assert [r["name"] for r in rows] == names()
    assert all(r["formula"] and r["reference"] and r["status"] for r in rows)


def test_unknown_names_get_a_hint():
    with pytest.raises(InputError, match="'klub'"):
        explain("klubb")
