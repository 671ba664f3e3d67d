"""What helps where the start, the steps or the end dominates an error."""

from __future__ import annotations

#: What helps where the start dominates at the highest noise of the process (docs/theory.md, eq. 54).
START = "the process goes no higher; a grid without noise cannot mend that, injected noise does in part"

def best_placed(span: str | None, model: float | None) -> str:
    """What helps where steps dominate whose placement no search betters.

    `span` is the range that it is optimal over, None for the process's own; `model` what a model reaches beyond it.
    """
    if model is not None:
        best = f"the placement is the best {span} (by robust), but the model begins at {model:.4g}"
    else:
        best = f"the placement is already optimal{'' if span is None else f' {span}'} (by robust)"
    return f"more steps or another solver help; {best}"


def higher(needed: float | None, highest: float) -> str:
    """A larger noise ratio to start from: which, and what it does."""
    if needed is None:
        return "a larger sigma_max helps"
    if needed >= highest:
        return f"a larger sigma_max helps, up to {needed:.6g}, the most that the process has"
    return f"sigma_max {needed:g} would do: there it is a quarter of the steps' error"


def lower(needed: float | None, process: str) -> str:
    """A smaller noise ratio to end at: which, and what it does; a trained model has a least one."""
    if needed is None and process == "table":
        return "the process goes no lower; a last step to 0 (--end zero) helps"
    if needed is None:
        return "a smaller sigma_min helps"
    least = ", or all that the model has" * (process == "table")
    return f"sigma_min {needed:g} would do: there it is a quarter of the steps' error{least}"
