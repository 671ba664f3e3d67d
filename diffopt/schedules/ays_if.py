"""Align Your Steps for DeepFloyd-IF."""

from __future__ import annotations

from diffopt.schedules.published import Published


class AYSIF(Published):
    """The table found by Align Your Steps for the pixel model DeepFloyd-IF, stage 1, 10 steps.

    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page.
    """

    name = "ays_if"
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page"
    formula = "published table, 10 steps"
    tables = (
        (160.41, 8.081, 3.315, 1.885, 1.207, 0.785, 0.553, 0.293, 0.186, 0.030, 0.006),
    )
