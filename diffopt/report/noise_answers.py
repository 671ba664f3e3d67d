"""Answers on injected noise: whether the present eta is good, what to set, and of which data that is said."""

from __future__ import annotations

from collections.abc import Sequence

from diffopt.foundation.nearness import within
from diffopt.report.answers import NEAR
from diffopt.report.cancellation import CANCELS, cancels, flattered
from diffopt.report.gain import gain, number
from diffopt.report.plain_data import PlainData
from diffopt.report.text import NOISELESS
from diffopt.schedules import HABIT

#: Least relative gain that is worth a word.
GAIN = 0.05
#: Where a claim holds beyond Gaussian data.
WIDER = "also where data with this spectrum are not Gaussian"


def noise(data: PlainData) -> list[str]:
    """Whether the present eta is good and what to set; then what is better on Gaussian data alone, and what that rests on."""
    if any("beats_present" not in row for row in data["rows"]):
        return ["This document does not say what holds where data are not Gaussian: run diffopt eta again."]
    chosen, now = advised(data), data["present"]
    if now is None:
        setting = _capital(_setting(chosen, data)) + _sense(chosen, data)
        return [f"The present setting has no finite error here. {setting}: exact error {number(chosen['exact'])}."]
    best = min(data["rows"], key=lambda row: row["exact"])
    keep = f"Keep the {_now(now, data)}"
    if chosen is not now:
        head = _capital(_setting(chosen, data)) + _sense(chosen, data)
        first = f"{head}: exact error {number(chosen['exact'])} on Gaussian data, {_told(chosen, now, data)}"
    elif now["exact"] <= best["exact"]:
        return [f"{keep}: nothing that was tried is better."]
    elif within(NEAR, now["exact"], best["exact"]):
        return [f"{keep}: it is within {100 * NEAR:g} % of the best."]
    elif best["exact"] >= (1 - GAIN) * now["exact"]:
        return [f"{keep}: nothing that was tried gains a twentieth on it."]
    else:
        first = f"{keep}, exact error {number(now['exact'])}: nothing gains a twentieth on it {WIDER}."
    return [first, *_alone(best, chosen, data)]


def advised(data: PlainData) -> PlainData:
    """The row that is to be set, or the present setting."""
    place = data.get("advised")
    row: PlainData = data["present"] if place is None else data["rows"][place]
    return row


def _told(chosen: PlainData, now: PlainData, data: PlainData) -> str:
    """The gain over the present setting on Gaussian data, of which the factor is, and what of it other data may have."""
    told = f"{gain(chosen['exact'], now['exact'])} the {_now(now, data)} ({number(now['exact'])}). It gains {WIDER}."
    if not flattered(chosen, now):
        return told
    left = "With no step's error cancelling" if cancels(chosen) else "To leading order"
    return f"{told} {left} (absolute) it is {gain(chosen['absolute'], now['absolute'])}: do not count on more there."


def _now(now: PlainData, data: PlainData) -> str:
    """The present setting, and whether anybody set it."""
    return f"{'present' if data.get('present_given', True) else 'default'} eta {_eta(now)}"


def _alone(best: PlainData, chosen: PlainData, data: PlainData) -> list[str]:
    """The least exact error, where it is not the advised one's, and why it is not advised."""
    now = data["present"]
    if best is chosen or best["exact"] >= (1 - GAIN) * chosen["exact"]:
        return []
    setting, compared = _setting(best, data)[4:], gain(best["exact"], now["exact"])
    if cancels(best) and flattered(best, now) and best["absolute"] > (1 - GAIN) * now["absolute"]:
        less = f"{number(best['exact'])} on Gaussian data, {compared} the present one"
        return [f"Not advised: {setting}. Its exact error, {less}, is small only because errors of its steps cancel."]
    if best["beats_present"] == "wider":
        text = f"The least exact error, {number(best['exact'])}, has {setting}, {compared} the present one"
    else:
        text = f"On Gaussian data alone, {setting} has exact error {number(best['exact'])}, {compared} the present one"
    if not flattered(best, now):
        return [f"{text}." if best["beats_present"] == "wider" else f"{text}; that is not said of other data."]
    if cancels(best):
        needed = "an exact score" if data.get("score_error") is None else "just this score error"
        text += f", by errors of the steps that cancel each other, which needs {needed}. With none cancelling"
    else:
        text += ". To leading order"
    count = "more" if best["absolute"] < now["absolute"] else "it"
    return [f"{text} (absolute) it is {gain(best['absolute'], now['absolute'])}: do not count on {count}."]


def _setting(row: PlainData, data: PlainData) -> str:
    """`set eta ...`, in another clock than the present one by name."""
    now = data["present"]
    where = f" in the {row['clock']} clock" if row["clock"] and (now is None or now["clock"] != row["clock"]) else ""
    setting = {
        "none": f"set eta 0{where}, no noise",
        "constant": f"set eta {_eta(row)}{where}",
        "window": f"set eta in a window of sigma{where}, {_window(row, data.get('sigmas') or ())}",
        "per_step": f"set eta per step{where}, {number(min(row['eta']))} to {number(max(row['eta']))} (each in --format json)",
    }[row["design"]]
    return setting


def _eta(row: PlainData) -> str:
    low, high = min(row["eta"]), max(row["eta"])
    return number(high) if high - low <= 1e-3 * max(high, 1e-12) else f"{number(low)} to {number(high)}"


def _sense(row: PlainData, data: PlainData) -> str:
    meaning = data["eta_meaning"]
    return f" (in the sense of {meaning})" if meaning and row["design"] != "none" else ""


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _window(chosen: PlainData, sigmas: Sequence[float | None]) -> str:
    """Where the noise goes: the largest eta, and the noise ratios at whose steps it is a tenth of that or more."""
    top = max(chosen["eta"])
    inside = [sigma for sigma, eta in zip(sigmas, chosen["eta"], strict=False) if eta >= top / 10]
    if not inside:
        return f"up to {number(top)}"
    high = "pure noise" if inside[0] is None else f"sigma {number(inside[0])}"
    low = f" down to {number(inside[-1])}" if inside[-1] is not None and len(inside) > 1 else ""
    return f"up to {number(top)}, at the steps from {high}{low} (each in --format json)"


#: What is said of a constant eta, the most first.
CLAIMS = ("wider", "gaussian", "no")


def beats_ends(claim: str | None, eta: float) -> list[str]:
    """What is said of a constant eta against none and 1, and of which data: benchmarks/eta_gain.py tries these sentences."""
    if not claim or eta < NOISELESS:
        return []
    return [{
        "wider": f"A constant eta of {number(eta)} beats both 0 and 1, {WIDER}.",
        "gaussian": f"A constant eta of {number(eta)} beats both 0 and 1 on Gaussian data; that is not said of other data.",
        "no": f"A constant eta of {number(eta)} does not gain a twentieth over both 0 and 1 on this grid.",
    }[claim]]  # fmt: skip


def claimed(data: PlainData) -> PlainData | None:
    """The constant row that is advised; else the one, in the clock of the advice, of which most is said, the best first."""
    chosen = advised(data)
    if chosen["design"] == "constant":
        return chosen if chosen.get("beats_ends") == "wider" else None
    clock = chosen["clock"]
    rows = [row for row in data["rows"] if row.get("beats_ends") and row["clock"] == clock]
    return min(rows, key=lambda row: (CLAIMS.index(row["beats_ends"]), row["exact"]), default=None)


def searched(data: PlainData) -> list[str]:
    """What stands of a gain by a free eta in an objective in which errors of steps may cancel each other, as in `noise`."""
    name, value = data["objective"]["name"], data["objective"]["value"]
    own, habit = data["errors"].get("robust"), (data.get("baselines") or {}).get(HABIT, {})
    other, before = habit.get("robust"), habit.get(name)
    free = {"eta", "eta_per_step"} & set((data.get("optimizer") or {}).get("free") or ())
    if not (free and value and own and other and before) or before / value <= CANCELS * other / own:
        return []
    return [
        f"In {name} errors of the steps may cancel each other, on Gaussian data. In robust, which that lowers by 1.41 times at "
        f"most, it is {number(own)}, {gain(own, other)} {HABIT} ({number(other)}): do not count on more."
    ]
