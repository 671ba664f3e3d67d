"""Flags of the verbs that make, read and write spectra, each declared once; imports nothing."""

from __future__ import annotations

from diffopt.api.flag import Flag, panelled

KEY = Flag("key", str, "Array of an .npz or .json to read.", "NAME")
FEATURE_SPACE = Flag("feature_space", bool, "Accept FID feature statistics as data.")
MAX_MEMBER = Flag("max_member", float, "Gigabytes that an array of a compressed file may take [default: 1].", "X")

_ESTIMATE = panelled({
    "Reading": (
        Flag("key", str, "Array in a file that holds several, or kind of member, such as latent.npy.", "NAME"),
        Flag("reader", str, "Format, where the name does not tell.", "NAME"),
        Flag("channels", str, "Axis of a sample's channels: first, last, none, or its number from 0 [default: auto].", "AXIS"),
        Flag("columns", str, "Columns of a table: all, names, or numbers such as 2-5 [default: no index, no classes].", "LIST"),
        Flag("header", str, "Whether a table's first line holds names: auto, yes or no [default: auto].", "WORD"),
        Flag("missing", str, "Numbers that mean no value, such as -9999, or none [default: usual ones are asked about].", "LIST"),
        Flag("mode", str, "L or RGB: convert every image to it.", "MODE"),
        Flag("window", int, "Frames per window of sound [default: 16384].", "N"),
        Flag("hop", int, "Frames between windows [default: the window].", "N"),
        Flag("skip_bad", bool, "Leave out broken samples and count them."),
        Flag("max_member", float, "Gigabytes of one member, chunk or image [default: 0.5].", "X"),
        Flag("max_expanded", float, "Gigabytes an archive may expand to [default: 1024; 16 if it shrinks to 1/200].", "X"),
    ),
    "Model units": (
        Flag("range", str, "Map stored to model numbers, such as 0,255:-1,1 [default: full range of integers].", "MAP"),
        Flag("scale", float, "Factor, after --range.", "X"),
        Flag("shift", float, "Offset, after --scale.", "X"),
        Flag("standardize", float, "Map to pooled mean 0 and this standard deviation (one pass more).", "STD"),
    ),
    "Estimation": (
        Flag("method", str, "auto, pca, fourier or lanczos [default: auto].", "NAME"),
        Flag("shrinkage", str, "none, population, analytical, ledoit_wolf or oas [default: none].", "NAME"),
        Flag("radial", bool, "fourier: average over equal wave numbers."),
        Flag("covariance", bool, "Keep the covariance in pixels too (.npz), for `spectrum posterior` with operators on pixels."),
        Flag("mean", bool, "Keep the mean if it is more than noise [default: keep].", off=True),
        Flag("seed", int, "Of everything random [default: 0].", "N"),
    ),
    "Ensemble": (
        Flag("labels", str, "Class of each sample (.npy, .txt, .csv, EDM dataset.json): one spectrum each.", "FILE"),
        Flag("clusters", int, "k-means clusters: one spectrum each.", "N"),
        Flag("patches", int, "Side of tiles: one spectrum each.", "N"),
        Flag("bands", int, "Frequency bands: one spectrum each.", "N"),
    ),
    "Bootstrap": (
        Flag("n_boot", int, "Bootstrap replicates for bands.", "N"),
        Flag("boot_steps", int, "Steps of the grids under --n-boot [default: 10].", "N"),
        Flag("boot_solver", str, "Solver of those grids [default: euler].", "NAME"),
    ),
    "Running": (
        Flag("block", int, "Rows per block [default: by dimension].", "N"),
        Flag("memory", float, "Gigabytes that matrices may take [default: 2].", "X"),
        Flag("engine", str, "local or dask [default: local].", "NAME"),
        Flag("scheduler", str, "dask: tcp://host:port.", "URL"),
        Flag("workers", int, "dask: local processes without a scheduler [default: 2].", "N"),
        Flag("resume", bool, "Keep a checkpoint beside --output; continue it."),
    ),
})  # fmt: skip

_SYNTHESIZE = panelled({
    "All kinds": (
        Flag("dim", int, "Number of directions; of radial --shape says it [default: 3072].", "N"),
        Flag("std", float, "Pooled standard deviation [default: 0.5; radial: that of P(k)].", "X"),
    ),
    "One kind": (
        Flag("exponent", float, "power_law: eigenvalue i is i^-EXPONENT [default: 2].", "EXPONENT"),
        Flag("decades", float, "exponential: powers of ten from first to last [default: 4].", "X"),
        Flag("ratio", float, "two_level: lower level over upper level [default: 1e-4].", "X"),
        Flag("fraction", float, "two_level: share of the upper level [default: 0.1].", "X"),
        Flag("table", str, "radial: text file of k, P(k).", "FILE"),
        Flag("shape", str, "radial: sides of the grid, 64,64.", "SIDES"),
        Flag("spacing", float, "radial: distance of grid points [default: 1].", "X"),
    ),
})  # fmt: skip

_POSTERIOR = panelled({
    "Prior": (
        KEY, MAX_MEMBER, Flag("shape", str, "Shape of the data, e.g. 16,16 [default: a vector].", "SIDES"),
    ),
    "Measurement": (
        Flag(
            "operator", str, "inpainting:KEEP[:box], blur:WIDTH, super_resolution:FACTOR, compressed_sensing:COUNT, "
            "diagonal:GAIN or FILE, matrix:FILE.", "OPERATOR", required=True,
        ),
        Flag("noise", float, "Standard deviation of the measurement noise.", "X", required=True),
        Flag("measurement", str, "y, for the posterior mean (.npy or text).", "FILE"),
        Flag("seed", int, "Of random operators [default: 0].", "N"),
    ),
    "Algebra": (
        Flag("method", str, "fourier or dense [default: fourier where possible].", "NAME"),
        Flag("dense", int, "Most directions for dense algebra [default: 3072].", "N"),
    ),
})  # fmt: skip

#: Flags of one verb alone.
SPECTRUM_OWN: dict[str, tuple[Flag, ...]] = {
    "estimate": _ESTIMATE,
    "synthesize": _SYNTHESIZE,
    "posterior": _POSTERIOR,
    "from_loss": (
        Flag("dim", float, "Errors are means over so many values [default: summed].", "N"),
        Flag("sigma_cap", float, "Leave out levels above [default: none].", "X"),
        Flag("eig_cap", float, "Largest eigenvalue [default: the error where the curve is flattest].", "X"),
    ),
}

#: Forms of a spectrum by the suffix of a file.
SPECTRUM_FORMS = {".json": "json", ".npz": "npz", ".npy": "npy", ".csv": "csv"}
