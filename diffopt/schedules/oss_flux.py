"""Optimal Stepsize for Flux."""

from __future__ import annotations

from diffopt.schedules.published import Published


class OSSFlux(Published):
    """The table found by Optimal Stepsize for Flux, 10 steps, given as flow times.

    Reference: Pei, Hu, Gu 2025, arXiv:2503.21774; ComfyUI, OptimalStepsScheduler.
    """

    name = "oss_flux"
    reference = "Pei, Hu, Gu 2025, arXiv:2503.21774; ComfyUI, OptimalStepsScheduler"
    formula = "published table of flow times, 10 steps"
    flow = True
    tables = (
        (0.9968, 0.9886, 0.9819, 0.975, 0.966, 0.9471, 0.9158, 0.8287, 0.5512, 0.2808, 0.001),
    )
