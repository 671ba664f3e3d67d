"""The script of docs/hosts.md, with a small random VAE that is saved to a folder: nothing is downloaded."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diffopt.cli.main import main

pytestmark = [pytest.mark.hosts, pytest.mark.quiet_floats, pytest.mark.filterwarnings("ignore")]

PAGE = (Path(__file__).parents[1] / "docs" / "hosts.md").read_text(encoding="utf-8")
SCRIPT = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "AutoencoderKL" in block)


@pytest.mark.parametrize("shift", [None, 0.1])
def test_latents_stream_into_an_estimate(shift: float | None, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    import torch
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=(4, 4), layers_per_block=1, norm_num_groups=2, latent_channels=2, scaling_factor=0.7,
        shift_factor=shift, down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip
    vae.save_pretrained(tmp_path / "model" / "vae")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    rng = np.random.default_rng(0)
    for k in range(12):
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(pictures / f"{k}.png")

    stream = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["encode.py", str(pictures), str(tmp_path / "model"), "16"])
        patch.setattr(sys, "stdout", SimpleNamespace(buffer=stream))
        torch.manual_seed(1)
        exec(compile(SCRIPT, "encode.py", "exec"), {"__name__": "__main__"})
    latents = np.load(io.BytesIO(stream.getvalue()))
    assert latents.shape == (12, 2, 8, 8) and latents.dtype == np.float32

    torch.manual_seed(1)
    first = np.asarray(Image.open(pictures / "0.png").resize((16, 16)), dtype=np.float32) / 127.5 - 1
    with torch.no_grad():
        z = AutoencoderKL.from_pretrained(tmp_path / "model", subfolder="vae").eval().encode(
            torch.from_numpy(first).permute(2, 0, 1)[None]
        ).latent_dist.sample()  # fmt: skip
    np.testing.assert_allclose(latents[0], 0.7 * (z[0].numpy() - (shift or 0.0)), rtol=1e-5, atol=1e-6)

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stream.getvalue())))
    target = tmp_path / "spectrum.npz"
    assert main(["spectrum", "estimate", "-", "--method", "fourier", "-q", "-o", str(target)]) == 0, capsys.readouterr().err
    power = np.abs(np.fft.fft2(latents - latents.mean(axis=0), norm="ortho")) ** 2
    found = np.load(target)
    np.testing.assert_allclose((found["eigenvalues"] * found["weights"]).sum(), power.sum() / 11, rtol=1e-4)
