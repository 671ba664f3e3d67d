"""The command line that gives the same result as a call."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffopt.api.flags import GROUPS


def command_line(command: str, spectrum: Any, said: Mapping[str, Any]) -> str:
    """`diffopt COMMAND SPECTRUM --flag value ...` with the flags that were given, in the order of `said`."""
    words = ["diffopt", command, str(spectrum) if isinstance(spectrum, str | Path) else "SPECTRUM"]
    spelled = {flag.name: flag.long for _, group in GROUPS.values() for flag in group}
    for name, value in said.items():
        if value is None or value is False:
            continue
        flag = spelled.get(name, "--" + name.replace("_", "-"))
        if value is True:
            words.append(flag)
            continue
        for item in _items(name, value):
            words += [flag, item]
    return shlex.join(words)


def _items(name: str, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{k}={v}" for k, v in value.items()]
    if isinstance(value, list | tuple) and name in ("add", "options"):
        return [str(item) for item in value]
    if isinstance(value, list | tuple):
        return [",".join(map(str, value))]
    return [str(getattr(value, "name", value))]
