"""Python that sets a grid on a scheduler of diffusers."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from diffopt.hosts.diffusers.scheduler import Call, Scheduler
from diffopt.hosts.diffusers.stages import Staged
from diffopt.hosts.findings import HostPlan
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import header
from diffopt.hosts.text import python_list

_PREPARE = '''

def prepare(pipe):
    """pipe(prompt, **prepare(pipe))"""
    config = pipe.scheduler.config
    if config.get("use_flow_sigmas", not {{"beta_start", "sigma_data"}} & set(config)) != {flow}:
        raise ValueError("{other}")
    pipe.scheduler = {maker}.from_config(config, **OPTIONS)
    return {result}
'''
#: What a pipe of the other family is told: its numbers would run without a word.
_OTHER = {
    True: "this grid is for a flow model (s from 1 to 0), and this pipe's scheduler is for a model of noise ratios",
    False: "this grid has the noise ratios of a model such as SD 1.5 or SDXL, and this pipe's scheduler is for a flow model",
}


def _prepare(run: Run | None, maker: str, result: str) -> str:
    """The function that a pipe is given to."""
    flow = run is not None and run.flow
    return _PREPARE.format(flow=flow, other=_OTHER[flow], maker=maker, result=result)


#: What the values of a subclass are on flow models.
EXACT = "s of the flow model, set as they are: the shift of the model's configuration does not touch them"


def call_text(call: Call, plan: HostPlan) -> str:
    """The scheduler's own argument."""
    values = call.values
    whole = call.argument == "timesteps" and bool(np.all(values == np.round(values)))
    text = str([int(v) for v in values]) if whole else python_list(values, indent="")
    imports = {"array": "import numpy as np\n", "tensor": "import torch\n"}.get(call.kind, "")
    wrapped = {"array": f"np.array({text})", "tensor": f"torch.tensor({text}, dtype=torch.float64)"}.get(call.kind, text)
    return (
        f"{header('diffusers', plan)}{imports}"
        f"from diffusers import {plan.sampler}\n\n"
        f"OPTIONS = {_dictionary(dict(call.options))}\n"
        f"{_comment(call.comment)}"
        f"GRID = {wrapped}\n"
        + _prepare(plan.run, plan.sampler, f'{{"{call.argument}": GRID}}')
    )


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, 118))


def _dictionary(options: dict[str, Any]) -> str:
    if not options:
        return "{}"
    return "{\n" + "".join(f"    {key!r}: {value!r},\n" for key, value in options.items()) + "}"


def subclass_text(scheduler: Scheduler, run: Run, plan: HostPlan) -> str:
    """A subclass whose set_timesteps sets N + 1 sigmas as they are."""
    if isinstance(scheduler, Staged):
        return staged_text(scheduler, run, plan)
    levels = scheduler.placed(run)
    steps = levels.size - 1
    if run.flow:
        times = "        self.timesteps = (sigmas[:-1] * self.config.num_train_timesteps).to(device)\n"
    else:
        times = textwrap.indent(_TABLE, " " * 8)
    twice = textwrap.indent(_TWICE, " " * 8) if scheduler.twice else ""
    return (
        f"{header('diffusers', plan)}import numpy as np\nimport torch\nfrom diffusers import {scheduler.name}\n\n"
        f"OPTIONS = {_dictionary(scheduler.exact_options(run))}\n"
        f"{_comment(EXACT if run.flow else '')}SIGMAS = {python_list(levels, indent='')}\n\n\n"
        f"class ExactGrid({scheduler.name}):\n"
        f'    """{scheduler.name} on the {steps + 1} sigmas above, whatever number of steps is asked for."""\n\n'
        "    def set_timesteps(self, num_inference_steps=None, device=None, timesteps=None, sigmas=None, mu=None, **ignored):\n"
        f"        super().set_timesteps({steps}, device=device{_mu(run)})\n"
        "        sigmas = torch.tensor(SIGMAS, dtype=torch.float32)\n"
        f"{times}{twice}"
        "        self.sigmas = sigmas\n"
        "        self.num_inference_steps = len(self.timesteps)\n"
        "        self._step_index, self._begin_index = None, 0\n"
        + _prepare(run, "ExactGrid", f'{{"num_inference_steps": {steps}}}')
    )


def staged_text(scheduler: Scheduler, run: Run, plan: HostPlan) -> str:
    """A subclass whose sigmas stand where those of the exponential rule would."""
    steps = run.grid.steps
    return (
        f"{header('diffusers', plan)}import numpy as np\nfrom diffusers import {scheduler.name}\n\n"
        f"OPTIONS = {_dictionary(scheduler.options(run))}\n"
        f"SIGMAS = {python_list(run.levels, indent='')}\n\n\n"
        f"class ExactGrid({scheduler.name}):\n"
        f'    """{scheduler.name} on the {steps + 1} sigmas above, whatever number of steps is asked for."""\n\n'
        "    def set_timesteps(self, num_inference_steps=None, device=None, *ignored, **also_ignored):\n"
        f"        super().set_timesteps({steps}, device=device)\n"
        "        self._begin_index = 0\n\n"
        "    def _convert_to_exponential(self, in_sigmas, *args, **kwargs):\n"
        "        return np.array(SIGMAS[:-1])\n"
        + _prepare(run, "ExactGrid", f'{{"num_inference_steps": {steps}}}')
    )


def _mu(run: Run) -> str:
    """Flow schedulers with dynamic shifting want a mu, whose effect is overwritten."""
    if not run.flow:
        return ""
    return ", mu=0.0 if self.config.get('use_dynamic_shifting') else None"


#: The model's own table gives the timesteps, log-linearly.
_TABLE = """\
levels = np.sqrt((1 - self.alphas_cumprod.double().numpy()) / self.alphas_cumprod.double().numpy())
index = np.interp(np.log(SIGMAS[:-1]), np.log(levels), np.arange(len(levels)))
self.timesteps = torch.tensor(index, dtype=torch.float32, device=device)
"""

#: Heun visits inner points twice.
_TWICE = """\
sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])
self.timesteps = torch.cat([self.timesteps[:1], self.timesteps[1:].repeat_interleave(2)])
"""
