"""Every solver that a program runs under a name is driven against the real object, or it is said why not."""

from __future__ import annotations

from pathlib import Path

from test_hosts_diffusers import CASES

from diffopt.hosts.loops import K_DIFFUSION
from diffopt.solvers import SOLVERS

#: Driven by a test of tests/test_hosts_solvers.py of that name.
BY_TEST = {"ipndm", "lms", "deis", "unipc", "dpm_2", "dpm_2_ancestral", "flow_ancestral"}
#: Solvers without an object that installs, and what stands for it.
WHY_NOT = {
    "ipndm_v": "diff-sampler and ComfyUI are programs, not packages; the loop is written out in tests/solver_oracles.py",
    "res_2m": "RES4LYF is a folder of ComfyUI; its loop is written out in tests/solver_oracles.py",
    "res_3m": "RES4LYF is a folder of ComfyUI; its loop is written out in tests/solver_oracles.py",
    "res_2s": "RES4LYF is a folder of ComfyUI; its loop is written out in tests/solver_oracles.py",
}
#: The samplers that hosts have beside euler, heun and their noisy forms.
WANTED = {
    "ipndm", "ipndm_v", "deis", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2m", "dpmpp_3m", "dpmpp_2s_ancestral", "dpmpp_3m_sde",
    "res_2m", "res_3m", "res_2s", "unipc", "flow_ancestral",
}  # fmt: skip


def test_every_sampler_of_hosts_is_driven_or_has_a_reason() -> None:
    assert set(SOLVERS) >= WANTED
    text = (Path(__file__).parent / "test_hosts_solvers.py").read_text()
    assert all(f"def test_{name}(" in text for name in BY_TEST)
    driven = BY_TEST | {case.solver for case in CASES} | {solver for solver in K_DIFFUSION if solver in SOLVERS}
    assert WANTED - driven == set(WHY_NOT)
