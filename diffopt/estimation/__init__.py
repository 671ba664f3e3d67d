"""From samples to a covariance spectrum.

Rooms, from the bytes up: `decoding` (numbers of one member of a file), `members` (what lies in a folder or an archive) and
`readers` (a file per format); `sources` (where samples come from, as scaled float64 blocks) and `tables` (columns of text);
`sums` (what one sweep accumulates) and `engines` (the sweep, here or on workers); `methods` (a spectrum from sums) with their
`correction` for few samples; `estimate`, which puts them together; and what runs it many times, `bootstrap` and `ensembles`.
"""

from diffopt.estimation.estimate import estimate
from diffopt.estimation.result import Estimate

__all__ = ["Estimate", "estimate"]
