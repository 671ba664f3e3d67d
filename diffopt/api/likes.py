"""Types of the arguments that verbs take in several forms: data, grids, solvers, lists, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, SupportsIndex, TypeAlias

from numpy.typing import ArrayLike, NDArray

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.objectives.base import Objective
from diffopt.processes.base import Process
from diffopt.schedules import Schedule
from diffopt.simulation.target import Target
from diffopt.solvers.base import Solver
from diffopt.solvers.model_error import ModelError


class TensorLike(Protocol):
    """An array of PyTorch, known by its `detach`; others are arrays to numpy."""

    def detach(self) -> Any:
        """Numbers without the graph that made them."""


class HoldsDataset(Protocol):
    """A result that is or remembers data, such as an estimate."""

    @property
    def dataset(self) -> Dataset:
        """Spectrum, members and facts."""


class HoldsDocument(Protocol):
    """A result with the grid that it found."""

    @property
    def document(self) -> Mapping[str, Any]:
        """What the file says."""


class HoldsConfig(Protocol):
    """A scheduler of diffusers."""

    @property
    def config(self) -> Any:
        """Its settings, a mapping."""


#: A file: its path, or `-` for standard input.
FileLike: TypeAlias = str | Path
#: Numbers of any library.
NumbersLike: TypeAlias = ArrayLike | TensorLike
#: One number; text is a rule or a number that was written down.
NumberLike: TypeAlias = float | str
#: One whole number.
WholeLike: TypeAlias = SupportsIndex | str
#: Names, one or several: a comma list or a sequence.
NamesLike: TypeAlias = str | Iterable[str]
#: Step counts or calls, one or several.
CountsLike: TypeAlias = SupportsIndex | str | Sequence[SupportsIndex] | NDArray[Any]
#: Data: a file, `builtin:NAME`, eigenvalues (d,), a covariance (d, d), a spectrum or what holds one.
SpectrumLike: TypeAlias = FileLike | NumbersLike | Spectrum | Dataset | HoldsDataset
#: Noise ratios (N + 1,): a file, what a verb returned, a document or numbers.
GridLike: TypeAlias = FileLike | NumbersLike | HoldsDocument | Mapping[str, Any]
#: One grid or several, also by name.
GridsLike: TypeAlias = GridLike | Sequence[GridLike] | Mapping[str, GridLike]
#: A solver by name, with options after a colon, or the object.
SolverLike: TypeAlias = str | Solver
#: One solver or several.
SolversLike: TypeAlias = SolverLike | Iterable[SolverLike]
#: A process by name, with options after a colon, or the object.
ProcessLike: TypeAlias = str | Process
#: A schedule by name, with options after a colon, or the object.
ScheduleLike: TypeAlias = str | Schedule
#: An objective by name, or the object.
ObjectiveLike: TypeAlias = str | Objective
#: Error of the score: a share, a rule such as `curve:FILE`, a function of the noise ratio, or the object.
ErrorLike: TypeAlias = float | str | Callable[[NDArray[Any]], ArrayLike] | ModelError
#: Configuration of a model: its file, a mapping, or the scheduler.
ConfigLike: TypeAlias = FileLike | Mapping[str, Any] | HoldsConfig
#: E[x_0 | x] of x (n, *shape) at a noise ratio.
Denoiser: TypeAlias = Callable[..., Any]
#: What is sampled: a law, a denoiser or samples (m, d...).
TargetLike: TypeAlias = Target | Denoiser | NumbersLike
#: Samples along the first axis: files, arrays, blocks of them, or a function that returns blocks.
SamplesLike: TypeAlias = FileLike | NumbersLike | Iterable[NumbersLike] | Callable[[], Iterable[NumbersLike]]
#: Sides of an array, such as "64,64" or (64, 64).
ShapeLike: TypeAlias = str | Sequence[int]
