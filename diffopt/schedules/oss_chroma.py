"""Optimal Stepsize for Chroma."""

from __future__ import annotations

from diffopt.schedules.published import Published


class OSSChroma(Published):
    """The table found by Optimal Stepsize for Chroma, 40 steps, given as flow times.

    Reference: Pei, Hu, Gu 2025, arXiv:2503.21774; ComfyUI, OptimalStepsScheduler.
    """

    name = "oss_chroma"
    reference = "Pei, Hu, Gu 2025, arXiv:2503.21774; ComfyUI, OptimalStepsScheduler"
    formula = "published table of flow times, 40 steps"
    flow = True
    tables = (
        (
            0.992, 0.99, 0.988, 0.985, 0.982, 0.978, 0.973, 0.968, 0.961, 0.953, 0.943, 0.931, 0.917, 0.9, 0.881,
            0.858, 0.832, 0.802, 0.769, 0.731, 0.69, 0.646, 0.599, 0.55, 0.501, 0.451, 0.402, 0.355, 0.311, 0.27,
            0.232, 0.199, 0.169, 0.143, 0.12, 0.101, 0.084, 0.07, 0.058, 0.048, 0.001,
        ),
    )
