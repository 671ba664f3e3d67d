"""Which axis of a sample holds channels: what is certain, what is assumed, what has to be asked."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt.errors import InputError

#: Axes with at most this many entries hold channels (grey, two halves, RGB, RGBA or a latent of 4).
FEW = 4
#: Sizes of the channel axis of common latents, and of leads of signals.
USUAL = (8, 12, 16, 32, 48, 64, 96, 128)
#: Channels of pictures and latents.
PICTURES = (3, 4, 16)
WORDS = ("auto", "first", "last", "none")


@dataclass(frozen=True)
class Channels:
    """The choice.

    Attributes
    ----------
    axis : int or None
        Axis of a sample that holds channels; None for none.
    doubt : str or None
        Why it cannot be known; who needs the axis has to ask.
    """

    axis: int | None
    doubt: str | None = None


def channels_of(shape: tuple[int, ...], choice: str) -> Channels:
    """Axis of a sample that holds channels.

    `auto` takes, for samples with three axes, the first or last one if it has at most 4 or a usual number of entries
    and the two others are equal; else the only one of both with at most 4. With four axes (video, volumes) it takes an
    only axis of 3 at the second or last place.

    Raises
    ------
    InputError
        Not a word or an axis of the sample.
    """
    if choice == "none":
        return Channels(None)
    if choice != "auto":
        return Channels(_named(shape, choice))
    if len(shape) < 2:
        return Channels(None)
    if len(shape) == 2:
        return _two(shape)
    return _three(shape) if len(shape) == 3 else _many(shape)


def check_choice(choice: str) -> None:
    """Refuse what is neither a word nor a number.

    Raises
    ------
    InputError
        Another text.
    """
    if choice not in WORDS and not (choice.isascii() and choice.isdigit()):
        raise InputError(f"channels must be {', '.join(WORDS)} or the number of an axis from 0, got {choice!r}")


def _named(shape: tuple[int, ...], choice: str) -> int:
    check_choice(choice)
    if len(shape) < 2:
        raise InputError(f"--channels {choice} needs samples with 2 axes or more, got shape {shape}")
    axis = {"first": 0, "last": len(shape) - 1}.get(choice)
    axis = int(choice) if axis is None else axis
    if axis >= len(shape):
        raise InputError(f"--channels {choice}: samples of shape {shape} have axes 0 to {len(shape) - 1}")
    _check_end(shape, choice, axis)
    return axis


def _check_end(shape: tuple[int, ...], choice: str, axis: int) -> None:
    """Refuse `first` or `last` for a side of a picture that has its channels at the other end; a number is taken as it is."""
    if choice not in ("first", "last") or len(shape) != 3:
        return
    other, word = (2, "last") if axis == 0 else (0, "first")
    if shape[other] in PICTURES and shape[axis] > max(PICTURES):
        raise InputError(
            f"--channels {choice}: samples of shape {shape} have {shape[axis]} entries there and {shape[other]} on the {word} "
            f"axis: say --channels {word}, or --channels {axis} if the {shape[axis]} are channels"
        )


def _two(shape: tuple[int, ...]) -> Channels:
    """A picture, or a few signals side by side."""
    small = min(shape)
    if 1 < small <= 16 and max(shape) >= 8 * small:
        return Channels(None, f"axis {shape.index(small)} ({small}) could hold channels or be a side")
    return Channels(None)


def _three(shape: tuple[int, ...]) -> Channels:
    for axis, sides in ((0, shape[1:]), (2, shape[:2])):
        if sides[0] == sides[1] != shape[axis] and (shape[axis] <= FEW or shape[axis] in USUAL):
            return Channels(axis)
    few = [axis for axis in (0, 2) if shape[axis] <= FEW]
    if few:
        return Channels(few[0], f"axes 0 ({shape[0]}) and 2 ({shape[2]}) are both small" if len(few) == 2 else None)
    return Channels(None, "no axis has 4 entries or fewer, so any or none could hold channels")


def _many(shape: tuple[int, ...]) -> Channels:
    small = [axis for axis, n in enumerate(shape) if n <= FEW]
    if len(small) == 1 and shape[small[0]] == 3 and small[0] in (1, len(shape) - 1):
        return Channels(small[0])
    return Channels(None, "with four axes or more the one of the channels cannot be known")
