"""Which of the solvers that were compared is advised, and which lead is not believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from diffopt.errors import UnsupportedError
from diffopt.foundation.nearness import within
from diffopt.studies.eta_claim import GAIN, Ends, Scaled, claim_over
from diffopt.studies.recommend import CANDIDATES, USUAL, Offer

#: An eta below this is none.
NONE = 1e-6
#: Why a lead by noise is not believed: over eta 0 and 1 on its own grid, over the best without noise, not on other data.
Doubt = Literal["ends", "rival", "gaussian"]
Verdict = Literal["take", "equal", "doubted", "fitted", "more"]


@dataclass(frozen=True, eq=False)
class Advice:
    """What to take.

    Attributes
    ----------
    taken : Offer
        The simplest of those that are equal.
    equal : list of Offer
        Within GAIN of the least error that is believed, that one first; at least one.
    rival : Offer or None
        The next solver, where none is equal.
    doubts : dict
        Offers whose lead by noise is not believed, and why.
    """

    taken: Offer
    equal: list[Offer]
    rival: Offer | None
    doubts: dict[Offer, Doubt] = field(default_factory=dict)

    def verdict(self, offer: Offer) -> Verdict:
        """How an offer stands beside the one that is taken."""
        if offer is self.taken:
            return "take"
        if offer in self.doubts:
            return "doubted"
        if offer.fitted:
            return "fitted"
        near = within(GAIN, offer.robust, self.equal[0].robust)
        return "equal" if near and (offer.habit or offer in self.equal) else "more"


def advice(found: Sequence[Offer]) -> Advice:
    """The simplest solver on its optimized grid among those whose error is the least that is believed, or equal to it.

    Errors of a fitted solver are those that it is fitted to, and a lead by noise counts where eq. (423) says it; such rows
    are advised where there is no other.
    """
    own = [offer for offer in found if offer.schedule == "optimized"]
    plain = [offer for offer in own if not offer.fitted]
    still = min((offer for offer in plain if offer.eta < NONE), key=lambda offer: offer.robust, default=None)
    noisy = [offer for offer in plain if offer.eta >= NONE]
    asked = {offer: doubt(offer, still) for offer in noisy if still is not None and offer.robust < still.robust}
    doubts = {offer: why for offer, why in asked.items() if why is not None}
    believed = [offer for offer in plain if offer.eta < NONE or ((still is None or offer in asked) and offer not in doubts)]
    pool = sorted(believed or plain or own, key=lambda offer: offer.robust)
    equal = [offer for offer in pool if within(GAIN, offer.robust, pool[0].robust)]
    usual = next((offer.asked for offer in found if offer.habit), USUAL.solver)
    rival = pool[len(equal)] if len(pool) > len(equal) else None
    return Advice(min(equal, key=lambda offer: _simplicity(offer, usual)), equal, rival, doubts)


def doubt(noisy: Offer, still: Offer) -> Doubt | None:
    """Why the lead of an offer with noise over the best one without is not believed; None where it is (eq. 423)."""
    try:
        own = Ends(noisy.problem, noisy.grid)
        claim = own.claim(noisy.eta) if noisy.optimized_eta else "wider"
        beside = claim_over(own, noisy.eta, Scaled(still.problem, still.grid))
    except UnsupportedError:
        return "ends"
    if beside == "no":
        return "rival"
    if claim == "no":
        return "ends"
    return None if claim == beside == "wider" else "gaussian"


def _simplicity(offer: Offer, usual: str) -> tuple[bool, bool, int]:
    """Without noise first; then the solver that people use; then the order of the candidates."""
    return offer.eta >= NONE, offer.asked != usual, CANDIDATES.index(offer.asked)
