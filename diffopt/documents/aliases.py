"""Names under which programs know what diffopt calls otherwise: labels of user interfaces and classes of diffusers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from diffopt.foundation.names import meant, normal

SOLVER_NAMES: dict[str, str] = {
    # Labels of A1111, Forge and ComfyUI.
    "Euler a": "euler_ancestral", "DPM2": "dpm_2", "DPM2 a": "dpm_2_ancestral", "DPM++ 2S a": "dpmpp_2s_ancestral",
    "DPM++ 2M": "dpmpp_2m", "DPM++ 3M": "dpmpp_3m", "DPM++ SDE": "dpmpp_sde", "DPM++ 2M SDE": "dpmpp_2m_sde",
    "DPM++ 3M SDE": "dpmpp_3m_sde", "DPM-Solver++": "dpmpp_2m", "DPM-Solver++(2M)": "dpmpp_2m", "UniPC": "unipc",
    "DDIM": "ddim", "DEIS": "deis", "iPNDM": "ipndm", "LMS": "lms", "Heun": "heun", "Euler": "euler",
    "SA-Solver": "sa_solver", "ER-SDE": "er_sde",
    # Classes of diffusers.
    "EulerDiscreteScheduler": "euler", "FlowMatchEulerDiscreteScheduler": "euler", "EDMEulerScheduler": "euler",
    "EulerAncestralDiscreteScheduler": "euler_ancestral", "HeunDiscreteScheduler": "heun", "DDIMScheduler": "ddim",
    "DDPMScheduler": "ddpm", "DPMSolverMultistepScheduler": "dpmpp_2m", "UniPCMultistepScheduler": "unipc",
    "KDPM2DiscreteScheduler": "dpm_2", "KDPM2AncestralDiscreteScheduler": "dpm_2_ancestral", "LMSDiscreteScheduler": "lms",
    "DEISMultistepScheduler": "deis", "IPNDMScheduler": "ipndm", "SASolverScheduler": "sa_solver",
    "DPMSolverSDEScheduler": "dpmpp_sde",
}  # fmt: skip
SCHEDULE_NAMES: dict[str, str] = {
    "shift": "flow_shift", "SGM Uniform": "sgm_uniform", "DDIM Uniform": "ddim_uniform", "KL Optimal": "kl_optimal",
    "Align Your Steps": "ays_sd15", "Polyexponential": "polyexponential", "beta 57": "beta57",
}  # fmt: skip
PROCESS_NAMES: dict[str, str] = {
    "vp": "vp_linear", "edm": "ve", "rectified flow": "flow", "flow matching": "flow", "cosine": "vp_cosine",
}  # fmt: skip
#: Samplers that programs have and no grid is optimized for, and why.
NO_SOLVERS: dict[str, str] = {
    **dict.fromkeys(
        ("LCM", "LCMScheduler", "FlowMatchLCMScheduler"), "re-noises fully at each step, which is no optimized scheme here"
    ),
    **dict.fromkeys(
        ("TCD", "TCDScheduler"), "ends at the model's smallest level instead of 0 and leaves that noise in, with a law of its own"
    ),
}
#: Samplers of ComfyUI that are one solver here with an option.
SOLVER_OPTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "uni_pc": ("unipc", {"variant": "bh1"}), "uni_pc_bh2": ("unipc", {"variant": "bh2"}),
}  # fmt: skip
OBJECTIVE_NAMES: dict[str, str] = {"w2": "frechet", "wasserstein": "frechet", "fid": "frechet"}

BY_KIND: dict[str, Mapping[str, str]] = {
    "solver": SOLVER_NAMES, "schedule": SCHEDULE_NAMES, "process": PROCESS_NAMES, "objective": OBJECTIVE_NAMES,
}  # fmt: skip
#: Meanings that are near enough to be offered and too far apart to be taken.
ONLY_OFFERED = frozenset({"fid", "cosine", "vp", "align your steps"})


def known_as(name: str, table: Iterable[str], kind: str) -> str | None:
    """Our name for another program's one, where both mean the same; None else."""
    aliases = {k: v for k, v in BY_KIND.get(kind, {}).items() if k.lower() not in ONLY_OFFERED}
    return meant(name, table, aliases)


def offered(name: str, table: Iterable[str], kind: str) -> str | None:
    """Our nearest name for one that means nearly the same."""
    return meant(name, table, BY_KIND.get(kind, {}))


def refused_solver(name: str) -> str | None:
    """Why no grid is optimized for a sampler that programs have under this name."""
    known = {normal(entry): f"{entry} {reason}" for entry, reason in NO_SOLVERS.items()}
    return known.get(normal(name))


def with_scheduler(name: str) -> str | None:
    """Advice for a label that names a sampler and a schedule, such as `DPM++ 2M Karras`."""
    for ending in ("karras", "exponential"):
        if normal(name).endswith(ending) and normal(name) != ending:
            sampler = name[: -len(ending)].strip()
            ours = meant(sampler, SOLVER_NAMES.values(), SOLVER_NAMES)
            if ours is not None:
                return f"{name!r} names two things: --solver {ours} and --schedule {ending}"
    return None
