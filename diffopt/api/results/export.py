"""Result of `export`."""

from __future__ import annotations

from pathlib import Path

from diffopt.api.speech import said_in_python, spoken
from diffopt.hosts.answer import HostAnswer


class ExportText(str):
    """Exported text; `statement` says what the host will run, `altered` whether that is another grid or scheme.

    Attributes
    ----------
    answer : Answer
        The run on the host, its findings and errors.
    notes : tuple of str
        Sentences about what was assumed.
    """

    answer: HostAnswer
    notes: tuple[str, ...]

    @property
    def statement(self) -> tuple[str, ...]:
        """What the host will run, its sampler's name, and its error as it runs there."""
        return tuple(map(spoken, self.answer.lines()))

    @property
    def content(self) -> bytes:
        """Bytes of the file."""
        raw = self.answer.text
        return raw if isinstance(raw, bytes) else str(self).encode()

    @property
    def altered(self) -> bool:
        """Whether the host runs another grid or scheme than the file's."""
        return self.answer.altered

    @said_in_python
    def save(self, path: str | Path, force: bool = False) -> None:
        """Write the file, whole or not at all."""
        from diffopt.foundation.atomic import write_atomic

        write_atomic(path, self.content, force)
