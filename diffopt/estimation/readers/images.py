"""Folders of images or arrays, in any depth, such as EDM's dataset folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.members import MemberSource, is_sample
from diffopt.estimation.sources.source import Source


@dataclass
class FolderSource(MemberSource):
    """Image and `.npy` files below a folder, sorted by their relative path."""

    path: Path
    options: ReadOptions

    def __post_init__(self) -> None:
        self.label = str(self.path)
        self.names = sorted(self._walk())
        if not self.names:
            raise InputError(f"{self.path}: no images, arrays or sound files in this folder")
        self.count: int | None = len(self.names)
        self.settle()

    def _walk(self) -> Iterator[str]:
        found = 0
        for folder, below, files in os.walk(self.path):
            below[:] = [name for name in below if not name.startswith(".")]
            for file in files:
                if is_sample(file):
                    found += 1
                    if found > self.options.max_members:
                        raise InputError(f"{self.path}: more than {self.options.max_members} files")
                    yield Path(folder, file).relative_to(self.path).as_posix()

    def members(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Read file after file."""
        for name in self.names[start:]:
            yield name, self._read(name)

    def _read(self, name: str) -> bytes | InputError:
        file = self.path / name
        try:
            if not file.is_file():
                return InputError(f"{file}: is not a regular file")
            if file.stat().st_size > self.options.max_member:
                return InputError(f"{file}: larger than {self.options.max_member} bytes")
            return file.read_bytes()
        except OSError as error:
            return InputError(f"{file}: cannot be read ({error.strerror})")


class ImagesReader(Reader):
    """A folder of images (PNG, JPEG, WebP, BMP, TIFF, PPM, GIF) or `.npy` samples of one size."""

    def recognises(self, path: Path) -> bool:
        """Any other directory, or a single image (which is then refused for being one)."""
        return path.is_dir()

    def open(self, path: Path, options: ReadOptions) -> Source:
        """List the folder."""
        return FolderSource(path, options)
