"""Programs that run a grid; HOSTS is the table of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diffopt.foundation.registry import LazyTable

if TYPE_CHECKING:
    # Answers read the names of programs and no more.
    from diffopt.hosts.base import Host

HOSTS: LazyTable[type[Host]] = LazyTable(
    "diffopt.hosts",
    {
        "diffusers": "diffusers.host:Diffusers",
        "comfyui": "comfyui:ComfyUI",
        "k_diffusion": "k_diffusion:KDiffusion",
        "forge": "forge:Forge",
        "sd_cpp": "sd_cpp:SDCpp",
        "skrample": "libraries:Skrample",
        "smalldiffusion": "libraries:SmallDiffusion",
        "azula": "azula:Azula",
        "deepinv": "deepinv:DeepInv",
        "physicsnemo": "libraries:PhysicsNeMo",
        "edm": "edm:EDM",
        "coefficients": "coefficients:Coefficients",
        "json": "plain:Json",
        "csv": "plain:Csv",
        "lines": "plain:Lines",
        "npy": "plain:Npy",
    },
)

#: Other spellings.
ALIASES = {
    "k-diffusion": "k_diffusion", "stable-diffusion.cpp": "sd_cpp", "stable_diffusion_cpp": "sd_cpp", "sd.cpp": "sd_cpp",
    "a1111": "forge", "comfy": "comfyui",
}  # fmt: skip

__all__ = ["ALIASES", "HOSTS"]
