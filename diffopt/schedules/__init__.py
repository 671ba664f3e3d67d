"""Named schedules; SCHEDULES is the table of names.

One class in one file and one line in a group below: tests, documentation, commands and pages read the table.
"""

from __future__ import annotations

from diffopt.schedules.adaptive_sde import AdaptiveSDE
from diffopt.schedules.analytic_dpm_dp import AnalyticDPMProgram
from diffopt.schedules.ays_if import AYSIF
from diffopt.schedules.ays_sd15 import AYSSD15
from diffopt.schedules.ays_sdxl import AYSSDXL
from diffopt.schedules.ays_svd import AYSSVD
from diffopt.schedules.base import ENDS, End, Request, Schedule
from diffopt.schedules.beta import Beta
from diffopt.schedules.beta57 import Beta57
from diffopt.schedules.beta_sigma import BetaSigma
from diffopt.schedules.constant_rate_eps import ConstantRateEps
from diffopt.schedules.constant_rate_w2 import ConstantRateW2
from diffopt.schedules.constant_rate_x import ConstantRateX
from diffopt.schedules.cosine import Cosine
from diffopt.schedules.curvature import Curvature
from diffopt.schedules.ddim_uniform import DDIMUniform
from diffopt.schedules.dmn_latent import DMNLatent
from diffopt.schedules.dmn_pixel import DMNPixel
from diffopt.schedules.dpm_adaptive import DPMAdaptive
from diffopt.schedules.edm_iddpm import EDMIDDPM
from diffopt.schedules.edm_vp import EDMVP
from diffopt.schedules.elbo_dp import ELBOProgram
from diffopt.schedules.em_path_kl import EMPathKL
from diffopt.schedules.entropic import Entropic
from diffopt.schedules.entropic_rescaled import EntropicRescaled
from diffopt.schedules.entropic_spectral import EntropicSpectral
from diffopt.schedules.exponential import Exponential
from diffopt.schedules.first_order import FirstOrder
from diffopt.schedules.first_order_2m import FirstOrder2M
from diffopt.schedules.first_order_heun import FirstOrderHeun
from diffopt.schedules.fisher_rao import FisherRao
from diffopt.schedules.flow_shift import FlowShift
from diffopt.schedules.flux_shift import FluxShift
from diffopt.schedules.gits_dev import GITSDev
from diffopt.schedules.gits_l2 import GITSL2
from diffopt.schedules.gits_sd15 import GITSSD15
from diffopt.schedules.karras import Karras
from diffopt.schedules.klub import KLUB
from diffopt.schedules.laplace import Laplace
from diffopt.schedules.leading import Leading
from diffopt.schedules.linear_quadratic import LinearQuadratic
from diffopt.schedules.linspace import Linspace
from diffopt.schedules.normal import Normal
from diffopt.schedules.oss import OptimalStepsize
from diffopt.schedules.oss_chroma import OSSChroma
from diffopt.schedules.oss_flux import OSSFlux
from diffopt.schedules.oss_wan import OSSWan
from diffopt.schedules.polyexponential import Polyexponential
from diffopt.schedules.quadratic_t import QuadraticT
from diffopt.schedules.score_corrector import ScoreOptimalCorrector
from diffopt.schedules.score_predictor import ScoreOptimalPredictor
from diffopt.schedules.sgm_uniform import SGMUniform
from diffopt.schedules.sigmoid import Sigmoid
from diffopt.schedules.sigmoid_beta import SigmoidBeta
from diffopt.schedules.simple import Simple
from diffopt.schedules.tangent import KLOptimal
from diffopt.schedules.tangent_kl import TangentKL
from diffopt.schedules.tangent_moment_kl import TangentMomentKL
from diffopt.schedules.tangent_moment_w2 import TangentMomentW2
from diffopt.schedules.tangent_w2 import TangentW2
from diffopt.schedules.trailing import Trailing
from diffopt.schedules.uniform_flow import UniformFlow
from diffopt.schedules.uniform_t import UniformT
from diffopt.schedules.vp import UniformVP

#: Rules of a range of noise ratios (and of a training table).
_FIXED: tuple[type[Schedule], ...] = (
    Karras, Exponential, Polyexponential, UniformT, UniformFlow, UniformVP, QuadraticT, EDMVP, EDMIDDPM,
    Cosine, Sigmoid, SigmoidBeta, KLOptimal, Laplace, Simple, Normal, SGMUniform, DDIMUniform, Beta, Beta57,
    BetaSigma, LinearQuadratic, Linspace, Leading, Trailing, FlowShift, FluxShift, DMNPixel, DMNLatent,
)  # fmt: skip

#: Published numbers.
_TABLES: tuple[type[Schedule], ...] = (
    AYSSD15, AYSSDXL, AYSSVD, AYSIF, GITSSD15, OSSFlux, OSSWan, OSSChroma,
)  # fmt: skip

#: Designs computed from the data's spectrum.
_SPECTRUM: tuple[type[Schedule], ...] = (
    TangentW2, TangentKL, TangentMomentW2, TangentMomentKL, KLUB, EMPathKL, FisherRao, Entropic,
    EntropicRescaled, EntropicSpectral, ScoreOptimalCorrector, ScoreOptimalPredictor, ConstantRateX,
    ConstantRateEps, ConstantRateW2, Curvature, GITSL2, GITSDev, OptimalStepsize, ELBOProgram,
    AnalyticDPMProgram, AdaptiveSDE, DPMAdaptive, FirstOrder, FirstOrderHeun, FirstOrder2M,
)  # fmt: skip

SCHEDULES: dict[str, type[Schedule]] = {cls.name: cls for cls in (*_FIXED, *_TABLES, *_SPECTRUM)}

__all__ = ["ENDS", "SCHEDULES", "End", "Request", "Schedule"]
