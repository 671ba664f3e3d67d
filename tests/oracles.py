"""Published samplers as literal loops in their own coordinates; nothing here comes from diffopt.

Each loop is written as its source writes it (k-diffusion's in x = x_0 + sigma n, DDIM's and DDPM's in
alpha_bar, Euler-Maruyama's in the time of the process, ...), with any denoiser. `run` and `x` are those of
oracle_run.py. ORACLES gives the loop of every solver name; new loops are written in solver_oracles.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from host_oracles import HOST_ORACLES
from named import Named
from oracle_run import Clock, Facts, Run, euler_last, in_clock
from scipy.integrate import quad
from scipy.optimize import brentq
from solver_oracles import SOLVER_ORACLES, dpmpp_3m_sde

Array = np.ndarray


class Mixture:
    """Mixture of isotropic Gaussians in the plane: posterior mean and score, both non-linear, exact."""

    def __init__(self) -> None:
        self.weight = np.array([0.5, 0.3, 0.2])
        self.mean = np.array([[1.0, -0.4], [-1.2, 0.3], [0.2, 1.5]])
        self.variance = np.array([0.09, 0.3, 0.04])

    def _parts(self, z: Array, alpha: float, noise: float) -> tuple[Array, Array, Array]:
        """Responsibilities, component variances and distances of z = alpha x_0 + noise n."""
        v = alpha**2 * self.variance + noise**2
        gap = z[..., None, :] - alpha * self.mean
        logs = np.log(self.weight) - np.log(v) - (gap**2).sum(-1) / (2 * v)
        share = np.exp(logs - logs.max(-1, keepdims=True))
        return share / share.sum(-1, keepdims=True), v, gap

    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """E[x_0 | z]."""
        share, v, gap = self._parts(z, alpha, noise)
        posterior = self.mean + (alpha * self.variance / v)[:, None] * gap
        return (share[..., None] * posterior).sum(-2)

    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """Gradient of the log density of z."""
        share, v, gap = self._parts(z, alpha, noise)
        return -(share[..., None] * gap / v[:, None]).sum(-2)


def _ve() -> Facts:
    return Facts(lambda t: 1.0, lambda t: t, lambda t: 0.0, lambda t: 2 * t, lambda s: s)


def _vp(log_alpha: Callable[[float], float], beta: Callable[[float], float]) -> Facts:
    """Variance preserving: dz = -beta z/2 dt + sqrt(beta) dW; time by root finding."""

    def time(sigma: float) -> float:
        if sigma == 0:
            return 0.0
        wish = 0.5 * math.log1p(sigma**2)
        return brentq(lambda t: -log_alpha(t) - wish, 0.0, 1.0, xtol=1e-16, rtol=1e-15)

    def noise(t: float) -> float:
        return math.sqrt(-math.expm1(2 * log_alpha(t)))

    return Facts(lambda t: math.exp(log_alpha(t)), noise, lambda t: -beta(t) / 2, beta, time)


def _vp_linear(low: float = 0.1, high: float = 20.0) -> Facts:
    return _vp(lambda t: -(t**2) * (high - low) / 4 - t * low / 2, lambda t: low + t * (high - low))


def _vp_cosine(s: float = 0.008) -> Facts:
    def log_alpha(t: float) -> float:
        f = math.cos((t + s) / (1 + s) * math.pi / 2)
        return math.log(max(f, 1e-300) / math.cos(s / (1 + s) * math.pi / 2))

    return _vp(log_alpha, lambda t: math.pi / (1 + s) * math.tan((t + s) / (1 + s) * math.pi / 2))


def _flow() -> Facts:
    return Facts(
        lambda s: 1 - s, lambda s: s, lambda s: -1 / (1 - s), lambda s: 2 * s / (1 - s), lambda q: q / (1 + q)
    )


def _vp_table() -> Facts:
    """A table is used through alpha = 1/sqrt(1 + sigma^2) alone; its only clock variables are those of sigma."""

    def none(t: float) -> float:
        raise AssertionError("no continuous time")

    return Facts(lambda s: 1 / math.sqrt(1 + s**2), lambda s: s / math.sqrt(1 + s**2), none, none, lambda s: s)


FACTS: dict[str, Facts] = Named(
    "tests/oracles.py: write the closed form of the process into FACTS",
    {
        "ve": _ve(),
        "vp_linear": _vp_linear(),
        "vp_cosine": _vp_cosine(),
        "flow": _flow(),
        "table": _vp_table(),
    },
)


def euler(run: Run, x: Array) -> Array:
    """k-diffusion, sample_euler."""
    for k in run.steps:
        sigma, after = run.pair(k)
        d = (x - run.denoised(x, sigma)) / sigma
        x = x + d * (after - sigma)
    return x


def heun(run: Run, x: Array) -> Array:
    """k-diffusion, sample_heun; EDM, algorithm 1."""
    for k in run.steps:
        sigma, after = run.pair(k)
        d = (x - run.denoised(x, sigma)) / sigma
        dt = after - sigma
        if after == 0:
            x = x + d * dt
        else:
            x_2 = x + d * dt
            d_2 = (x_2 - run.denoised(x_2, after)) / after
            x = x + (d + d_2) / 2 * dt
    return x


def dpmpp_2m(run: Run, x: Array) -> Array:
    """k-diffusion, sample_dpmpp_2m."""
    old = None
    for k in run.steps:
        sigma, after = run.pair(k)
        denoised = run.denoised(x, sigma)
        h = math.inf if after == 0 else math.log(sigma / after)
        # diffusers: lower_order_final in runs of fewer than 15 steps.
        last = k == len(run.sigmas) - 2 and len(run.sigmas) < 16 and run.options.get("lower_order_final", False)
        if old is None or after == 0 or last:
            x = after / sigma * x - math.expm1(-h) * denoised
        else:
            ratio = math.log(run.sigmas[k - 1] / sigma) / h
            mixed = (1 + 1 / (2 * ratio)) * denoised - 1 / (2 * ratio) * old
            x = after / sigma * x - math.expm1(-h) * mixed
        old = denoised
    return x


def dpmpp_3m(run: Run, x: Array) -> Array:
    """diffusers, DPMSolverMultistepScheduler, solver_order 3, lower_order_final, final sigma as given."""
    if run.options.get("variant") == "k_diffusion":
        return dpmpp_3m_sde(run, x)
    count = len(run.sigmas) - 1
    outputs: list[Array] = []
    for k in run.steps:
        sigma, after = run.pair(k)
        outputs.append(run.denoised(x, sigma))
        lower = run.options.get("lower_order_final", True) and count < 15
        lower_final, lower_second = k == count - 1 and (lower or after == 0), k == count - 2 and lower
        order = 1 if lower_final else min(2 if lower_second else 3, k + 1)
        lam = [-math.log(s) for s in run.sigmas[: k + 1]]
        if order == 1:
            x = after / sigma * x + (1 - after / sigma) * outputs[-1]
            continue
        h = -math.log(after) - lam[-1]
        r0 = (lam[-1] - lam[-2]) / h
        d1_0 = (outputs[-1] - outputs[-2]) / r0
        if order == 2:
            x = after / sigma * x - math.expm1(-h) * outputs[-1] - 0.5 * math.expm1(-h) * d1_0
            continue
        r1 = (lam[-2] - lam[-3]) / h
        d1_1 = (outputs[-2] - outputs[-3]) / r1
        d1 = d1_0 + r0 / (r0 + r1) * (d1_0 - d1_1)
        d2 = (d1_0 - d1_1) / (r0 + r1)
        x = (
            after / sigma * x
            - math.expm1(-h) * outputs[-1]
            + (math.expm1(-h) / h + 1.0) * d1
            - ((math.expm1(-h) + h) / h**2 - 0.5) * d2
        )
    return x


def _unipc_system(run: Run, k: int, order: int, outputs: list[Array]) -> tuple[Any, Any, Any, float]:
    """multistep_uni_p_bh_update: the matrix R with the new output's row, b, the differences, B(h)."""
    sigma, after = run.pair(k)
    h = math.log(sigma / after)
    places = [-math.log(run.sigmas[k - i] / sigma) / h for i in range(1, order)]
    d1s = [(outputs[-1 - i] - outputs[-1]) / places[i - 1] for i in range(1, order)]
    hh, phi_1 = -h, math.expm1(-h)
    b_h = hh if run.options.get("variant") == "bh1" else phi_1
    rows, b, phi_k, factorial = [], [], phi_1 / hh - 1, 1
    for i in range(1, order + 1):
        rows.append([s ** (i - 1) for s in [*places, 1.0]])
        b.append(phi_k * factorial / b_h)
        factorial *= i + 1
        phi_k = phi_k / hh - 1 / factorial
    return np.array(rows), np.array(b), d1s, b_h


def _unipc_predict(run: Run, k: int, order: int, x: Array, outputs: list[Array]) -> Array:
    sigma, after = run.pair(k)
    if after == 0:
        return outputs[-1]
    x_t = after / sigma * x - math.expm1(-math.log(sigma / after)) * outputs[-1]
    if order == 1:
        return x_t
    rows, b, d1s, b_h = _unipc_system(run, k, order, outputs)
    rho = [0.5] if order == 2 else np.linalg.solve(rows[:-1, :-1], b[:-1])
    return x_t - b_h * sum(r * d for r, d in zip(rho, d1s, strict=True))


def _unipc_correct(run: Run, k: int, order: int, x: Array, outputs: list[Array], new: Array) -> Array:
    """Step k again from its corrected start `x`, with the output at its end."""
    sigma, after = run.pair(k)
    rows, b, d1s, b_h = _unipc_system(run, k, order, outputs)
    rho = [0.5] if order == 1 else np.linalg.solve(rows, b)
    x_t = after / sigma * x - math.expm1(-math.log(sigma / after)) * outputs[-1]
    return x_t - b_h * sum(r * d for r, d in zip(rho, [*d1s, new - outputs[-1]], strict=True))


def unipc(run: Run, x: Array) -> Array:
    """diffusers, UniPCMultistepScheduler, predict_x0; order 2, bh2, lower_order_final by default."""
    count, most = len(run.sigmas) - 1, run.options.get("order", 2)
    outputs: list[Array] = []
    start, order_before = x, 0
    for k in run.steps:
        new = run.denoised(x, run.sigmas[k])
        if k > 0:
            x = _unipc_correct(run, k - 1, order_before, start, outputs, new)
        outputs.append(new)
        order = min(most, count - k if run.options.get("lower_order_final", True) else most, k + 1)
        start, order_before = x, order
        x = _unipc_predict(run, k, order, x, outputs)
    return x


def ddim(run: Run, x: Array) -> Array:
    """Song, Meng, Ermon 2021, eqs. 12 and 16, in alpha_bar."""
    for k in run.steps:
        abar, after = (1 / (1 + s**2) for s in run.pair(k))
        z = math.sqrt(abar) * x
        clean = run.denoised(x, run.sigmas[k])
        eps = (z - math.sqrt(abar) * clean) / math.sqrt(1 - abar)
        spread = run.eta[k] * math.sqrt((1 - after) / (1 - abar)) * math.sqrt(1 - abar / after)
        z = math.sqrt(after) * clean + math.sqrt(1 - after - spread**2) * eps + spread * run.noises[k][0]
        x = z / math.sqrt(after)
    return x


def ddpm(run: Run, x: Array) -> Array:
    """Ho, Jain, Abbeel 2020, eqs. 6-7: the posterior q(z' | z, x_0 = D); eta is 1 by definition."""
    for k in run.steps:
        abar, after = (1 / (1 + s**2) for s in run.pair(k))
        z = math.sqrt(abar) * x
        beta = 1 - abar / after
        clean = run.denoised(x, run.sigmas[k])
        mean = math.sqrt(after) * beta / (1 - abar) * clean
        mean = mean + math.sqrt(1 - beta) * (1 - after) / (1 - abar) * z
        z = mean + math.sqrt((1 - after) / (1 - abar) * beta) * run.noises[k][0]
        x = z / math.sqrt(after)
    return x


def ancestral_step(sigma: float, after: float, eta: float) -> tuple[float, float]:
    """k-diffusion, get_ancestral_step: (sigma_down, sigma_up)."""
    up = min(after, eta * (after**2 * (sigma**2 - after**2) / sigma**2) ** 0.5)
    return (after**2 - up**2) ** 0.5, up


def euler_ancestral(run: Run, x: Array) -> Array:
    """k-diffusion, sample_euler_ancestral."""
    for k in run.steps:
        sigma, after = run.pair(k)
        down, up = ancestral_step(sigma, after, run.eta[k])
        d = (x - run.denoised(x, sigma)) / sigma
        x = x + d * (down - sigma)
        if after > 0:
            x = x + run.noises[k][0] * up
    return x


def dpmpp_sde(run: Run, x: Array) -> Array:
    """k-diffusion, sample_dpmpp_sde with r = 1/2; both noises are increments of one Brownian path in sigma."""
    for k in run.steps:
        sigma, after = run.pair(k)
        denoised = run.denoised(x, sigma)
        if after == 0:
            x = x + (x - denoised) / sigma * (after - sigma)
            continue
        t, t_next = -math.log(sigma), -math.log(after)
        middle = math.exp(-(t + (t_next - t) / 2))
        # Brownian increments over [middle, sigma] and [after, middle].
        first = math.sqrt(sigma - middle) * run.noises[k][0]
        second = math.sqrt(middle - after) * run.noises[k][1]
        down, up = ancestral_step(sigma, middle, run.eta[k])
        s_ = -math.log(down) if down > 0 else math.inf
        x_2 = down / sigma * x - math.expm1(t - s_) * denoised + first / math.sqrt(sigma - middle) * up
        denoised_2 = run.denoised(x_2, middle)
        down, up = ancestral_step(sigma, after, run.eta[k])
        s_ = -math.log(down) if down > 0 else math.inf
        x = down / sigma * x - math.expm1(t - s_) * denoised_2
        x = x + (first + second) / math.sqrt(sigma - after) * up
    return x


def dpmpp_2m_sde(run: Run, x: Array) -> Array:
    """k-diffusion, sample_dpmpp_2m_sde, solver_type midpoint."""
    old, h_last = None, 0.0
    for k in run.steps:
        sigma, after = run.pair(k)
        denoised = run.denoised(x, sigma)
        if after == 0:
            x = denoised
            continue
        h = math.log(sigma / after)
        eta_h = run.eta[k] * h
        x = after / sigma * math.exp(-eta_h) * x - math.expm1(-h - eta_h) * denoised
        if old is not None:
            x = x - 0.5 * math.expm1(-h - eta_h) * (h / h_last) * (denoised - old)
        if run.eta[k]:
            x = x + run.noises[k][0] * after * math.sqrt(-math.expm1(-2 * eta_h))
        old, h_last = denoised, h
    return x


def edm_stochastic(run: Run, x: Array) -> Array:
    """Karras et al. 2022, algorithm 2."""
    count, o = len(run.sigmas) - 1, run.options
    for k in run.steps:
        t, t_next = run.pair(k)
        gamma = min(o["s_churn"] / count, math.sqrt(2) - 1) if o["s_tmin"] <= t <= o["s_tmax"] else 0.0
        t_hat = t + gamma * t
        x_hat = x + math.sqrt(t_hat**2 - t**2) * o["s_noise"] * run.noises[k][0]
        d = (x_hat - run.denoised(x_hat, t_hat)) / t_hat
        x = x_hat + (t_next - t_hat) * d
        if t_next != 0:
            d_2 = (x - run.denoised(x, t_next)) / t_next
            x = x_hat + (t_next - t_hat) * (d / 2 + d_2 / 2)
    return x


def euler_in_clock(run: Run, x: Array) -> Array:
    """One explicit Euler step per interval of the clock."""
    return in_clock(run, x, lambda c, y, u, v, k: y + (v - u) * c.rate(y, u, 0.0))


def euler_maruyama(run: Run, x: Array) -> Array:
    """Song et al. 2021, sec. 4.1, for the reverse family with coefficient eta."""

    def advance(c: Clock, y: Array, u: float, v: float, k: int) -> Array:
        eta = run.eta[k]
        mean = y + (v - u) * c.rate(y, u, eta)
        return mean if eta == 0 else mean + eta * math.sqrt((u - v) * c.noise_rate(u)) * run.noises[k][0]

    return in_clock(run, x, advance)


def heun_in_clock(run: Run, x: Array) -> Array:
    """Trapezoidal predictor-corrector."""

    def advance(c: Clock, y: Array, u: float, v: float, k: int) -> Array:
        first = c.rate(y, u, 0.0)
        if euler_last(run, k):
            return y + (v - u) * first
        return y + (v - u) * (first + c.rate(y + (v - u) * first, v, 0.0)) / 2

    return in_clock(run, x, advance)


def rk4_in_clock(run: Run, x: Array) -> Array:
    """Kutta 1901."""

    def advance(c: Clock, y: Array, u: float, v: float, k: int) -> Array:
        h = v - u
        k_1 = c.rate(y, u, 0.0)
        if euler_last(run, k):
            return y + h * k_1
        k_2 = c.rate(y + h * k_1 / 2, u + h / 2, 0.0)
        k_3 = c.rate(y + h * k_2 / 2, u + h / 2, 0.0)
        k_4 = c.rate(y + h * k_3, v, 0.0)
        return y + h * (k_1 + 2 * k_2 + 2 * k_3 + k_4) / 6

    return in_clock(run, x, advance)


def heun_sde(run: Run, x: Array) -> Array:
    """Heun for additive noise: the same increment, of the trapezoidal variance, in predictor and corrector."""

    def advance(c: Clock, y: Array, u: float, v: float, k: int) -> Array:
        eta, xi = run.eta[k], run.noises[k][0]
        first = c.rate(y, u, eta)
        if euler_last(run, k):
            return y + (v - u) * first + eta * math.sqrt((u - v) * c.noise_rate(u)) * xi
        dw = eta * math.sqrt((u - v) * (c.noise_rate(u) + c.noise_rate(v)) / 2) * xi
        return y + (v - u) * (first + c.rate(y + (v - u) * first + dw, v, eta)) / 2 + dw

    return in_clock(run, x, advance)


def sra1(run: Run, x: Array) -> Array:
    """Roessler 2010, SRA1, with I_(1) and I_(1,0)/h from two normal numbers."""

    def advance(c: Clock, y: Array, u: float, v: float, k: int) -> Array:
        eta, h = run.eta[k], v - u
        first = c.rate(y, u, eta)
        if euler_last(run, k):
            return y + h * first + eta * math.sqrt(-h * c.noise_rate(u)) * run.noises[k][0]
        i_1 = math.sqrt(-h) * run.noises[k][0]
        i_10 = 0.5 * math.sqrt(-h) * (run.noises[k][0] + run.noises[k][1] / math.sqrt(3))
        b, b_end = eta * math.sqrt(c.noise_rate(u)), eta * math.sqrt(c.noise_rate(v))
        stage = y + 0.75 * h * first + 1.5 * b_end * i_10
        return y + h * (first + 2 * c.rate(stage, u + 0.75 * h, eta)) / 3 + b * i_10 + b_end * (i_1 - i_10)

    return in_clock(run, x, advance)


def exponential_integrator(run: Run, x: Array) -> Array:
    """Zhang, Chen 2023: over a step the score is frozen, the rest of dz = (f z - a g^2 S) dt + eta g dW exact.

    With x = z/alpha, q = sigma^2: dx = -a alpha S dq + eta dW_q, so the drift is the integral of alpha over q,
    taken numerically here.
    """
    for k in run.steps:
        sigma, after = run.pair(k)
        alpha = run.facts.alpha(run.facts.time(sigma))
        score = run.target.score(alpha * x, alpha, alpha * sigma)
        integral = quad(
            lambda s: 2 * s * run.facts.alpha(run.facts.time(s)), after, sigma, epsabs=0, epsrel=1e-13, limit=200
        )[0]
        x = x + (1 + run.eta[k] ** 2) / 2 * integral * score
        x = x + run.eta[k] * math.sqrt(sigma**2 - after**2) * run.noises[k][0]
    return x


def analytic_dpm(run: Run, x: Array) -> Array:
    """Bao et al. 2022: the posterior mean of DDPM in alpha_bar, eta times the posterior's standard deviation."""
    for k in run.steps:
        abar, after = (1 / (1 + s**2) for s in run.pair(k))
        beta = 1 - abar / after
        clean, z = run.denoised(x, run.sigmas[k]), math.sqrt(abar) * x
        mean = math.sqrt(after) * beta / (1 - abar) * clean + math.sqrt(1 - beta) * (1 - after) / (1 - abar) * z
        z = mean + run.eta[k] * math.sqrt((1 - after) / (1 - abar) * beta) * run.noises[k][0]
        x = z / math.sqrt(after)
    return x


def er_sde(run: Run, x: Array) -> Array:
    """ComfyUI, sample_er_sde with max_stage 1."""

    def noise_scaler(s: float) -> float:
        return s * (math.exp(s**0.3) + 10.0)

    for k in run.steps:
        sigma, after = run.pair(k)
        denoised = run.denoised(x, sigma)
        if after == 0:
            x = denoised
            continue
        r = noise_scaler(after) / noise_scaler(sigma)
        x = r * x + (1 - r) * denoised + run.noises[k][0] * math.sqrt(after**2 - sigma**2 * r**2)
    return x


def sa_solver(run: Run, x: Array) -> Array:
    """SA-Solver predictor with one output: exact solution of the reverse SDE of strength tau, D frozen."""
    for k in run.steps:
        sigma, after = run.pair(k)
        denoised = run.denoised(x, sigma)
        if after == 0 and run.eta[k] > 0:
            x = denoised
            continue
        square = run.eta[k] ** 2
        keep = (after / sigma) ** (1 + square) if after else 0.0
        spread = after * math.sqrt(1 - (after / sigma) ** (2 * square)) if after else 0.0
        x = keep * x + (1 - keep) * denoised + spread * run.noises[k][0]
    return x


def clocked(plain: Callable[[Run, Array], Array], general: Callable[[Run, Array], Array]) -> Callable[[Run, Array], Array]:
    """The published loop in the sigma clock, the general one elsewhere."""
    return lambda run, x: plain(run, x) if run.clock == "sigma" else general(run, x)


ORACLES: dict[str, Callable[[Run, Array], Array]] = {
    "euler": clocked(euler, euler_in_clock),
    "heun": clocked(heun, heun_in_clock),
    "dpmpp_2m": dpmpp_2m,
    "dpmpp_3m": dpmpp_3m,
    "unipc": unipc,
    "ddim": ddim,
    "euler_ancestral": euler_ancestral,
    "ddpm": ddpm,
    "dpmpp_sde": dpmpp_sde,
    "dpmpp_2m_sde": dpmpp_2m_sde,
    "edm_stochastic": edm_stochastic,
    "euler_maruyama": euler_maruyama,
    "exponential_integrator": exponential_integrator,
    "rk4": rk4_in_clock,
    "analytic_dpm": analytic_dpm,
    "er_sde": er_sde,
    "sa_solver": sa_solver,
    "heun_sde": heun_sde,
    "sra1": sra1,
    **HOST_ORACLES,
    **SOLVER_ORACLES,
}


class Replay:
    """Stands for a random generator: hands out given arrays in order."""

    def __init__(self, noises: list[list[Array]], sources: int) -> None:
        self._queue = [step[s] for step in noises for s in range(sources)]

    def standard_normal(self, shape: Any) -> Array:
        value = self._queue.pop(0)
        assert value.shape == shape
        return value
