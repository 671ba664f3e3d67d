"""First derivatives of analytic functions without differences: Im f(x + i h) / h."""

from __future__ import annotations

#: Its square vanishes beside 1 in double precision, so nothing cancels and nothing is cut off.
STEP = 1e-30
