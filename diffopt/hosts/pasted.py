"""Text that somebody pastes into a host: what is meant, and what the host reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from diffopt.hosts.findings import Finding, FindingKind

_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf", re.IGNORECASE)
#: ComfyUI's ManualSigmas: a sign, digits, dots, and a digit at the end; nothing else is looked at.
_COMFY = re.compile(r"[-+]?(?:\d*\.*\d+)")


def meant(text: str) -> list[float]:
    """Numbers as a person reads them."""
    text = text if _decimal_comma(text) is None else text.replace(",", ".")
    return [float(item.replace("_", "")) for item in _NUMBER.findall(text)]


def is_pasted(text: str) -> bool:
    """Whether a text has anything like a number in it."""
    return re.search(r"\d|\b(nan|inf|infinity)\b", text, re.IGNORECASE) is not None


def _words(text: str) -> list[str]:
    """What stands between the numbers and is none: letters that are not nan, inf or an exponent's."""
    return re.findall(r"[^\W\d_]+", _NUMBER.sub(" ", re.sub(r"\binfinity\b", "inf", text, flags=re.IGNORECASE)))


def _decimal_comma(text: str) -> str | None:
    """The first number with a decimal comma, where every item is one or a whole number and blanks or `;` part them."""
    items = text.strip().strip("[]()").replace(";", " ").split()
    fit = len(items) > 1 and all(re.fullmatch(r"[-+]?\d+(,\d+)?", item) for item in items)
    return next((item for item in items if "," in item), None) if fit else None


def _comfyui(text: str) -> list[float]:
    return [float(item) for item in _COMFY.findall(text)]


def _items(text: str) -> list[float]:
    return [float(item) for item in text.strip().strip("[]()").split(",") if item.strip()]


#: Readers of the hosts that take text.
PASTED: dict[str, Callable[[str], list[float]]] = {"comfyui": _comfyui, "sd_cpp": _items, "forge": _items}


def pasted_findings(text: str, host: str) -> list[Finding]:
    """What a host makes of pasted text."""
    repair = f"paste the text of diffopt export --to {host}"
    wish = meant(text)
    comma = _decimal_comma(text)
    if comma is not None:
        a, b = comma.split(",")
        return [Finding("misread", f"a decimal comma parts a number: {comma} becomes {a} and {b}", "write a point")]
    try:
        got = PASTED[host](text)
    except ValueError:
        return [Finding("misread", f"{host} stops with an error on {text.strip()[:60]!r}", repair)]
    found = []
    words = _words(text)
    if words:
        said = ", ".join(repr(word) for word in words[:3])
        found.append(Finding("misread", f"{said} is no number, and {host} leaves it out without a word", "give numbers alone"))
    if not got:
        found.append(Finding("misread", f"{host} reads no number in {text.strip()[:60]!r} and says nothing", repair))
    elif got != wish:
        k = next((i for i, (a, b) in enumerate(zip(got, wish, strict=False)) if a != b), min(len(got), len(wish)))
        seen = ", ".join(f"{v:g}" for v in got[k : k + 2])
        said = f"{wish[k]:g}" if k < len(wish) else "the end"
        found.append(Finding("misread", f"{host} reads {seen or 'nothing'} where {said} is meant ({len(got)} values)", repair))
    if re.search(r"(?<![\d.])\.\d", text):
        found.append(Finding("note", "some parsers of ComfyUI's surroundings drop a leading point: .5 becomes 5; write 0.5"))
    return found + _order(got, host)


def _order(values: list[float], host: str) -> list[Finding]:
    """Order and end, which no host checks."""
    found = []
    if any(v != v for v in values):
        found.append(Finding("misread", f"{host} takes NaN without a word", "remove it"))
    rising = next((k for k in range(len(values) - 1) if not values[k] > values[k + 1]), None)
    if rising is not None and len(values) > 1:
        a, b = values[rising : rising + 2]
        effect = "; a repeated sigma or an inner 0 makes NaN of its dpm++2m" if host == "sd_cpp" else ""
        kind: FindingKind = "duplicated" if a == b else "misread"
        found.append(Finding(kind, f"{a:g} is followed by {b:g}, and {host} does not check the order{effect}", "sort the values"))
    if values and values[-1] != 0:
        message = f"the list ends at {values[-1]:g}, not at 0: the state is returned with that noise"
        found.append(Finding("end", message, "append 0"))
    return found
