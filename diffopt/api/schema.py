"""`diffopt.schema`: JSON schemas of the documents."""

from __future__ import annotations

from diffopt.api.arguments import a_name, filled
from diffopt.api.results.schema import SchemaResult
from diffopt.documents.schemas import DOCUMENTS
from diffopt.errors import InputError
from diffopt.foundation.names import suggestion


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
