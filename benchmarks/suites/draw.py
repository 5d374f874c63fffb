"""Drawing: nodes per second, from a graph to the text that Graphviz lays out."""

from __future__ import annotations

from ..case import Case, Run

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    sizes = (10, 30) if quick else (30, 100, 300)
    return [
        Case("draw", f"graph of {n} operations, both directions", {"tc": lambda n=n: _graph(n)}, work=n, unit="nodes",
             steps=0, series="draw", size=n, headline=n == sizes[-1])
        for n in sizes
    ]  # fmt: skip


def _graph(n: int) -> Run:
    import tinygrad_course as tc

    x = tc.ones(3).requires_grad_()
    w = tc.full((3,), 1.01).requires_grad_()
    y = x
    for i in range(n - 1):
        y = tc.tanh(y) if i % 2 else y * w
    y = y.sum()

    def step() -> str:
        return str(tc.viz.draw(y, direction="both", fold=False, max_nodes=10 * n))

    return Run(step)
