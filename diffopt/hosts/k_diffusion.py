"""k-diffusion: a tensor of N + 1 sigmas and a function."""

from __future__ import annotations

from typing import ClassVar

from diffopt.hosts.base import HostQuery
from diffopt.hosts.findings import HostPlan
from diffopt.hosts.loops import K_DIFFUSION, LoopHost
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import call_options, header
from diffopt.hosts.text import python_list


class KDiffusion(LoopHost):
    """k-diffusion's `sampling.py`; the user scales the noise by sigmas[0]."""

    name = "k_diffusion"
    title = "k-diffusion"
    samplers: ClassVar = K_DIFFUSION
    processes = ("ve", "vp_linear", "vp_cosine", "table")
    suffix = ".py"

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """A snippet with the sigmas, the start and the call."""
        function = f"sample_{plan.sampler}"
        return (
            f"{header(self.title, plan)}"
            "import torch\n"
            f"from k_diffusion.sampling import {function}\n\n"
            f"SIGMAS = {python_list(run.levels, indent='')}\n\n\n"
            "def sample(model, shape, device='cpu', **extra):\n"
            '    """`model` is a k-diffusion denoiser: model(x, sigma) -> x_0."""\n'
            "    sigmas = torch.tensor(SIGMAS, dtype=torch.float32, device=device)\n"
            "    x = torch.randn(shape, device=device) * sigmas[0]\n"
            f"    return {function}(model, x, sigmas{call_options(plan)}, **extra)\n"
        )
