"""Align Your Steps for Stable Video Diffusion."""

from __future__ import annotations

from diffopt.schedules.published import Published


class AYSSVD(Published):
    """The table found by Align Your Steps for Stable Video Diffusion, 10 steps.

    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page; diffusers, AysSchedules.
    """

    name = "ays_svd"
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page; diffusers, AysSchedules"
    formula = "published table, 10 steps"
    tables = (
        (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
    )
