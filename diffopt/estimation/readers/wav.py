"""Windows of sound out of WAV files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io.wavfile

from diffopt.errors import InputError
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.sources.source import Block, Raw, Source, gathered, real_dtype
from diffopt.foundation.guard import reading

SUFFIXES = (".wav", ".wave")


@dataclass
class WavSource(Source):
    """Windows (channels, frames) of all files in order; a rest shorter than a window is left out."""

    files: list[Path]
    label: str
    options: ReadOptions
    repeatable: bool = True
    channels: int | None = 0

    def __post_init__(self) -> None:
        self.log = self.options.log
        self.hop = self.options.hop or self.options.window
        self._first: tuple[int, int, np.dtype[np.generic]] | None = None
        self.usable: list[Path] = []
        count = 0
        for file in self.files:
            try:
                count += self._windows(self._sound(file))
                self.usable.append(file)
            except InputError as error:
                self.log.refuse(file.name, error)
        if self._first is None or not count:
            raise InputError(
                f"{self.label}: no window of {self.options.window} frames; choose a shorter --window"
            )
        self.count = count
        self.shape, self.dtype = (self._first[1], self.options.window), self._first[2]

    def _windows(self, sound: Raw) -> int:
        return max(0, (len(sound) - self.options.window) // self.hop + 1)

    def _sound(self, file: Path) -> Raw:
        """Frames of a file, shape (frames, channels), memory-mapped; checks it against the first file."""
        with reading(str(file)):
            rate, data = self._map(file)
        data = data[:, None] if data.ndim == 1 else data
        real_dtype(data.dtype, str(file))
        if data.ndim != 2 or 0 in data.shape:
            raise InputError(f"{file}: has no frames")
        facts = (rate, data.shape[1], data.dtype)
        if self._first is None:
            self._first = facts
        if facts != self._first:
            raise InputError(f"{file}: rate, channels, dtype are {facts}, the first file has {self._first}")
        return data

    def _map(self, file: Path) -> tuple[int, Raw]:
        with warnings.catch_warnings():
            # Unknown chunks (tags, cue points) are none of our business.
            warnings.filterwarnings("ignore", "Chunk .* not understood", scipy.io.wavfile.WavFileWarning)
            warnings.simplefilter("error", scipy.io.wavfile.WavFileWarning)
            try:
                return scipy.io.wavfile.read(file, mmap=True)
            except ValueError:
                # 24-bit sound cannot be mapped.
                return scipy.io.wavfile.read(file)

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Cut windows out of file after file."""
        return gathered(self._pieces(size), start, stop, size)

    def _pieces(self, size: int) -> Iterator[Raw]:
        for file in self.usable:
            sound = self._sound(file)
            total = self._windows(sound)
            if total:
                view = np.lib.stride_tricks.sliding_window_view(sound, self.options.window, axis=0)[
                    :: self.hop
                ]
                for begin in range(0, total, size):
                    yield view[begin : begin + size]


class WavReader(Reader):
    """A `.wav` file, or a folder of them: windows of `--window` frames every `--hop` frames."""

    def recognises(self, path: Path) -> bool:
        """By suffix; a folder by having such files in it."""
        if path.is_dir():
            return any(f.suffix.lower() in SUFFIXES for f in path.iterdir())
        return path.suffix.lower() in SUFFIXES

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the heads of the files."""
        files = (
            [path] if path.is_file() else sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
        )
        return WavSource(files, str(path), options)
