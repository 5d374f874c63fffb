"""Where values live while a program runs: buffers that are used again as soon as nobody reads what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .lower import FRESH, VIEWS, Lowered, lowered
from .program import Call, Effect, Kernel, Program, SetData, SetGrad, Write

__all__ = ["Plan", "plan"]

_ALIGN = 64


@dataclass(slots=True)
class Plan:
    """Offsets into one block of memory.

    Attributes:
        offset: of each planned slot, in bytes.
        size: of the block.
        onto: slots that are written into the array of an operand, which an operation has just made
            and nobody else reads.
        calls: how the planned, and other lowered, calls are done.
        group: for each slot the one that stands for all that may share its memory.
        last: for each group the number of the last instruction that reads any of it.
        unplanned: bytes that all planned values would take without sharing.
    """

    offset: dict[int, int] = field(default_factory=dict)
    size: int = 0
    onto: dict[int, int] = field(default_factory=dict)
    calls: dict[int, Lowered] = field(default_factory=dict)
    group: dict[int, int] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    unplanned: int = 0


def groups(program: Program) -> dict[int, int]:
    """For each slot the first slot of those with which it may share memory."""
    group = {v.index: v.memory if v.memory >= 0 else v.index for v in program.values}

    def root(slot: int) -> int:
        while group[slot] != slot:
            slot = group[slot]
        return slot

    for i in program.instructions:
        if isinstance(i, Call) and i.op.name in VIEWS and i.inputs:
            for out in i.outputs:
                a, b = root(i.inputs[0]), root(out)
                group[max(a, b)] = min(a, b)
    return {slot: root(slot) for slot in group}


def plan(program: Program) -> Plan:
    """Decide which values get a place, and where."""
    p = Plan(group=groups(program))
    values, group = program.values, p.group
    outside = {group[slot] for slot in program.results}
    written = set()
    for n, i in enumerate(program.instructions):
        for slot in i.reads:
            p.last[group[slot]] = n
        if isinstance(i, (SetGrad, SetData)) and i.value is not None:
            outside.add(group[i.value])
        elif isinstance(i, Write):
            written.add(group[i.target])
            outside.add(group[i.value])  # a write may keep what it is given
    fresh: set[int] = set()  # slots with an array of their own that is not planned
    free: list[tuple[int, int]] = []  # (offset, size), in order of offset
    living: dict[int, tuple[int, int]] = {}  # group -> place
    for n, i in enumerate(program.instructions):
        if isinstance(i, Call):
            how = lowered(i, values)
            if how is not None:
                p.calls[n] = how
                out = values[i.outputs[0]]
                operand = _over(p, program, n, i, i.inputs, fresh, written | outside) if how.elementwise else None
                if operand is not None and out.index not in written:
                    p.onto[out.index] = operand
                    fresh.add(out.index)
                elif group[out.index] == out.index and out.index not in outside and out.contiguous and out.size:
                    _place(p, program, n, i, how, living, free, written)
            elif i.op.name in FRESH:
                fresh.update(slot for slot in i.outputs if group[slot] == slot)
        elif isinstance(i, Kernel):
            for slot, operands in i.inplace.items():
                operand = _over(p, program, n, i, operands, fresh, written | outside, slot)
                if operand is not None:
                    p.onto[slot] = operand
                    fresh.discard(operand)
            fresh.update(i.outputs)
        for slot in (*i.reads, *i.outputs):
            g = group[slot]
            if g in living and p.last.get(g, n) <= n:
                _release(free, living.pop(g))
    return p


def _over(
    p: Plan, program: Program, n: int, i: Call | Kernel, operands: Sequence[int], fresh: set[int], kept: set[int],
    out: int = -1,
) -> int | None:  # fmt: skip
    """An operand whose array may be written over: made by an operation, and read here for the last time."""
    y = program.values[i.outputs[0] if out < 0 else out]
    if p.group[y.index] != y.index:
        return None
    for slot in operands:
        if slot in fresh and p.last.get(slot) == n and slot not in kept:
            x = program.values[slot]
            same = x.shape == y.shape and x.dtype == y.dtype and x.contiguous and y.contiguous
            if same and sum(p.group[other] == slot for other in i.inputs) == 1:
                return slot
    return None


def _place(
    p: Plan, program: Program, n: int, call: Call, how: Lowered, living: dict[int, tuple[int, int]],
    free: list[tuple[int, int]], written: set[int],
) -> None:  # fmt: skip
    out = program.values[call.outputs[0]]
    size = -(-out.nbytes // _ALIGN) * _ALIGN
    p.unplanned += size
    if how.elementwise:
        for slot in call.inputs:  # in place of an operand that nobody needs any more
            v = program.values[slot]
            g = p.group[slot]
            if (
                g == slot and slot in p.offset and g in living and p.last[g] == n
                and v.shape == out.shape and v.dtype == out.dtype
            ):  # fmt: skip
                living[out.index] = living.pop(g)
                p.offset[out.index] = p.offset[slot]
                return
    best = min((room for room in free if room[1] >= size), key=lambda room: room[1], default=None)
    if best is not None:
        free.remove(best)
        if best[1] > size:
            free.append((best[0] + size, best[1] - size))
            free.sort()
        offset = best[0]
    else:
        offset = p.size
        if free and free[-1][0] + free[-1][1] == p.size:  # the block grows at its end
            offset = free.pop()[0]
        p.size = offset + size
    p.offset[out.index] = offset
    living[out.index] = offset, size


def _release(free: list[tuple[int, int]], room: tuple[int, int]) -> None:
    free.append(room)
    free.sort()
    joined: list[tuple[int, int]] = []
    for offset, size in free:
        if joined and joined[-1][0] + joined[-1][1] == offset:
            joined[-1] = joined[-1][0], joined[-1][1] + size
        else:
            joined.append((offset, size))
    free[:] = joined


def buffers(program: Program, p: Plan) -> dict[int, np.ndarray]:
    """The planned arrays, in a new block of memory."""
    block = np.empty(p.size + _ALIGN, np.uint8)
    start = -block.ctypes.data % _ALIGN
    found = {}
    for slot, offset in p.offset.items():
        v = program.values[slot]
        part = block[start + offset : start + offset + v.nbytes]
        found[slot] = part.view(v.dtype or np.uint8).reshape(v.shape)
    return found


def touched(program: Program) -> set[int]:
    """Slots that are filled anew after some effect."""
    return {slot for i in program.instructions if isinstance(i, Effect) for slot in i.reloads}
