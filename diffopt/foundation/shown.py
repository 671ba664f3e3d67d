"""Names as people see them: bytes that are no text, control characters and formulas made visible."""

from __future__ import annotations

import codecs
import unicodedata

#: First characters by which a spreadsheet takes a cell for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Error handler of output streams: what an encoding lacks becomes JSON's own escape.
ESCAPE = "diffopt.escape"


def text(name: str) -> str:
    r"""A name without the halves of characters by which Python stands for bytes that are no UTF-8: `\xff` instead."""
    return "".join(f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in name)


def visible(name: str) -> str:
    r"""The same with control characters and direction marks as escapes, so that nothing moves the cursor of a terminal."""
    return "".join(_escape(c) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text(name))


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def cell(value: str) -> str:
    """Text of a cell that no spreadsheet takes for a formula: an apostrophe leads."""
    shown = visible(value)
    return "'" + shown if value[:1] in FORMULA else shown


def markdown(value: str) -> str:
    """Text of a cell of a markdown table: bars, tags and line ends as text."""
    escaped = visible(value).replace("\\", "\\\\") if "\\" in visible(value) else visible(value)
    return escaped.replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`").replace("[", "\\[")


def _json_escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = [units[i : i + 2] for i in range(0, len(units), 2)]
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04x}" for pair in pairs), error.end


codecs.register_error(ESCAPE, _json_escape)
