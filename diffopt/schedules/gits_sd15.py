"""GITS for Stable Diffusion 1.5."""

from __future__ import annotations

from diffopt.schedules.published import Published


class GITSSD15(Published):
    """The tables found by GITS for Stable Diffusion 1.5 with its default coefficient 1.20, 6, 10, 15 and 20 steps.

    Reference: Chen et al. 2024, arXiv:2405.11326; ComfyUI, GITSScheduler.
    """

    name = "gits_sd15"
    reference = "Chen et al. 2024, arXiv:2405.11326; ComfyUI, GITSScheduler"
    formula = "published tables, coefficient 1.20"
    tables = (
        (14.61464119, 5.85520077, 2.05039096, 0.95350921, 0.45573691, 0.17026083, 0.02916753),
        (
            14.61464119, 5.85520077, 2.84484982, 1.67050016, 1.08895338, 0.74807048, 0.50118381, 0.32104823,
            0.19894916, 0.09824532, 0.02916753,
        ),
        (
            14.61464119, 7.49001646, 4.65472794, 3.07277966, 2.12350607, 1.51179266, 1.08895338, 0.83188516,
            0.64427125, 0.50118381, 0.38853383, 0.29807833, 0.22545385, 0.17026083, 0.09824532, 0.02916753,
        ),
        (
            14.61464119, 7.49001646, 4.65472794, 3.07277966, 2.19988537, 1.61558151, 1.24153244, 0.95350921,
            0.74807048, 0.59516323, 0.50118381, 0.41087446, 0.34370604, 0.29807833, 0.25053367, 0.22545385,
            0.19894916, 0.17026083, 0.13792117, 0.09824532, 0.02916753,
        ),
    )
