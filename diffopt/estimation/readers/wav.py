"""Windows of sound out of WAV files, alone, in folders or in archives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.decoding.wav import Wav, parse_wav
from diffopt.estimation.members.base import Members
from diffopt.estimation.members.folder import FolderMembers, SingleFile
from diffopt.estimation.members.kinds import SOUNDS
from diffopt.estimation.members.source import OfMembers
from diffopt.estimation.readers.base import Reader, ReadOptions
from diffopt.estimation.readers.one_each import nothing
from diffopt.estimation.sources.source import Raw, RawBlock, Source, gathered
from diffopt.foundation.guard import reading


@dataclass
class WavSource(OfMembers):
    """Windows (channels, frames) of all files in order; a rest shorter than a window is left out."""

    members: Members

    def __post_init__(self) -> None:
        self.label, self.options = self.members.label, self.members.options
        self.log, self.repeatable, self.stationary = self.options.log, True, True
        self.channels = 0
        self.hop = self.options.hop or self.options.window
        self._first: Wav | None = None
        self.count = self._count()
        if self._first is None:
            raise InputError(f"{self.label}: {nothing(self.members)}")
        form = self._first.form
        self.shape, self.dtype = (form.channels, self.options.window), form.dtype
        self.full_range = form.full_range

    def _count(self) -> int:
        """Windows in all files; reads their heads."""
        count = files = longest = 0
        for name, data in self.members.read(0):
            sound = self._sound(name, data)
            files += 1
            if sound is not None:
                longest = max(longest, sound.length)
                windows = self._windows(sound)
                count += windows
                if not windows:
                    self.log.remark(f"shorter than a window of {self.options.window} frames and left out", name)
        if files and self._first is not None and not count:
            raise InputError(
                f"{self.label}: no window of {self.options.window} frames in sounds of {longest} at most; "
                "choose a shorter --window"
            )
        return count

    def _windows(self, sound: Wav) -> int:
        return max(0, (sound.length - self.options.window) // self.hop + 1)

    def _sound(self, name: str, data: Any) -> Wav | None:
        """Parse a file and check it against the first; None for one that is skipped."""
        what = f"{self.label}:{name}" if name else self.label
        try:
            if isinstance(data, InputError):
                raise data
            with reading(what):
                sound = parse_wav(data, what)
            if sound.streamed:
                self.log.remark("the header of a stream gives no length; read to the end of the file", name)
            if sound.rest:
                self.log.remark(f"{sound.rest} bytes after the frames are no chunk and are left out; is the length wrong?", name)
            if self._first is None:
                self._first = sound
            if sound.form != self._first.form:
                raise InputError(f"{what}: {sound.form}, the first file has {self._first.form}; convert them to one")
        except InputError as error:
            self.log.refuse(name or self.label, error)
            return None
        return sound

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[RawBlock]:
        """Cut windows out of file after file."""
        return gathered(self._pieces(size), start, stop, size)

    def _pieces(self, size: int) -> Iterator[Raw]:
        window, hop = self.options.window, self.hop
        for name, data in self.members.read(0):
            sound = self._sound(name, data)
            total = 0 if sound is None else self._windows(sound)
            for begin in range(0, total, size):
                assert sound is not None
                rows = min(size, total - begin)
                frames = sound.frames(data, begin * hop, (begin + rows - 1) * hop + window)
                yield np.lib.stride_tricks.sliding_window_view(frames, window, axis=0)[::hop]


class WavReader(Reader):
    """A `.wav` file, or a folder of them in any depth: windows of `--window` frames every `--hop` frames."""

    def recognises(self, path: Path) -> bool:
        """By suffix; folders are told apart by what is in them."""
        return path.is_file() and path.suffix.lower() in SOUNDS

    def open(self, path: Path, options: ReadOptions) -> Source:
        """Read the heads of the files."""
        if path.is_file():
            return WavSource(SingleFile(path, options))
        return WavSource(FolderMembers(path, options))
