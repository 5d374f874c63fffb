"""Functions whose results are differentiated outside: one recording of forward and backward, cut in two programs.

While it is recorded, the pass back from the results is recorded too, with cotangents that stand for those to come. What
the second half reads of the first is saved by each call, on one node that stands for the whole call in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd.engine import key_of, pull_back, settle
from ..graph import Bundle, Node, Spec, state
from ..ops.op import Op, pick
from ..tensor import LEAF, Tensor
from .program import Argument, Call, Constant, Instruction, Program
from .record import Recorder

__all__ = ["attach", "cut", "inner_pull", "pull"]


def pull(recorder: Recorder, results: Sequence[Tensor], position: int) -> list[Tensor]:
    """Record the pass back from the results; gives the leaves that it reaches.

    Args:
        recorder: which is watching.
        results: outputs whose graph is alive.
        position: the number of the first cotangent among the arguments.
    """
    if any(x._hooks is not None for x in recorder.seen.values()) or _hooked(results):
        recorder.fail("hooks on tensors are to be called by a backward outside of the call")
        return []
    recorder.split = len(recorder.program.instructions)
    roots = []
    for k, y in enumerate(results):
        g = Tensor._wrap(np.ones(y.array.shape, y.array.dtype))
        recorder.enter_argument(g.array, position + k)
        roots.append((y, g))
    before, state.grad = state.grad, False
    try:
        found = pull_back(roots, keep=True, record=True)
        leaves = [x for x in recorder.seen.values() if x.node is LEAF and x in found]
        grads = [settle(found[x], x) for x in leaves]
    finally:
        state.grad = before
    recorder.gradients = list(zip(leaves, grads))
    return leaves


def _hooked(results: Sequence[Tensor]) -> bool:
    """Whether any node behind the results has hooks."""
    stack = [y.node for y in results]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if type(node) is Node and id(node) not in seen:
            seen.add(id(node))
            if node.hooks is not None:
                return True
            stack.extend(node.parents)
    return False


def cut(program: Program, backward: set[int], outs: int, position: int) -> tuple[Program, Program, int]:
    """The two halves of a program, and how many values go from one to the other.

    Args:
        program: its results are those of the function, then gradients.
        backward: the slots that the second half makes.
        outs: how many results the function has.
        position: the number of the first cotangent among the arguments.

    Returns:
        The forward half, which gives the results and then what is saved; the backward half, whose arguments are the
        cotangents and then what is saved; the number of saved values.
    """
    second: list[Instruction] = [
        i for i in program.instructions if isinstance(i, Call) and backward.issuperset(i.outputs)
    ]
    ids = set(map(id, second))
    first = [i for i in program.instructions if id(i) not in ids]
    grads = program.results[outs:]
    made = {slot for i in second for slot in i.outputs}
    saved: dict[int, None] = {}
    cotangents = 0
    for v in program.values:
        if isinstance(v.source, Argument) and v.source.position >= position:
            cotangents = max(cotangents, v.source.position - position + 1)
    for slot in [slot for i in second for slot in i.reads] + list(grads):
        source = program.values[slot].source
        given = isinstance(source, Argument) and source.position >= position
        if slot not in made and not given and not isinstance(source, Constant):
            saved.setdefault(slot)
    values = []
    for v in program.values:
        if v.index in saved:
            values.append(replace(v, source=Argument(cotangents + list(saved).index(v.index)), memory=v.index))
        elif isinstance(v.source, Argument) and v.source.position >= position:
            values.append(replace(v, source=Argument(v.source.position - position)))
        elif isinstance(v.source, Constant) or v.index in made:
            values.append(replace(v))
        else:
            values.append(replace(v, source=None))
    forward = Program(
        program.name,
        [_unless(v, position) for v in program.values],
        first,
        (*program.results[:outs], *saved),
        program.structure,
    )
    return forward, Program(f"{program.name} backward", values, second, grads), len(saved)


def _unless(v: Any, position: int) -> Any:
    """The value without its source, if that is a cotangent."""
    away = isinstance(v.source, Argument) and v.source.position >= position
    return replace(v, source=None) if away else v


class _Joint(Op):
    """What stands for a compiled call in the graph."""

    def __init__(self, name: str, back: Callable[..., list[Any]], count: int) -> None:
        super().__init__(
            f"compiled_{name}", _refuse, (None,) * count, lazy=False, broadcasts=False, shrinks=True, variadic=False,
            doc="A compiled function.",
        )  # fmt: skip
        self._back = back
        self._count = count

    def kept(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[bool, ...]]:
        return False, (True,) * len(wanted)

    def pullback(
        self, g: Any, y: Any, inputs: Sequence[Any], params: dict[str, Any], wanted: Sequence[bool]
    ) -> list[Any]:
        cotangents = [c if isinstance(c, Tensor) else np.asarray(c) for c in (g if type(g) is Bundle else (g,))]
        if any(isinstance(c, Tensor) for c in cotangents):
            raise RuntimeError(
                f"{self.name}: the gradient of a compiled function cannot itself be differentiated (create_graph=True) "
                "or recorded; call the function that was compiled, or compile the step that takes the gradients"
            )
        found = self._back([*cotangents, *inputs[self._count :]])
        return [*found, *[None] * (len(inputs) - self._count)]


def _refuse(*_: Any) -> Any:
    raise RuntimeError("a compiled call is not executed again")


def attach(
    name: str, arrays: Sequence[np.ndarray], leaves: Sequence[Tensor], saved: Sequence[Any],
    back: Callable[..., list[Any]],
) -> list[Tensor]:  # fmt: skip
    """Tensors of these arrays whose gradients `back(cotangents + saved)` carries to the leaves."""
    op = _Joint(name, back, len(leaves))
    parents = [*map(key_of, leaves), *[None] * len(saved)]
    specs = Bundle(Spec(y.shape, y.dtype) for y in arrays)
    node = Node(op, {}, [*[x.array for x in leaves], *saved], parents, specs[0] if len(specs) == 1 else specs)
    if len(arrays) == 1:
        return [Tensor._wrap(arrays[0], node)]
    return [Tensor._wrap(y, Node(pick, {"index": i}, (specs,), (node,), y)) for i, y in enumerate(arrays)]


def inner_pull(results: Sequence[Tensor], leaves: Sequence[Tensor]) -> Callable[..., list[Any]]:
    """For `attach`: carries cotangents through the graph behind the results, which goes no further than the leaves."""

    def back(cotangents: list[Any]) -> list[Any]:
        found = pull_back(list(zip(results, cotangents)), wanted=leaves, keep=True)
        return [found.get(x) for x in leaves]

    return back
