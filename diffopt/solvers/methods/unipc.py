"""UniPC of orders 1 to 3."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.adams import back, check_order, start_up
from diffopt.solvers.rules.exponential import first_order
from diffopt.solvers.table import Table

VARIANTS = ("bh1", "bh2")

#: Stands for an infinite length; its square is finite.
FAR = 1e40


@dataclass(frozen=True)
class UniPC(Solver):
    """Multistep predictor, and a corrector that re-solves the step with the new output.

    Predicted state P, corrected state C; the model is called at P only. With s_i = (lambda_{k-i} - lambda_k)/h and
    B = e^{-h} - 1 (bh2) or -h (bh1): P' = r C + (1 - r) D - B sum_i rho_i (D_{k-i} - D)/s_i; C' adds the new output
    with s = 1. The rho solve a Vandermonde system (theory.md, eq. 18); of order 2 the predictor's is 1/2.
    Orders 1, 2, ..., p, ..., 2, 1; no correction after the last step. (With bh1 diffusers divides by infinity on a
    last step to sigma = 0; here that step lands on D.)
    Reference: Zhao et al. (2023), arXiv:2302.04867, alg. 5-8; diffusers UniPCMultistepScheduler.

    Attributes
    ----------
    order : int
        Order of the predictor, 1 to 3.
    variant : str
        `bh2` or `bh1`.
    lower_order_final : bool
        Orders ..., 2, 1 at the end.
    """

    name: ClassVar[str] = "unipc"
    law_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Zhao et al. 2023, arXiv:2302.04867; diffusers UniPCMultistepScheduler"

    order: int = 2
    variant: str = "bh2"
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        check_order(self.name, self.order, 3)
        if self.variant not in VARIANTS:
            raise InputError(f"solver 'unipc' has the variants {', '.join(VARIANTS)}, got {self.variant!r}")

    @property
    def memory(self) -> int:  # type: ignore[override]
        """Steps that the oldest output lies behind."""
        return self.order - 1

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows per step: predictor and corrector, eq. (18)."""
        # Node order: P_0 = C_0, then P_1, C_1, P_2, C_2, ...: a predictor reads C (lag 0) and D(P_{k-i}) (lag 2 i + 1),
        # a corrector reads D(P') (lag 0), C (lag 1) and D(P_{k-i}) (lag 2 i + 2).
        table = Table.zeros(points, rows=2, lags=2 * self.order + 1)
        orders = start_up(points, self.order, euler_end=True)
        if self.lower_order_final:
            orders = np.minimum(orders, np.arange(points.steps, 0, -1))
        rows = _Rows(points, self.variant, orders)
        first_order(table, points)
        gain = table.denoised[..., 0, 0].copy()
        table.denoised[..., 0, 0] = 0
        table.state[..., 1, 1] = points.decay
        for row, (new, old) in enumerate((rows.predictor(), rows.corrector())):
            total = sum(old) + (0 if new is None else new)
            for i, weight in enumerate([gain - total, *old]):
                table.denoised[..., row, 2 * i + 1 + row] = weight
            if new is not None:
                table.denoised[..., row, 0] = new
        for array in (table.state, table.denoised):
            array[..., -1, 1, :] = 0
        table.state[..., -1, 1, 0] = 1
        _start(table, self.order)
        return table


class _Rows:
    """Weights of earlier outputs (and of the new one) beside the exponential Euler step, for each step."""

    def __init__(self, points: Points, variant: str, orders: np.ndarray) -> None:
        self.orders, self.most = orders, int(orders.max())
        h = points.h
        # A step from pure noise is endless: its start is a place without weight. So are places before the run, which
        # no step uses; they lie apart, or the systems of steps that use fewer would be singular.
        length = np.where(np.isinf(points.sigma[..., :-1].real), FAR, h)
        self.places = [-sum(back(length, j, 2 * FAR) for j in range(1, i + 1)) / h for i in range(1, self.most)]
        whole = (points.alpha_0 * points.decay - points.alpha_1) / points.alpha_1
        self.scale = np.where(points.unbounded, whole, np.expm1(-h) if variant == "bh2" else -h)
        self.alpha = points.alpha_1
        self.right = []
        phi = np.expm1(-h) / -h - 1
        for i in range(1, self.most + 1):
            self.right.append(phi * math.factorial(i) / self.scale)
            phi = phi / -h - 1 / math.factorial(i + 1)

    def _solved(self, places: list[Numbers]) -> Numbers:
        """rho of sum_j rho_j s_j^{i-1} = b_i, shape (..., N, p)."""
        count = len(places)
        matrix = np.stack([np.stack([s**i for s in places], axis=-1) for i in range(count)], axis=-2)
        return np.asarray(np.linalg.solve(matrix, np.stack(self.right[:count], axis=-1)[..., None])[..., 0])

    def _weights(self, order: int, corrects: bool) -> list[Numbers]:
        """-alpha' B rho_i/s_i of the earlier outputs of one order, the new output's last if it corrects."""
        places = self.places[: order - 1] + ([np.ones_like(self.alpha)] if corrects else [])
        if not places:
            return []
        if len(places) == 1:
            rho = np.full((*self.alpha.shape, 1), 0.5)
        else:
            rho = self._solved(places)
        return [-self.alpha * self.scale * rho[..., i] / s for i, s in enumerate(places)]

    def _joined(self, corrects: bool) -> list[Numbers]:
        """Weights by the order of each step; the new output's last."""
        own = [np.zeros_like(self.alpha) for _ in range(self.most)]
        for order in np.unique(self.orders):
            weights = self._weights(int(order), corrects)
            if corrects:
                own[-1] = np.where(self.orders == order, weights.pop(), own[-1])
            for i, weight in enumerate(weights):
                own[i] = np.where(self.orders == order, weight, own[i])
        return own

    def predictor(self) -> tuple[None, list[Numbers]]:
        """No new output; earlier ones."""
        return None, self._joined(corrects=False)[: self.most - 1]

    def corrector(self) -> tuple[Numbers, list[Numbers]]:
        """The new output and earlier ones."""
        *old, new = self._joined(corrects=True)
        return new, old


def _start(table: Table, order: int) -> None:
    """The start stands for P_0: its output moves from the lag of P_0 to the lag of node 0."""
    for row in (0, 1):
        for k in range(min(order, table.steps)):
            lag = 2 * k + 1 + row
            table.denoised[..., k, row, lag - 1] += table.denoised[..., k, row, lag]
            table.denoised[..., k, row, lag] = 0
