"""Make diffopt/data/files/photos.npz: the covariance spectrum of patches of six freely licensed photographs.

    python benchmarks/make_photos.py          # needs scikit-learn and scikit-image

Every 16 x 16 x 3 patch at every even position, values mapped from 0..255 to [-1, 1]; each photograph
has the same weight; the covariance is about the common mean.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from skimage import data
from sklearn.datasets import load_sample_image

SIZE, STRIDE = 16, 2
#: Photographs and their licences.
SOURCES = {
    "china.jpg (scikit-learn)": "CC BY 2.0, danielbuechele",
    "flower.jpg (scikit-learn)": "CC BY 2.0, vultilion",
    "astronaut (scikit-image)": "public domain, NASA",
    "chelsea (scikit-image)": "CC0, Stefan van der Walt",
    "coffee (scikit-image)": "CC0, Rachel Michetti",
    "rocket (scikit-image)": "public domain, SpaceX",
}


def photographs() -> list[np.ndarray]:
    """Arrays of shape (height, width, 3), uint8, in the order of SOURCES."""
    shipped = [load_sample_image("china.jpg"), load_sample_image("flower.jpg")]
    return shipped + [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]


def moments(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and second moment of the patches of one photograph."""
    scaled = image.astype(np.float64) / 127.5 - 1
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (SIZE, SIZE), axis=(0, 1))
    windows = windows[::STRIDE, ::STRIDE]
    total, square, count = 0.0, 0.0, 0
    for row in windows:
        patches = row.reshape(len(row), -1)
        total, square, count = total + patches.sum(0), square + patches.T @ patches, count + len(patches)
    return total / count, square / count


def main() -> None:
    """Compute and write."""
    pairs = [moments(image) for image in photographs()]
    mean = np.mean([m for m, _ in pairs], axis=0)
    covariance = np.mean([s for _, s in pairs], axis=0) - np.outer(mean, mean)
    eig = np.linalg.eigvalsh(covariance)[::-1]
    folder = Path(__file__).parents[1] / "diffopt" / "data" / "files"
    np.savez_compressed(folder / "photos.npz", eigenvalues=eig.astype(np.float64))
    lines = ["# photos.npz", "", __doc__ or "", "## Sources", ""]
    lines += [f"* {name}: {licence}" for name, licence in SOURCES.items()]
    lines += ["", "The file holds eigenvalues only; no image can be recovered from them.", ""]
    (folder / "photos.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
