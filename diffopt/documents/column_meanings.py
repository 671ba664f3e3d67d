"""Names of columns and arrays that are related to eigenvalues and are none."""

from __future__ import annotations

import re
from collections.abc import Sequence

_STD = "standard deviations, not eigenvalues; square them"
_SINGULAR = "singular values, not eigenvalues; square them and divide by the number of samples - 1"
_SHARE = "shares of the variance, not eigenvalues; multiply them by the total variance"
_LOG = "logarithms, not eigenvalues; raise them back"
_INVERSE = "inverse variances, not eigenvalues; invert them"

#: What a name says, in small letters with blanks.
MEANINGS: dict[str, str] = {
    **dict.fromkeys(
        ("std", "stds", "stdev", "stddev", "std dev", "std dev.", "standard deviation", "standard deviations", "sd", "rms",
         "sigma", "sigmas", "σ", "sqrt", "sqrt eigenvalue", "sqrt eigenvalues", "sqrt(eigenvalue)", "sqrt(eigenvalues)",
         "sqrt(lambda)", "scale", "scales", "amplitude", "amplitudes"), _STD),
    **dict.fromkeys(("singular value", "singular values", "singular", "svd", "s"), _SINGULAR),
    **dict.fromkeys(
        ("explained variance ratio", "explained variance ratios", "ratio", "ratios", "percent", "%", "percentage", "proportion",
         "% of variance", "variance explained (%)", "share", "fraction", "cumulative", "cum", "cumsum", "cumulative variance",
         "cumulative percent", "cumulative %"), _SHARE),
    **dict.fromkeys(("precision", "precisions", "inverse variance", "inverse variances"), _INVERSE),
    **dict.fromkeys(("log", "log10", "ln", "db", "decibel"), _LOG),
}  # fmt: skip
#: Words that say the same within a longer name, such as `pc_std` or `var_ratio`.
WORDS: dict[str, str] = {
    **dict.fromkeys(("std", "stds", "stdev", "stddev", "sdev", "sdevs", "sd", "rms", "deviation", "deviations", "sqrt"), _STD),
    **dict.fromkeys(("singular",), _SINGULAR),
    **dict.fromkeys(("ratio", "ratios", "percent", "percentage", "proportion", "share", "cumulative", "cumsum"), _SHARE),
    **dict.fromkeys(("precision", "precisions", "inverse"), _INVERSE),
    **dict.fromkeys(("log", "log2", "log10", "ln", "db"), _LOG),
}
#: Names of a power, beside a column of wave numbers.
POWERS = ("power", "psd", "p", "p(k)", "pk", "power spectrum", "spectral density", "spectrum")
WAVES = ("k", "wave number", "wavenumber", "frequency", "freq", "f", "n")


def meaning_of(name: str) -> str | None:
    """What a name says the numbers are, where that is not eigenvalues, and what to do."""
    plain = " ".join(name.lower().replace("_", " ").split())
    if plain in MEANINGS:
        return MEANINGS[plain]
    if plain.startswith(("log ", "log(", "log10", "ln(", "log2")):
        return _LOG
    words = re.split(r"[ .()\[\]/:-]+", plain)
    return next((WORDS[word] for word in words if word in WORDS), None)


def wave_numbers(names: Sequence[str] | None, name: str) -> bool:
    """Whether a column of this name stands beside one of wave numbers."""
    return names is not None and name in POWERS and any(n in WAVES for n in names)
