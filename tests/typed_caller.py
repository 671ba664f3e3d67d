"""What somebody writes who has diffopt installed: checked by strict mypy with the package, run by tests/test_types.py."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import diffopt
from diffopt.api.results.budget import BudgetResult
from diffopt.api.results.compare import ComparisonResult
from diffopt.api.results.run import EvaluationResult, ScheduleResult
from diffopt.api.results.spectrum import SpectrumResult

SIZES = {"a": 4.0, "b": 1.0}


def grids(path: Path) -> NDArray[np.float64]:
    """Data by path, list, array and object; solvers by name; counts in the forms that a verb takes."""
    assert_type(diffopt.optimize(str(path), solver="heun", steps=10), ScheduleResult)
    schedule = diffopt.optimize(path, solver="heun", steps=np.int64(10), objective="frechet", sigma_max=20.0)
    data = diffopt.Spectrum.create(np.array([4.0, 1.0]))
    assert_type(diffopt.evaluate(data, schedule), EvaluationResult)
    diffopt.evaluate([4.0, 1.0], sigmas=[20, 1.0, 0])
    assert_type(diffopt.compare(data, ["euler", "heun"], [4, 6], only="karras", add={"mine": [80.0, 1.0, 0.0]}), ComparisonResult)
    assert_type(schedule.sigmas, NDArray[np.float64])
    return schedule.sigmas


def studies(samples: NDArray[np.float64]) -> list[str]:
    """Results go from verb to verb."""
    found = diffopt.estimate(samples, method="pca", shrinkage="oas", scale=0.5)
    assert_type(found, SpectrumResult)
    assert_type(diffopt.budget(found, "euler", 5, samples=100), BudgetResult)
    host = diffopt.export(diffopt.optimize(found, steps=3), "comfyui", spectrum=found)
    return [host]


def refused() -> list[Exception]:
    """Each is a mistake to mypy, and a refusal when it is run."""
    errors: list[Exception] = []
    for wrong in (
        lambda: diffopt.optimize(SIZES, steps=2),  # type: ignore[arg-type]
        lambda: diffopt.optimize([1.0], solver=3),  # type: ignore[arg-type]
        lambda: diffopt.optimize([1.0], steps=2.5),  # type: ignore[arg-type]
        lambda: diffopt.optimize([1.0], stepz=2),  # type: ignore[call-arg]
        lambda: diffopt.estimate(np.eye(3), shrinkage=0.5),  # type: ignore[arg-type]
    ):
        try:
            wrong()
        except (diffopt.DiffoptError, TypeError) as error:
            errors.append(error)
    return errors
