"""Real pipelines with small random networks, nothing downloaded: the sigmas and timesteps they use are the exported ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from host_driving import BETAS, executed
from problems import EXAMPLES

from diffopt.api.apply import apply, sigmas_tensor
from diffopt.api.export import export
from diffopt.api.load import load
from diffopt.errors import UnsupportedError
from diffopt.hosts.answer import export_run
from diffopt.hosts.run import Run
from diffopt.processes import TrainedLevels
from diffopt.processes.beta_rules import alphas_from_betas
from diffopt.solvers import SOLVERS

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.quiet_floats,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]

SIGMAS = [14.6, 3.861, 1.396, 0.399, 0.152, 0.0]
S = [1.0, 0.85, 0.6, 0.3, 0.1, 0.0]


@pytest.fixture(scope="module")
def stable_diffusion() -> Any:
    import torch
    from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 8), layers_per_block=1, sample_size=8, in_channels=4, out_channels=4, norm_num_groups=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8, attention_head_dim=2,
    )  # fmt: skip
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=2, latent_channels=4)
    scheduler = EulerDiscreteScheduler(**BETAS, timestep_spacing="leading")
    pipe = StableDiffusionPipeline(vae, None, None, unet, scheduler, None, None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def flux() -> Any:
    import torch
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    torch.manual_seed(0)
    network = FluxTransformer2DModel(
        patch_size=1, in_channels=4, num_layers=1, num_single_layers=1, attention_head_dim=16, num_attention_heads=2,
        joint_attention_dim=8, pooled_projection_dim=8, axes_dims_rope=[4, 4, 8],
    )  # fmt: skip
    vae = AutoencoderKL(block_out_channels=(4,), norm_num_groups=1, latent_channels=1, shift_factor=0.0, scaling_factor=1.0)
    pipe = FluxPipeline(FlowMatchEulerDiscreteScheduler(shift=3.0), vae, None, None, None, None, network)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def ratio_run(solver: str, sigmas: Any = None) -> Run:
    rule = "scaled_linear:0.00085,0.012,1000"
    return Run.create(TrainedLevels(alphas_from_betas(rule), ("betas", rule)), sigmas or SIGMAS, SOLVERS[solver]())


def flow_run(solver: str = "euler") -> Run:
    s = np.array(S)
    with np.errstate(divide="ignore"):
        return Run.create(EXAMPLES["flow"], s / (1 - s), SOLVERS[solver]())


def spied(network: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Any, Any]]:
    """(timestep, input, output) of every call of a network."""
    seen: list[tuple[float, Any, Any]] = []
    forward = network.forward

    def spy(*args: Any, **kwargs: Any) -> Any:
        out = forward(*args, **kwargs)
        time = kwargs["timestep"] if "timestep" in kwargs else args[1]
        first = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        seen.append((float(np.ravel(time.double().numpy())[0]), first.double().numpy(), out[0].double().numpy()))
        return out

    monkeypatch.setattr(network, "forward", spy)
    return seen


def drawn(pipe: Any, **arguments: Any) -> np.ndarray:
    import torch

    out = pipe(
        prompt_embeds=torch.zeros(1, 4, 8), guidance_scale=1.0, height=8, width=8, output_type="latent",
        generator=torch.Generator().manual_seed(0), **arguments,
    )  # fmt: skip
    return np.asarray(out.images.double().numpy())


def wanted_steps(run: Run, pipe: Any) -> np.ndarray:
    """Timesteps of the model's own table, log-linear."""
    abar = pipe.scheduler.alphas_cumprod.double().numpy()
    return np.interp(np.log(run.levels[:-1]), 0.5 * np.log((1 - abar) / abar), np.arange(abar.size))


def test_stable_diffusion_runs_an_exported_grid(stable_diffusion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """EulerDiscrete: its own loop in the spied outputs ends at the pipeline's latents."""
    run = ratio_run("euler")
    answer = export_run(run, "diffusers", {"_class_name": "EulerDiscreteScheduler", **BETAS, "timestep_spacing": "leading"})
    assert answer.plan.run is not None and answer.plan.run.start == "unit"
    seen = spied(stable_diffusion.unet, monkeypatch)
    got = drawn(stable_diffusion, **executed(str(answer.text)).prepare(stable_diffusion))
    np.testing.assert_allclose(stable_diffusion.scheduler.sigmas.numpy(), SIGMAS, rtol=1e-6)
    np.testing.assert_allclose([t for t, _, _ in seen], wanted_steps(run, stable_diffusion), atol=2e-3)
    x = seen[0][1] * np.sqrt(SIGMAS[0] ** 2 + 1)
    for (_, shown, noise), sigma, after in zip(seen, SIGMAS[:-1], SIGMAS[1:], strict=True):
        np.testing.assert_allclose(shown, x / np.sqrt(sigma**2 + 1), atol=2e-5)
        x = x + (after - sigma) * noise
    np.testing.assert_allclose(got, x, atol=5e-5 * np.abs(x).max())


@pytest.mark.parametrize("solver", ["heun", "dpmpp_2m", "unipc", "euler_ancestral", "lms"])
def test_stable_diffusion_runs_the_exact_subclass(solver: str, stable_diffusion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ratio_run(solver)
    answer = export_run(run, "diffusers:snippet")
    seen = spied(stable_diffusion.unet, monkeypatch)
    got = drawn(stable_diffusion, **executed(str(answer.text)).prepare(stable_diffusion))
    assert np.all(np.isfinite(got))
    sigmas = stable_diffusion.scheduler.sigmas.double().numpy()
    np.testing.assert_allclose(sigmas[np.append(True, np.diff(sigmas) != 0)], SIGMAS, rtol=1e-6)
    steps = wanted_steps(run, stable_diffusion)
    wish = np.repeat(steps, [1] + [2] * (len(steps) - 1)) if solver == "heun" else steps
    np.testing.assert_allclose([t for t, _, _ in seen], wish, atol=2e-3)


def test_whole_timesteps_reach_the_network_unchanged(stable_diffusion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    index = np.array([999, 640, 300, 90, 12])
    run = ratio_run("ddpm", [*np.exp(EXAMPLES["table"].log_sigma[index]), 0.0])
    seen = spied(stable_diffusion.unet, monkeypatch)
    arguments = executed(str(export_run(run, "diffusers").text)).prepare(stable_diffusion)
    assert arguments == {"timesteps": index.tolist()}
    drawn(stable_diffusion, **arguments)
    assert [t for t, _, _ in seen] == index.tolist()


def flux_run(flux: Any, **arguments: Any) -> np.ndarray:
    import torch

    return drawn(flux, pooled_prompt_embeds=torch.zeros(1, 8), max_sequence_length=4, **arguments)


@pytest.mark.parametrize(
    "config",
    [{"shift": 1.0}, {"shift": 3.0}, {"shift": 3.0, "shift_terminal": 0.2, "use_karras_sigmas": True}],
    ids=lambda c: ",".join(f"{k}={v}" for k, v in c.items()),
)
def test_flux_runs_an_exported_grid(config: dict[str, Any], flux: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    flux.scheduler = FlowMatchEulerDiscreteScheduler(**config)
    seen = spied(flux.transformer, monkeypatch)
    answer = export_run(flow_run(), "diffusers", {"_class_name": "FlowMatchEulerDiscreteScheduler", **config})
    got = flux_run(flux, **executed(str(answer.text)).prepare(flux))
    np.testing.assert_allclose(flux.scheduler.sigmas.numpy(), S, atol=2e-7)
    np.testing.assert_allclose([t for t, _, _ in seen], S[:-1], atol=2e-7)
    y = seen[0][1]
    for (_, shown, velocity), now, after in zip(seen, S[:-1], S[1:], strict=True):
        np.testing.assert_allclose(shown, y, atol=1e-5)
        y = y + (after - now) * velocity
    np.testing.assert_allclose(got, y, atol=5e-5 * np.abs(y).max())


def test_flux_with_a_shift_by_resolution_runs_an_exported_grid(flux: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipeline works mu out of the size of the picture; 16 tokens here."""
    from diffusers import FlowMatchEulerDiscreteScheduler
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    flux.scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    seen = spied(flux.transformer, monkeypatch)
    tokens = flux_run(flux, num_inference_steps=1).shape[1]
    seen.clear()
    config = {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True, "mu": calculate_shift(tokens)}
    flux_run(flux, **executed(str(export_run(flow_run(), "diffusers", config).text)).prepare(flux))
    np.testing.assert_allclose([t for t, _, _ in seen], S[:-1], atol=2e-7)


@pytest.mark.parametrize("config", [{"shift": 3.0}, {"use_dynamic_shifting": True, "shift": 3.0}], ids=["static", "dynamic"])
@pytest.mark.parametrize("told", [False, True], ids=["no config", "config"])
def test_an_export_that_does_not_know_the_shift_switches_it_off(
    config: dict[str, Any], told: bool, flux: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the model's file, or without the mu of a size, nothing can be un-shifted."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    flux.scheduler = FlowMatchEulerDiscreteScheduler(**config)
    seen = spied(flux.transformer, monkeypatch)
    said = {"_class_name": "FlowMatchEulerDiscreteScheduler", **config} if told else {}
    flux_run(flux, **executed(str(export_run(flow_run(), "diffusers", said).text)).prepare(flux))
    np.testing.assert_allclose([t for t, _, _ in seen], S[:-1], atol=2e-7)


@pytest.mark.parametrize("solver", ["dpmpp_2m", "unipc"])
def test_flux_runs_flow_solvers_of_higher_order(solver: str, flux: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    flux.scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    seen = spied(flux.transformer, monkeypatch)
    got = flux_run(flux, **executed(str(export_run(flow_run(solver), "diffusers").text)).prepare(flux))
    assert np.all(np.isfinite(got))
    np.testing.assert_allclose([t for t, _, _ in seen], S[:-1], atol=1.1e-6)


def test_flux_drops_the_sigmas_of_unipc(flux: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the export for UniPC on flow models is a subclass, and what the one by argument says."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    flux.scheduler = FlowMatchEulerDiscreteScheduler(shift=1.0)
    seen = spied(flux.transformer, monkeypatch)
    answer = export_run(flow_run("unipc"), "diffusers:UniPCMultistepScheduler")
    flux_run(flux, **executed(str(answer.text)).prepare(flux), num_inference_steps=2)
    assert len(seen) != len(S) - 1
    assert any("drop" in f.message for f in answer.plan.findings)


def test_apply_sets_a_grid_on_a_living_pipeline(
    stable_diffusion: Any, flux: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """schedule.apply(pipe.scheduler); the number of steps that is asked for does not matter any more."""
    import torch
    from diffusers import EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, HeunDiscreteScheduler

    (tmp_path / "grid.json").write_text(str(export_run(ratio_run("euler"), "json").text))
    (tmp_path / "flow.json").write_text(str(export_run(flow_run(), "json").text))
    schedule, flow = load(tmp_path / "grid.json"), load(tmp_path / "flow.json")
    stable_diffusion.scheduler = EulerDiscreteScheduler(**BETAS, use_karras_sigmas=True)
    schedule.apply(stable_diffusion.scheduler)
    seen = spied(stable_diffusion.unet, monkeypatch)
    drawn(stable_diffusion, num_inference_steps=17)
    np.testing.assert_allclose([t for t, _, _ in seen], wanted_steps(ratio_run("euler"), stable_diffusion), atol=2e-3)
    flux.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True)
    flow.apply(flux.scheduler)
    seen = spied(flux.transformer, monkeypatch)
    flux_run(flux, num_inference_steps=3)
    np.testing.assert_allclose([t for t, _, _ in seen], S[:-1], atol=2e-7)
    with pytest.raises(UnsupportedError, match="HeunDiscreteScheduler"):
        apply(schedule, HeunDiscreteScheduler(**BETAS))
    tensor = flow.sigmas_tensor("cpu")
    assert tensor.dtype == torch.float32 and torch.allclose(tensor, torch.tensor(S))
    assert torch.allclose(sigmas_tensor(schedule), torch.tensor(SIGMAS))
    assert "sigmas" in str(export(schedule, "diffusers"))
