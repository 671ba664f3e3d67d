"""Texts around the numbers of a grid, one a host, for the copy buttons of the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from diffopt.hosts import HOSTS


def forms(solver: str, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Buttons of a solver's rows: `label`, text before and after the numbers (`{steps}` is their number), and which numbers.

    `levels` are what hosts read (times s on flow models), `sigmas` noise ratios; `inner` leaves out a last 0.
    """
    flow = data["process"]["name"] == "flow"
    found = []
    comfy, cpp = _sampler("comfyui", solver, flow), _sampler("sd_cpp", solver, flow)
    if comfy is not None:
        found.append(_form(f"ComfyUI: sigmas for ManualSigmas (sampler {comfy})"))
    if cpp is not None:
        lead = f'--sampling-method {cpp} --steps {{steps}} --sigmas "'
        found.append(_form("stable-diffusion.cpp: flags of its command", lead, '"'))
    if not flow:
        found.append(_form("k-diffusion: line of Python for sigmas", "sigmas = torch.tensor([", "], device=device)"))
    if data["process"]["name"] == "ve" and data["end"] == "zero":
        lead = "t_steps = torch.as_tensor(["
        tail = "], dtype=torch.float64, device=latents.device)\n"
        tail += "t_steps = torch.cat([net.round_sigma(t_steps), torch.zeros_like(t_steps[:1])])"
        found.append(_form("EDM: lines of generate.py for t_steps", lead, tail, inner=True))
    found.append(_form("Python: list of " + ("times s" if flow else "sigmas"), "[", "]"))
    head = json.dumps({"solver": solver, "process": dict(data["process"]), "start": data["start"], "end": data["end"]})[:-1]
    label = "grid file: JSON for diffopt export FILE --to HOST"
    found.append(_form(label, f'{head}, "sigmas": [', "]}\n", "sigmas"))
    return found


def _form(label: str, lead: str = "", tail: str = "", numbers: str = "levels", inner: bool = False) -> dict[str, Any]:
    return {"label": label, "lead": lead, "tail": tail, "numbers": numbers, "inner": inner}


def _sampler(host: str, solver: str, flow: bool) -> str | None:
    """The host's name of a scheme that it runs as it is."""
    known = HOSTS[host].samplers.get(solver)
    if known is None or (known.flow if flow else known.solver) != solver:
        return None
    return known.name
