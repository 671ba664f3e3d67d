"""ComfyUI's API format: nodes by id, links as [id, output]."""

from __future__ import annotations

from typing import Any

from diffopt.hosts.findings import Finding, HostPlan
from diffopt.hosts.run import Run
from diffopt.hosts.snippets import options
from diffopt.hosts.text import comma

#: Nodes that carry a sampler's options; the others are picked by name.
_SAMPLER_NODES: dict[str, tuple[str, dict[str, Any]]] = {
    "euler_ancestral": ("SamplerEulerAncestral", {"s_noise": 1.0}),
    "dpmpp_2m_sde": ("SamplerDPMPP_2M_SDE", {"s_noise": 1.0, "noise_device": "gpu"}),
    "dpmpp_3m_sde": ("SamplerDPMPP_3M_SDE", {"s_noise": 1.0, "noise_device": "gpu"}),
    "dpmpp_2s_ancestral": ("SamplerDPMPP_2S_Ancestral", {"s_noise": 1.0}),
    "dpmpp_sde": ("SamplerDPMPP_SDE", {"s_noise": 1.0, "r": 0.5, "noise_device": "gpu"}),
}
#: Names to replace by the user's own.
CHECKPOINT, PROMPT, GUIDANCE, SIDE = "model.safetensors", "a photograph", 7.0, 1024
PLACEHOLDERS = (
    f"set what your model takes in the workflow: {CHECKPOINT}, the prompts, cfg {GUIDANCE:g} and {SIDE} x {SIDE} pixels stand "
    "there for it"
)


def sampler_node(plan: HostPlan) -> dict[str, Any]:
    """Node that makes the SAMPLER."""
    extra = options(plan)
    if plan.sampler in _SAMPLER_NODES and "eta" in extra:
        kind, inputs = _SAMPLER_NODES[plan.sampler]
        return {"class_type": kind, "inputs": {**extra, **inputs}}
    return {"class_type": "KSamplerSelect", "inputs": {"sampler_name": plan.sampler}}


def workflow(run: Run, plan: HostPlan) -> dict[str, Any]:
    """Checkpoint, prompts, ManualSigmas, SamplerCustom, picture: a graph with an output node."""
    latent = "EmptySD3LatentImage" if run.flow else "EmptyLatentImage"
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": PROMPT, "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
        "4": {"class_type": latent, "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1}},
        "5": {"class_type": "ManualSigmas", "inputs": {"sigmas": comma(run.levels)}},
        "6": sampler_node(plan),
        "7": {
            "class_type": "SamplerCustom",
            "inputs": {
                "model": ["1", 0], "add_noise": True, "noise_seed": 0, "cfg": GUIDANCE,
                "positive": ["2", 0], "negative": ["3", 0], "sampler": ["6", 0], "sigmas": ["5", 0], "latent_image": ["4", 0],
            },
        },
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["7", 0], "vae": ["1", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "diffopt"}},
    }  # fmt: skip


def graph_findings(graph: Any) -> list[Finding]:
    """What ComfyUI's validator would refuse in a workflow that carries a grid."""
    if isinstance(graph, dict) and "nodes" in graph and "links" in graph:
        message = "this is a workflow of the editor, which the API does not take (it stops with an AttributeError)"
        return [Finding("refused", message, 'save it with "Export (API)", or take diffopt export --to comfyui:workflow')]
    nodes = [n for n in graph.values() if isinstance(n, dict)]
    found = []
    for node in nodes:
        value = node.get("inputs", {}).get("sigmas")
        if node.get("class_type") == "ManualSigmas" and isinstance(value, list):
            message = "ManualSigmas has its sigmas as a JSON list, which ComfyUI takes for a link (bad_linked_input)"
            found.append(Finding("refused", message, "write them as one string, as diffopt export --to comfyui:workflow does"))
    if not any(str(n.get("class_type", "")) in OUTPUTS for n in nodes):
        message = "the graph has no output node, so ComfyUI runs nothing (prompt_no_outputs)"
        found.append(Finding("refused", message, "add SaveImage or PreviewImage, or take --to comfyui:workflow"))
    return found


#: Core nodes that make ComfyUI run a graph.
OUTPUTS = ("SaveImage", "PreviewImage", "SaveLatent", "SaveAnimatedWEBP", "SaveAnimatedPNG", "SaveVideo", "SaveAudio", "SaveWEBM")
