"""The score error that a schedule file was made with."""

from __future__ import annotations

from diffopt.api.grids import GivenGrid
from diffopt.data.dataset import Dataset
from diffopt.documents.loss_curve import make_score_error
from diffopt.documents.settings import Settings
from diffopt.errors import DiffoptError


def filed_error(grid: GivenGrid, settings: Settings, given: set[str], data: Dataset) -> tuple[Settings, list[str]]:
    """Settings with the file's score error where nobody said another, and a note on what was done with it.

    A rule is used as it stands; a function, or a curve that is not here, cannot be, and the score is then exact.
    """
    rule = None if grid.document is None else grid.document.score_error
    if rule is None:
        return settings, []
    if "score_error" in given:
        same = str(settings.score_error) == str(rule)
        said = f"note: {grid.label} was made for score error {rule}, evaluated with {settings.score_error}"
        return settings, [] if same else [said]
    try:
        error = make_score_error(str(rule), data.spectrum)
    except (DiffoptError, OSError):
        return settings, [
            f"note: {grid.label} was made for score error {rule}, which cannot be made here; evaluated with an exact score"
        ]
    return settings.replace(score_error=error), [
        f"note: score error {rule} is that of {grid.label}; --score-error 0 evaluates with an exact score"
    ]
