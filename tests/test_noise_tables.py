"""Noise tables of trained models: rules, files of every kind, configs of diffusers, zero terminal SNR."""

from __future__ import annotations

import inspect
import json
import math

import mpmath as mp
import numpy as np
import pytest

import diffopt
from diffopt.data.spectrum import Spectrum
from diffopt.documents.noise_table import load_table, table_process
from diffopt.documents.scheduler_config import WITH_BETAS, config_process
from diffopt.errors import InputError
from diffopt.foundation.notes import listening
from diffopt.hosts.diffusers.config import Config, load_config
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes import Flow, TrainedLevels
from diffopt.processes.beta_rules import alphas_from_betas, zero_terminal_snr
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS

SD = "scaled_linear:0.00085,0.012,1000"
#: beta_j of each rule, one number at a time in 30 digits.
RULES = {
    "linear:0.0001,0.02,1000": lambda j: mp.mpf("0.0001") + (mp.mpf("0.02") - mp.mpf("0.0001")) * j / 999,
    SD: lambda j: (mp.sqrt(mp.mpf("0.00085")) + (mp.sqrt(mp.mpf("0.012")) - mp.sqrt(mp.mpf("0.00085"))) * j / 999) ** 2,
    "sigmoid:0.0001,0.02,1000": lambda j: (
        mp.mpf("0.0001") + (mp.mpf("0.02") - mp.mpf("0.0001")) / (1 + mp.exp(-(-6 + mp.mpf(12) * j / 999)))
    ),
    "squaredcos_cap_v2": lambda j: min(1 - cosine(j + 1) / cosine(j), mp.mpf("0.999")),
}


def cosine(j):
    return mp.cos((mp.mpf(j) / 1000 + mp.mpf("0.008")) / mp.mpf("1.008") * mp.pi / 2) ** 2


@pytest.mark.parametrize("rule", RULES)
def test_rules(rule):
    with mp.workdps(30):
        product, wish = mp.mpf(1), []
        for j in range(1000):
            product *= 1 - RULES[rule](j)
            wish.append(float(product))
    np.testing.assert_allclose(alphas_from_betas(rule), wish, rtol=1e-10)


@pytest.mark.parametrize(
    ("rule", "top"), [(SD, 14.6146), ("linear:0.0001,0.02,1000", 157.407), ("squaredcos_cap_v2:1000", 20291.2)]
)
def test_the_default_range_of_a_table_is_its_own(rule, top):
    """Ends as hosts print them; beyond 80 too."""
    process = TrainedLevels(alphas_from_betas(rule))
    problem = Problem.create(Spectrum.create([4.0, 0.1]), process, SOLVERS["euler"](), 5)
    assert problem.sigma_max == pytest.approx(top, rel=1e-5)
    assert problem.sigma_min == pytest.approx(math.sqrt(1 / process.alphas_cumprod[0] - 1), rel=1e-12)


def test_zero_terminal_snr_keeps_the_first_and_ends_at_zero():
    """Lin et al., alg. 1, in plain Python."""
    plain = alphas_from_betas(SD)
    root = [math.sqrt(a) for a in plain]
    wish = [((s - root[-1]) * root[0] / (root[0] - root[-1])) ** 2 for s in root]
    moved = alphas_from_betas(SD + ":zero_snr")
    np.testing.assert_allclose(moved, wish, rtol=1e-10)
    assert moved[-1] == 0.0
    assert moved[0] == pytest.approx(plain[0], rel=1e-12)


ZERO = TrainedLevels(alphas_from_betas(SD + ":zero_snr"))


def test_pure_noise_is_the_last_index_and_the_default_start():
    assert ZERO.start_time() == 999
    assert ZERO.sigma_limits[0] == math.inf
    grid = Grid.create(ZERO, [math.inf, 10.0, 1.0, 0.1, 0.0])
    assert grid.timesteps[0] == 999
    assert grid.times[0] == 999
    problem = Problem.create(Spectrum.create([4.0, 0.1]), ZERO, SOLVERS["ddim"](), 4)
    assert problem.sigma_max == math.inf
    levels = np.sqrt(1 / ZERO.alphas_cumprod[:-1] - 1)
    np.testing.assert_allclose(ZERO.time(levels), np.arange(999), atol=1e-6)
    np.testing.assert_allclose(ZERO.sigma(np.arange(999.0)), levels, rtol=1e-9)
    assert np.isinf(ZERO.sigma(np.array([999.0]))[0])


def test_between_the_last_two_levels_alpha_is_linear():
    last = math.sqrt(ZERO.alphas_cumprod[-2])
    for part in (0.1, 0.5, 0.9, 0.999):
        sigma = ZERO.sigma(np.array([998 + part]))
        assert ZERO.alpha(np.array([998 + part]))[0] == pytest.approx((1 - part) * last, rel=1e-9)
        assert ZERO.time(sigma)[0] == pytest.approx(998 + part, abs=1e-7)
        slope = np.imag(ZERO.time(sigma + 1e-20j))[0] / 1e-20
        step = 1e-6 * sigma
        assert slope == pytest.approx(((ZERO.time(sigma + step) - ZERO.time(sigma - step)) / (2 * step))[0], rel=1e-5)


@pytest.mark.parametrize("name", ["ddim", "euler", "dpmpp_2m", "unipc", "euler_ancestral"])
def test_a_start_at_pure_noise_by_hand(name):
    """DDIM's first step from pure noise, z' = alpha' D + noise' z with D = 0 for Gaussian data: exact.

    The second moment after all steps of the deterministic first order schemes, one direction at a time.
    """
    eig = np.array([4.0, 0.3])
    sigmas = [math.inf, 8.0, 1.5, 0.2, 0.0]
    problem = Problem.create(Spectrum.create(eig), ZERO, SOLVERS[name](), 4)
    got = evaluate(problem, Grid.create(ZERO, sigmas), None).frechet
    if name not in ("ddim", "euler"):
        assert 0 < got < math.sqrt(eig.sum())
        return
    x = np.full(2, 8.0)  # unit noise times sigma' in the picture x = z/alpha; the denoiser of pure noise gives the mean 0
    for high, low in zip(sigmas[1:-1], sigmas[2:], strict=True):
        denoised = eig / (eig + high**2) * x
        x = denoised + low / high * (x - denoised)
    assert got == pytest.approx(math.sqrt(((x - np.sqrt(eig)) ** 2).sum()), rel=1e-12)


REFUSED = {
    "leading one": (np.append(1.0, alphas_from_betas(SD)), "starts with 1"),
    "betas": (np.linspace(1e-4, 0.02, 100), "decrease strictly"),
    "above one": (np.array([1.2, 0.5]), "decrease strictly"),
    "two zeros": (np.array([0.9, 0.0, 0.0]), "decrease strictly"),
    "one level and a zero": (np.array([0.9, 0.0]), "decrease strictly"),
    "nan": (np.array([0.9, np.nan, 0.1]), "decrease strictly"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_are_none(name):
    values, word = REFUSED[name]
    with pytest.raises(InputError, match=word):
        TrainedLevels(values)


@pytest.mark.parametrize(
    "rule",
    [
        "linear", "linear:1", "cubic:0.1,0.2,10", "linear:0.1,0.2,1", "linear:0.1,0.2,1e9", "linear:0.1,0.2,1_000",
        "linear:0.1,0.2,10.5", "linear:nan,0.2,10", "linear:0.1,0.2,inf", "squaredcos_cap_v2:1", "squaredcos_cap_v2:1,2",
        "linear:0.1,0.2,10:snr", "sigmoid:0,0.1,10", "squaredcos_cap_v2:1000:zero:snr", "",
    ],
)  # fmt: skip
def test_rules_that_are_none(rule):
    """Also a table of 10^9 levels, before it is allocated."""
    with pytest.raises(InputError, match="betas") as caught:
        alphas_from_betas(rule)
    assert "\n" not in str(caught.value)


# --- files --------------------------------------------------------------------------------------------

ABAR = alphas_from_betas(SD)
BETAS = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2


def _json(path, content):
    path.write_text(json.dumps(content))


def _text(path, values, head="", separator="\n", mark="."):
    path.write_text(head + separator.join(repr(float(v)) for v in values).replace(".", mark))


#: Roots of alphas_cumprod look the same, so a list that nothing names is spoken of.
UNNAMED = "taken for alphas_cumprod (they decrease); nothing names them: if they are sqrt_alphas_cumprod"
#: Name of the file, how it is written, and what the note calls the numbers ("" for no note).
FILES = {
    "a.npy": (lambda p: np.save(p, ABAR), UNNAMED),
    "f4.npy": (lambda p: np.save(p, ABAR.astype("f4")), UNNAMED),
    "named.npz": (lambda p: np.savez(p, alphas_cumprod=ABAR, other=np.ones(3)), ""),
    "single.npz": (lambda p: np.savez(p, anything=ABAR), UNNAMED),
    "a.json": (lambda p: _json(p, {"alphas_cumprod": ABAR.tolist(), "T": 1000}), ""),
    "list.json": (lambda p: _json(p, ABAR.tolist()), UNNAMED),
    "head.csv": (lambda p: _text(p, ABAR, "alphas_cumprod\n"), ""),
    "semi.csv": (lambda p: _text(p, ABAR, separator=";"), UNNAMED),
    "comma.csv": (lambda p: _text(p, ABAR, separator=";", mark=","), "decimal marks"),
    "frame.csv": (lambda p: p.write_text(",abar\n" + "\n".join(f"{i},{v!r}" for i, v in enumerate(ABAR.tolist()))), ""),
    "betas.npy": (lambda p: np.save(p, BETAS), "taken for betas (they do not decrease)"),
    "betas.npz": (lambda p: np.savez(p, betas=BETAS), "taken for betas (named 'betas')"),
    "betas.csv": (lambda p: _text(p, BETAS, "betas\n"), "taken for betas"),
    "alphas.json": (lambda p: _json(p, {"alphas": (1 - BETAS).tolist()}), "taken for alphas"),
    "sigmas.json": (lambda p: _json(p, {"sigmas": np.sqrt(1 / ABAR - 1).tolist()}), "taken for sigmas"),
    "down.json": (lambda p: _json(p, {"sigmas": [*np.sqrt(1 / ABAR - 1)[::-1].tolist(), 0]}), "taken for sigmas"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_people_have(tmp_path, name):
    write, said = FILES[name]
    write(tmp_path / name)
    with listening() as heard:
        found = load_table(str(tmp_path / name))
    np.testing.assert_allclose(found, ABAR, rtol=1e-6 if "f4" in name else 1e-11)
    assert bool(heard) == bool(said)
    assert said in " ".join(heard)


def test_safetensors(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file({"alphas_cumprod": ABAR.astype("f4")}, str(tmp_path / "a.safetensors"))
    np.testing.assert_allclose(load_table(str(tmp_path / "a.safetensors")), ABAR, rtol=1e-6)


def test_a_table_is_told_from_another(tmp_path):
    np.save(tmp_path / "betas.npy", BETAS)
    np.save(tmp_path / "abar.npy", ABAR)
    np.save(tmp_path / "alphas.npy", 1 - BETAS)
    for option, name in (("alphas_cumprod", "abar"), ("alphas_cumprod", "betas"), ("betas", "betas"), ("betas", "abar")):
        arguments = {"alphas_cumprod": None, "betas": None, option: str(tmp_path / f"{name}.npy")}
        with listening() as heard:
            made = table_process(**arguments)
        assert made.sigma_limits[0] == pytest.approx(14.6146, rel=1e-5)
        assert f"taken for {'betas' if name == 'betas' else 'alphas_cumprod'}" in " ".join(heard)
    with pytest.raises(InputError, match="1 - betas"):
        load_table(str(tmp_path / "alphas.npy"))
    for both in ((None, None), ("a", "b")):
        with pytest.raises(InputError, match="--betas"):
            table_process(*both)
    np.save(tmp_path / "no.npy", np.array([3.0, 2.0]))
    with pytest.raises(InputError, match="from 0 to 1"):
        load_table(str(tmp_path / "no.npy"))


# --- scheduler_config.json ----------------------------------------------------------------------------

EULER = {
    "_class_name": "EulerDiscreteScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1,
}  # fmt: skip


def config(tmp_path, **changes):
    path = tmp_path / "scheduler_config.json"
    path.write_text(json.dumps({k: v for k, v in {**EULER, **changes}.items() if v != "drop"}))
    return str(path)


def test_a_config_of_betas(tmp_path):
    with listening() as heard:
        process = config_process(config(tmp_path))
    np.testing.assert_allclose(process.alphas_cumprod, ABAR, rtol=1e-12)
    assert process.origin() == {"betas": SD}
    assert "beta_schedule scaled_linear:0.00085,0.012,1000" in heard[0]
    assert "timestep_spacing" in heard[0]
    np.testing.assert_allclose(alphas_from_betas(process.origin()["betas"]), process.alphas_cumprod, rtol=1e-13)


def test_a_process_that_is_named_must_be_that_of_the_config(tmp_path):
    """`ve` is the default and is meant all the same where somebody says it; another spelling of the same is no other name."""
    path = config(tmp_path, _class_name="FlowMatchEulerDiscreteScheduler", beta_schedule="drop")
    for name in ("ve", "vp_linear", "table"):
        with pytest.raises(InputError, match=f"process 'flow' and process='{name}'"):
            diffopt.optimize([1.0, 0.1], steps=2, process=name, scheduler_config=path)
    for name in (None, "flow", "rectified flow"):
        assert diffopt.optimize([1.0, 0.1], steps=2, process=name, scheduler_config=path).document["process"]["name"] == "flow"


def test_configs_of_other_tables(tmp_path):
    zero = config_process(config(tmp_path, rescale_betas_zero_snr=True))
    assert zero.pure
    assert zero.origin() == {"betas": SD + ":zero_snr"}
    trained = config_process(config(tmp_path, trained_betas=BETAS.tolist()))
    np.testing.assert_allclose(trained.alphas_cumprod, ABAR, rtol=1e-11)
    assert trained.origin() == {"scheduler_config": str(tmp_path / "scheduler_config.json")}
    shifted = config_process(config(tmp_path, snr_shift_scale=4.0))
    np.testing.assert_allclose(np.exp(shifted.log_sigma), 2 * np.sqrt(1 / ABAR - 1), rtol=1e-9)
    with listening() as heard:
        default = config_process(config(tmp_path, beta_schedule="drop", beta_start="drop", beta_end="drop"))
    np.testing.assert_allclose(default.alphas_cumprod, alphas_from_betas("linear:0.0001,0.02,1000"), rtol=1e-12)
    assert "0.0001 is assumed" in " ".join(heard)
    assert isinstance(config_process(str(tmp_path)), TrainedLevels)
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler_config.json").rename(tmp_path / "scheduler" / "scheduler_config.json")
    assert isinstance(config_process(str(tmp_path)), TrainedLevels)


def test_what_classes_assume_is_theirs(tmp_path):
    """Every class of diffusers with betas, and its own defaults where the config leaves them out."""
    schedulers = pytest.importorskip("diffusers.schedulers")
    for name in WITH_BETAS:
        known = inspect.signature(getattr(schedulers, name).__init__).parameters
        if name == "DPMSolverSDEScheduler" and "beta_schedule" not in known:
            continue  # diffusers puts an empty class in its place where torchsde is missing
        wish = {k: known[k].default for k in ("beta_schedule", "beta_start", "beta_end", "num_train_timesteps") if k in known}
        with listening():
            made = config_process(config(tmp_path, _class_name=name, beta_schedule="drop", beta_start="drop", beta_end="drop"))
        rule = wish["beta_schedule"]
        rule += ":1000" if rule == "squaredcos_cap_v2" else f":{wish['beta_start']},{wish['beta_end']},1000"
        right = alphas_from_betas(rule)
        if name.startswith("CogVideoX"):
            right = right / (3 - 2 * right)
        np.testing.assert_allclose(made.alphas_cumprod, right, rtol=1e-12)


def test_hosts_read_a_config_as_the_process_is_read(tmp_path):
    """The trained levels of an export are those that the grid was made for, whatever the file leaves to its class."""
    for name in sorted(WITH_BETAS):
        for more in ({}, {"snr_shift_scale": 2.0}, {"trained_betas": BETAS.tolist()}):
            path = config(tmp_path, _class_name=name, beta_start="drop", beta_end="drop", **more)
            with listening():
                made = config_process(path)
            np.testing.assert_array_equal(Config(load_config(path)).alphas_cumprod(), made.alphas_cumprod)
    zero = Config(load_config(config(tmp_path, rescale_betas_zero_snr=True))).alphas_cumprod()
    assert zero[-1] == 2.0**-24
    with pytest.raises(InputError, match="betas must lie in"):
        Config({"trained_betas": [0.1, 1.5, 0.2]}).alphas_cumprod()
    array = Config({"trained_betas": BETAS}).alphas_cumprod()
    np.testing.assert_allclose(array, ABAR, rtol=1e-11)


def test_a_config_in_place_of_a_table(tmp_path):
    """--alphas-cumprod and --betas take a scheduler_config.json too; that of a flow is refused there."""
    with listening():
        for process in (table_process(config(tmp_path), None), table_process(None, config(tmp_path))):
            np.testing.assert_allclose(process.alphas_cumprod, ABAR, rtol=1e-12)
        with pytest.raises(InputError, match="leave out --process table"):
            table_process(config(tmp_path, _class_name="FlowMatchEulerDiscreteScheduler"), None)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".json"])
@pytest.mark.parametrize(
    ("name", "values"),
    [("sqrt_alphas_cumprod", np.sqrt(ABAR)), ("sqrt_one_minus_alphas_cumprod", np.sqrt(1 - ABAR)), ("alpha_bar", ABAR),
     ("beta", BETAS)],
)
def test_roots_that_programs_keep(name, values, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    if suffix == ".npz":
        np.savez(path, **{name: values, "w": np.zeros((2, 2))})
    else:
        text = json.dumps({name: values.tolist()}) if suffix == ".json" else "\n".join([name, *map(repr, values.tolist())])
        path.write_text(text)
    with listening():
        np.testing.assert_allclose(load_table(str(path)), ABAR, rtol=1e-9)


def test_betas_in_reverse_are_no_alphas_cumprod(tmp_path):
    np.save(tmp_path / "a.npy", BETAS[::-1])
    with pytest.raises(InputError, match="betas in reverse"):
        load_table(str(tmp_path / "a.npy"))


def test_flow_configs(tmp_path):
    """The straight path whatever the shift; the shift is said, and where the scheduler's own grid ends."""
    flow = {"beta_schedule": "drop", "beta_start": "drop", "beta_end": "drop", "_class_name": "FlowMatchEulerDiscreteScheduler"}
    with listening() as heard:
        assert config_process(config(tmp_path, **flow, shift=3.0)) == Flow(3.0, 1000)
    # S(S(1/1000)) = 9/1008 (theory.md, eq. 421).
    assert f"shift 3; its set_timesteps(N) shifts twice, from 1 to {9 / 1008:.4g}" in heard[0]
    with listening() as heard:
        assert isinstance(config_process(config(tmp_path, **flow, shift=1.0, use_dynamic_shifting=True)), Flow)
    assert "shift 3.158: dynamic exponential shift, mu 1.15 assumed" in heard[0]
    made = config_process(config(tmp_path, _class_name="UniPCMultistepScheduler", use_flow_sigmas=True, flow_shift=5.0))
    assert made == Flow(5.0, 1000)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"_class_name": "EDMEulerScheduler"}, "--process ve --sigma-max 80 --sigma-min 0.002"),
        ({"_class_name": "KarrasVeScheduler", "sigma_max": 50.0}, "--sigma-max 50 --sigma-min 0.02"),
        ({"_class_name": "ScoreSdeVeScheduler"}, "--sigma-max 1348 --sigma-min 0.01"),
        ({"_class_name": "ScoreSdeVpScheduler", "beta_max": 12.0}, "--process vp_linear --beta-min 0.1 --beta-max 12"),
        ({"_class_name": "FlowMatchEulerDiscreteScheduler", "invert_sigmas": True}, "invert_sigmas"),
        ({"_class_name": "SCMScheduler", **dict.fromkeys(("beta_start", "beta_end", "beta_schedule"), "drop")}, "no betas"),
        ({"_class_name": "UNet2DModel", **dict.fromkeys(("beta_start", "beta_end", "beta_schedule"), "drop")}, "no betas"),
        ({"beta_schedule": "laplace"}, "unknown"),
        ({"beta_start": "0.1"}, "must be a number"),
        ({"beta_start": -1}, "lie in"),
        ({"num_train_timesteps": 1e9}, "COUNT"),
        ({"num_train_timesteps": 10.5}, "whole"),
        ({"trained_betas": ["x"]}, "list of numbers"),
        ({"trained_betas": [0.1, 2.0]}, "betas"),
        ({"snr_shift_scale": 0}, "positive"),
    ],
)
def test_configs_that_are_refused(tmp_path, changes, word):
    with pytest.raises(InputError, match=word) as caught:
        config_process(config(tmp_path, **changes))
    assert "\n" not in str(caught.value)


def test_files_that_are_no_config(tmp_path):
    for text in ("[]", '{"a": 1}', "{", "3"):
        (tmp_path / "c.json").write_text(text)
        with pytest.raises(InputError):
            config_process(str(tmp_path / "c.json"))
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError):
            config_process(str(path))


#: Classes of diffusers and settings; the numbers come from their own objects.
HOSTS = {
    "linear": ("DDPMScheduler", {}),
    "scaled_linear": ("EulerDiscreteScheduler", {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}),
    "cosine": ("DDPMScheduler", {"beta_schedule": "squaredcos_cap_v2"}),
    "sigmoid": ("DDPMScheduler", {"beta_schedule": "sigmoid", "beta_start": 1e-4, "beta_end": 0.02}),
    "short": ("DDIMScheduler", {"num_train_timesteps": 100, "beta_schedule": "linear"}),
    "trained": ("DDIMScheduler", {"trained_betas": [0.01, 0.02, 0.04, 0.1, 0.2]}),
    "zero snr": ("DDIMScheduler", {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True}),
    "video": ("CogVideoXDDIMScheduler", {"snr_shift_scale": 3.0, "rescale_betas_zero_snr": True}),
    "video as it comes": ("CogVideoXDDIMScheduler", {}),
}


@pytest.mark.hosts
@pytest.mark.parametrize("name", HOSTS)
def test_tables_are_those_of_the_host(tmp_path, name):
    import diffusers

    kind, settings = HOSTS[name]
    host = getattr(diffusers, kind)(**settings)
    host.save_pretrained(tmp_path)
    process = config_process(str(tmp_path))
    np.testing.assert_allclose(process.alphas_cumprod, host.alphas_cumprod.double().numpy(), rtol=1e-4, atol=1e-9)
    if settings.get("rescale_betas_zero_snr"):
        assert process.pure


@pytest.mark.hosts
def test_flow_hosts_are_flow(tmp_path):
    import diffusers

    diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0).save_pretrained(tmp_path)
    assert isinstance(config_process(str(tmp_path)), Flow)


def test_shrinking_the_table_is_the_published_formula():
    table = np.array([0.9, 0.5, 0.2])
    root = np.sqrt(table)
    np.testing.assert_allclose(np.sqrt(zero_terminal_snr(table)), (root - root[2]) * root[0] / (root[0] - root[2]))
