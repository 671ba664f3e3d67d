"""How help looks: flags by group, values of flags, examples that can be copied, summaries in full."""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from diffopt.cli.values import values

#: Other words for commands.
ALSO = {"compare": "compare-schedules", "budget": "error-budget"}
#: Kinds of values as the help calls them.
KINDS = {"<int range>": "N", "<int>": "N", "<float range>": "X", "<float>": "X", "<str>": "TEXT", "<path>": "FILE"}


def parts(text: str) -> tuple[list[str], list[str]]:
    """Paragraphs and examples of a docstring; an example begins with `Example:` and may go over several lines."""
    told, examples = [], []
    for paragraph in re.split(r"\n\s*\n", cleandoc(text)):
        pieces = re.split(r"(?:^|\n)Example: ", paragraph)
        if pieces[0].strip():
            told.append(" ".join(pieces[0].split()))
        examples += [" ".join(piece.split()) for piece in pieces[1:]]
    return told, examples


def continued(command: str, width: int, indent: int) -> str:
    """A command in lines that fit and that a shell reads as one: broken between words, never inside of quotes."""
    words = re.findall(r"(?:[^\s'\"]|'[^']*'|\"[^\"]*\")+", command)
    # A flag and its value stay together.
    pieces: list[str] = []
    for word in words:
        joined = pieces and pieces[-1].startswith("-") and " " not in pieces[-1] and not word.startswith("-")
        pieces[-1:] = [f"{pieces[-1]} {word}"] if joined else [*pieces[-1:], word]
    lines = [" " * indent]
    for piece in pieces:
        room = width - (0 if piece is pieces[-1] else 2)
        if lines[-1].strip() and len(lines[-1]) + 1 + len(piece) > room:
            lines.append(" " * (indent + 4) + piece)
        else:
            lines[-1] += f" {piece}" if lines[-1].strip() else piece
    return " \\\n".join(lines) + "\n"


def tidy(record: tuple[str, str]) -> tuple[str, str]:
    """One style of a flag's line: short kinds of values, one default, no ranges in signs."""
    names, text = record
    for long, short in KINDS.items():
        names = names.replace(long, short)
    names = re.sub(r"\{([\w.]+)\}", lambda m: m[1].upper(), names)
    text = re.sub(r";? ?x(?:>=|<=|>|<)[-\d.]+(?:<=?[-\d.]+)?(?=\])", "", text).replace("[]", "").replace("[required]", "")
    text = re.sub(r"(\[default: [^\]]*\])\.?\s*\[default: [^\]]*\]", r"\1", text)
    text = re.sub(r"\.(\s+\[default: [^\]]*\])$", r"\1.", " ".join(text.split()))
    return names, text


class GroupedCommand(TyperCommand):
    """A command whose help shows its flags by group, and that refuses a flag given twice."""

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Summary, and examples on lines of their own, continued with a backslash where they are wider than the screen."""
        del ctx
        told, examples = parts(self.help or "")
        for paragraph in told:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(paragraph)
        if examples:
            with formatter.section("Examples" if len(examples) > 1 else "Example"):
                for example in examples:
                    formatter.write(continued(example, formatter.width, formatter.current_indent))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Arguments in capitals."""
        return [re.sub(r"\{([\w.]+)\}", lambda m: m[1].upper(), piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, then a section per group, then the values that flags accept."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                argument = param.param_type_name == "argument"
                title = "Arguments" if argument else getattr(param, "rich_help_panel", None) or "Options"
                name, text = tidy(record)
                sections.setdefault(title, []).append((name.upper() if argument else name, text))
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)
        flags = [p for p in self.get_params(ctx) if p.param_type_name == "option"]
        named = [(p.opts[0], ", ".join(known)) for p in flags if (known := values(str(p.name), self.name))]
        if named:
            with formatter.section("Values"):
                formatter.write_dl(named)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse a flag that is given twice with a value, of which only the last would count."""
        names = {name: p for p in self.params for name in p.opts if p.param_type_name == "option"}
        seen: set[str] = set()
        for word in args[: args.index("--") if "--" in args else None]:
            param = names.get(word.split("=")[0])
            if param is None or param.multiple or getattr(param, "is_flag", False):
                continue
            if param.name in seen:
                raise typer.BadParameter(f"{word.split('=')[0]} is given twice; give it once")
            seen.add(str(param.name))
        return super().parse_args(ctx, args)


class WholeGroup(TyperGroup):
    """A group whose help shows the summaries of its commands in full, and that knows what a beginning of a name means."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command, or the names that begin or look like what was typed."""
        typed = args[0] if args else ""
        known = self.list_commands(ctx)
        if typed and not typed.startswith("-") and typed not in known:
            from diffopt.foundation.names import suggestion

            for name in known:
                # `diffopt estimate` for `diffopt spectrum estimate`.
                if typed in getattr(self.get_command(ctx, name), "commands", ()):
                    ctx.fail(f"No such command {typed!r}; did you mean '{name} {typed}'?")
            names = known if "optimize" not in known else [*known, *ALSO]
            ctx.fail(f"No such command {typed!r}; {suggestion(typed, names)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Name and first paragraph of every command."""
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                told, _ = parts(command.help or "")
                rows.append((name, told[0] if told else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)
