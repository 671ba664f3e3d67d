"""A flag that a command offers changes its output, is refused in one line, or only permits; each has a case where it counts.

The tables of flags drive the test: a new flag needs a value here, and a setting in which it has an effect.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from diffopt.api.flags import OUTPUT
from diffopt.cli.command import panels_of
from diffopt.cli.main import main

#: A short run of each verb's command.
BASE = {
    "optimize": "optimize e.npy -n 2",
    "evaluate": "evaluate e.npy --schedule karras -n 2",
    "compare": "compare-schedules e.npy -n 2 --only karras,exponential",
    "orders": "convergence e.npy -s euler -n 4,8 --metric frechet",
    "best_eta": "eta e.npy -n 2 --design constant --noise-objective exact --clock sigma",
    "recommend": "recommend e.npy --calls 2 --host edm",
    "shift": "shift e.npy -n 2",
    "budget": "error-budget e.npy --samples 100 --steps 2",
    "simulate": "simulate --mixture mix.npz --schedule karras -n 2 --count 16 --reference-steps 4",
    "export": "export g.json --to comfyui",
    "check": "check g.json --host k_diffusion",
    "siem": "siem outputs.npz",
    "names": "list solvers --format json",
    "schema": "schema --format table",
    "read_spectrum": "spectrum show e.npy",
    "synthesize": "spectrum synthesize power_law --dim 8",
    "posterior": "spectrum posterior power:2 --shape 4,4 --operator blur:1 --noise 0.1",
    "from_loss": "spectrum from-loss curve.csv",
    "estimate": "spectrum estimate s.npy",
}
#: A value of each flag that is not its default; None of those without one.
VALUES: dict[str, str | None] = {
    "all": None,
    "key": "mine", "feature_space": None, "max_member": "2", "solver": "heun", "steps": "5", "eta": "0.5", "clock": "logsnr",
    "options": "rho=5", "s_churn": "0.3", "s_tmin": "0.1", "s_tmax": "5", "s_noise": "1.01", "process": "vp_linear",
    "beta_min": "0.2", "beta_max": "15", "alphas_cumprod": "alphas.npy", "betas": "scaled_linear:0.00085,0.012,1000",
    "scheduler_config": "config.json", "sigma_max": "40", "sigma_min": "0.01", "t_max": "40", "t_min": "0.01",
    "end": "sigma_min", "start": "sigma", "schedule": "exponential", "score_error": "0.05", "objective": "kl", "free": "eta",
    "host": "comfyui", "timesteps": "integer", "grid_of": "euler", "sigmas": "80,5,1,0", "times": "80,5,1,0", "calls": "4",
    "only": "karras", "skip": "karras", "kind": "fixed", "sort": "-kl", "top": "1", "add": "14.6,5,0", "equal_steps": None,
    "explain": "karras", "html": "page.html", "metric": "weak", "accuracy": "0.5", "paths": "40", "seed": "3",
    "error_map": "map.svg", "samples": "1000", "tau": "0.01", "iterations": "100", "precondition": None, "langevin": "0.01",
    "minimize": "sigma_min", "subject_to": "calls<=20", "verify": "4", "kernel": "kernel.npz", "over": "steps",
    "tokens": "4096", "frames": "2", "frame_correlation": "0.5", "design": "none", "noise_objective": "signed",
    "mixture": "other.npz", "denoiser": "denoiser:f", "shape": "2", "components": "2", "bandwidth": "0.3",
    "posterior": "measured.npz", "count": "128", "workers": "2", "memory": "0.5", "reference_steps": "6", "to": "k_diffusion",
    "spectrum": "other.npy", "window": "0.5", "reference": "better.npz", "picture": "vp", "long": None, "reader": "csv",
    "channels": "first", "columns": "2", "header": "yes", "missing": "-9999", "mode": "L", "hop": "32", "skip_bad": None,
    "max_expanded": "4", "range": "0,2:-1,1", "scale": "2", "shift": "1", "standardize": "0.5", "method": "lanczos",
    "shrinkage": "oas", "radial": None, "labels": "labels.txt", "clusters": "2", "patches": "2", "bands": "2",
    "n_boot": "2", "boot_steps": "2", "boot_solver": "heun", "block": "7", "engine": "none", "scheduler": "tcp://none:1",
    "resume": None, "mean": None, "covariance": None, "dim": "16", "std": "0.25", "exponent": "1.5", "decades": "2",
    "ratio": "0.01", "fraction": "0.5", "table": "power.csv", "spacing": "0.5", "operator": "blur:2", "noise": "0.2",
    "measurement": "y.npy", "dense": "16", "sigma_cap": "30", "eig_cap": "2",
}  # fmt: skip
#: Flags whose values differ by verb.
OTHERWISE: dict[tuple[str, str], str] = {
    ("orders", "steps"): "4,16", ("best_eta", "solver"): "ddim", ("recommend", "host"): "smalldiffusion",
    ("check", "host"): "diffusers:EulerDiscreteScheduler", ("simulate", "samples"): "s.npy", ("siem", "clock"): "variance",
    ("posterior", "method"): "dense", ("posterior", "shape"): "2,8", ("synthesize", "shape"): "4", ("estimate", "window"): "8",
    ("budget", "minimize"): "steps", ("shift", "objective"): "robust", ("recommend", "calls"): "3",
    ("optimize", "schedule"): "polyexponential", ("recommend", "shift"): "3", **dict.fromkeys(
        [(verb, "shift") for verb in ("optimize", "evaluate", "compare", "orders", "budget", "best_eta", "simulate")], "3"
    ), ("estimate", "channels"): "last",
}  # fmt: skip
#: Flags that permit something, or say how a result is computed that is the same: they may change nothing.
PERMIT = {
    "feature_space", "max_member", "max_expanded", "skip_bad", "missing", "memory", "workers", "dense", "block", "equal_steps",
    "resume",
}  # fmt: skip
#: Where a flag counts that the short run refuses: other words than the short run's, `{}` being the flag.
CHURN = "-s edm_stochastic --s-churn 0.2"
RIGHT: dict[str, str] = {
    "key": "{base:e.npy>e.npz} {}", "eta": "{base} -s ddim {}", "clock": "{base} --end sigma_min {}",
    "s_churn": "{base} -s edm_stochastic {}", "s_tmin": "{base} " + CHURN + " {}", "s_tmax": "{base} " + CHURN + " {}",
    "s_noise": "{base} " + CHURN + " {}",
    "beta_min": "{base} --process vp_linear {}", "beta_max": "{base} --process vp_linear {}",
    "alphas_cumprod": "{base} --process table {}", "betas": "{base} --process table {}", "free": "{base} -s ddim {}",
    "timesteps": "{base} --process flow {}", "optimize schedule": "{base} --free family {}",
    "optimize options": "{base} -s er_sde --option phi=log", "compare options": "{base} -s er_sde --option phi=log",
    "budget options": "{base} -s er_sde --option phi=log", "simulate options": "{base} -s er_sde --option phi=log",
    "orders clock": "{base} --sigma-min 0.05 {}",
    "best_eta host": "eta e.npy -n 2 -s euler_ancestral --design constant --noise-objective exact {}",
    "best_eta clock": "{base} --end sigma_min {}",
    "evaluate sigmas": "evaluate e.npy {}", "evaluate times": "evaluate e.npy {}",
    "compare calls": "compare-schedules e.npy --only karras,exponential {}",
    "orders paths": "convergence e.npy -s heun_sde --metric strong -n 4,8 {}",
    "orders seed": "convergence e.npy -s heun_sde --metric strong --paths 40 -n 4,8 {}",
    "budget iterations": "{base} --tau 0.01 {}", "budget precondition": "{base} --tau 0.01 {}",
    "budget langevin": "error-budget e.npy --samples 100 --sigma-min 0.5 {}",
    "budget minimize": "{base} --subject-to calls<=4 {}", "budget subject_to": "{base} --minimize steps {}",
    "budget seed": "{base} --verify 4 {}",
    "budget over": "{base} --plot curve.svg {}", "from_loss dim": "{base:curve.csv>means.csv} {}",
    "simulate samples": "simulate --schedule karras -n 2 --count 16 --reference-steps 4 {}",
    "simulate denoiser": "simulate --schedule karras -n 2 --count 16 --reference-steps 4 --shape 2 {}",
    "simulate shape": "simulate --denoiser denoiser:f --schedule karras -n 2 --count 16 --reference-steps 4 {}",
    "simulate components": "simulate --samples s.npy --schedule karras -n 2 --count 16 --reference-steps 4 {}",
    "simulate bandwidth": "simulate --samples s.npy --schedule karras -n 2 --count 16 --reference-steps 4 {}",
    "simulate objective": "simulate --mixture mix.npz --schedule optimized -n 2 --count 16 --reference-steps 4 {}",
    "export scheduler_config": "export g.json --to diffusers {}", "check scheduler_config": "check g.json --host diffusers {}",
    "optimize shift": "{base} --process flow {}", "recommend shift": "recommend e.npy --calls 2 --process flow {}",
    "evaluate shift": "evaluate e.npy --schedule simple -n 2 --process flow {}",
    "compare shift": "compare-schedules e.npy -n 2 --only simple --process flow {}",
    "orders shift": "convergence e.npy -s euler -n 4,8 --metric frechet --schedule simple --process flow {}",
    "best_eta shift": "{base} --schedule simple --process flow --t-max 0.9 {}",
    "budget shift": "{base} --process flow --schedule simple {}",
    "simulate shift": "simulate --mixture mix.npz --schedule simple -n 2 --count 16 --reference-steps 4 --process flow {}",
    "siem picture": "siem xt.npz {}",
    "synthesize decades": "spectrum synthesize exponential {}", "synthesize ratio": "spectrum synthesize two_level {}",
    "synthesize fraction": "spectrum synthesize two_level {}", "synthesize table": "spectrum synthesize radial --shape 4 {}",
    "synthesize shape": "spectrum synthesize radial --table power.csv {}",
    "synthesize spacing": "spectrum synthesize radial --table power.csv --shape 4 {}",
    "posterior key": "spectrum posterior e.npz --operator diagonal:1 --noise 0.1 {}",
    "posterior seed": "spectrum posterior power:2 --shape 4,4 --operator inpainting:0.5 --noise 0.1 {}",
    "estimate key": "spectrum estimate s.npz {}", "estimate reader": "spectrum estimate s.txt {}",
    "estimate channels": "spectrum estimate fields.npy --method fourier {}", "estimate columns": "spectrum estimate s.csv {}",
    "estimate header": "spectrum estimate s.csv {}", "estimate mode": "spectrum estimate images {}",
    "estimate window": "spectrum estimate a.wav {}", "estimate hop": "spectrum estimate a.wav --window 64 {}",
    "estimate radial": "spectrum estimate fields.npy --method fourier --channels first {}",
    "estimate patches": "spectrum estimate fields.npy --channels first {}",
    "estimate bands": "spectrum estimate fields.npy --method fourier --channels first {}",
    "estimate boot_steps": "{base} --n-boot 2 {}", "estimate boot_solver": "{base} --n-boot 2 --boot-steps 2 {}",
}  # fmt: skip
#: Files that flags write.
WRITTEN = ("page.html", "map.svg", "kernel.npz", "curve.svg")
#: What needs a cluster, or only begins one: counts in test_estimation_cli; `--all` on a terminal, in test_documents; a matrix,
#: which goes into .npz alone, in test_own_posterior.
ELSEWHERE = {
    ("schema", "all"), ("estimate", "engine"), ("estimate", "scheduler"), ("estimate", "reader"), ("estimate", "covariance"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the runs name."""
    place = tmp_path_factory.mktemp("flags")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.syspath_prepend(str(place))
        _files(np.random.default_rng(0))
        assert main(["optimize", "e.npy", "-n", "3", "-o", "g.json", "-q"]) == 0
        yield place


def _files(rng):
    eig = np.array([4.0, 1.0, 0.1])
    np.save("e.npy", eig)
    np.save("other.npy", eig * 2)
    np.savez("e.npz", eigenvalues=eig, mine=eig[:2])
    np.save("alphas.npy", np.cumprod(1 - np.linspace(0.03, 0.11, 1000) ** 2))
    config = {"_class_name": "EulerDiscreteScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085,
              "beta_end": 0.012, "num_train_timesteps": 1000}  # fmt: skip
    Path("config.json").write_text(json.dumps(config))
    samples = rng.normal(size=(40, 2)) * [1.0, 0.5] + [0.0, 1.0]
    np.save("s.npy", samples)
    np.savez("s.npz", first=samples[:, :1], mine=samples, third=samples[:20])
    np.savetxt("s.csv", samples, delimiter=",", header="1,2", comments="")
    np.savetxt("s.txt", samples, delimiter=",")
    np.savetxt("labels.txt", np.arange(40) % 2, fmt="%d")
    np.save("fields.npy", rng.normal(size=(60, 3, 4, 4)).cumsum(axis=2))
    np.savez("mix.npz", weights=[0.5, 0.5], means=[[-1.0, 0.0], [1.0, 0.0]], variances=np.full((2, 2), 0.1))
    np.savez("other.npz", weights=[0.5, 0.5], means=[[-2.0, 0.0], [1.0, 0.0]], variances=np.full((2, 2), 0.1))
    np.savez("measured.npz", matrix=[[1.0, 0.0]], measurement=[0.5], noise=0.3)
    Path("denoiser.py").write_text("def f(x, sigma):\n    return x / (1 + sigma**2)\n")
    noise, x0 = rng.standard_normal((2, 40, 3))
    level = np.geomspace(0.01, 80, 40)
    rest = {"noise": noise, "predicted": noise + 0.1 * rng.standard_normal((40, 3)), "sigma": level}
    np.savez("outputs.npz", x0=x0, **rest)
    np.savez("xt.npz", xt=x0 + level[:, None] * noise, **rest)
    np.savez("better.npz", predicted=noise)
    Path("power.csv").write_text("0.1,5\n1,2\n10,0.1\n100,0.001\n")
    np.save("y.npy", np.ones(16))
    sigma = np.geomspace(0.01, 80, 30)
    rows = [f"{s!r},{float(np.sum(eig * s * s / (eig + s * s)))!r}" for s in sigma.tolist()]
    Path("curve.csv").write_text("\n".join(["sigma,mse", *rows]))
    means = [f"{s!r},{float(np.mean(eig * s * s / (eig + s * s)))!r}" for s in sigma.tolist()]
    Path("means.csv").write_text("\n".join(["sigma,mse", *means]))
    _pictures_and_sound(rng)


def _pictures_and_sound(rng):
    import wave

    from PIL import Image

    Path("images").mkdir()
    for number in range(30):
        Image.fromarray(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8)).save(f"images/{number}.png")
    with wave.open("a.wav", "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(rng.integers(-9000, 9000, 4000).astype("<i2").tobytes())


def offered(verb):
    steering = {flag.name for flag in OUTPUT}
    return [flag for _, flag in panels_of(verb) if flag.name not in steering]


def replaced(base, extra, flag):
    """Words of a run without those that `extra` or the flag say again, and `extra`."""
    again = {word for word in extra if word.startswith("-")} | {flag.long, flag.short}
    kept, skip = [], False
    for word in base:
        if not skip and word not in again:
            kept.append(word)
        skip = not skip and word in again
    return [*kept, *extra]


def words_of(verb, flag, context):
    """The run in a context, without and with the flag."""
    base = BASE[verb].split()
    if context.startswith("{base:"):
        old, _, new = context[6:].partition("}")[0].partition(">")
        base, context = [new if word == old else word for word in base], "{base}" + context.partition("}")[2]
    value = OTHERWISE.get((verb, flag.name), VALUES[flag.name])
    said = [flag.long if not flag.off else "--no-" + flag.long[2:], *([] if value is None else [value])]
    own = context.startswith("{base}")
    extra = context.removeprefix("{base}").replace("{}", "").split()
    if not own:
        base, extra = extra, []
    if "{}" not in context:  # the context names an option itself
        cut = extra.index(flag.long)
        return replaced(base, extra[:cut], flag), replaced(base, extra, flag)
    return replaced(base, extra, flag), replaced(base, [*extra, *said], flag)


@pytest.fixture
def run(folder, capsys):
    known = {}

    def go(words):
        key = tuple(words)
        if key not in known:
            for name in WRITTEN:
                Path(name).unlink(missing_ok=True)
            capsys.readouterr()
            code = main(list(words))
            out, err = capsys.readouterr()
            left = tuple(name for name in WRITTEN if Path(name).exists())
            # What a host will run is what `export` says; its file is for the host.
            out += err if words[0] == "export" and code == 0 else ""
            known[key] = code, out, err, left, [Path(n).read_bytes() for n in left]
        return known[key]

    return go


def judged(before, after):
    """`changed`, `refused` in one line, or `nothing`."""
    code, out, err = after[:3]
    if code == 2:
        assert out == ""
        assert [line for line in err.splitlines() if line.startswith("error: ")] == err.splitlines()[-1:], err
        return "refused"
    assert code in (0, 4), err
    return "changed" if (out, *after[3:]) != (before[1], *before[3:]) or code != before[0] else "nothing"


@pytest.mark.quiet_floats
@pytest.mark.parametrize("verb", BASE)
def test_every_flag_counts_or_is_refused(verb, run):
    plain = run(BASE[verb].split())
    assert plain[0] in (0, 4), plain[2]
    for flag in offered(verb):
        name = flag.name
        assert name in VALUES, f"{flag.long} of {verb}: give it a value in VALUES, and a run in RIGHT if the short one refuses it"
        found = judged(plain, run(words_of(verb, flag, "{base} {}")[1]))
        assert found != "nothing" or name in PERMIT, f"{BASE[verb]} {flag.long}: it changes nothing and is not refused"
        if found == "refused" and not flag.hidden and name not in PERMIT and (verb, name) not in ELSEWHERE:
            context = RIGHT.get(f"{verb} {name}", RIGHT.get(name))
            assert context is not None, f"{BASE[verb]} {flag.long} is refused; say in RIGHT where it counts"
            before, after = words_of(verb, flag, context)
            assert judged(run(before), run(after)) == "changed", " ".join(after)


def test_every_verb_with_flags_has_a_short_run():
    from diffopt.api.flags import OWN, VERBS

    assert set(BASE) == {*VERBS, *OWN}
