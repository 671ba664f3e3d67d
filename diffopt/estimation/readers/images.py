"""Folders and archives of images, arrays or sound, in any depth, such as EDM's datasets and WebDataset's shards."""

from __future__ import annotations

from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.members.base import Members
from diffopt.estimation.members.folder import FolderMembers
from diffopt.estimation.members.kinds import kind_of
from diffopt.estimation.members.tar import TarMembers
from diffopt.estimation.members.zip import ZipMembers
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.one_each import MemberSource, nothing
from diffopt.estimation.readers.wav import WavSource
from diffopt.estimation.sources.source import Source

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def source_of(members: Members) -> Source:
    """Windows of sound, or one sample a member, by the kind of the first.

    Raises
    ------
    InputError
        There is none.
    """
    names = members.names
    first = next((name for name, _ in members.read(0)), None) if names is None else next(iter(names), None)
    if first is None:
        raise InputError(f"{members.label}: {nothing(members)}")
    return WavSource(members) if kind_of(first) == "sound" else MemberSource(members)


def is_tar(path: Path) -> bool:
    """By suffix."""
    return path.name.lower().endswith(TARS)


class TarReader(Reader):
    """`.tar`, `.tar.gz`, `.tgz`, ..., or a folder of such shards."""

    def recognises(self, path: Path) -> bool:
        """By suffix; a folder by having shards in it."""
        if path.is_dir():
            return any(is_tar(f) for f in path.iterdir())
        return path.is_file() and is_tar(path)

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the first member."""
        if path.is_dir():
            files = sorted(f for f in path.iterdir() if not f.name.startswith("."))
            members = TarMembers(tuple(f for f in files if is_tar(f)), str(path), options)
            loose = [f.name for f in files if not is_tar(f)]
            if loose:
                options.log.remark(f"{len(loose)} files beside the shards are left out, the first: {loose[0][:60]}")
        else:
            members = TarMembers((path,), str(path), options)
        return source_of(members)


class ZipReader(Reader):
    """`.zip` of images, arrays or sounds."""

    def recognises(self, path: Path) -> bool:
        """By suffix."""
        return path.suffix.lower() == ".zip" and path.is_file()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the directory of the archive."""
        return source_of(ZipMembers(path, options))


class ImagesReader(Reader):
    """A folder of images, of arrays (`.npy`, `.npz`, `.safetensors`) of one sample each, or of sounds."""

    def recognises(self, path: Path) -> bool:
        """Any other directory."""
        return path.is_dir()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """List the folder."""
        return source_of(FolderMembers(path, options))
