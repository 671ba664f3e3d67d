"""What a case of the evidence is: a denoiser that is not Gaussian, the spectrum a user would have, and a range."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.processes import VE
from diffopt.processes.span import Span
from diffopt.schedules.fixed.k_diffusion import Karras
from diffopt.simulation.run import Batch, run
from diffopt.simulation.target import Target
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.table import Table


def cached(name: str) -> Path:
    """Where something is kept between commands ($DIFFOPT_EVIDENCE_CACHE); nothing of it belongs to the repository."""
    folder = Path(os.environ.get("DIFFOPT_EVIDENCE_CACHE", Path(__file__).parent / "cache"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


@dataclass(frozen=True, eq=False)
class Case:
    """One law to sample from.

    Attributes
    ----------
    name, kind : str
        Name; `exact`, `pretrained` or `own`.
    target : Target
        Denoiser (exact score or network).
    spectrum : Spectrum
        Covariance spectrum of samples that the reference does not contain.
    data : ndarray of shape (m, d) or None
        Samples of the data, for the second truth; None where only the network's own limit is known.
    sigma_max, sigma_min : float
        Range.
    count, fine : int
        Samples, and steps of the Heun reference.
    shape : tuple of int
        Of one sample, for pictures.
    """

    name: str
    kind: str
    target: Target
    spectrum: Spectrum
    data: np.ndarray | None
    sigma_max: float = 80.0
    sigma_min: float = 0.002
    count: int = 256
    fine: int = 100
    shape: tuple[int, ...] = field(default=())

    @property
    def batch(self) -> Batch:
        """Samples from N(0, sigma_max^2), as every host starts."""
        return Batch(self.target, self.count, 1, "sigma")

    def reference(self, steps: int | None = None) -> np.ndarray:
        """The network's own fine limit: Heun on Karras' grid from the same noise, kept in the cache."""
        steps = steps or self.fine
        path = cached(f"{self.name}-{self.count}-heun{steps}.npy")
        if not path.exists():
            np.save(path, run(self.batch, [self.table("heun", Karras().grid(self.span(steps)).sigmas)])[0])
        return np.load(path)

    def span(self, steps: int) -> Span:
        """What a schedule is asked for; the spectrum goes with it for the designs that read it."""
        return Span(VE(), steps, self.sigma_max, self.sigma_min, "zero", self.spectrum)

    @staticmethod
    def table(solver: str, sigmas: np.ndarray) -> Table:
        """Table of a named solver."""
        from diffopt.processes.grid import Grid

        name, _, eta = solver.partition("@")
        return run_table(SOLVERS[name](), Grid.create(VE(), sigmas), float(eta) if eta else None)


def spectrum_of(samples: np.ndarray, source: str) -> Spectrum:
    """Eigenvalues of the samples' covariance, as `diffopt spectrum estimate` would say."""
    centred = samples - samples.mean(axis=0)
    if len(samples) > samples.shape[1]:
        eig = np.linalg.eigvalsh(centred.T @ centred / (len(samples) - 1))
    else:
        eig = np.linalg.eigvalsh(centred @ centred.T / (len(samples) - 1))[1:]
        eig = np.concatenate([np.zeros(samples.shape[1] - len(eig)), eig])
    return Spectrum.create(np.maximum(eig, 0), source=source)
