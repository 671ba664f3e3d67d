"""Measurement operators of linear inverse problems; OPERATORS is the table of names."""

from __future__ import annotations

from diffopt.data.posterior.operators.base import MatrixOperator, Operator
from diffopt.data.posterior.operators.blur import GaussianBlur
from diffopt.data.posterior.operators.compressed_sensing import CompressedSensing
from diffopt.data.posterior.operators.diagonal import Diagonal
from diffopt.data.posterior.operators.inpainting import Inpainting
from diffopt.data.posterior.operators.super_resolution import SuperResolution

OPERATORS: dict[str, type[Operator]] = {
    cls.name: cls for cls in (Inpainting, GaussianBlur, SuperResolution, CompressedSensing, Diagonal, MatrixOperator)
}

__all__ = ["OPERATORS", "Operator"]
