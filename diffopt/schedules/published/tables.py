"""Tables of Align Your Steps, GITS and Optimal Stepsize, as published."""

from __future__ import annotations

from diffopt.schedules.published.base import Published


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
