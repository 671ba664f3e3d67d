"""What EDM's churn does to a run, for people: what it repairs, of which data that is said, and when to leave it out."""

from __future__ import annotations

import math

from diffopt.report.gain import gain, number
from diffopt.report.plain_data import PlainData

#: Why that sigma_max (docs/theory.md, eq. 441).
QUARTER = "the start's error in frechet is then a quarter of the steps'"
#: Least relative gain in the error that was minimized that is worth a churn.
GAIN = 0.02
#: What a part of the error is, and what else mends it.
PARTS = {
    "start": "the start law", "steps": "the steps, as a better grid or more of them do", "score": "the score's own error",
}  # fmt: skip
ADVICE = "give --score-error curve:FILE, measured from your loss curve, before you use churn."


def errors(churn: PlainData, name: str) -> tuple[float, float]:
    """Error with churn and without: `frechet` where that was minimized, else `robust`."""
    if name == "frechet":
        own, without = churn["frechet"]
        return own, without
    own, without = (math.sqrt(max(sum(pair[i] for pair in churn["parts"].values()), 0.0)) for i in (0, 1))
    return own, without


def idle(churn: PlainData | None, name: str) -> bool:
    """Whether a churn gains next to nothing in what was minimized."""
    if churn is None:
        return False
    own, without = errors(churn, name)
    return own > (1 - GAIN) * without


def leave_out(churn: PlainData | None, name: str, schedule: str | None = None) -> str:
    """That churn does not pay on the schedule, with its numbers where there are some."""
    where = "here" if schedule is None else f"on {schedule}"
    if churn is None:
        return f"EDM's churn does not pay {where}: s_churn 0 is as good."
    own, without = errors(churn, name)
    name = "frechet" if name == "frechet" else "robust"
    still = (churn.get("still") or {}).get(name)
    best = "" if still is None else f" The best without it has {name} {number(still)}."
    numbers = f"{name} is {number(own)} with it and {number(without)} on the same grid without"
    return f"EDM's churn does not pay {where}: {numbers}; leave it out.{best}"


def churned(data: PlainData) -> list[str]:
    """What a churn that gains repairs, and what that rests on."""
    churn = data["optimizer"].get("churn")
    return [*([] if churn is None else repaired(churn, data)), *cautions(data)]


def repaired(churn: PlainData, data: PlainData) -> list[str]:
    """What churn repairs, what it does to the exact error, and on which data that may be counted on (eqs. 426, 427)."""
    own, without = churn["frechet"]
    exact = f"frechet is {number(own)} with it and {number(without)} on the same grid without"
    if churn["repairs"] is None:
        return [f"Churn repairs neither start, steps nor score; {exact}: leave it out."]
    before, after = (sum(pair[i] for pair in churn["parts"].values()) for i in (1, 0))
    listed = ", ".join(f"{name} {number(pair[1])} to {number(pair[0])}" for name, pair in churn["parts"].items())
    below = "; below 0: it offsets a part of the others" if any(v < 0 for pair in churn["parts"].values() for v in pair) else ""
    squared = f"of robust squared ({number(before)} to {number(after)}) {listed}{below}"
    lines = [f"What churn repairs here is {PARTS[churn['repairs']]}: {squared}."]
    if churn["claim"] == "no":
        worse = f", {gain(own, without)} that" if own > without else ""
        lines.append(f"Caution: that is no gain of a twentieth in the exact error: {exact}{worse}.")
    else:
        where = {
            "gaussian": "on Gaussian data; that is not said of other data",
            "wider": "on Gaussian data, and by the rule of eta (docs/score_error.md) on others; for churn it has not been tried",
        }[churn["claim"]]
        lines.append(f"{exact[0].upper()}{exact[1:]}, {where}.")
    held = any(one.startswith("sigma_max ") for one in (data.get("optimizer") or {}).get("at_bound") or [])
    if churn["repairs"] == "start" and not held and (needed := churn.get("sigma_max_needed")):
        # Of other processes it may be their end instead.
        run = "this run without it" if churn.get("still") is None else "the best run without it"
        why = f": in {run} {QUARTER}" * (data["process"]["name"] == "ve")
        lines.append(f"--sigma-max {needed:.6g}, if the network was trained there, mends that without churn{why}.")
    return lines


def cautions(data: PlainData) -> list[str]:
    """What a gain rests on where it is no measured score error, and what is left where the score errs the other way."""
    search, error = data["optimizer"], data.get("score_error")
    churn = search.get("churn") or {}
    if not (search.get("family") or {}).get("s_churn"):
        return []
    other = churn.get("other_sign")
    sign = [_other_sign(*other["robust"])] if other else []
    if error == "function" or (error or "").startswith("random:curve:"):
        return sign
    if error is not None and "curve:" in error:
        return [f"A loss curve has no sign: taken is that of too large a score. {' '.join(sign)}".rstrip()]
    if error is not None:
        decides = "" if error.startswith("random:") or sign else ", and its sign decides (try the other one)"
        rule = f"what churn gains follows the score error {error}, a rule and not a measurement{decides}"
        return [f"Caution: {rule}; {ADVICE}", *sign]
    if churn.get("repairs") == "start":
        return [f"All of this is said with an exact score: {ADVICE}"]
    return [
        "Caution: with an exact score what churn gains is cancellation on Gaussian data: its noise, and S_noise other than 1, "
        f"offset the errors of the steps; {ADVICE}"
    ]


def _other_sign(own: float, without: float) -> str:
    """What the same churn does where the score errs the other way."""
    told = f"With the other sign robust is {number(own)} with this churn and {number(without)} on the same grid without"
    both = own < (1 - GAIN) * without
    return f"{told}: it gains with both." if both else f"{told}: it pays with the sign that was taken alone."


def counted_on(data: PlainData) -> bool:
    """Whether a gain may be counted on: the score's error is measured, with either sign, and the exact error gains as well."""
    churn, error = (data.get("optimizer") or {}).get("churn") or {}, data.get("score_error")
    own, without = (churn.get("other_sign") or {}).get("robust") or (0.0, 1.0)
    measured = error == "function" or ("curve:" in (error or "") and own < (1 - GAIN) * without)
    return measured and churn.get("repairs") is not None and churn.get("claim") != "no"


def told_apart(data: PlainData) -> list[str]:
    """What the line without churn, which stands before the one with it, gives away."""
    churn = data["optimizer"]["churn"]
    own, without = errors(churn, "robust")
    if (still := churn.get("still")) is not None and still["robust"] is not None:
        both = f"robust {number(still['robust'])}, with it {number(own)}"
        return [f"Until that is sure, the best without churn, on its own grid ({both}):"]
    numbers = f"robust {number(without)}, with it {number(own)}"
    return [
        "The best without churn: the same call with -s heun, without flags of churn.",
        f"Until that is sure, this run with its churn left out ({numbers}):",
    ]
