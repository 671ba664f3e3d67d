"""Align Your Steps for Stable Diffusion 1.5."""

from __future__ import annotations

from diffopt.schedules.published import Published


class AYSSD15(Published):
    """The table found by Align Your Steps for Stable Diffusion 1.5, 10 steps.

    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page; diffusers, AysSchedules.
    """

    name = "ays_sd15"
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page; diffusers, AysSchedules"
    formula = "published table, 10 steps"
    tables = (
        (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029),
    )
