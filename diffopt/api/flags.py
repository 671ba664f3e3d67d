"""Flags, each declared once: names, kinds and help of what verbs and commands take; imports nothing heavy."""

from __future__ import annotations

from diffopt.api.flag import Flag
from diffopt.api.spectrum_flags import FEATURE_SPACE, KEY, MAX_MEMBER, SPECTRUM_OWN

#: Groups of flags in the order of the help: title, and the flags.
GROUPS: dict[str, tuple[str, tuple[Flag, ...]]] = {
    "spectrum": ("Spectrum", (KEY, FEATURE_SPACE, MAX_MEMBER)),
    "sampler": ("Sampler", (
        Flag("solver", str, "Solver (diffopt list solvers) [default: euler].", "NAME", "-s"),
        Flag("steps", str, "Number of steps [default: 10].", "N", "-n"),
    )),
    "eta": ("Sampler", (
        Flag("eta", float, "Diffusion-term coefficient, start or fixed value [default: solver's own].", "X"),
    )),
    "solver": ("Sampler", (
        Flag("clock", str, "sigma, variance, logsnr or time [default: solver's own].", "NAME"),
        Flag("options", list, "Option of solver, schedule or process; repeatable.", "NAME=VALUE", "-O", "option"),
    )),
    "churn": ("Sampler", (
        Flag("s_churn", float, "Of edm_stochastic, S_churn of EDM [default: 1; EDM's own is 0].", "X"),
        Flag("s_tmin", float, "Of edm_stochastic, S_min of EDM [default: 0].", "X"),
        Flag("s_tmax", float, "Of edm_stochastic, S_max of EDM [default: none].", "X"),
        Flag("s_noise", float, "Of edm_stochastic, S_noise of EDM [default: 1].", "X"),
    )),
    "process": ("Process", (
        Flag("process", str, "ve (EDM's: edm is ve), vp_linear, vp_cosine, flow or table [default: ve].", "NAME"),
        Flag("beta_min", float, "Of vp_linear [default: 0.1].", "X"),
        Flag("beta_max", float, "Of vp_linear [default: 20].", "X"),
        Flag("alphas_cumprod", str, "Table of a trained model, for --process table.", "FILE"),
        Flag("betas", str, "sd (SD 1.5, SDXL), a rule as linear:0.0001,0.02,1000, or a file: --process table.", "RULE"),
        Flag("scheduler_config", str, "scheduler_config.json of a model (diffusers), or its folder: says the process.", "FILE"),
    )),
    "shift": ("Process", (
        Flag(
            "shift", str,
            "Of a flow model: 3, mu:1.15 (its logarithm), sd3, flux or flux_schnell; programs' own schedules follow it.", "X",
        ),
    )),
    "range": ("Range", (
        Flag("sigma_max", float, "Largest noise ratio [default: 80; flow: pure noise; table: its end].", "X"),
        Flag("sigma_min", float, "Smallest positive noise ratio [default: 0.002; table: its end].", "X"),
        Flag("t_max", float, "The same as a time of the process.", "X"),
        Flag("t_min", float, "The same as a time of the process.", "X"),
    )),
    "end": ("Range", (Flag("end", str, "zero: a last step to 0; sigma_min: stop there [default: zero].", "WHERE"),)),
    "start": ("Range", (Flag("start", str, "Initial law: exact, sigma or unit [default: exact].", "LAW"),)),
    "schedule": ("Grid", (Flag("schedule", str, "Named schedule (diffopt list schedules).", "NAME"),)),
    "error": ("Sampler", (
        Flag(
            "score_error", str,
            "Error of the score: 0.02, data:0.02, noise:0.02, absolute:0.01, loss:0.05, curve:FILE; random: before it.", "RULE",
        ),
    )),
    "objective": ("Objective", (
        Flag("objective", str, "What is minimized (diffopt list objectives) [default: robust].", "NAME"),
    )),
    "free": ("Objective", (
        Flag(
            "free", str,
            "Comma list of grid, shared (with Euler), eta, eta_per_step, coefficients, names of numbers (rho, sigma_min, "
            "S_churn) or family, all numbers of schedule, process and churn [default: grid].", "LIST",
        ),
    )),
}  # fmt: skip

#: Groups that each verb takes.
VERBS: dict[str, tuple[str, ...]] = {
    "optimize": (
        "spectrum", "sampler", "eta", "solver", "churn", "process", "shift", "range", "end", "start", "schedule", "error",
        "objective", "free",
    ),
    "evaluate": (
        "spectrum", "sampler", "eta", "solver", "churn", "process", "shift", "range", "end", "start", "schedule", "error",
    ),
    "compare": ("spectrum", "sampler", "solver", "churn", "process", "shift", "range", "end", "start", "error", "objective"),
    "orders": ("spectrum", "sampler", "eta", "solver", "churn", "process", "shift", "range", "schedule", "error"),
    "budget": ("spectrum", "sampler", "eta", "solver", "churn", "process", "shift", "range", "end", "start", "schedule"),
    "recommend": ("spectrum", "process", "shift", "range", "end", "start", "error"),
    "shift": ("spectrum", "sampler", "objective"),
    "best_eta": ("spectrum", "sampler", "eta", "solver", "process", "shift", "range", "end", "start", "schedule", "error"),
    "simulate": (
        "sampler", "eta", "solver", "churn", "process", "shift", "range", "end", "start", "schedule", "error", "objective",
    ),
    "read_spectrum": ("spectrum",),
}


def flags_of(verb: str) -> dict[str, Flag]:
    """Shared flags of a verb by name."""
    return {flag.name: flag for group in VERBS[verb] for flag in GROUPS[group][1]}

#: Flags of one verb alone.
OWN: dict[str, tuple[Flag, ...]] = {
    **SPECTRUM_OWN,
    "optimize": (
        Flag("host", str, "Optimize what this host runs: its scheme, start, end and rounding (diffopt list hosts).", "NAME"),
        Flag("timesteps", str, "integer: only whole timesteps of the model [default: any].", "KIND"),
        Flag(
            "grid_of", str,
            "Take the grids that are best for these solvers, or own [default: own; ipndm and fitted_N: euler,heun].",
            "LIST",
        ),
    ),
    "evaluate": (
        Flag("sigmas", str, 'Noise ratios, e.g. "80,20,5,1,0", or a file.', "LIST"),
        Flag("times", str, "Times of the process, e.g. for flow: 1,0.9,0.6,0, or a file.", "LIST"),
        Flag("host", str, "Of diffopt check and compare-schedules, not of one grid's errors.", "NAME", hidden=True),
    ),
    "compare": (
        Flag("calls", str, "Budgets in denoiser calls instead of steps, comma list.", "LIST"),
        Flag("only", str, "Schedules, comma list with wildcards; karras:rho=5 with options.", "LIST"),
        Flag("skip", str, "Schedules to leave out, with wildcards.", "LIST"),
        Flag("kind", str, "fixed, table, spectrum, stochasticity, added, optimized; comma list.", "LIST"),
        Flag("sort", str, "Column, with - in front for descending.", "COLUMN"),
        Flag("top", int, "Best rows kept per group, beside karras, own and the optimum.", "N"),
        Flag("add", list, 'Your own grid: a file, -, "14.6,...,0" or times:1,0.9,...,0; may be repeated.', "GRID"),
        Flag("host", str, "Compare what this program runs: scheme, start, end; other rows than its own are marked.", "NAME"),
        Flag("equal_steps", bool, "Budgets are solver steps, as they are without --calls.", hidden=True),
        Flag("eta", float, "Of one grid or one solver, not of a comparison.", "X", hidden=True),
        Flag("explain", str, "What a row is, and nothing else.", "NAME"),
        Flag("html", str, "One self-contained page, beside the result on stdout (or -o).", "FILE"),
    ),
    "orders": (
        Flag("metric", str, "Comma list of frechet, weak, strong [default: all].", "LIST"),
        Flag("accuracy", float, "Error for which steps are counted; weak: times the root trace [default: 1 % of it].", "X"),
        Flag("paths", int, "strong: coupled paths that are simulated, a multiple of 20 [default: 2000].", "N"),
        Flag("seed", int, "strong: of those paths [default: 0].", "N"),
        Flag("error_map", str, "Picture of where the first solver's error is made.", "FILE"),
    ),
    "budget": (
        Flag("samples", float, "Training samples n [default: infinitely many].", "N"),
        Flag("tau", float, "Step size of the descent on the score-matching loss [default: a perfect score].", "X"),
        Flag("iterations", int, "Its number of steps [default: until it is stationary].", "K"),
        Flag("precondition", bool, "Inputs of the score have unit variance, as in preconditioned networks."),
        Flag("langevin", float, "Langevin chain at --sigma-min with this step size, instead of a diffusion sampler.", "GAMMA"),
        Flag("minimize", str, "Optimize these: sigma_min, steps, eta, samples, tau, iterations, langevin.", "LIST"),
        Flag("subject_to", str, "Limits, e.g. calls<=20 or samples+2*iterations<=1e5.", "LIST"),
        Flag("verify", int, "Simulate every term with this many repetitions.", "N"),
        Flag("seed", int, "Of the simulation [default: 0].", "N"),
        Flag("kernel", str, "Write the kernel matrices.", "FILE.npz"),
        Flag("over", str, "What --plot runs over: samples or steps.", "NAME"),
        Flag("score_error", str, "Of diffopt evaluate, not of a budget.", "RULE", hidden=True),
    ),
    "recommend": (
        Flag("calls", str, "Denoiser calls [default: 8].", "N"),
        Flag("host", str, "Only solvers that this program runs (diffopt list hosts).", "NAME"),
    ),
    "shift": (
        Flag("tokens", int, "Image tokens of one frame [default: by the samples' shape, else as many as eigenvalues].", "N"),
        Flag("frames", int, "Frames of a video [default: 1].", "N"),
        Flag("frame_correlation", float, "Correlation of neighbouring frames, 0 to 1 [default: 0.9].", "X"),
        Flag("scheduler_config", str, "Not needed: every flow model is the same process.", "FILE", hidden=True),
    ),
    "best_eta": (
        Flag("design", str, "Comma list of none, constant, window, per_step [default: all].", "LIST"),
        Flag("noise_objective", str, "Comma list of exact, signed, absolute [default: all].", "LIST"),
        Flag("host", str, "Program that runs it: its scheme, start and end, one eta (diffopt list hosts).", "NAME"),
    ),
    "simulate": (
        Flag("mixture", str, "Gaussian mixture: weights, means, variances or covariances in an .npz.", "FILE"),
        Flag("samples", str, "Samples whose kernel density is the target; the data of a --denoiser.", "FILE"),
        Flag("denoiser", str, "Your own f(x, sigma), x of shape (n, *shape) with noise ratio sigma.", "MODULE:FUNCTION"),
        Flag("shape", str, "Of one sample of a --denoiser, e.g. 3,32,32.", "SIDES"),
        Flag("components", int, "Fit so many Gaussians to --samples instead of the kernel density.", "K"),
        Flag("bandwidth", float, "Blur of the kernel density [default: a tenth of the samples' deviation].", "X"),
        Flag("posterior", str, "Sample given a measurement: matrix, measurement and noise in an .npz.", "FILE"),
        Flag("count", int, "Samples [default: 1000].", "N"),
        Flag("seed", int, "Of everything random [default: 0].", "N"),
        Flag("workers", int, "Processes; the result is the same [default: 1, or 2 for long runs].", "N"),
        Flag("memory", float, "Gigabytes for distances between states and components [default: 1].", "X"),
        Flag("reference_steps", int, "Heun steps of the fine run [default: 100].", "N"),
    ),
}

#: Flags that `export` and `check` share.
_HOSTED = (
    Flag("scheduler_config", str, "diffusers: the model's scheduler_config.json, or its folder.", "FILE"),
    Flag("spectrum", str, "Data for which errors are stated [default: the file's own].", "SPECTRUM"),
)
OWN |= {
    "export": (Flag("to", str, "Host (diffopt list hosts), with a form: comfyui:workflow.", "HOST", required=True), *_HOSTED),
    "check": (Flag("host", str, "Host (diffopt list hosts), e.g. comfyui.", "HOST", required=True), *_HOSTED),
    "names": (Flag("long", bool, "Formulas and references."),),
    "schema": (Flag("all", bool, "Every schema as JSON, also on a terminal."),),
    "siem": (
        Flag("window", str, "0.1: top tenth of the noise range; or LOW:HIGH.", "SHARE"),
        Flag("reference", str, "predicted of a better network on the same rows.", "FILE"),
        Flag("eta", float, "Injected noise of the sampler that is meant [default: 0].", "X"),
        Flag("clock", str, "vp, variance, sigma or logsnr [default: vp].", "NAME"),
        Flag("picture", str, "Scale of xt: ve, vp or flow [default: ve].", "NAME"),
        Flag("seed", int, "Of the bootstrap [default: 0].", "N"),
    ),
}

#: Help of shared flags where a verb has other defaults, or takes lists.
HELP: dict[str, dict[str, str]] = {
    "compare": {
        "solver": "Solvers, comma list [default: euler].",
        "steps": "Numbers of steps, comma list [default: 10].",
        "objective": "What ratios refer to and the optimized rows minimize [default: robust].",
    },
    "orders": {
        "solver": "Solvers, comma list [default: ten one-step ones].",
        "steps": "Increasing numbers of steps, comma list [default: 20 to 640; strong: 16 to 256].",
        "schedule": "Named schedule of the grids [default: karras].",
    },
    "shift": {
        "steps": "Number of steps [default: 28].",
        "objective": "What is minimized (diffopt list objectives) [default: frechet].",
    },
    "best_eta": {
        "solver": "Solver with noise [default: euler_maruyama].",
        "clock": "Clocks, comma list [default: every clock the solver can use].",
        "schedule": "Named schedule of the grid [default: karras].",
    },
}

#: Forms of a result by the suffix of a file.
SUFFIXES = {".json": "json", ".csv": "csv", ".md": "markdown", ".txt": "lines"}
#: Those of a result that is no grid.
TABULAR = {suffix: form for suffix, form in SUFFIXES.items() if form != "lines"}

#: Flags of the command line itself.
OUTPUT = (
    Flag("config", str, "TOML file with these settings; flags win.", "FILE"),
    Flag("output", str, "Write to a file, atomically; - is standard output [default: -].", "FILE", "-o"),
    Flag("format", str, "{forms} or table [default: by suffix; table on a terminal, else json].", "KIND"),
    Flag("plot", str, "Picture, PNG or SVG by extension.", "FILE"),
    Flag("force", bool, "Overwrite an existing output."),
    Flag("quiet", bool, "No progress, no notes.", None, "-q"),
    Flag("show_settings", bool, "Print the settings in force and where they come from, and stop."),
)


def every_flag() -> dict[str, Flag]:
    """Every flag that a file of settings may name."""
    shared = [flag for _, group in GROUPS.values() for flag in group]
    return {flag.name: flag for flag in (*shared, *(f for own in OWN.values() for f in own), *OUTPUT)}
