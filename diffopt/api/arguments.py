"""Keyword arguments of the verbs: their types, and the settings they make."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import Any, ParamSpec, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from diffopt.api.flag import blank
from diffopt.api.flags import every_flag, flags_of
from diffopt.api.likes import ErrorLike, FileLike, NamesLike, NumbersLike, ObjectiveLike, ProcessLike, ScheduleLike
from diffopt.api.speech import said_in_python, spoken
from diffopt.api.takers import listed, takers
from diffopt.data.dataset import Dataset
from diffopt.documents.settings import Settings
from diffopt.documents.spectrum_file import load_dataset
from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.notes import listening, note
from diffopt.foundation.tensors import as_arrays, described
from diffopt.processes import PROCESSES, Process
from diffopt.schedules import Schedule

P = ParamSpec("P")
R = TypeVar("R")


def filled(function: Callable[P, R]) -> Callable[P, R]:
    """A public function that takes tensors as arrays, and refuses values of the wrong kind by the names of its arguments."""
    names = tuple(signature(function).parameters)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = [taken(name, value) for name, value in zip(names, args, strict=False)]
        more = {name: taken(name, value) for name, value in kwargs.items()}
        return function(*given, *args[len(given) :], **more)  # type: ignore[arg-type]

    return said_in_python(call)


#: Flags that are one number, and those that are a name or a comma list and never an array.
NUMBERS = frozenset(flag.name for flag in every_flag().values() if flag.kind in (int, float)) - {"eta"}
NAMES = frozenset((
    "solver", "process", "objective", "clock", "start", "end", "free", "method", "key", "host", "to", "metric",
    "kind", "only", "skip", "sort", "name", "grid_of", "timesteps", "design", "noise_objective", "window", "picture",
    "shrinkage", "engine",
))  # fmt: skip


def taken(name: str, value: Any) -> Any:
    """A value as the verbs take it: no tensors, numbers for what is one number, no arrays for names.

    Raises
    ------
    InputError
        Text that names nothing (blanks and commas mean no default), or a value of another kind.
    """
    if blank(value):
        raise InputError(f"{name} = {value!r} is empty; give a value, or leave it out")
    if name == "scheduler_config" and isinstance(value, str | Path):
        # Asked for by the process and by the host: what is read goes with it. Most runs have none.
        from diffopt.documents.scheduler_config import ConfigFile

        return ConfigFile(str(value))
    value = as_arrays(value, name)
    if name in NUMBERS and getattr(value, "shape", None) == ():
        value = value.item()
    if name in NUMBERS and value is not None and not isinstance(value, int | float | str):
        raise InputError(f"{name}: expected a number, got {described(value)}")
    if name in NAMES and isinstance(value, np.ndarray) and value.dtype.kind != "U":
        raise InputError(f"{name}: expected a name, got {described(value)}")
    return value


def a_name(value: Any, what: str) -> str:
    """A name that was given as text.

    Raises
    ------
    InputError
        Something else.
    """
    if not isinstance(value, str):
        raise InputError(f"{what}: expected a name, got {described(value)}")
    return value


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """A public function whose result carries the notes that were said on the way, before its own."""
    checked = filled(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with listening() as heard:
            result: Any = checked(*args, **kwargs)
        notes = tuple(map(spoken, (*heard, *result.notes)))
        changed: R = replace(result, notes=notes) if notes != result.notes else result
        return changed

    return call


def keywords(function: Callable[..., Any]) -> tuple[str, ...]:
    """Keywords that a verb declares itself, beside the flags that it shares with others."""
    return tuple(name for name, p in signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY)


@contextmanager
def telling() -> Iterator[None]:
    """What readers assume inside is said with an error too: it may be why there is one."""
    with listening() as heard:
        try:
            yield
        except DiffoptError as error:
            for line in heard:
                error.add_note(line)
            raise


class Flags(TypedDict, total=False):
    """Shared keyword arguments, the flags of the command line with underscores."""

    key: str | None
    feature_space: bool
    max_member: float | None
    eta: float | ArrayLike | None
    clock: NamesLike | None
    options: Mapping[str, object] | Iterable[str] | None
    s_churn: float | None
    s_tmin: float | None
    s_tmax: float | None
    s_noise: float | None
    process: ProcessLike | None
    beta_min: float | None
    beta_max: float | None
    alphas_cumprod: FileLike | NumbersLike | None
    betas: str | None
    scheduler_config: FileLike | None
    shift: float | str | None
    sigma_max: float | None
    sigma_min: float | None
    t_max: float | None
    t_min: float | None
    end: str | None
    start: str | None
    schedule: ScheduleLike | None
    objective: ObjectiveLike | None
    free: NamesLike | None
    score_error: ErrorLike | None


#: Arguments that say how the data are read, and nothing about the run.
READING = ("key", "feature_space", "max_member")


def check(verb: str, flags: Mapping[str, Any], own: Iterable[str] = ()) -> None:
    """Refuse keywords that the verb does not take.

    Raises
    ------
    TypeError
        Naming the nearest keyword.
    """
    check_names(verb, flags, [*own, *flags_of(verb)])


def check_names(verb: str, flags: Iterable[str], known: Collection[str]) -> None:
    """Refuse keywords that are not among those known.

    Raises
    ------
    TypeError
        Naming the nearest keyword.
    """
    for name in flags:
        if name not in known:
            others = [f"diffopt.{other}" for other in takers(name).values() if other != verb]
            close = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}"
            hint = listed(others) if others else hint
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}; {hint}")


def read(verb: str, flags: Mapping[str, Any], own: Iterable[str] = (), **more: Any) -> Settings:
    """Settings of a verb's shared flags; `more` are those it takes by name, `own` its other keywords (:func:`keywords`)."""
    check(verb, flags, own)
    schedule = flags.get("schedule")
    if not (schedule is None or isinstance(schedule, str | Schedule)):
        raise InputError(f"schedule: expected a name or an object that diffopt makes, got {described(schedule)}")
    return Settings.create(**{k: v for k, v in {**flags, **more}.items() if k not in READING})


def loaded(spectrum: Any, flags: Mapping[str, Any], host: str | None = None) -> Dataset:
    """Data of a verb, read once; `host` is the program that will run a grid.

    Raises
    ------
    InputError
        What `load_dataset` refuses, and `key` or `feature_space` where there is no file that they could be of.
    """
    file = isinstance(spectrum, str | Path) and not str(spectrum).startswith("builtin:")
    for name in READING:
        if flags.get(name) and not file:
            given = spectrum if isinstance(spectrum, str) else f"an object of type {type(spectrum).__name__}"
            raise InputError(f"--{name.replace('_', '-')} has no effect: it is for files, and the data are {given}")
    if isinstance(spectrum, str) and spectrum == "builtin:photos" and _latent(flags, host):
        note(
            f"note: {spectrum} is the spectrum of 16 x 16 x 3 patches of photographs in pixels, not of your model's latents; "
            "make yours with diffopt spectrum estimate"
        )
    data = load_dataset(spectrum, **reading(flags))
    if str(flags.get("shift")).strip().lower() == "flux":
        _flux_note(data)
    return data


#: Channels of FLUX.1's latents (configuration of its autoencoder).
FLUX_CHANNELS = 16


def _flux_note(data: Dataset) -> None:
    """Says that Flux's shift goes with the size of the picture, where the data have another than it is named for."""
    # The study takes a while to import.
    from diffopt.schedules.fixed.flow import TOKENS, flux_mu
    from diffopt.studies.shift import own_tokens

    count = own_tokens(data)
    if count is not None and (channels := round(data.spectrum.dim) // (4 * count)) != FLUX_CHANNELS:
        note(f"note: these latents have {channels} channels, those of FLUX.1 {FLUX_CHANNELS}: is this another model's spectrum?")
    if count not in (None, TOKENS):
        mu = f"{flux_mu(count):.4g}"
        note(
            f"note: --shift flux is mu {flux_mu(TOKENS):g}, that of {TOKENS} tokens, which ComfyUI has at any size; these "
            f"latents are {count} tokens, where diffusers' pipeline of FLUX.1 takes mu {mu}: --shift mu:{mu}"
        )


#: Programs whose models mostly work on latents.
LATENT_HOSTS = ("comfyui", "diffusers", "forge", "sd_cpp", "skrample")


def _latent(flags: Mapping[str, Any], host: str | None) -> bool:
    """Whether the process or the program is one of latent models."""
    given = flags.get("process")
    kind = PROCESSES.get(given.partition(":")[0]) if isinstance(given, str) else type(given)
    latents = kind is not None and issubclass(kind, Process) and kind.of_latents
    return latents or (host or "").partition(":")[0] in LATENT_HOSTS


def reading(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `load_dataset` among the flags."""
    return {
        "key": flags.get("key"),
        "feature_space": bool(flags.get("feature_space")),
        "max_member": flags.get("max_member"),
    }
