"""Which verbs take a flag, read from the flags themselves."""

from __future__ import annotations

from diffopt.api.flags import OWN, VERBS, flags_of
from diffopt.api.speech import VERBS as COMMANDS

#: Commands that are named before the rest is counted.
MOST = 5


def takers(name: str) -> dict[str, str]:
    """Commands that take a flag, and the verb of each; those that show it in no help do not count."""
    found = {}
    for command, verb in COMMANDS.items():
        flags = {**(flags_of(verb) if verb in VERBS else {}), **{flag.name: flag for flag in OWN.get(verb, ())}}
        if name in flags and not flags[name].hidden:
            found[command] = verb
    return found


def listed(names: list[str]) -> str:
    """A few names in words, the rest as a number."""
    names = list(dict.fromkeys(names))
    if len(names) > MOST:
        return f"{', '.join(names[: MOST - 1])} and {len(names) - MOST + 1} others take it"
    return f"{', '.join(names[:-1])} and {names[-1]} take it" if len(names) > 1 else f"{names[0]} takes it"
