"""What a file holds, by its suffix; what is left out, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath

IMAGES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
    ".pbm", ".pnm", ".gif", ".tga", ".jp2", ".j2k", ".avif", ".qoi",
}  # fmt: skip
ARRAYS = {".npy", ".npz", ".safetensors"}
SOUNDS = {".wav", ".wave"}
KINDS = {"image": IMAGES, "array": ARRAYS, "sound": SOUNDS}

#: What to do with files that are known and not read.
HINTS = {
    **dict.fromkeys((".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".au", ".caf", ".w64"),
                    "convert the sound to WAV, e.g. ffmpeg -i IN OUT.wav"),
    **dict.fromkeys((".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib"),
                    "pickles are never loaded; save the numbers as .npy or .safetensors"),
    **dict.fromkeys((".parquet", ".feather", ".arrow", ".xlsx", ".xls", ".ods", ".mat", ".rds", ".tfrecord", ".lmdb",
                     ".fits", ".nii", ".dcm", ".grib", ".grb", ".exr", ".pfm", ".hdr"),
                    "save the numbers as .npy, .npz or .csv"),
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm"), "save the frames as images or .npy"),
    **dict.fromkeys((".heic", ".heif", ".cr2", ".nef", ".dng", ".svg", ".psd"), "convert the images to PNG"),
    **dict.fromkeys((".7z", ".rar", ".zst", ".lz4"), "pack the files as .zip or .tar"),
}  # fmt: skip


def kind_of(name: str) -> str | None:
    """`image`, `array`, `sound`, or None for another or a hidden file."""
    path = PurePosixPath(name)
    if path.name.startswith("."):
        return None
    return next((kind for kind, suffixes in KINDS.items() if path.suffix.lower() in suffixes), None)


@dataclass
class LeftOut:
    """Files that hold no samples, counted by suffix."""

    suffixes: Counter[str] = field(default_factory=Counter)
    names: set[str] = field(default_factory=set)

    def keeps(self, name: str) -> bool:
        """Whether the file holds samples; counts it otherwise, once, unless it is hidden."""
        if kind_of(name) is not None:
            return True
        path = PurePosixPath(name)
        if not path.name.startswith(".") and name not in self.names and len(self.names) < 100_000:
            self.names.add(name)
            self.suffixes[path.suffix.lower()[:12] or "no suffix"] += 1
        return False

    @property
    def text(self) -> str:
        """Counts and suffixes for people, and what to do about the most frequent that could be samples."""
        if not self.suffixes:
            return ""
        listed = ", ".join(f"{s} {n}" for s, n in self.suffixes.most_common(6))
        hint = next((HINTS[s] for s, _ in self.suffixes.most_common() if s in HINTS), "")
        return f"{sum(self.suffixes.values())} files of other kinds left out ({listed})" + (f"; {hint}" if hint else "")
