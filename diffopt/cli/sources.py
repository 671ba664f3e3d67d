"""Where settings come from: flags over --config over DIFFOPT_<FLAG> over [tool.diffopt] in pyproject.toml."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffopt.api.flag import Flag
from diffopt.api.flags import every_flag
from diffopt.cli.output import note
from diffopt.errors import InputError

PREFIX = "DIFFOPT_"
#: Names that no file or variable sets.
FLAGS_ONLY = ("config", "force", "show_settings", "output", "plot")


def merged(
    explicit: Mapping[str, Any], flags: Sequence[Flag], config: str | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by name, and the source of each.

    Raises
    ------
    InputError
        A file that cannot be read, an unknown key, or a value of the wrong kind.
    """
    taken = {flag.name: flag for flag in flags}
    taken["spectrum"] = Flag("spectrum", str, "")
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for source, found in (
        *_pyproject(),
        *_environment(taken),
        *([] if config is None else [(str(config), _toml(Path(config), ()))]),
    ):
        for name, value in _known(found, source).items():
            if name in taken:
                values[name], origin[name] = _typed(value, taken[name], source), source
    for name, value in explicit.items():
        values[name], origin[name] = value, "flag"
    return values, origin


def _known(found: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Entries under names with underscores; those that no command has are refused."""
    known = {name for name in every_flag() if name not in FLAGS_ONLY} | {"spectrum"}
    result: dict[str, Any] = {}
    for key, value in found.items():
        name = key.replace("-", "_")
        if name in result:
            raise InputError(f"{source}: {key!r} is given twice, with hyphens and with underscores")
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
            raise InputError(f"{source}: unknown key {key!r}; {hint}")
        result[name] = value
    return result


def _pyproject() -> list[tuple[str, dict[str, Any]]]:
    """The nearest pyproject.toml with a table tool.diffopt, from the working directory upwards."""
    try:
        here = Path.cwd()
    except OSError:
        return []
    for folder in (here, *here.parents):
        path = folder / "pyproject.toml"
        if path.is_file():
            found = _toml(path, ("tool", "diffopt"))
            return [(f"{path} [tool.diffopt]", found)] if found else []
    return []


def _environment(taken: Mapping[str, Flag]) -> list[tuple[str, dict[str, Any]]]:
    names = {PREFIX + name.upper(): name for name in every_flag() if name not in FLAGS_ONLY}
    names |= {PREFIX + name.upper(): name for name in taken if name not in FLAGS_ONLY}
    found = []
    for variable in sorted(v for v in os.environ if v.startswith(PREFIX)):
        if variable in names:
            found.append((variable, {names[variable]: os.environ[variable]}))
        else:
            close = difflib.get_close_matches(variable, names, 1)
            note(f"note: {variable} is no setting{f'; did you mean {close[0]}?' if close else ''}", quiet=False)
    return found


def _toml(path: Path, place: tuple[str, ...]) -> dict[str, Any]:
    import tomllib

    from diffopt.foundation.encoding import file_bytes, stdin_bytes
    from diffopt.foundation.nearby import file_hint

    try:
        content = stdin_bytes() if str(path) == "-" else file_bytes(path, f"config {path}")
        data: Any = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        meant = file_hint(path) if isinstance(error, FileNotFoundError) else ""
        raise InputError(f"config {path}: {error.strerror}{meant}") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"config {path} is not valid TOML: {error or 'nested too deeply'}") from None
    for name in place:
        data = data.get(name, {}) if isinstance(data, dict) else {}
    return data if isinstance(data, dict) else {}


def _typed(value: Any, flag: Flag, source: str) -> Any:
    """A value of the flag's kind; text only from the environment, where everything is text."""
    text = source.startswith(PREFIX)
    where = f"{source}: {flag.name} = {value!r} is not allowed"
    if flag.kind is list:
        items = value.split() if text else [value] if isinstance(value, str) else value
        if isinstance(items, dict):
            return [f"{k}={v}" for k, v in items.items()]
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise InputError(f"{where}: it must be a list of texts")
        return items
    if flag.kind is bool:
        truth = {"true": True, "1": True, "false": False, "0": False}.get(value.lower()) if text else value
        if not isinstance(truth, bool):
            raise InputError(f"{where}: it must be true or false")
        return truth
    if flag.name in ("steps", "calls"):
        return _counts(value, text, where)
    return _plain(value, flag.kind, text, where)


def _counts(value: Any, text: bool, where: str) -> Any:
    """A number of steps, a list of them, or a comma list."""
    if text or (isinstance(value, str) and "," in value):
        return value
    items = value if isinstance(value, list) else [value]
    whole = all(isinstance(item, int) and not isinstance(item, bool) for item in items)
    if not whole or len(items) == (1 if isinstance(value, list) else 0):
        raise InputError(f"{where}: it must be a whole number, or a list of several")
    return ",".join(map(str, items))


def _plain(value: Any, kind: type, text: bool, where: str) -> Any:
    if kind is str:
        if isinstance(value, list) and all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in value):
            return ",".join(map(str, value))
        if not isinstance(value, str):
            raise InputError(f"{where}: it must be a text")
        return value
    if isinstance(value, bool) or not isinstance(value, (str if text else int | float)):
        raise InputError(f"{where}: it must be a number")
    try:
        return kind(value)
    except (ValueError, OverflowError):
        raise InputError(f"{where}: it must be a number") from None


def sourced(message: str, values: Mapping[str, Any], origin: Mapping[str, str]) -> list[str]:
    """Where values that an error speaks of come from, unless they are flags or it says so itself."""
    return [
        f"{name.replace('_', '-')} is from {source}"
        for name, source in origin.items()
        if source != "flag" and source not in message and name in values and _spoken_of(name, values[name], message)
    ]


def _spoken_of(name: str, value: Any, message: str) -> bool:
    """Whether a message quotes a text, or names a flag beside its value."""
    if isinstance(value, str) and repr(value) in message:
        return True
    spelled = value if isinstance(value, str) else f"{value:g}" if type(value) in (int, float) else None
    named = re.search(rf"(?<![\w-])(--)?{name.replace('_', '[_-]')}(?![\w-])", message)
    return named is not None and spelled is not None and spelled in message


def shown(values: Mapping[str, Any], origin: Mapping[str, str]) -> str:
    """Settings in force as TOML, the source of each as a comment."""
    lines = []
    for name, value in values.items():
        if value is None or name == "show_settings":
            continue
        lines.append(f"{name.replace('_', '-')} = {_quoted(value)}  # {origin.get(name, 'argument')}")
    return "".join(line + "\n" for line in lines)


def _quoted(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
