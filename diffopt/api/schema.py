"""`diffopt.schema`: JSON schemas of the documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffopt.api.arguments import a_name, filled
from diffopt.api.results.base import Result
from diffopt.documents.schemas import DOCUMENTS
from diffopt.errors import InputError
from diffopt.foundation.names import suggestion


@dataclass(frozen=True, eq=False, repr=False)
class SchemaResult(Result):
    """A JSON schema, or the schemas of all documents by name."""

    def rows(self) -> list[dict[str, Any]]:
        """One row per document: its name and what it is."""
        return [{"schema": name, "summary": (DOCUMENTS[name].__doc__ or "").split("\n")[0]} for name in DOCUMENTS]

    def view(self, width: int) -> Any:
        """Names and summaries."""
        from diffopt.report.terminal import rows_table

        return rows_table(self.rows(), width=width, prose=("summary",))

    def answers(self) -> list[str]:
        """How to see one of them, or all."""
        return ["`diffopt schema NAME` prints one as JSON, `diffopt schema --all` all of them."]

    def __repr__(self) -> str:
        return f"SchemaResult({self.document.get('title', ', '.join(self.document))})"


@filled
def schema(name: str | None = None) -> SchemaResult:
    """Return the JSON schema of a document that diffopt writes.

    Parameters
    ----------
    name : str, optional
        Such as `diffopt.schedule/1`; default all.

    Returns
    -------
    SchemaResult
        `.document` is the schema, made from the models that write the files.

    Raises
    ------
    InputError
        No such document.

    Examples
    --------
    >>> import diffopt
    >>> "sigmas" in diffopt.schema("diffopt.schedule/1").document["properties"]
    True
    """
    if name is None:
        return SchemaResult({key: model.model_json_schema(by_alias=True) for key, model in DOCUMENTS.items()})
    if a_name(name, "name") not in DOCUMENTS:
        raise InputError(f"no schema {name!r}; {suggestion(name, DOCUMENTS, len(DOCUMENTS))}")
    return SchemaResult(DOCUMENTS[name].model_json_schema(by_alias=True))
