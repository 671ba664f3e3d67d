"""Samples that lie in the members of a folder or an archive."""

from __future__ import annotations

from pathlib import Path

from diffopt.estimation.members.base import Members
from diffopt.estimation.sources.source import Source


class OfMembers(Source):
    """A source over `members`, whose label is the path of the folder or the archive."""

    members: Members

    @property
    def path(self) -> Path:
        """Of the file or folder."""
        return Path(self.label)

    def notes(self) -> list[str]:
        """What was left out."""
        return [self.members.left_out.text] if self.members.left_out.text else []
