"""Named schedules; SCHEDULES is the table of names.

One class in one file and one line in the table: tests, documentation, commands and pages read it.
"""

from __future__ import annotations

from diffopt.lazy import LazyTable
from diffopt.schedules.base import ENDS, End, Request, Schedule

SCHEDULES: LazyTable[type[Schedule]] = LazyTable(
    "diffopt.schedules",
    {
        "karras": "karras:Karras",
        "exponential": "exponential:Exponential",
        "polyexponential": "polyexponential:Polyexponential",
        "uniform_t": "uniform_t:UniformT",
        "uniform_flow": "uniform_flow:UniformFlow",
        "vp": "vp:UniformVP",
        "quadratic_t": "quadratic_t:QuadraticT",
        "edm_vp": "edm_vp:EDMVP",
        "edm_iddpm": "edm_iddpm:EDMIDDPM",
        "cosine": "cosine:Cosine",
        "sigmoid": "sigmoid:Sigmoid",
        "sigmoid_beta": "sigmoid_beta:SigmoidBeta",
        "kl_optimal": "tangent:KLOptimal",
        "laplace": "laplace:Laplace",
        "simple": "simple:Simple",
        "normal": "normal:Normal",
        "sgm_uniform": "sgm_uniform:SGMUniform",
        "ddim_uniform": "ddim_uniform:DDIMUniform",
        "beta": "beta:Beta",
        "beta57": "beta57:Beta57",
        "beta_sigma": "beta_sigma:BetaSigma",
        "linear_quadratic": "linear_quadratic:LinearQuadratic",
        "linspace": "linspace:Linspace",
        "leading": "leading:Leading",
        "trailing": "trailing:Trailing",
        "flow_shift": "flow_shift:FlowShift",
        "flux_shift": "flux_shift:FluxShift",
        "dmn_pixel": "dmn_pixel:DMNPixel",
        "dmn_latent": "dmn_latent:DMNLatent",
        "ays_sd15": "ays_sd15:AYSSD15",
        "ays_sdxl": "ays_sdxl:AYSSDXL",
        "ays_svd": "ays_svd:AYSSVD",
        "ays_if": "ays_if:AYSIF",
        "gits_sd15": "gits_sd15:GITSSD15",
        "oss_flux": "oss_flux:OSSFlux",
        "oss_wan": "oss_wan:OSSWan",
        "oss_chroma": "oss_chroma:OSSChroma",
        "tangent_w2": "tangent_w2:TangentW2",
        "tangent_kl": "tangent_kl:TangentKL",
        "tangent_moment_w2": "tangent_moment_w2:TangentMomentW2",
        "tangent_moment_kl": "tangent_moment_kl:TangentMomentKL",
        "klub": "klub:KLUB",
        "em_path_kl": "em_path_kl:EMPathKL",
        "fisher_rao": "fisher_rao:FisherRao",
        "entropic": "entropic:Entropic",
        "entropic_rescaled": "entropic_rescaled:EntropicRescaled",
        "entropic_spectral": "entropic_spectral:EntropicSpectral",
        "score_corrector": "score_corrector:ScoreOptimalCorrector",
        "score_predictor": "score_predictor:ScoreOptimalPredictor",
        "constant_rate_x": "constant_rate_x:ConstantRateX",
        "constant_rate_eps": "constant_rate_eps:ConstantRateEps",
        "constant_rate_w2": "constant_rate_w2:ConstantRateW2",
        "curvature": "curvature:Curvature",
        "gits_l2": "gits_l2:GITSL2",
        "gits_dev": "gits_dev:GITSDev",
        "oss": "oss:OptimalStepsize",
        "elbo_dp": "elbo_dp:ELBOProgram",
        "analytic_dpm_dp": "analytic_dpm_dp:AnalyticDPMProgram",
        "adaptive_sde": "adaptive_sde:AdaptiveSDE",
        "dpm_adaptive": "dpm_adaptive:DPMAdaptive",
        "first_order": "first_order:FirstOrder",
        "first_order_heun": "first_order_heun:FirstOrderHeun",
        "first_order_2m": "first_order_2m:FirstOrder2M",
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

__all__ = ["ENDS", "SCHEDULES", "SLOW", "End", "Request", "Schedule"]
