"""What reports are made of: documents and rows of them, as plain data under the keys of their schemas."""

from collections.abc import Mapping, Sequence
from typing import Any

PlainData = Mapping[str, Any]
PlainRows = Sequence[PlainData]
