"""A flag: a keyword argument of a verb, and its option on the command line; imports nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Flag:
    """A keyword argument of a verb, and its flag on the command line.

    Attributes
    ----------
    name : str
        Keyword; the flag is the same with hyphens.
    kind : type
        str, int, float, bool; `list` may be repeated.
    help : str
        One line, with the default in brackets.
    metavar : str or None
        What the value is called.
    short : str or None
        Short flag.
    spelled : str or None
        Another name on the command line.
    panel : str
        Title in the help of a flag that belongs to one verb.
    off : bool
        Whether there is `--no-name` too; without either the verb decides.
    required : bool
        Whether the command needs it.
    hidden : bool
        Whether it is understood, to refuse it in words or for old scripts, and not offered.
    """

    name: str
    kind: type
    help: str
    metavar: str | None = None
    short: str | None = None
    spelled: str | None = None
    panel: str = "Options"
    off: bool = False
    required: bool = False
    hidden: bool = False

    @property
    def long(self) -> str:
        """`--name` on the command line."""
        return "--" + (self.spelled or self.name).replace("_", "-")


def panelled(panels: Mapping[str, tuple[Flag, ...]]) -> tuple[Flag, ...]:
    """Flags of one verb, each under the title of its panel."""
    return tuple(replace(flag, panel=title) for title, flags in panels.items() for flag in flags)


def blank(value: object) -> bool:
    """Whether a value is text, or holds text, of blanks and commas alone: nothing is named, and no default is meant."""
    if isinstance(value, list | tuple):
        return any(isinstance(item, str) and blank(item) for item in value)
    return isinstance(value, str) and not value.strip(", \t\r\n")
