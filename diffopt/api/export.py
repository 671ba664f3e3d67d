"""`diffopt.export`: a grid in the form that a host reads."""

from __future__ import annotations

from diffopt.api.arguments import filled
from diffopt.api.found_churn import note_churn
from diffopt.api.hosting import config_for, data_of, error_of, run_of, the_grid
from diffopt.api.likes import ConfigLike, GridLike, SpectrumLike
from diffopt.api.results.export import ExportText
from diffopt.api.sample_map import handed_map
from diffopt.api.speech import spoken
from diffopt.foundation.notes import listening, note
from diffopt.hosts.answer import export_run


@filled
def export(
    schedule: GridLike, to: str, *, scheduler_config: ConfigLike | None = None, spectrum: SpectrumLike | None = None
) -> ExportText:
    """Write a grid as a host reads it, and say what the host will run.

    Parameters
    ----------
    schedule : path, result or array
        A file that `diffopt optimize` wrote, what a verb returned, or noise ratios (N + 1,).
    to : str
        Host, as `diffopt list hosts` names them, with a form after a colon: `comfyui`, `comfyui:workflow`,
        `diffusers`, `diffusers:snippet`, `diffusers:HeunDiscreteScheduler`.
    scheduler_config : path, mapping or scheduler, optional
        diffusers: the model's scheduler_config.json, whose levels and shifts count.
    spectrum : optional
        Data for which the errors are stated; default the schedule's own.

    Returns
    -------
    ExportText
        The text (a string), with `.statement`, `.altered` and `.save(path)`.

    Raises
    ------
    InputError
        No schedule, an unknown host, a missing configuration.
    UnsupportedError
        A process or a scheme that the host cannot run; the message names the alternative.

    Examples
    --------
    >>> import diffopt
    >>> schedule = diffopt.optimize([4.0, 1.0, 0.1], solver="heun", steps=3)
    >>> print(diffopt.export(schedule, "comfyui").split(", ")[0])
    80.00000000
    """
    with listening() as heard:
        grid = the_grid(schedule)
        run = run_of(grid)
        data = data_of(grid, spectrum)
        error = error_of(grid, data)
        note_churn(grid.content, to)
        for line in handed_map(grid, data):
            note(line)
        answer = export_run(run, to, config_for(to, scheduler_config), None if data is None else data.spectrum, error)
    raw = answer.text if answer.text is not None else ""
    text = ExportText(raw if isinstance(raw, str) else raw.decode("latin-1"))
    text.answer, text.notes = answer, tuple(map(spoken, heard))
    return text
