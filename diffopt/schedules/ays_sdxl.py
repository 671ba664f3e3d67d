"""Align Your Steps for SDXL."""

from __future__ import annotations

from diffopt.schedules.published import Published


class AYSSDXL(Published):
    """The table found by Align Your Steps for Stable Diffusion XL, 10 steps.

    Reference: Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page; diffusers, AysSchedules.
    """

    name = "ays_sdxl"
    reference = "Sabour, Fidler, Kreis 2024, arXiv:2404.14507, project page; diffusers, AysSchedules"
    formula = "published table, 10 steps"
    tables = (
        (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029),
    )
