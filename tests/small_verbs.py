"""Every verb that reads a spectrum, on as small a question as it takes."""

from __future__ import annotations

import diffopt

VERBS = {
    "optimize": lambda data: diffopt.optimize(data, steps=2),
    "evaluate": lambda data: diffopt.evaluate(data, schedule="karras", steps=2),
    "compare": lambda data: diffopt.compare(data, steps=2, only="karras"),
    "recommend": lambda data: diffopt.recommend(data, calls=1, host="edm"),
    "best_eta": lambda data: diffopt.best_eta(data, steps=2, design="constant", noise_objective="exact", clock="sigma"),
    "orders": lambda data: diffopt.orders(data, "euler", "10,20", metric="frechet"),
    "budget": lambda data: diffopt.budget(data, solver="euler", steps=3, samples=1e6),
}
