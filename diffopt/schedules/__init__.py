"""Named schedules; SCHEDULES is the table of names.

A file holds the rules of one paper or host, the table a line for each: tests, documentation, commands and pages read it.
"""

from __future__ import annotations

from diffopt.foundation.registry import LazyTable
from diffopt.processes.span import ENDS, End, Span
from diffopt.schedules.base import Schedule

#: What people run who choose none: the default, and what every answer is measured against.
HABIT = "karras"
#: The same as EDM runs it by default, beside a solver that churns.
NO_CHURN = f"{HABIT}_no_churn"

SCHEDULES: LazyTable[type[Schedule]] = LazyTable(
    "diffopt.schedules",
    {
        "karras": "fixed.k_diffusion:Karras",
        "exponential": "fixed.k_diffusion:Exponential",
        "polyexponential": "fixed.k_diffusion:Polyexponential",
        "uniform_t": "fixed.time:UniformT",
        "uniform_flow": "fixed.time:UniformFlow",
        "vp": "fixed.time:UniformVP",
        "quadratic_t": "fixed.time:QuadraticT",
        "edm_vp": "fixed.edm:EDMVP",
        "edm_iddpm": "fixed.edm:EDMIDDPM",
        "cosine": "fixed.curves:Cosine",
        "sigmoid": "fixed.curves:Sigmoid",
        "sigmoid_beta": "fixed.curves:SigmoidBeta",
        "kl_optimal": "fixed.curves:KLOptimal",
        "laplace": "fixed.curves:Laplace",
        "simple": "fixed.comfyui:Simple",
        "normal": "fixed.comfyui:Normal",
        "sgm_uniform": "fixed.comfyui:SGMUniform",
        "ddim_uniform": "fixed.comfyui:DDIMUniform",
        "beta": "fixed.comfyui:Beta",
        "beta57": "fixed.comfyui:Beta57",
        "beta_sigma": "fixed.diffusers:BetaSigma",
        "linear_quadratic": "fixed.comfyui:LinearQuadratic",
        "linspace": "fixed.diffusers:Linspace",
        "leading": "fixed.diffusers:Leading",
        "trailing": "fixed.diffusers:Trailing",
        "flow_shift": "fixed.flow:FlowShift",
        "flux_shift": "fixed.flow:FluxShift",
        "flux2_mu": "fixed.flow:Flux2Shift",
        "logit_normal": "fixed.flow:LogitNormal",
        "bong_tangent": "fixed.flow:BongTangent",
        "dmn_pixel": "fixed.dmn:DMNPixel",
        "dmn_latent": "fixed.dmn:DMNLatent",
        "ays_sd15": "published.tables:AYSSD15",
        "ays_sdxl": "published.tables:AYSSDXL",
        "ays_svd": "published.tables:AYSSVD",
        "ays_if": "published.tables:AYSIF",
        "gits_sd15": "published.tables:GITSSD15",
        "oss_flux": "published.tables:OSSFlux",
        "oss_wan": "published.tables:OSSWan",
        "oss_chroma": "published.tables:OSSChroma",
        "tangent_w2": "spectral.tangent:TangentW2",
        "tangent_kl": "spectral.tangent:TangentKL",
        "tangent_moment_w2": "spectral.tangent:TangentMomentW2",
        "tangent_moment_kl": "spectral.tangent:TangentMomentKL",
        "klub": "spectral.path_kl:KLUB",
        "em_path_kl": "spectral.path_kl:EMPathKL",
        "fisher_rao": "spectral.geometry:FisherRao",
        "entropic": "spectral.entropic:Entropic",
        "entropic_rescaled": "spectral.entropic:EntropicRescaled",
        "entropic_spectral": "spectral.entropic:EntropicSpectral",
        "score_corrector": "spectral.score_optimal:ScoreOptimalCorrector",
        "score_predictor": "spectral.score_optimal:ScoreOptimalPredictor",
        "constant_rate_x": "spectral.constant_rate:ConstantRateX",
        "constant_rate_eps": "spectral.constant_rate:ConstantRateEps",
        "constant_rate_w2": "spectral.constant_rate:ConstantRateW2",
        "curvature": "spectral.geometry:Curvature",
        "gits_l2": "spectral.gits:GITSL2",
        "gits_dev": "spectral.gits:GITSDev",
        "oss": "spectral.oss:OptimalStepsize",
        "elbo_dp": "spectral.likelihood:ELBOProgram",
        "analytic_dpm_dp": "spectral.likelihood:AnalyticDPMProgram",
        "adaptive_sde": "spectral.adaptive:AdaptiveSDE",
        "dpm_adaptive": "spectral.adaptive:DPMAdaptive",
        "first_order": "spectral.leading_order:FirstOrder",
        "first_order_heun": "spectral.leading_order:FirstOrderHeun",
        "first_order_2m": "spectral.leading_order:FirstOrder2M",
    },
)

#: Schedules with `slow = True`, known without importing them.
SLOW = frozenset(
    {
        "dmn_pixel",
        "dmn_latent",
        "tangent_w2",
        "tangent_kl",
        "klub",
        "em_path_kl",
        "fisher_rao",
        "entropic",
        "entropic_rescaled",
        "entropic_spectral",
        "score_corrector",
        "score_predictor",
        "constant_rate_x",
        "constant_rate_eps",
        "constant_rate_w2",
        "curvature",
        "gits_l2",
        "gits_dev",
        "oss",
        "elbo_dp",
        "analytic_dpm_dp",
        "adaptive_sde",
        "dpm_adaptive",
    }
)

__all__ = ["ENDS", "HABIT", "NO_CHURN", "SCHEDULES", "SLOW", "End", "Schedule", "Span"]
