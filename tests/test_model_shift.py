"""The shift of a flow model: its levels, the rules of programs that pick from them, and its own grid."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

import diffopt
from diffopt.documents.model_shift import model_shift
from diffopt.errors import InputError, UnsupportedError
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.own_grid import own_grid
from diffopt.hosts.offered import FOLLOWING, offering
from diffopt.processes import Flow
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.schedules.fixed.index_rule import IndexRule

EIG = np.geomspace(300.0, 0.01, 64)
STEPS = (2, 3, 7, 8, 12, 28)
FLOW_CONFIG = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 3.0}


# --- ComfyUI's schedulers, restated from comfy/samplers.py and comfy/model_sampling.py -------------------------------------


class Sampling:
    """ModelSamplingDiscreteFlow (factor, multiplier 1000) or ModelSamplingFlux (mu)."""

    def __init__(self, shift: float, by_mu: bool) -> None:
        self.shift, self.by_mu = shift, by_mu
        count = 10000 if by_mu else 1000
        self.multiplier = 1.0 if by_mu else 1000.0
        self.sigmas = np.array([self.sigma(k / count * self.multiplier) for k in range(1, count + 1)])

    def timestep(self, sigma: float) -> float:
        return sigma * self.multiplier

    def sigma(self, timestep: float) -> float:
        t = timestep / self.multiplier
        if self.by_mu:
            return math.exp(self.shift) / (math.exp(self.shift) + (1 / t - 1) ** 1.0)
        return self.shift * t / (1 + (self.shift - 1) * t)


def comfy_simple(s: Sampling, n: int) -> list[float]:
    ss = len(s.sigmas) / n
    return [float(s.sigmas[-(1 + int(x * ss))]) for x in range(n)] + [0.0]


def comfy_normal(s: Sampling, n: int, sgm: bool = False) -> list[float]:
    start, end = s.timestep(s.sigmas[-1]), s.timestep(s.sigmas[0])
    times = np.linspace(start, end, n + 1)[:-1] if sgm else np.linspace(start, end, n)
    return [s.sigma(t) for t in times] + [0.0]


def comfy_beta(s: Sampling, n: int) -> list[float]:
    ts = np.rint(stats.beta.ppf(1 - np.linspace(0, 1, n, endpoint=False), 0.6, 0.6) * (len(s.sigmas) - 1))
    return [float(s.sigmas[int(t)]) for t in ts] + [0.0]


COMFY = {"simple": comfy_simple, "normal": comfy_normal, "sgm_uniform": lambda s, n: comfy_normal(s, n, True), "beta": comfy_beta}


def times_of(name: str, process: Flow, steps: int) -> np.ndarray:
    span = Span(process, steps, np.inf, process.default_sigma_min)
    return SCHEDULES[name]().grid(span).times


@pytest.mark.parametrize("text", ["1", "3", "1.73", "8", "0.6", "mu:1.15", "sd3", "flux"])
@pytest.mark.parametrize("name", sorted(COMFY))
def test_rows_are_the_lists_that_comfyui_runs(name, text):
    """Eqs. (420) and (421); `beta` is rounded to a level there and not here."""
    options = model_shift(text)
    by_mu = options["trained_levels"] == 10000
    model = Sampling(math.log(options["model_shift"]) if by_mu else options["model_shift"], by_mu)
    for steps in STEPS:
        got, wish = times_of(name, Flow(**options), steps), COMFY[name](model, steps)
        # Half a level, in time, where it is rounded.
        slope = max(options["model_shift"], 1 / options["model_shift"])
        bound = 0.51 * slope / options["trained_levels"] if name == "beta" else 1e-12
        np.testing.assert_allclose(got, wish, atol=bound, rtol=0, err_msg=f"{name} {steps}")


def test_the_list_of_stable_diffusion_3_at_twelve_steps():
    """`simple` of a plain KSampler on SD3, read from its SIGMAS."""
    wish = [1, 0.97071277, 0.93778111, 0.9, 0.85732648, 0.80811808, 0.75, 0.68211559, 0.60071942, 0.5, 0.37556222, 0.21575342, 0]
    np.testing.assert_allclose(times_of("simple", Flow(3.0), 12), wish, atol=5e-9)


def test_rules_that_follow_the_shift_are_those_that_pick_levels():
    assert set(FOLLOWING) == {name for name in SCHEDULES if issubclass(SCHEDULES[name], IndexRule)}
    for name in SCHEDULES:
        if SCHEDULES[name].kind == "spectrum" or SCHEDULES[name].slow:
            continue
        try:
            spans = [Span(process, 6, np.inf, 0.004) for process in (Flow(1.0, 1000), Flow(3.0))]
            one, three = (SCHEDULES[name]().grid(span).times for span in spans)
        except UnsupportedError:
            continue
        assert np.array_equal(one, three) == (name not in FOLLOWING), name


# --- diffusers ------------------------------------------------------------------------------------------------------------


@pytest.mark.hosts
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("shift", [0.7, 1.0, 3.0, 5.0])
def test_own_grid_is_that_of_set_timesteps(shift, steps):
    """Eq. (421): a static shift, N alone."""
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(steps)
    process = Flow(shift, 1000)
    schedule = own_grid(Config({**FLOW_CONFIG, "shift": shift}), process)
    got = schedule.grid(Span(process, steps, np.inf, process.default_sigma_min)).times
    np.testing.assert_allclose(got, scheduler.sigmas.numpy(), rtol=3e-6, atol=1e-9)
    if steps > 1:
        np.testing.assert_allclose(got, times_of("normal", process, steps), rtol=1e-12)


@pytest.mark.hosts
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(("mu", "kind"), [(1.15, "exponential"), (0.5, "exponential"), (2.0, "linear")])
@pytest.mark.parametrize("terminal", [None, 0.1])
def test_own_grid_is_that_of_the_times_that_flux_pipelines_pass(mu, kind, terminal, steps):
    """Eq. (422): a dynamic shift, sigmas 1 to 1/N."""
    diffusers = pytest.importorskip("diffusers")
    if terminal is not None and steps == 1:
        pytest.skip("one time is not stretched")
    extra = {"use_dynamic_shifting": True, "time_shift_type": kind, "shift_terminal": terminal}
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(**extra)
    scheduler.set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=mu)
    config = Config({"_class_name": "FlowMatchEulerDiscreteScheduler", "mu": mu, **extra})
    process = Flow(config.shift()[0], 1000)
    got = own_grid(config, process).grid(Span(process, steps, np.inf, process.default_sigma_min)).times
    np.testing.assert_allclose(got, scheduler.sigmas.numpy(), rtol=3e-6, atol=1e-9)


@pytest.mark.hosts
@pytest.mark.parametrize("steps", STEPS)
def test_own_grid_is_that_of_wans_unipc(steps):
    """Eq. (422); its first time is moved by 1e-6."""
    diffusers = pytest.importorskip("diffusers")
    settings = {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 5.0}
    scheduler = diffusers.UniPCMultistepScheduler(**settings)
    scheduler.set_timesteps(steps)
    process = Flow(5.0, 1000)
    schedule = own_grid(Config({"_class_name": "UniPCMultistepScheduler", **settings}), process)
    got = schedule.grid(Span(process, steps, np.inf, process.default_sigma_min)).times
    np.testing.assert_allclose(got, scheduler.sigmas.numpy(), rtol=3e-6, atol=2e-6)


@pytest.mark.hosts
@pytest.mark.parametrize(
    "config", [{"shift": 3.0}, {"use_dynamic_shifting": True, "mu": 0.8}, {"use_dynamic_shifting": True}, None]
)
def test_exported_code_runs_its_sigmas_whatever_the_pipes_shift(config):
    """The file's config says one shift; pipes with other ones, dynamic or of another class run the same grid."""
    diffusers = pytest.importorskip("diffusers")
    made = diffopt.optimize(EIG, "euler", 6, process="flow")
    given = None if config is None else {"_class_name": "FlowMatchEulerDiscreteScheduler", **config}
    names = {}
    exec(str(diffopt.export(made, "diffusers", scheduler_config=given)), names)
    pipes = [
        diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), diffusers.FlowMatchEulerDiscreteScheduler(shift=7.0),
        diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.1),
        diffusers.UniPCMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction", flow_shift=5.0),
    ]  # fmt: skip
    for scheduler in pipes:
        pipe = SimpleNamespace(scheduler=scheduler)
        arguments = names["prepare"](pipe)
        pipe.scheduler.set_timesteps(**arguments, mu=1.15)
        np.testing.assert_allclose(pipe.scheduler.sigmas.numpy(), made.times, rtol=3e-6, atol=1e-9)


def test_what_has_no_own_grid_here_has_no_row():
    karras = {**FLOW_CONFIG, "use_karras_sigmas": True}
    heun = {**FLOW_CONFIG, "_class_name": "FlowMatchHeunDiscreteScheduler"}
    assert [own_grid(Config(c), Flow(3.0)) for c in (karras, heun, {"shift": 3.0})] == [None, None, None]
    with pytest.raises(UnsupportedError, match="pure noise"):
        own_grid(Config(FLOW_CONFIG), Flow(3.0)).grid(Span(Flow(3.0), 5, 20.0, 0.002))


# --- verbs ----------------------------------------------------------------------------------------------------------------


def write(tmp_path, config):
    path = tmp_path / "scheduler_config.json"
    path.write_text(json.dumps(config))
    return str(path)


def test_comparison_has_the_models_own_grid_in_its_answer(tmp_path):
    path = write(tmp_path, FLOW_CONFIG)
    table = diffopt.compare(EIG, "euler", 6, scheduler_config=path, host="diffusers", only="own,simple,ays_svd")
    rows = {row["schedule"]: row for row in table.document["rows"]}
    np.testing.assert_allclose([s / (1 + s) for s in rows["own"]["sigmas"][1:]], times_of("normal", Flow(3.0), 6)[1:])
    best = min(rows.values(), key=lambda row: row["robust"])
    ratio = rows["own"]["robust"] / best["robust"]
    said = " ".join(table.answers())
    assert ratio > 1.1 and f"{ratio:.3g} times below the model's own grid" in said
    assert "ays_svd" not in said and rows["ays_svd"]["offered"] == {}
    assert any("set_timesteps(N), which shifts twice" in line for line in table.notes)
    assert not any("no shift is said" in line for line in table.notes)


def test_optimize_tells_the_gain_over_the_models_own_grid(tmp_path):
    best = diffopt.optimize(EIG, "euler", 6, scheduler_config=write(tmp_path, FLOW_CONFIG))
    ratio = best.baselines["own"]["robust"] / best.document["objective"]["value"]
    assert f"{ratio:.3g} times below the model's own grid" in best.answers()[0]
    assert best.document["process"]["model_shift"] == 3


def test_without_a_shift_the_answers_say_that_rows_are_at_shift_one():
    table = diffopt.compare(EIG, "euler", 6, process="flow", host="comfyui", only="simple,beta,karras")
    assert "at shift 1, not the model's" in table.answers()[0]
    said = [line for line in table.notes if "no shift is said" in line]
    assert len(said) == 1 and "shift=3 for SD3" in said[0] and 'shift="mu:1.15" for Flux' in said[0]
    stated = diffopt.compare(EIG, "euler", 6, process="flow", host="comfyui", only="simple,beta,karras", shift=3)
    assert "shift 1" not in stated.answers()[0] and not any("no shift is said" in line for line in stated.notes)
    simple = next(row for row in stated.document["rows"] if row["schedule"] == "simple")
    np.testing.assert_allclose([s / (1 + s) for s in simple["sigmas"][1:]], comfy_simple(Sampling(3.0, False), 6)[1:], atol=1e-12)
    named = diffopt.optimize(EIG, "euler", 6, process="flow", host="comfyui")
    assert any("no shift is said" in line for line in named.notes)


def test_a_file_keeps_its_shift(tmp_path):
    best = diffopt.optimize(EIG, "euler", 5, process="flow", shift="flux")
    best.save(tmp_path / "grid.json")
    again = diffopt.evaluate(EIG, tmp_path / "grid.json")
    assert again.document["process"]["model_shift"] == pytest.approx(math.exp(1.15))
    assert again.document["process"]["trained_levels"] == 10000


def test_shift_wins_over_a_dynamic_one_of_the_config(tmp_path):
    config = {**FLOW_CONFIG, "use_dynamic_shifting": True, "max_shift": 1.15}
    best = diffopt.optimize(EIG, "euler", 5, scheduler_config=write(tmp_path, config), shift="mu:0.8")
    assert best.document["process"]["model_shift"] == pytest.approx(math.exp(0.8))


@pytest.mark.parametrize("given", ["three", "sdd3", "mu:", "-1", "0", "mu:40", "nan", True])
def test_what_is_no_shift_is_refused(given):
    with pytest.raises(InputError, match="shift"):
        diffopt.optimize(EIG, "euler", 4, process="flow", shift=given)


def test_a_shift_is_a_flow_models():
    with pytest.raises(InputError, match='add process="flow"'):
        diffopt.optimize(EIG, "euler", 4, shift=3)
    with pytest.raises(InputError, match='add process="flow"'):
        diffopt.compare(EIG, "euler", 4, shift=3)


def test_flags_of_other_commands_are_sent_there():
    with pytest.raises(InputError, match="evaluate takes no .*comfyui.*check.*compare"):
        diffopt.evaluate(EIG, sigmas=[14.6, 1.0, 0.0], host="comfyui")
    with pytest.raises(InputError, match="shift takes no .*compare.*row own"):
        diffopt.shift(EIG, scheduler_config="scheduler_config.json")


@pytest.mark.parametrize(("name", "theirs"), [("uni_pc", "uni_pc"), ("uni_pc_bh2", "uni_pc_bh2"), ("unipc", "uni_pc_bh2")])
def test_comfyuis_names_of_unipc_are_its_samplers(name, theirs):
    """uni_pc is bh1 there."""
    best = diffopt.optimize(EIG, name, 5, process="table", betas="sd", host="comfyui", end="sigma_min")
    assert diffopt.export(best, "comfyui").answer.sampler == theirs
    assert best.document["solver_options"]["variant"] == ("bh1" if theirs == "uni_pc" else "bh2")


def test_an_optimum_for_a_listed_grid_says_its_range():
    told = diffopt.evaluate(EIG, sigmas=[14.6, 3.0, 0.5, 0.07, 0.0]).answers()[-1]
    assert "the optimum from sigma 14.6 to 0.07 (" in told
    assert " the optimum (" in diffopt.evaluate(EIG, schedule="karras", steps=4, sigma_max=20.0).answers()[-1]


def test_latents_with_a_wide_brightness_are_told_from_a_wrong_scale():
    few, many = np.full(4096, 0.5), np.full(4096, 0.5)
    few[0], many[:400] = 27.05**2, 27.05**2
    words = {"brightness": few, "network's scale": many}
    for word, eig in words.items():
        notes = diffopt.optimize(eig, "euler", 3, process="table", betas="sd").notes
        (said,) = [line for line in notes if "largest standard" in line]
        assert word in said and f"({np.sum(eig > 14.6**2)} of 4096 directions)" in said
        assert sum(other in said for other in words) == 1


def test_a_start_without_a_configuration_is_worded_for_both_spacings():
    best = diffopt.optimize(EIG, "euler", 4, process="table", betas="sd", start="unit")
    said = diffopt.export(best, "diffusers").statement
    assert any("with timestep_spacing leading (SD 1.5, SDXL)" in line for line in said)
    assert not any(line.startswith("start:") for line in said)
    other = diffopt.optimize(EIG, "euler", 4, process="table", betas="sd")
    assert any(line.startswith("start:") and "sigma" in line for line in diffopt.export(other, "diffusers").statement)


def test_rules_of_noise_ratios_are_not_what_programs_run_on_flow_models():
    assert "comfyui" in offering("karras") and offering("karras", flow=True) == {}
    assert "comfyui" in offering("simple", flow=True) and "sd_cpp" not in offering("normal", flow=True)


@pytest.mark.parametrize("count", [1e308, 1, 2.5, "x", 10**7, True])
def test_a_number_of_levels_that_no_model_has_is_refused(count: object, tmp_path: Path) -> None:
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": count}
    (tmp_path / "scheduler_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="whole number from 2 to 1000000"):
        diffopt.evaluate([4.0, 1.0], sigmas=[0.9, 0.5, 0.0], scheduler_config=str(tmp_path))


@pytest.mark.parametrize("name", ["oss_flux", "oss_wan", "oss_chroma", "bong_tangent", "flow_shift", "flux_shift", "flux2_mu"])
def test_rules_of_s_are_not_what_programs_run_on_models_of_noise_ratios(name):
    """OptimalStepsScheduler and bong_tangent give values from 1 to 0 whatever the model; the others are shifts of flow models."""
    assert offering(name) == {} and (offering(name, flow=True) or name in ("flow_shift", "flux_shift", "flux2_mu"))


def test_the_schedule_that_shift_advises_is_the_grid_that_it_judged():
    """The flags of the last sentence, typed as they stand, give the error of the row they are of."""
    found = diffopt.shift(EIG, 8)
    words = found.answers()[-1].split(": ", 1)[1].split()
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given["--process"] == "flow"
    again = diffopt.evaluate(EIG, solver="euler", steps=8, process="flow", schedule=given["--schedule"],
                             sigma_min=float(given["--sigma-min"]))  # fmt: skip
    row = next(row for row in found.document["rows"] if f"{row['shift']:.4g}" == given["--schedule"].partition(":")[2])
    assert again.errors["frechet"] == pytest.approx(row["frechet"], rel=1e-5)


@pytest.mark.parametrize(
    ("host", "process", "names"),
    [(None, "ve", "bong_tangent"), ("comfyui", "table", "bong_tangent"), (None, "flow", "karras"),
     ("diffusers", "ve", None)],
)  # fmt: skip
def test_a_namesake_is_not_said_to_be_missing(host, process, names):
    """RES4LYF's bong_tangent is in ComfyUI's list for every model, from 1 to 0; Karras' rule is run on s of a flow model."""
    more = {"betas": "sd"} if process == "table" else {"sigma_max": 50.0, "sigma_min": 0.01}
    shown = str(diffopt.compare(EIG, "euler", 5, process=process, only="karras,bong_tangent,em_path_kl", host=host, **more))
    said = [line.strip() for line in shown.splitlines() if "by that name" in line]
    who = host or "programs"
    assert said == ([] if names is None else [f"{names}: by that name {who} would run another grid on this process"])


@pytest.mark.parametrize("verb", [diffopt.optimize, diffopt.compare])
def test_a_picture_says_that_no_shift_was_said(verb):
    more = {"only": "beta,simple"} if verb is diffopt.compare else {}
    for shift, said in ((None, True), (3, False)):
        found = verb(EIG, "euler", 4, process="flow", shift=shift, **more)
        assert ("1 is assumed (--shift)" in found.figure()._suptitle.get_text().replace("\n", " ")) == said


def test_the_models_own_grid_stays_in_a_table_that_is_cut_off(tmp_path):
    path = tmp_path / "scheduler_config.json"
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 12.0}
    path.write_text(json.dumps(config))
    found = diffopt.compare(EIG, "euler", 6, scheduler_config=path, top=1, only="own,beta,simple")
    assert [row["schedule"] for row in found.document["rows"]][-2:] == ["own", "optimized"]
    assert "the model's own grid" in found.answers()[0]


@pytest.mark.parametrize(("shift", "shape", "said"), [
    ("flux", (4, 8, 8), True), ("Flux", (4, 8, 8), True), ("mu:1.15", (4, 8, 8), False), ("sd3", (4, 8, 8), False),
    ("flux", (3, 9, 9), False),
])  # fmt: skip
def test_the_shift_of_flux_is_said_to_be_that_of_one_size(shift, shape, said, tmp_path):
    """16 tokens: the line of FLUX.1 through 0.5 at 256 and 1.15 at 4096 tokens; odd sides are no tokens."""
    samples = np.random.default_rng(3).standard_normal((40, *shape))
    diffopt.estimate(samples, method="fourier", channels="first").save(tmp_path / "latents.npz")
    data = str(tmp_path / "latents.npz")
    found = diffopt.evaluate(data, solver="euler", steps=2, schedule="simple", process="flow", shift=shift)
    mu = 1.15 + (16 - 4096) * (1.15 - 0.5) / (4096 - 256)
    told = f"16 tokens, where diffusers' pipeline of FLUX.1 takes mu {mu:.4g}"
    assert sum(told in line for line in found.notes) == said
    few = f"these latents have {shape[0]} channels, those of FLUX.1 16"
    assert sum(few in line for line in found.notes) == (said and shape[0] != 16)
