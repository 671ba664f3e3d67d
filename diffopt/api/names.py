"""`diffopt.names`: what the arguments accept; `diffopt.explain`: what a schedule is."""

from __future__ import annotations

from diffopt.api.arguments import a_name, filled
from diffopt.api.results.names import Explanation, NamesResult
from diffopt.report import catalogue
from diffopt.report import explain as explained


@filled
def names(kind: str | None = None, *, long: bool = False) -> NamesResult:
    """List the names that arguments accept.

    Parameters
    ----------
    kind : str, optional
        `solvers`, `schedules`, `designs`, `objectives`, `processes`, `hosts` or `builtins`; default all.
    long : bool
        With formulas and references.

    Returns
    -------
    NamesResult
        Iterates over the names; `.document` has a list of rows for each kind.

    Raises
    ------
    InputError
        An unknown kind.

    Examples
    --------
    >>> import diffopt
    >>> list(diffopt.names("processes"))
    ['ve', 'vp_linear', 'vp_cosine', 'flow', 'table']
    """
    return NamesResult(catalogue.inventory(None if kind is None else a_name(kind, "kind"), long))


@filled
def explain(name: str) -> Explanation:
    """Say what a schedule or a design of the noise is.

    Parameters
    ----------
    name : str
        As `diffopt.names("schedules")` and `diffopt.names("designs")` list them.

    Returns
    -------
    Explanation
        Kind, status, summary, formula and reference.

    Raises
    ------
    InputError
        An unknown name, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> diffopt.explain("karras").document["kind"]
    'fixed'
    """
    return Explanation(explained.explain(a_name(name, "name")))
