"""Optimal Stepsize for Wan."""

from __future__ import annotations

from diffopt.schedules.published import Published


class OSSWan(Published):
    """The table found by Optimal Stepsize for the video model Wan, 20 steps, given as flow times; 1 is read as 0.9999.

    Reference: Pei, Hu, Gu 2025, arXiv:2503.21774; ComfyUI, OptimalStepsScheduler.
    """

    name = "oss_wan"
    reference = "Pei, Hu, Gu 2025, arXiv:2503.21774; ComfyUI, OptimalStepsScheduler"
    formula = "published table of flow times, 20 steps"
    flow = True
    tables = (
        (
            1.0, 0.997, 0.995, 0.993, 0.991, 0.989, 0.987, 0.985, 0.98, 0.975, 0.973, 0.968, 0.96, 0.946, 0.927,
            0.902, 0.864, 0.776, 0.539, 0.208, 0.001,
        ),
    )
