"""Texts around the numbers of a grid, one a host, for the copy buttons of the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.documents.options import options_of
from diffopt.hosts import HOSTS
from diffopt.solvers import Solver


def forms(scheme: Solver, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Buttons of a solver's rows: `label`, text before and after the numbers (`{steps}` is their number), and which numbers.

    `levels` are what hosts read (times s on flow models), `sigmas` noise ratios; `inner` leaves out a last 0; `design` holds
    for noise designs too, whose scheme is not the solver's.
    """
    solver = scheme.name
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
    found += bare_forms(data)
    if scheme.needs_data:
        # Fitted coefficients are not in the row.
        return found
    clock = next((row["clock"] for row in data["rows"] if row["solver"] == solver and row["design"] is None), None)
    file = {
        "solver": solver, "clock": clock, "solver_options": options_of(scheme), "score_error": data.get("score_error"),
        "process": dict(data["process"]), "start": data["start"], "end": data["end"],
    }  # fmt: skip
    head = json.dumps({name: value for name, value in file.items() if value is not None})[:-1]
    label = "grid file: JSON for diffopt export FILE --to HOST"
    found.append(_form(label, f'{head}, "sigmas": [', "]}\n", "sigmas"))
    return found


def bare_forms(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Buttons of rows whose scheme no program runs under a name."""
    what = "times s" if data["process"]["name"] == "flow" else "sigmas"
    return [{**_form(f"Python: list of {what}", "[", "]"), "design": True}]


def beside(scheme: Solver | None, row: Mapping[str, Any]) -> str:
    """What a row's numbers alone do not carry into a program, in a sentence; empty where they say all."""
    if row["design"] is not None:
        return f"The noise design {row['design']} is no sampler of a program: the numbers are its grid alone."
    if scheme is None:
        return ""
    told, eta = [], row["eta"]
    if scheme.eta_meaning and not np.allclose(eta, scheme.etas(None, len(eta))):
        one = max(eta) - min(eta) <= 1e-9
        told.append(f"eta {eta[0]:.4g} ({scheme.eta_meaning})" if one else "an eta of its own at every step")
    usual = options_of(type(scheme)())
    told += [f"{name} {value}" for name, value in options_of(scheme).items() if value != usual.get(name)]
    return f"The numbers alone do not say {', '.join(told)}: set that too, or take the grid file." if told else ""


def _form(label: str, lead: str = "", tail: str = "", numbers: str = "levels", inner: bool = False) -> dict[str, Any]:
    return {"label": label, "lead": lead, "tail": tail, "numbers": numbers, "inner": inner}


def _sampler(host: str, solver: str, flow: bool) -> str | None:
    """The host's name of a scheme that it runs as it is."""
    known = HOSTS[host].samplers.get(solver)
    if known is None or (known.flow if flow else known.solver) != solver:
        return None
    return known.name
