"""Memory of arrays that are made again and again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from diffopt.foundation.allocator import keep_arrays
if sys.argv[1] == "kept":
    keep_arrays()
for i in range(60):
    if i == 10:
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(100_000) for _ in range(6)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
def test_pages_of_freed_arrays_are_not_fetched_anew() -> None:
    """Page faults after the first rounds: 1200 pages a round where arrays go back to the system, none where they are kept."""
    plain, kept = (
        int(subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True).stdout)
        for how in ("plain", "kept")
    )
    assert plain > 10_000
    assert kept < 100
