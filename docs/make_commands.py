"""Write `docs/commands.md` from the help of every command: python docs/make_commands.py."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

# From the root of a checkout the package need not be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffopt.cli.app import COMMANDS
from diffopt.cli.main import main

PAGE = Path(__file__).with_name("commands.md")
HEAD = """# Commands

What `--help` prints, command by command. Flags that several commands share mean the same in each. Settings also come from
`[tool.diffopt]` in a `pyproject.toml`, from `DIFFOPT_<FLAG>` in the environment and from a TOML file (`--config`); flags win
over all of them, and `--show-settings` says where each came from. Completion: `diffopt --install-completion`.

Exit codes: 0 done; 1 unexpected failure; 2 bad usage or input (one line says which value, what is allowed, what to try);
3 not converged (the result is still written and says so); 4 `check` found that the host would alter the grid; 130 interrupted.
"""


def help_of(words: list[str]) -> str:
    """Help of a command at 100 columns."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = main([*words, "--help"])
    assert code == 0, words
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines())


def subcommands(text: str) -> list[str]:
    """Names under `Commands:` of a group's help."""
    lines = text.partition("Commands:\n")[2].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


def page() -> str:
    """Text of the page."""
    os.environ |= {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    parts = [HEAD]
    for name in COMMANDS:
        text = help_of([name])
        parts.append(f"## diffopt {name}\n\n```text\n{text}\n```\n")
        parts += [f"### diffopt {name} {sub}\n\n```text\n{help_of([name, sub])}\n```\n" for sub in subcommands(text)]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
