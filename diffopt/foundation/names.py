"""Names that people type: what they meant, and what is close."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from diffopt.errors import InputError

#: Most names of a table that is listed as a whole.
SHORT = 12


def normal(name: str) -> str:
    """A name without case, blanks and signs; `+` is a letter, as in `DPM++`."""
    return "".join(c for c in name.lower().replace("+", "p") if c.isalnum())


def meant(name: str, table: Iterable[str], aliases: Mapping[str, str]) -> str | None:
    """Name of the table that `name` spells in another way; None where there is none."""
    known = {normal(entry): entry for entry in table}
    wanted = {normal(alias): entry for alias, entry in aliases.items()}
    plain = normal(name)
    found = known.get(plain) or wanted.get(plain)
    return found if found is None or found in known.values() else None


def close(name: str, table: Iterable[str], count: int = 4) -> list[str]:
    """Names that begin or end with what was typed, else the most similar ones, the best first."""
    entries, plain = list(table), normal(name)
    if not plain:
        return []
    parts = [e for e in entries if normal(e).startswith(plain)] or [e for e in entries if plain in normal(e)]
    if parts and len(plain) > 1:
        return parts[:count]
    by_form = {normal(entry): entry for entry in entries}
    return [by_form[n] for n in difflib.get_close_matches(plain, by_form, 1, 0.6)]


def check_name(name: object, table: Iterable[str], what: str) -> None:
    """Refuse a name that a table has not.

    Raises
    ------
    InputError
        Naming it, and the table or what is close.
    """
    known = list(table)
    if name not in known:
        hint = f"use one of {', '.join(known)}" if len(known) <= SHORT else suggestion(str(name), known)
        raise InputError(f"{what} {name!r} is unknown; {hint}")


def suggestion(name: str, table: Iterable[str], most: int = SHORT) -> str:
    """`did you mean ...?`, or the whole list where it is short, or its beginning."""
    found, entries = close(name, table := list(table)), list(table)
    if found:
        words = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} or {found[-1]}"
        return f"did you mean {words}?" if len(found) > 1 else f"did you mean {words!r}?"
    return f"use one of {', '.join(entries)}" if len(entries) <= most else f"use one of {', '.join(entries[:most])}, ..."


#: Flags that say the process of a model, by the names that people give to models.
MODELS: dict[str, str] = {
    **dict.fromkeys(("sd", "sd1", "sd15", "sd2", "sd21", "sdxl", "stable diffusion", "pony"), "--process table --betas sd"),
    **dict.fromkeys(("sd3", "sd35", "stable diffusion 3"), "--process flow --shift sd3"),
    **dict.fromkeys(("flux", "flux1", "flux dev"), "--process flow --shift flux"),
    **dict.fromkeys(("wan", "wan2", "qwen image", "hunyuan video", "ltx", "auraflow", "lumina", "hidream", "chroma"),
                    "--process flow --shift NUMBER (its shift)"),
    **dict.fromkeys(("svd", "edm2", "cifar10", "imagenet64"), "--process ve --sigma-max X --sigma-min X (its range)"),
}  # fmt: skip


def model_flags(name: str) -> str | None:
    """What to write for a model's name: `'sdxl' is a model: say --process table --betas sd`; None for names that are none."""
    flags = {normal(model): flags for model, flags in MODELS.items()}.get(normal(name))
    return f"{name!r} is a model: say {flags}, or --scheduler-config FILE of it" if flags else None


def is_numeral(text: str) -> bool:
    """Whether a word is a number and no name."""
    try:
        float(text)
    except ValueError:
        return False
    return True
