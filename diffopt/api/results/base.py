"""The common part of results: a document, notes, and how they are shown and saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from diffopt.api.flags import SUFFIXES
from diffopt.api.speech import said_in_python, spoken
from diffopt.errors import InputError, UnsupportedError
from diffopt.report import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

#: Columns of a printed table.
WIDTH = 100


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A document with a face.

    Attributes
    ----------
    document : dict
        What a file holds: plain JSON values under the keys of its schema.
    notes : tuple of str
        Sentences about what was assumed.
    """

    document: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    #: How the note begins that the head of the table says too.
    heading: ClassVar[str | None] = None
    #: Forms beside json, table, csv and markdown.
    forms: ClassVar[tuple[str, ...]] = ()
    #: Answers that stand above a picture.
    headlines: ClassVar[int] = 1

    def to_dict(self) -> dict[str, Any]:
        """The document as plain data."""
        return dict(self.document)

    def rows(self) -> list[dict[str, Any]]:
        """What csv, markdown and tables show, one mapping a row."""
        raise NotImplementedError

    def lines(self) -> str:
        """One number a line."""
        raise UnsupportedError("'lines' is for grids; use json, table, csv or markdown")

    def answers(self) -> list[str]:
        """What the result says, in a sentence or a few."""
        return []

    def headline(self) -> list[str]:
        """What stands above the picture."""
        said = self.answers()
        more = len(said) - self.headlines
        # An answer for each of many groups: those left out are not left out in silence.
        rest = [f"{more} more answers stand below the printed table."] * (self.headlines > 1 and more > 0)
        return said[: self.headlines] + rest

    def remarks(self, form: str) -> tuple[str, ...]:
        """Notes about one form of the result."""
        del form
        return ()

    def view(self, width: int) -> RenderableType:
        """Rich object for a terminal."""
        from diffopt.report.terminal import rows_table

        return rows_table(self.rows(), width=width)

    def answered_view(self, width: int) -> RenderableType:
        """The view, and the answers below it."""
        from diffopt.report.terminal import with_answers

        return with_answers(self.view(width), [spoken(line) for line in self.answers()])

    @said_in_python
    def render(self, form: str = "json", width: int = 100, colour: bool = False) -> str:
        """Text in one of the forms json, table, csv, markdown and lines.

        Raises
        ------
        InputError
            Another form, or one that this result does not have.
        """
        if form == "json":
            return text.to_json(self.document)
        if form == "csv":
            return text.to_csv(self.rows())
        if form == "markdown":
            return text.to_markdown(self.rows())
        if form == "lines":
            return self.lines()
        if form == "table":
            from diffopt.report.terminal import to_terminal

            return to_terminal(self.answered_view(width), width, colour)
        raise InputError(f"format {form!r} is unknown; use one of json, table, csv, markdown, lines")

    @said_in_python
    def save(self, path: str | Path, force: bool = False) -> None:
        """Write a file, whole or not at all; the suffix (.json, .csv, .md, .txt) is the form.

        Raises
        ------
        InputError
            Another suffix, an existing file without `force`, or a target that cannot be written.
        """
        from diffopt.foundation.atomic import write_atomic

        form = SUFFIXES.get(Path(path).suffix.lower())
        if form is None:
            more = "; numpy's is .export(\"npy\").save(path)" if "lines" in self.forms else ""
            raise InputError(f"{path}: unknown suffix {Path(path).suffix!r}; use one of {', '.join(SUFFIXES)}{more}")
        write_atomic(path, self.render(form).encode(), force)

    def figure(self) -> Figure:
        """Matplotlib figure.

        Raises
        ------
        UnsupportedError
            There is no picture of such a result.
        """
        raise UnsupportedError(f"there is no picture of {type(self).__name__}")

    @said_in_python
    def plot(self, path: str | Path | None = None, force: bool = False) -> Figure:
        """Draw; write a .png or .svg where a path is given, return the matplotlib figure."""
        figure = self.figure()
        if lines := [spoken(line) for line in self.headline()]:
            from diffopt.report.style import headed

            headed(figure, "\n".join(lines))
        if path is not None:
            from diffopt.report.picture_file import save

            save(figure, Path(path), force)
        return figure

    def __str__(self) -> str:
        """The table that the command prints, and the notes below it."""
        return "\n".join([self.render("table", WIDTH).rstrip("\n"), *self.notes])

    def __eq__(self, other: object) -> bool:
        """Results of one kind are equal where their documents are."""
        return type(self) is type(other) and self.document == other.document if isinstance(other, Result) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), text.to_json(self.document)))

    def _repr_html_(self) -> str:
        """The columns of the table, with answers and notes."""
        # Compiles a long expression that no command needs.
        from html import escape

        from diffopt.report.html_table import as_html

        body = as_html(self.view(WIDTH))
        notes = "".join(f"<p>{escape(note)}</p>" for note in (*map(spoken, self.answers()), *self.notes))
        return f"<p>{escape(repr(self))}</p>{body}{notes}"
