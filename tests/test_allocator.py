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
from diffopt.foundation.arrays import release_one
{"plain": lambda: None, "kept": keep_arrays, "released": release_one}[sys.argv[1]]()
for i in range(60):
    if i == 10:
        begin = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(int(sys.argv[2])) for _ in range(6)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - begin)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")
@pytest.mark.parametrize(("how", "size"), [("kept", 100_000), ("released", 25_000)])
def test_pages_of_freed_arrays_are_not_fetched_anew(how: str, size: int) -> None:
    """Page faults after the first rounds: 300 pages a round or more where arrays go back, none where they are kept."""
    plain, kept = (
        int(subprocess.run([sys.executable, "-c", SCRIPT, which, str(size)], check=True, capture_output=True, text=True).stdout)
        for which in ("plain", how)
    )
    assert plain > 10_000
    assert kept < 100
