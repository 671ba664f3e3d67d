"""All of the evidence with one command: exact scores, pretrained networks, tables and picture.

    pip install . matplotlib scikit-learn jax && pip install --no-deps galaxygrad==0.2.1
    python benchmarks/evidence/all.py [--quick]

Hours on two cores; `--quick` takes euler, heun and dpmpp_2m at 5, 8 and 12 calls. Everything measured is kept in
benchmarks/evidence/cache (or $DIFFOPT_EVIDENCE_CACHE) and not computed again.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
QUICK = ["--solvers", "euler,heun,dpmpp_2m", "--calls", "5,8,12"]


def main() -> None:
    """Run the commands of this folder in turn."""
    extra = QUICK if "--quick" in sys.argv[1:] else []
    subprocess.run([sys.executable, str(HERE / "measure.py"), *extra], check=True)
    if importlib.util.find_spec("galaxygrad") and importlib.util.find_spec("jax"):
        import galaxies

        subprocess.run([sys.executable, str(HERE / "measure.py"), "--cases", ",".join(galaxies.NETWORKS), *extra], check=True)
    else:
        print("pretrained networks are left out: pip install --no-deps galaxygrad==0.2.1, and jax", file=sys.stderr)
    picture = HERE.parents[1] / "docs" / "evidence.png"
    subprocess.run([sys.executable, str(HERE / "tables.py"), "--picture", str(picture)], check=True)


if __name__ == "__main__":
    main()
