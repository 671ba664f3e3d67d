"""Command lines, one maker for each command."""

from __future__ import annotations

import io

import numpy as np

from fuzzing.dice import WILD, Case, Dice, mutated
from fuzzing.flags import BAD_SCHEDULES, SCHEDULES, output_flags, process_flags, range_flags, sampler_flags, steps
from fuzzing.grids import document, grid
from fuzzing.samples import samples
from fuzzing.spectra import npy_of, spectrum, text_of
from fuzzing.values import NAMED, extra
from fuzzing.written import written

#: What is free beside the grid, which most runs have.
FREE = (
    "eta", "grid,eta", "eta_per_step", "family", "rho", "sigma_min", "sigma_max,rho", "S_churn,S_min", "grid,sigma_max", "x",
)  # fmt: skip


def optimize(r: Dice) -> Case:
    """`optimize`."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    case.words = ["optimize", data, *steps(r), *process, *range_flags(r, name), *sampler_flags(r), *output_flags(r)]
    if r.random() < 0.2:
        case.words += ["--objective", r.pick(("frechet", "kl", "robust", "path_kl"), ("x",), 0.1)]
    if r.random() < 0.15:
        case.words += ["--free", r.pick(("grid",), FREE, 0.8)]
    if r.random() < 0.15:
        case.words += ["--schedule", r.pick(SCHEDULES, BAD_SCHEDULES, 0.1)]
    return case


def evaluate(r: Dice) -> Case:
    """`evaluate` of a name, a list or a file."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    words = ["evaluate", data]
    kind = r.random()
    if kind < 0.35:
        words += ["--schedule", r.pick(SCHEDULES, BAD_SCHEDULES, 0.1), *steps(r), *range_flags(r, name)]
    elif kind < 0.6:
        listed = r.choice((",", " ", ";", ", ")).join(map(repr, grid(r, name)))
        damaged = mutated(listed.encode(), r, 0.1).decode("utf-8", "replace").replace("\0", "")
        words += [r.pick(("--sigmas",), ("--times",)), damaged]
    else:
        file = r.pick(("g.json", "g.npy", "g"), ("g.csv", "g.txt", "g.md", "none.json"))
        case.files[file] = npy_of(grid(r, name), r) if file == "g.npy" else document(r, name)
        words += [file] if r.random() < 0.8 else ["--sigmas", file]
    case.words = [*words, *process, *sampler_flags(r), *output_flags(r)]
    return case


def compare(r: Dice) -> Case:
    """`compare-schedules`, small."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    case.words = ["compare-schedules", data, *steps(r), *process, *range_flags(r, name), *output_flags(r)]
    case.words += ["--only", r.pick(("karras", "karras,uniform_t", "exponential,beta", "k*", "karras:rho=5"), ("nope",), 0.1)]
    if r.random() < 0.5:
        case.words += ["-s", r.pick(("euler", "heun", "euler,ddim", "dpmpp_2m"), ("x", "euler,euler"), 0.1)]
    if r.random() < 0.3:
        case.files["g.json"] = document(r, name)
        listed = ",".join(map(repr, grid(r, name)))
        case.words += ["--add", r.pick(("g.json", listed), ("none.json", "times:1,0.5,0", "x" * 300))]
    if r.random() < 0.2:
        case.words += ["--sort", r.pick(("frechet", "-robust"), ("x",)), "--top", r.pick(("1", "2"), ("0", "x"))]
    return case


def show(r: Dice) -> Case:
    """`spectrum show` and `convert`."""
    case = Case([])
    data = spectrum(r, case)
    kind = r.choice(("show", "convert"))
    case.words = ["spectrum", kind, data]
    if r.random() < 0.5:
        case.words += ["--format", r.pick(("json", "table"), ("csv", "npz", "npy", "x"), 0.6)]
    if kind == "convert" and r.random() < 0.5:
        case.words += ["-o", r.pick(("o.json", "o.npz", "o.csv"), ("o.npy", "o.x", "-", "none/x.json"))]
    return case


def posterior(r: Dice) -> Case:
    """`spectrum posterior`."""
    case = Case([])
    field = r.random() < 0.5
    data = r.pick(("power:2", "power:1"), ("power:nan", "power:1e9", "power:x")) if field else spectrum(r, case)
    operator = r.pick(("inpainting:0.5", "blur:1.5", "super_resolution:2", "compressed_sensing:3", "diagonal:1"),
                      ("inpainting:0.5:box", "diagonal:x", "blur:1e300",
                       "x:1", "blur:nan", "matrix:m.npy", "compressed_sensing:1e9"))  # fmt: skip
    case.words = ["spectrum", "posterior", data, "--operator", operator, "--noise", r.pick(("0.1", "1", "0.01"), WILD)]
    if field or r.wild(0.2):
        case.words += ["--shape", r.pick(("4,4", "8,8", "16"), ("3,5", "1000000,1000000", "0,1", "x", "64,64"))]
    if operator.startswith("matrix"):
        case.files["m.npy"] = npy_of([1.0, 2.0, 3.0], r)
    return case


def estimate(r: Dice) -> Case:
    """`spectrum estimate`."""
    case = Case([])
    case.words = ["spectrum", "estimate", samples(r, case)]
    for flag, good, bad in (
        ("--method", ("pca", "auto"), ("lanczos", "fourier", "x")),
        ("--shrinkage", ("none", "oas", "ledoit_wolf"), ("analytical", "population", "x")),
        ("--scale", ("1", "0.5"), WILD), ("--range", ("0,255:-1,1",), ("0,0:1,2", "x")), ("--standardize", ("0.5",), WILD),
        ("--columns", ("all", "1-2"), ("9", "x", "-", "")), ("--header", ("auto", "no"), ("yes", "x")),
        ("--missing", ("none", "-9999"), ("x", "0", "nan")), ("--clusters", ("2",), ("0", "99")), ("--block", ("1", "7"), WILD),
        ("--channels", ("auto", "none"), ("first", "7")), ("--key", ("x",), ("nope",)), ("--seed", ("1",), WILD),
    ):  # fmt: skip
        if r.random() < 0.08:
            case.words += [flag, r.pick(good, bad)]
    case.words += ["--skip-bad"] * (r.random() < 0.15) + output_flags(r)
    return case


def loss(r: Dice) -> Case:
    """`spectrum from-loss`."""
    case = Case([])
    sigma = sorted(10 ** r.uniform(-2, 2) for _ in range(r.choice((6, 20, 30))))
    errors = [sum(e * s * s / (e + s * s) for e in (4.0, 1.0, 0.1)) * (1 + 0.01 * r.random()) for s in sigma]
    text = "sigma,mse\n" + "\n".join(f"{s!r},{m!r}" for s, m in zip(sigma, errors, strict=True))
    case.files["curve.csv"] = mutated(text.encode(), r, 0.3)
    case.words = ["spectrum", "from-loss", "curve.csv", "--dim", r.pick(("3",), WILD), *output_flags(r)[:2]]
    return case


def budget(r: Dice) -> Case:
    """`error-budget`."""
    case = Case([])
    sized = ["--samples", r.pick(("100", "50000"), WILD), *steps(r)]
    case.words = ["error-budget", spectrum(r, case), *sized, *sampler_flags(r), *output_flags(r)]
    return case


def shift(r: Dice) -> Case:
    """`shift`."""
    case = Case([])
    case.words = ["shift", spectrum(r, case), *steps(r), "--tokens", r.pick(("256", "4096"), WILD), *output_flags(r)]
    return case


def recommend(r: Dice) -> Case:
    """`recommend`, mostly among the few solvers of one host."""
    case = Case([])
    case.words = ["recommend", spectrum(r, case), "--calls", r.pick(("2", "3"), WILD), *output_flags(r)]
    case.words += ["--host", r.pick(("edm", "k_diffusion"), ("x",))] * (r.random() < 0.7)
    return case


def convergence(r: Dice) -> Case:
    """`convergence` of one or two solvers."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    counts = r.pick(("10,20", "4,8,16", "20"), ("20,10", "x", "0", "1e9", "1,1"))
    case.words = ["convergence", data, "-s", r.pick(("euler", "heun", "euler,dpmpp_2m"), ("x", "")), "-n", counts, *process]
    case.words += ["--metric", r.pick(("frechet", "weak", "frechet,weak"), ("x", "strong"))]
    case.words += ["--paths", "20"] * ("strong" in case.words) + range_flags(r, name)[:2] + output_flags(r)
    return case


def eta(r: Dice) -> Case:
    """`eta`, one design in one clock."""
    case = Case([])
    data = spectrum(r, case)
    process, name = process_flags(r, case)
    case.words = ["eta", data, "-n", r.pick(("1", "2"), WILD, 0.1), "--design", r.pick(("constant", "none"), ("x", "window")),
                                            *process]
    case.words += ["--noise-objective", "exact", "--clock", r.pick(("sigma", "logsnr"), ("x",)), *range_flags(r, name),
                                                                   *output_flags(r)]
    return case


def hosted(r: Dice) -> Case:
    """`export` and `check` of a grid."""
    case, (_, name) = Case([]), process_flags(r, Case([]))
    file = r.choice(("g.json", "g.txt", "g"))
    case.files[file] = document(r, name) if r.random() < 0.8 else text_of(grid(r, name), r)
    hosts = ("comfyui", "k_diffusion", "edm", "diffusers", "forge", "sd_cpp", "coefficients", "json", "csv", "lines")
    if r.random() < 0.5:
        case.words = ["export", file, "--to", r.pick(hosts, ("x", "comfyui:x", "", "npy")), *output_flags(r)[:2]]
        return case
    case.words = ["check", file, "--host", r.pick(hosts[:6], ("x", "json", "")), *output_flags(r)]
    return case


def siem(r: Dice) -> Case:
    """`siem` of outputs."""
    rows, state = r.pick((20, 40), (0, 1, 2), 0.2), np.random.default_rng(r.randrange(99))
    noise = state.standard_normal((rows, 2))
    arrays = {"x0": state.standard_normal((rows, 2)), "noise": noise, "predicted": 0.9 * noise}
    arrays["sigma"] = np.geomspace(0.01, 80, rows)
    if r.wild(0.5):
        name = r.choice(list(arrays))
        arrays[name] = r.choice((arrays[name][:-1], arrays[name] * np.nan, arrays[name].astype("f2"), -arrays[name], np.ones(3)))
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return Case(["siem", "o.npz", *output_flags(r)], {"o.npz": mutated(buffer.getvalue(), r, 0.15)})


def simulate(r: Dice) -> Case:
    """`simulate`, few samples."""
    case, buffer, parts = Case([]), io.BytesIO(), r.choice((1, 2, 3))
    arrays: dict = {"weights": np.full(parts, 1 / parts), "means": np.arange(2.0 * parts).reshape(parts, 2)}
    arrays["variances"] = np.full((parts, 2), r.pick((0.1, 1.0), (0.0, -1.0, 1e300, np.nan)))
    if r.wild(0.3):
        arrays[r.choice(list(arrays))] = r.choice((np.ones(1), np.ones((2, 2, 2)), np.array("x"), np.full(parts, -1.0)))
    np.savez(buffer, **arrays)
    case.files["m.npz"] = mutated(buffer.getvalue(), r, 0.1)
    grids = ["--schedule", r.pick(SCHEDULES, BAD_SCHEDULES, 0.1), *steps(r)]
    if r.random() < 0.3:
        case.files["g.json"], grids = document(r, "ve"), ["g.json"]
    sized = ["--count", r.pick(("20", "50"), ("0", "-1", "x"), 0.1), "--reference-steps", r.pick(("4", "10"), ("0", "x"), 0.1)]
    case.words = ["simulate", "--mixture", "m.npz", *grids, *sized, *sampler_flags(r), *output_flags(r)]
    return case


def synthesize(r: Dice) -> Case:
    """`spectrum synthesize`."""
    kind = r.pick(("power_law", "exponential", "two_level", "radial"), ("x", ""))
    case = Case(["spectrum", "synthesize", kind, *output_flags(r)])
    if kind == "radial":
        case.words += ["--shape", r.pick(("4,4", "8"), ("0", "x", "100000,100000")), "--table", "pk.txt"]
        case.files["pk.txt"] = mutated(NAMED["pk.txt"].encode(), r, 0.2)
    else:
        case.words += ["--dim", r.pick(("5", "300"), WILD)]
    return case


def listing(r: Dice) -> Case:
    """`list` and `schema`."""
    if r.random() < 0.3:
        return Case(["schema", *r.choice(([], ["--all"], ["diffopt.schedule/1"], ["x"]))])
    return Case(["list", r.choice(("solvers", "schedules", "objectives", "processes", "x", "solver")), *output_flags(r)[:2]])


def config(r: Dice) -> Case:
    """Settings from a file."""
    case = evaluate(r) if r.random() < 0.5 else optimize(r)
    lines = [f"{r.choice(KEYS)} = {r.choice(VALUES)}" for _ in range(r.randrange(3))]
    case.files["c.toml"] = mutated(r.choice(("", "\ufeff")).encode() + "\n".join(lines).encode(), r, 0.15)
    case.words += ["--config", r.pick(("c.toml",), ("none.toml", "."), 0.2)]
    return case


KEYS: tuple[str, ...] = ("solver", "steps", "sigma-max", "sigma_max", "eta", "process", "nothing", "quiet", "betas")
VALUES = ("1", "3", "true", '"heun"', '"3"', "[1, 2]", "nan", "1e400", "{a = 1}", '"ve"', "0.5")
#: Makers of inputs, the command whose flags they may be given besides, and how often each is drawn.
MAKERS = {
    optimize: ("optimize", 20), evaluate: ("evaluate", 26), compare: ("compare-schedules", 6), show: (None, 12),
    posterior: ("spectrum posterior", 7),
    estimate: ("spectrum estimate", 16), loss: ("spectrum from-loss", 2), budget: ("error-budget", 2), shift: ("shift", 2),
    recommend: ("recommend", 1), convergence: ("convergence", 2), eta: ("eta", 2), hosted: (None, 4), siem: ("siem", 2),
    simulate: ("simulate", 3), synthesize: ("spectrum synthesize", 2), listing: (None, 2), config: (None, 5),
    written: (None, 8),
}  # fmt: skip


def make(seed: int, number: int) -> Case:
    """Input of a number; the same on every machine."""
    r = Dice(f"{seed}/{number}")
    maker = r.choices(list(MAKERS), [weight for _, weight in MAKERS.values()])[0]
    case = maker(r)
    command = MAKERS[maker][0] or " ".join(case.words[: 1 + (case.words[0] == "spectrum")])
    if maker is not written:
        extra(command, r, case)
    return case
