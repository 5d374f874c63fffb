"""From a recorded program to a shorter one with the same effects and results.

Each pass gives a new list of instructions. None moves an instruction past one that writes, so whatever is written in
place stays where it was; values in memory that is written to are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .lifetimes import earlier, pooled_first
from .program import Argument, Call, Check, Constant, Effect, Kernel, Program, SetGrad, Write

__all__ = ["elementwise", "fusion_groups", "optimize"]


def optimize(program: Program) -> Program:
    """The program without what is not needed."""
    program = replace(program, values=[replace(v) for v in program.values], instructions=list(program.instructions))
    written = {program.values[i.target].memory for i in program.instructions if isinstance(i, Write)}
    for apply in (_without_names, _folded, _shared, _without_copies, _without_zeroing, _alive, pooled_first, earlier):
        apply(program, written)
    return program


def _replaced(program: Program, of: dict[int, int]) -> None:
    """Read other slots in place of some."""

    def at(slot: int) -> int:
        while slot in of:
            slot = of[slot]
        return slot

    for n, i in enumerate(program.instructions):
        if isinstance(i, (Call, Check, Kernel)):
            program.instructions[n] = replace(i, inputs=tuple(map(at, i.inputs)))
        elif isinstance(i, Write):
            program.instructions[n] = replace(
                i, target=at(i.target), value=at(i.value), arrays=tuple(map(at, i.arrays))
            )
        elif not isinstance(i, Effect) and i.value is not None:
            program.instructions[n] = replace(i, value=at(i.value))
    program.results = tuple(map(at, program.results))


def _without_names(program: Program, written: set[int]) -> None:
    """Drop views that are what they are views of: a reshape to the same shape, a permutation that permutes nothing."""
    of: dict[int, int] = {}
    kept = []
    for i in program.instructions:
        if isinstance(i, Call) and i.op.name in ("reshape", "permute"):
            x, y = program.values[i.inputs[0]], program.values[i.outputs[0]]
            dims = i.params.get("dims")
            if x.shape == y.shape and x.dtype == y.dtype and (dims is None or tuple(dims) == tuple(range(len(dims)))):
                of[y.index] = x.index
                continue
        kept.append(i)
    program.instructions = kept
    _replaced(program, of)


def _folded(program: Program, written: set[int]) -> None:
    """Compute now what depends on constants only."""
    kept = []
    for i in program.instructions:
        if isinstance(i, Call) and not i.draws and len(i.outputs) == 1:
            sources = [program.values[slot] for slot in i.inputs]
            out = program.values[i.outputs[0]]
            constant = all(
                isinstance(v.source, Constant) and v.source.fixed and v.memory not in written for v in sources
            )
            if sources and constant and out.memory not in written:
                value = i.op.forward(*[v.source.value for v in sources], **i.params)  # type: ignore[union-attr]
                out.source = Constant(np.asarray(value, out.dtype))
                continue
        kept.append(i)
    program.instructions = kept


def _key(i: Call, moments: dict[int, int], program: Program) -> Any:
    inputs: list[Any] = []
    for slot in i.inputs:
        v = program.values[slot]
        if isinstance(v.source, Constant) and v.dtype is None:
            inputs.append((type(v.source.value), repr(v.source.value)))
        else:
            inputs.append((slot, moments.get(v.memory, 0)))
    return i.op, tuple(inputs), tuple([(k, _hashable(v)) for k, v in sorted(i.params.items())])


def _hashable(x: Any) -> Any:
    if isinstance(x, slice):
        return "slice", x.start, x.stop, x.step
    if isinstance(x, (tuple, list)):
        return type(x), tuple(map(_hashable, x))
    hash(x)
    return type(x), x


def _shared(program: Program, written: set[int]) -> None:
    """Compute once what is computed twice from the same values."""
    of: dict[int, int] = {}
    found: dict[Any, Call] = {}
    moments: dict[int, int] = {}  # how often memory was written to
    kept: list[Any] = []
    for i in program.instructions:
        if isinstance(i, Call):
            i = replace(i, inputs=tuple([of.get(slot, slot) for slot in i.inputs]))
            single = not i.draws and not any(program.values[slot].memory in written for slot in i.outputs)
            try:
                key = _key(i, moments, program) if single else None
            except TypeError:  # parameters that cannot be compared
                key = None
            if key is not None:
                before = found.setdefault(key, i)
                if before is not i and not _given_away(program, before, i):
                    of.update(zip(i.outputs, before.outputs))
                    continue
        elif isinstance(i, Write):
            memory = program.values[i.target].memory
            moments[memory] = moments.get(memory, 0) + 1
        elif isinstance(i, Effect):
            for v in program.values:
                if v.source is not None and not isinstance(v.source, Constant):
                    moments[v.memory] = moments.get(v.memory, 0) + 1
        kept.append(i)
    program.instructions = kept
    _replaced(program, of)


def _given_away(program: Program, *calls: Call) -> bool:
    """Whether memory of an output belongs to somebody outside after the call: it must then be its own."""
    outside = _escaping(program)
    return any(program.values[slot].memory in outside for call in calls for slot in call.outputs)


def _escaping(program: Program) -> set[int]:
    """The memory that results, gradients and data outside are in."""
    slots = list(program.results)
    slots += [i.value for i in program.instructions if not isinstance(i, (Call, Kernel, Check, Write, Effect))
              and i.value is not None]  # fmt: skip
    return {program.values[slot].memory for slot in slots}


def _without_copies(program: Program, written: set[int]) -> None:
    """A gradient that is copied out of memory that nothing else keeps may as well stay there."""
    makers = {slot: i for i in program.instructions if isinstance(i, Call) for slot in i.outputs}
    reads: dict[int, int] = {}
    for i in program.instructions:
        for slot in i.reads:
            reads[slot] = reads.get(slot, 0) + 1
    outside = _escaping(program)
    of: dict[int, int] = {}
    for i in program.instructions:
        if not isinstance(i, SetGrad) or i.value is None or i.value in program.results:
            continue
        copy = makers.get(i.value)
        if copy is None or copy.op.name != "positive" or reads[i.value] != 1:
            continue
        x = program.values[copy.inputs[0]]
        root = program.values[x.memory]
        private = root.source is None and root.index in makers and not makers[root.index].draws
        if private and root.memory not in outside | written and root.size == x.size:
            of[i.value] = x.index
            outside.add(root.memory)
    dropped = set(of)
    program.instructions = [
        i for i in program.instructions if not (isinstance(i, Call) and dropped.intersection(i.outputs))
    ]
    _replaced(program, of)


def _without_zeroing(program: Program, written: set[int]) -> None:
    """Gradients that are forgotten and then set anew need not be forgotten."""
    kept: list[Any] = []
    for n, i in enumerate(program.instructions):
        if isinstance(i, Effect) and i.name == "zero_grad" and i.only_grads and not i.reloads and _forgets(i):
            later = program.instructions[n + 1 :]
            end = next((m for m, j in enumerate(later) if isinstance(j, Effect)), len(later))
            leaves = {id(j.leaf) for j in later[:end] if isinstance(j, SetGrad) and not isinstance(j.leaf, Argument)}
            if all(id(x) in leaves for x in i.touches):
                continue
        kept.append(i)
    program.instructions = kept


def _forgets(effect: Effect) -> bool:
    return effect.args[-1:] != (False,) and effect.kwargs.get("set_to_none", True) is True


def _alive(program: Program, written: set[int]) -> None:
    """Drop calls whose outputs nobody reads."""
    needed = set(program.results)
    kept = []
    for i in reversed(program.instructions):
        if isinstance(i, Call) and not i.draws and not needed.intersection(i.outputs):
            continue
        needed.update(i.reads)
        kept.append(i)
    program.instructions = kept[::-1]


# --- What can run together --------------------------------------------------------------------------------------------


def elementwise(call: Any) -> bool:
    """Whether each value of the output depends on the values of the inputs at the same place only."""
    return isinstance(call, Call) and isinstance(call.op.forward, np.ufunc) and call.op.forward.signature is None


def fusion_groups(program: Program, fits: Callable[[Any], bool] = elementwise) -> list[list[int]]:
    """Runs of elementwise calls of one shape that feed each other: the numbers of their instructions.

    Between two members nothing is done that they depend on, so that each group may be one loop, at the place of its
    last member.
    """
    groups: list[list[int]] = []
    of: dict[int, int] = {}  # slot -> group
    barrier = -1
    for n, i in enumerate(program.instructions):
        if not isinstance(i, (Call, Check)):
            barrier = n
        if not fits(i):
            continue
        shape = program.values[i.outputs[0]].shape
        found = None
        for slot in i.reads:
            g = of.get(slot)
            if g is None or groups[g][0] <= barrier or program.values[slot].shape != shape:
                continue
            last = groups[g][-1]
            inside = {o for m in groups[g] for o in program.instructions[m].outputs}
            between = [m for m in range(last + 1, n) if m not in groups[g]]
            if not any(inside.intersection(program.instructions[m].reads) for m in between):
                found = g
        if found is None:
            groups.append([])
            found = len(groups) - 1
        groups[found].append(n)
        of.update(dict.fromkeys(i.outputs, found))
    return [g for g in groups if len(g) > 1]
