"""Schedules that programs offer by a name of their own; everything else goes in as numbers."""

from __future__ import annotations

from diffopt.studies.comparison.row import OWN

#: Host -> our schedule -> where it is chosen there; a bracket names what can be set beside it.
#:
#: ComfyUI: comfy/samplers.py (SCHEDULER_HANDLERS), comfy_extras/nodes_custom_sampler.py, nodes_align_your_steps.py,
#: nodes_gits.py, nodes_optimalsteps.py; bong_tangent and beta57 by RES4LYF. Forge: modules/sd_schedulers.py, whose Beta is
#: linear in sigma.
#: diffusers 0.42.1: schedulers. k-diffusion: sampling.py. stable-diffusion.cpp: scheduler_to_str. EDM: generate.py.
#: physicsnemo: diffusion/noise_schedulers.
OFFERED: dict[str, dict[str, str]] = {
    "comfyui": {
        "simple": "simple", "sgm_uniform": "sgm_uniform", "karras": "karras; KarrasScheduler (rho)", "exponential": "exponential",
        "ddim_uniform": "ddim_uniform", "beta": "beta; BetaSamplingScheduler (alpha, beta)", "normal": "normal",
        "linear_quadratic": "linear_quadratic", "kl_optimal": "kl_optimal",
        "polyexponential": "PolyexponentialScheduler (rho)", "laplace": "LaplaceScheduler (mu, beta)",
        "vp": "VPScheduler (beta_d, beta_min, eps_s)", "ays_sd15": "AlignYourStepsScheduler SD1",
        "ays_sdxl": "AlignYourStepsScheduler SDXL", "ays_svd": "AlignYourStepsScheduler SVD",
        "gits_sd15": "GITSScheduler (coeff)", "oss_flux": "OptimalStepsScheduler FLUX", "oss_wan": "OptimalStepsScheduler Wan",
        "oss_chroma": "OptimalStepsScheduler Chroma", "bong_tangent": "bong_tangent of RES4LYF", "beta57": "beta57 of RES4LYF",
    },
    "forge": {
        "karras": "Karras (rho)", "exponential": "Exponential", "polyexponential": "Polyexponential (rho)",
        "sgm_uniform": "SGM Uniform", "kl_optimal": "KL Optimal", "ays_sd15": "Align Your Steps", "ays_sdxl": "Align Your Steps",
        "simple": "Simple", "normal": "Normal", "ddim_uniform": "DDIM", "beta_sigma": "Beta (alpha, beta)",
    },
    "diffusers": {
        "karras": "use_karras_sigmas", "exponential": "use_exponential_sigmas", "beta_sigma": "use_beta_sigmas",
        "linspace": "timestep_spacing linspace", "leading": "timestep_spacing leading", "trailing": "timestep_spacing trailing",
        "ays_sd15": "AysSchedules", "ays_sdxl": "AysSchedules", "ays_svd": "AysSchedules",
        "flow_shift": "FlowMatchEuler (shift)", "flux_shift": "FluxPipeline", "flux2_mu": "Flux2Pipeline",
    },
    "k_diffusion": {
        "karras": "get_sigmas_karras (rho)", "exponential": "get_sigmas_exponential",
        "polyexponential": "get_sigmas_polyexponential (rho)", "vp": "get_sigmas_vp (beta_d, beta_min, eps_s)",
    },
    "sd_cpp": {
        "normal": "discrete", "karras": "karras", "exponential": "exponential", "ays_sd15": "ays", "ays_sdxl": "ays",
        "ays_svd": "ays", "gits_sd15": "gits", "sgm_uniform": "sgm_uniform", "simple": "simple", "kl_optimal": "kl_optimal",
        "bong_tangent": "bong_tangent", "logit_normal": "logit_normal", "flux2_mu": "flux2", "flux_shift": "flux", "beta": "beta",
    },
    "skrample": {"karras": "Karras (rho)", "exponential": "Exponential", "polyexponential": "Exponential (rho)"},
    "edm": {"karras": "generate.py (rho)", "edm_vp": "--disc vp", "edm_iddpm": "--disc iddpm"},
    "physicsnemo": {"karras": "EDMNoiseScheduler (rho)"},
}  # fmt: skip


#: Rules of noise ratios, which programs run on s where the model is a flow, and tables of noise ratios: other grids than ours.
RATIOS = frozenset({
    "karras", "exponential", "polyexponential", "vp", "kl_optimal", "laplace", "beta_sigma", "ays_sd15", "ays_sdxl", "ays_svd",
    "gits_sd15", "edm_vp", "edm_iddpm", "linspace", "leading", "trailing",
})  # fmt: skip
#: Rules of s and tables of s: on other models programs run them on their sigmas, on another range, or have them for flow alone.
STRAIGHT = frozenset({
    "oss_flux", "oss_wan", "oss_chroma", "bong_tangent", "flow_shift", "flux_shift", "flux2_mu", "logit_normal",
})  # fmt: skip
#: Schedules of the drop-down "scheduler" of ComfyUI's own nodes (SCHEDULER_HANDLERS); the others are nodes or extensions.
DROP_DOWN = (
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic", "kl_optimal",
)  # fmt: skip
#: Rules that these programs do not run as ours on a shifted flow model: one shift instead of two, or none on Flux; diffusers'
#: pipelines end at 1/N and not at sigma_min.
SHIFTED_ELSEWHERE = {"sd_cpp": ("normal", "sgm_uniform", "flux_shift", "flux2_mu"), "forge": ("normal", "sgm_uniform"),
                     "diffusers": ("flow_shift", "flux_shift", "flux2_mu")}  # fmt: skip
#: Rules that pick from a flow model's shifted levels.
FOLLOWING = ("simple", "normal", "sgm_uniform", "ddim_uniform", "beta", "beta57", "linspace", "leading", "trailing")


def offering(schedule: str, flow: bool = False) -> dict[str, str]:
    """Where each host offers a schedule, by host; with options (`karras:rho=5`) only where one can set them."""
    if schedule == OWN:
        return {"diffusers": "its own"}
    name, colon, _ = schedule.partition(":")
    places = {host: known[name] for host, known in OFFERED.items() if name in known}
    if not flow and name in STRAIGHT:
        return {}
    if flow:
        places = {h: p for h, p in places.items() if name not in RATIOS and name not in SHIFTED_ELSEWHERE.get(h, ())}
    return {host: place for host, place in places.items() if not colon or "(" in place}


def namesake(schedule: str, flow: bool = False, host: str | None = None) -> bool:
    """Whether what the host, or any, runs by that name is another grid on such a process: no reason to look for it there."""
    name = schedule.partition(":")[0]
    named, ours = {h for h, known in OFFERED.items() if name in known}, offering(name, flow)
    return not ours and bool(named) if host is None else host in named and host not in ours
