"""Measurement operators of linear inverse problems; OPERATORS is the table of names."""

from __future__ import annotations

from diffopt.operators.base import MatrixOperator, Operator
from diffopt.operators.blur import GaussianBlur
from diffopt.operators.compressed_sensing import CompressedSensing
from diffopt.operators.diagonal import Diagonal
from diffopt.operators.inpainting import Inpainting
from diffopt.operators.super_resolution import SuperResolution

OPERATORS: dict[str, type[Operator]] = {
    cls.name: cls for cls in (Inpainting, GaussianBlur, SuperResolution, CompressedSensing, Diagonal, MatrixOperator)
}

__all__ = ["OPERATORS", "Operator"]
