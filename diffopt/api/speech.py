"""What is said in the library: flags of the command line as keywords, commands as calls; the commands keep their own words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar

from diffopt.api.flags import GROUPS, OUTPUT, OWN
from diffopt.errors import DiffoptError

P = ParamSpec("P")
R = TypeVar("R")
_COMMANDS: ContextVar[bool] = ContextVar("diffopt_commands", default=False)

#: Verb of each command.
VERBS = {
    "optimize": "optimize", "evaluate": "evaluate", "compare-schedules": "compare", "convergence": "orders", "eta": "best_eta",
    "recommend": "recommend", "shift": "shift", "export": "export", "check": "check", "error-budget": "budget", "siem": "siem",
    "simulate": "simulate", "schema": "schema", "spectrum estimate": "estimate", "spectrum show": "read_spectrum",
    "spectrum synthesize": "synthesize", "spectrum convert": "read_spectrum", "spectrum posterior": "posterior",
    "spectrum from-loss": "from_loss",
}  # fmt: skip
#: Flags that are methods of the result, and one that is another keyword.
METHODS = {
    "--output": ".save", "-o": ".save", "--plot": ".plot", "--format": ".render", "--html": ".page",
    "--resume": "checkpoint=PATH",
}  # fmt: skip
SHORT = {"-s": "--solver", "-n": "--steps", "-O": "--option"}
#: How answers begin that are for other programs, or a line of the shell.
KEPT = ("EDM: ", "Its grid: ")
#: Words that are values where they follow a flag, and are prose elsewhere.
WORDS = {
    "zero", "sigma", "unit", "exact", "flow", "table", "integer", "any", "grid", "eta", "family", "shared", "coefficients", "own",
    "first", "last", "pca", "fourier", "lanczos", "dense", "local", "dask", "population", "analytical", "oas", "ledoit_wolf",
    "karras", "euler", "heun", "ddim", "robust", "frechet", "kl", "ve", "strong", "weak", "rho", "json", "csv", "lines", "random",
    "comfyui", "diffusers", "wav", "yes", "no", "none", "free", "signed", "absolute", "radial", "exponential", "shift", "sd",
    "edm", "forge", "physicsnemo",
}  # fmt: skip
_VALUE = r"""(?!-[a-zA-Z-])(?:'[^'\n]*'|"[^"\n]*"|[^\s;'"`()\[\]]+)"""
_FLAG = rf"(?<![\w./-])(--[a-z][a-z0-9]*(?:-[a-z0-9]+)*|-[snOo])(?![\w-])(?:( |=)({_VALUE}))?"
_NAMES = "|".join(sorted(map(re.escape, VERBS), key=len, reverse=True))
_ARGUMENT = (
    rf"(?: (?:-{{1,2}}[a-zA-Z][a-z0-9-]*(?:[ =]{_VALUE})?|[A-Z][A-Z.]+\b(?!:)|power:[A-Z0-9]+|builtin:\w+"
    r"|\S+\.(?:npz|npy|json|csv)))"
)
_CALL = rf"`?\bdiffopt (?P<name>{_NAMES})(?P<rest>{_ARGUMENT}*)`?"
_LIST = r"`?\bdiffopt list(?: ([a-z]+))?\b`?"
_BARE = r"`?\bspectrum (estimate|show|synthesize|convert|posterior|from-loss)\b`?"
#: Between two keywords that stood side by side as flags.
_SIDE = r"""(=(?:[A-Z][A-Z:]*|"[^"]*"|[\d.]+(?:e-?\d+)?)) (?=[a-z_]+=)"""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@contextmanager
def commands_speak() -> Iterator[None]:
    """Messages of the body are for the command line and stay as they are."""
    token = _COMMANDS.set(True)
    try:
        yield
    finally:
        _COMMANDS.reset(token)


@cache
def keywords() -> dict[str, tuple[str, type]]:
    """Keyword and kind of each flag of the verbs."""
    steering = {flag.name for flag in OUTPUT} - {"force"}
    shared = [flag for _, group in GROUPS.values() for flag in group]
    flags = [*shared, *(flag for own in OWN.values() for flag in own), *OUTPUT]
    found: dict[str, tuple[str, type]] = {}
    for flag in flags:
        # Of a flag that is a number of one verb and text of another, text holds both.
        if flag.name not in steering and flag.name != "resume" and found.get(flag.long, ("", int))[1] is not str:
            found[flag.long] = (flag.name, flag.kind)
    return found


def spoken(text: str) -> str:
    """A message as the library says it: `--steps 3` is steps=3, `diffopt spectrum estimate` is diffopt.estimate."""
    if _COMMANDS.get() or text.startswith(KEPT) or ("-" not in text and "diffopt" not in text and "spectrum" not in text):
        return text
    text = _compiled(_CALL).sub(_call, text)
    text = _compiled(_LIST).sub(lambda m: f'diffopt.names("{m[1]}")' if m[1] else "diffopt.names()", text)
    text = _compiled(_BARE).sub(lambda m: f"diffopt.{VERBS[f'spectrum {m[1]}']}", text)
    return _compiled(_SIDE).sub(r"\1, ", _compiled(_FLAG).sub(_keyword, text))


def _call(match: re.Match[str]) -> str:
    """A command with its arguments as a call."""
    verb, rest = VERBS[match["name"]], match["rest"]
    methods = "".join(_keyword(found) for found in _compiled(_FLAG).finditer(rest) if found[1] in METHODS)
    flags = [_keyword(found, True) for found in _compiled(_FLAG).finditer(rest) if found[1] not in METHODS]
    places = [word if word.isupper() else f'"{word}"' for word in _compiled(_FLAG).sub("", rest).split()]
    if not (flags or places or methods):
        return f"diffopt.{verb}"
    return f"diffopt.{verb}({', '.join(places + flags) if places else ', '.join(['...', *flags])}){methods}"


def _keyword(match: re.Match[str], inside: bool = False) -> str:
    """A flag and the value behind it, if that is one."""
    flag, gap, value = SHORT.get(match[1], match[1]), match[2] or "", match[3] or ""
    end = re.search(r"[.,:]*$", value)
    value, after = value[: end.start()] if end else value, end[0] if end else ""
    if flag in METHODS:
        if flag == "--resume":
            return METHODS[flag] + gap + value + after
        return METHODS[flag] + (f"({_quoted(value)}){after}" if _is_value(value, str) else gap + value + after)
    off = flag.startswith("--no-") and "--" + flag[5:] in keywords()
    if not off and flag not in keywords():
        return match[0]
    name, kind = keywords()["--" + flag[5:] if off else flag]
    if off:
        return f"{name}=False{gap}{value}{after}"
    if name == "options" and "=" in value:
        option, _, chosen = value.partition("=")
        return f'options={{"{option}": {_quoted(chosen)}}}{after}'
    if kind is bool:
        return f"{name}=True{gap}{value}{after}"
    if _is_value(value, kind):
        return f"{name}={value if kind in (int, float) else _quoted(value)}{after}"
    return f"{name}{'=...' if inside else ''}{gap}{value}{after}"


def _is_value(word: str, kind: type) -> bool:
    """Whether a word behind a flag is its value, and not the sentence going on."""
    if not word or word.startswith("-"):
        return bool(word) and bool(re.fullmatch(r"-\d[\d.]*", word))
    if word.isupper() or re.fullmatch(r"[\d.]+(?:e-?\d+)?", word):
        return True
    if kind in (int, float):
        return False
    return word in WORDS or bool(re.search(r"[\d_:,/.='\"]", word))


def _quoted(word: str) -> str:
    """A value as Python writes it: numbers and names of values bare, words in quotes."""
    if word.isupper() or re.fullmatch(r"[\d.]+(?:e-?\d+)?", word) or word[:1] in "'\"":
        return word
    return f'"{word}"'


def said_in_python(function: Callable[P, R]) -> Callable[P, R]:
    """A function of the library whose errors name keywords."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except DiffoptError as error:
            respoken(error)
            raise

    return call


def respoken(error: DiffoptError) -> None:
    """An error, and the notes beside it, in the words of the library."""
    if error.args and isinstance(error.args[0], str):
        error.args = (spoken(error.args[0]), *error.args[1:])
    noted: Any = getattr(error, "__notes__", None)
    if noted:
        noted[:] = [spoken(line) for line in noted]
