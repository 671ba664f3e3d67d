"""Options of solvers, processes and schedules: the fields of their dataclasses, by name, in text or as objects."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any

from diffopt.documents.aliases import SOLVER_OPTIONS, known_as, offered, refused_solver, with_scheduler
from diffopt.errors import InputError
from diffopt.foundation.names import is_numeral, model_flags, suggestion

#: Options of EDM's sampler alone.
CHURN = ("s_churn", "s_tmin", "s_tmax", "s_noise")


def pick(name: str, table: Mapping[str, Any], what: str) -> Any:
    """Entry of a table of names.

    Raises
    ------
    InputError
        Unknown name; the closest ones are offered.
    """
    if name in table:
        return table[name]
    ours = known_as(name, table, what)
    if ours is not None:
        return table[ours]
    if what == "solver" and (why := refused_solver(name)) is not None:
        raise InputError(f"solver {name!r} is none that a grid is made for: {why} (docs/hosts.md); diffopt list solvers")
    near = offered(name, table, what)
    hint = f"did you mean {near!r}?" if near is not None else suggestion(name, table)
    hint = (with_scheduler(name) if what == "solver" else None) or (model_flags(name) if what == "process" else None) or hint
    raise InputError(f"{what} {name!r} is unknown; {hint} (diffopt list {what}{'e' if what.endswith('s') else ''}s)")


def fields_of(cls: type) -> dict[str, Any]:
    """Options of a class: name and default of every field that is a number, a text or a switch."""
    found = {}
    for field in dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ():
        plain = isinstance(field.default, int | float | str | bool)
        if field.init and (plain or (field.default is None and field.name == "clock")):
            found[field.name] = field.default
    return found


def options_of(thing: Any) -> dict[str, Any]:
    """Values in force, for a file: every option but the clock, which stands elsewhere; infinite numbers are left out."""
    values = {name: getattr(thing, name) for name in fields_of(type(thing)) if name != "clock"}
    kept = {k: v if isinstance(v, str | bool | int) else float(v) for k, v in values.items()}
    return {k: v for k, v in kept.items() if not isinstance(v, float) or math.isfinite(v)}


def spelled(thing: Any) -> str:
    """Name with the options that are not the defaults, as :func:`named` reads it."""
    known = fields_of(type(thing))
    said = [f"{name}={str(value).lower() if isinstance(value, bool) else value}"
            for name, value in options_of(thing).items() if value != known[name]]  # fmt: skip
    return thing.name + (":" + ",".join(said) if said else "")


def named(text: str, table: Mapping[str, Any], what: str) -> tuple[type, dict[str, Any]]:
    """Class and options of `karras`, `karras:rho=5`, `shift:7` or `beta:0.5,0.7`.

    Values without a name fill the fields in their order.

    Raises
    ------
    InputError
        Unknown name, too many values, or an option that is none.
    """
    name, _, arguments = text.partition(":")
    name = name.strip()
    name, meant = SOLVER_OPTIONS.get(name.lower(), (name, {})) if what == "solver" else (name, {})
    cls = pick(name, table, what)
    known = [field for field in fields_of(cls) if field != "clock"]
    options: dict[str, Any] = {}
    for i, part in enumerate(p.strip() for p in arguments.split(",") if p.strip()):
        key, equals, value = part.partition("=")
        if not equals:
            if i >= len(known):
                raise InputError(f"{what} {text!r}: {what} {name!r} takes {_listed(known)}, got {part!r} beyond them")
            key, value = known[i], part
        if key.strip() in options:
            raise InputError(f"{what} {text!r}: option {key.strip()!r} is given twice")
        options[key.strip()] = value.strip()
    return cls, {**meant, **options}


def named_list(given: Any) -> list[Any]:
    """Names of a comma list, each once, in which the options of a name may have commas of their own: `karras,beta:0.5,0.7`.

    A sequence is taken item by item.
    """
    if not isinstance(given, str):
        items = list(given) if isinstance(given, Iterable) else [given]
        return list(dict.fromkeys(item.strip() if isinstance(item, str) else item for item in items))
    found: list[str] = []
    for word in (part.strip() for part in given.split(",")):
        if found and ":" in found[-1] and ("=" in word or is_numeral(word)):
            found[-1] += "," + word
        elif word:
            found.append(word)
    return list(dict.fromkeys(found))


def _listed(names: list[str]) -> str:
    return f"the option{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else "no options"


def made(cls: type, options: Mapping[str, Any], what: str) -> Any:
    """Object with these options.

    Raises
    ------
    InputError
        An option that the class does not have, or a value of the wrong kind.
    """
    known = fields_of(cls)
    name = getattr(cls, "name", cls.__name__)
    for option in options:
        if option not in known:
            raise InputError(f"{what} {name!r} has no option {option!r}; it takes {_listed([k for k in known if k != 'clock'])}")
    return cls(**{k: coerced(v, known[k], f"{what} {name!r}: option {k}") for k, v in options.items()})


def coerced(value: Any, default: Any, where: str) -> Any:
    """Value of a field from text or from a file, by the kind of its default.

    Raises
    ------
    InputError
        Another kind.
    """
    if isinstance(default, bool):
        truth = {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
        if truth is None:
            raise InputError(f"{where} = {value!r} must be true or false")
        return truth
    if default is None or isinstance(default, str):
        if value is not None and not isinstance(value, str):
            raise InputError(f"{where} = {value!r} must be a name")
        return value
    return _number(value, default, where)


def _number(value: Any, default: float, where: str) -> float | int:
    whole = isinstance(default, int)
    try:
        if isinstance(value, bool) or "_" in str(value):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where} = {value!r} must be a {'whole ' if whole else ''}number") from None
    if math.isnan(number) or (whole and not number.is_integer()):
        raise InputError(f"{where} = {value!r} must be a {'whole ' if whole else ''}number")
    return int(number) if whole else number


def assigned(options: Mapping[str, Any], owners: Mapping[str, type | None]) -> dict[str, dict[str, Any]]:
    """Each option to the one of solver, schedule and process that has a field of that name.

    Raises
    ------
    InputError
        Nobody has it, or two have.
    """
    result: dict[str, dict[str, Any]] = {owner: {} for owner in owners}
    for option, value in options.items():
        having = [owner for owner, cls in owners.items() if cls is not None and option in fields_of(cls)]
        if not having:
            taken = sorted({f for cls in owners.values() if cls is not None for f in fields_of(cls)} - {"clock"})
            close = difflib.get_close_matches(option, taken, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"they take {', '.join(taken) or 'none'}"
            if option in CHURN:
                hint = "churn is the solver edm_stochastic's: say -s edm_stochastic (Heun's steps with churn)"
            if option in ("model_shift", "trained_levels"):
                raise InputError(f"a shift is a flow model's, and the process is {_of(owners, 'process')}; add --process flow")
            names = ", ".join(f"{o} {c.name!r}" for o, c in owners.items() if c is not None)  # type: ignore[attr-defined]
            raise InputError(f"option {option!r} belongs to nothing here ({names}); {hint}")
        if len(having) > 1:
            raise InputError(f"option {option!r} is one of {' and of '.join(having)}; write it into the name, NAME:{option}=...")
        result[having[0]][option] = value
    return result


def _of(owners: Mapping[str, type | None], what: str) -> str:
    return repr(getattr(owners.get(what), "name", "another one"))


def option_list(items: Any) -> dict[str, Any]:
    """Options of repeated `name=value` texts, or a mapping as it is.

    Raises
    ------
    InputError
        No equals sign, or a name twice.
    """
    if items is None or isinstance(items, Mapping):
        return dict(items or {})
    result: dict[str, Any] = {}
    for item in [items] if isinstance(items, str) else items:
        name, equals, value = str(item).partition("=")
        if not equals or not name.strip():
            raise InputError(f"option {item!r} must be NAME=VALUE, such as rho=5")
        if name.strip() in result:
            raise InputError(f"option {name.strip()!r} is given twice")
        result[name.strip()] = value.strip()
    return result
