"""Small random programs: expression graphs over the registry of operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ...ops.op import REGISTRY

__all__ = ["KINKED", "SMOOTH", "Program", "Step", "programs"]


class Step(NamedTuple):
    """One operation of a program.

    Attributes:
        name: in the registry.
        places: which values it takes: the leaves come first, then what earlier steps gave.
        params: its keyword parameters.
    """

    name: str
    places: tuple[int, ...]
    params: dict[str, Any]


# name: (operands, parameters). All take square matrices of one size to such a matrix, on all real numbers.
SMOOTH: dict[str, tuple[int, dict[str, Any]]] = {
    "add": (2, {}), "subtract": (2, {}), "multiply": (2, {}), "matmul": (2, {}), "logaddexp": (2, {}),
    "negative": (1, {}), "tanh": (1, {}), "sin": (1, {}), "cos": (1, {}), "sigmoid": (1, {}), "atan": (1, {}),
    "erf": (1, {}), "silu": (1, {}), "softmax": (1, {"dim": -1}), "cumsum": (1, {"axis": 0}),
    "permute": (1, {"dims": (1, 0)}), "flip": (1, {"dims": (1,)}), "roll": (1, {"dims": (0,), "shifts": (1,)}),
    "tril": (1, {"diagonal": 0}),
}  # fmt: skip
KINKED: dict[str, tuple[int, dict[str, Any]]] = {
    "relu": (1, {}), "abs": (1, {}), "maximum": (2, {}), "minimum": (2, {}), "clamp": (1, {"min": -0.5, "max": 0.5}),
}  # fmt: skip


class Program:
    """A function of some square matrices, written as a list of steps; its repr is Python code.

    Args:
        leaves: how many matrices it takes.
        steps: what it does with them.
    """

    def __init__(self, leaves: int, steps: Sequence[Step]) -> None:
        self.leaves = leaves
        self.steps = tuple(steps)

    def __call__(self, *leaves: Any) -> Any:
        """What the last step gives."""
        return self.values(*leaves)[-1]

    def values(self, *leaves: Any) -> list[Any]:
        """All values: the leaves, then what each step gives."""
        values = list(leaves)
        for name, places, params in self.steps:
            values.append(REGISTRY[name](*(values[p] for p in places), **params))
        return values

    def __repr__(self) -> str:
        names = [f"x{i}" for i in range(self.leaves)]
        lines = [f"def program({', '.join(names)}):"]
        for k, (name, places, params) in enumerate(self.steps):
            names.append(f"h{k}")
            arguments = [*(names[p] for p in places), *(f"{key}={value!r}" for key, value in params.items())]
            lines.append(f"    h{k} = {name}({', '.join(arguments)})")
        return "\n".join([*lines, f"    return {names[-1]}"])


@st.composite
def programs(draw: st.DrawFn, leaves: int = 3, max_steps: int = 8, *, kinks: bool = False) -> Program:
    """Programs that take square matrices, at least 1 × 1, of one size.

    Args:
        leaves: how many matrices each takes.
        max_steps: the largest number of operations.
        kinks: with operations that have a kink among them: relu, abs, maximum and the like.

    Example:
        >>> import hypothesis
        >>> from tinygrad_course.testing import strategies as some
        >>> hypothesis.find(some.programs(2), lambda program: program.steps[-1].name == "multiply")
        def program(x0, x1):
            h0 = multiply(x0, x0)
            return h0
    """
    known = SMOOTH | KINKED if kinks else SMOOTH
    steps = []
    for i in range(draw(st.integers(1, max_steps))):
        name = draw(st.sampled_from(list(known)))
        count, params = known[name]
        steps.append(Step(name, tuple(draw(st.integers(0, leaves + i - 1)) for _ in range(count)), params))
    return Program(leaves, steps)
