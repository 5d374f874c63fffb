"""Short lives for large values: fewer bytes are alive at once, and fewer are read and written.

What a training step needs most memory for is what forward keeps for backward. Two things are done about it. ReLU and
max-pooling change places, so that ReLU and its mask work on the pooled values. And a call is done as early as it can be
where more bytes die by it than it makes: of the image that was pooled, backward wants the places of the maxima only,
which take a byte each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from .memory import groups
from .program import Call, Constant, Effect, Kernel, Program, SetData, Write

__all__ = ["earlier", "pooled_first"]


class _Back(NamedTuple):
    """How the gradient goes back through max_pool and relu: product = put(g, place) * mask."""

    place: Call
    put: Call
    mask: Call
    product: Call


def pooled_first(program: Program, written: set[int]) -> None:
    """max_pool(relu(x)) as relu(max_pool(x)), and backward accordingly.

    The larger of two values stays the larger, or they become equal: to 0, where no gradient flows. So with y the pooled
    values and P the matrix that puts each in its place, diag(relu(x) > 0) P g = P diag(y > 0) g.
    """
    makers: dict[int, Call] = {}
    readers: dict[int, list[Call]] = {}
    pinned = set(program.results) | written
    for i in program.instructions:
        if isinstance(i, Call):
            makers.update(dict.fromkeys(i.outputs, i))
            for slot in i.inputs:
                readers.setdefault(slot, []).append(i)
        else:
            pinned.update(i.reads)
    for pool in [i for i in makers.values() if i.op.name == "max_pool"]:
        relu = makers.get(pool.inputs[0])
        if relu is None or relu.op.name != "relu":
            continue
        x, y, low = relu.inputs[0], relu.outputs[0], pool.outputs[0]
        others = [i for i in readers[y] if i is not pool]
        back = _back(program, y, low, others, readers) if others else None
        if others and back is None:
            continue
        private = {y} if back is None else {y, *(slot for i in back[:3] for slot in i.outputs)}
        own = all(program.values[slot].memory == slot for slot in private)
        viewed = any(v.memory in private and v.index not in private for v in program.values)
        if own and not viewed and not private & pinned and not {x, low} & written:
            _swap(program, relu, pool, back)


def _back(program: Program, y: int, low: int, others: list[Call], readers: dict[int, list[Call]]) -> _Back | None:
    """The way back, if the other calls that read y are a part of it."""
    if len(others) != 2:
        return None
    place, mask = sorted(others, key=lambda i: i.op.name != "max_place")
    if place.op.name != "max_place" or place.inputs != (y, low) or mask.op.name != "gt" or mask.inputs[0] != y:
        return None
    zero = program.values[mask.inputs[1]].source
    puts, products = readers.get(place.outputs[0], []), readers.get(mask.outputs[0], [])
    if len(puts) != 1 or len(products) != 1 or not isinstance(zero, Constant) or type(zero.value) is not int:
        return None
    (put,), (product,) = puts, products
    last = put.op.name == "put_in_windows" and readers.get(put.outputs[0]) == [product]
    whole = product.op.name == "multiply" and set(product.inputs) == {put.outputs[0], mask.outputs[0]}
    return _Back(place, put, mask, product) if last and whole and zero.value == 0 else None


def _swap(program: Program, relu: Call, pool: Call, back: _Back | None) -> None:
    values = program.values
    x, low = relu.inputs[0], pool.outputs[0]
    shape = values[low].shape
    pooled = program.add(shape, values[low].dtype, None)
    new = {
        id(relu): [],
        id(pool): [replace(pool, inputs=(x,), outputs=(pooled,)), replace(relu, inputs=(pooled,), outputs=(low,))],
    }
    if back is not None:
        place, put, mask, product = back
        hidden, g = mask.outputs[0], put.outputs[0]  # small ones, from now on
        for slot in (hidden, g):
            values[slot] = replace(values[slot], shape=shape, contiguous=True)
        new[id(place)] = [replace(place, inputs=(x, pooled))]
        new[id(mask)] = []
        new[id(put)] = [
            replace(mask, inputs=(low, mask.inputs[1])),
            replace(product, inputs=(put.inputs[0], hidden), outputs=(g,)),
        ]
        new[id(product)] = [replace(put, inputs=(g, put.inputs[1]), outputs=product.outputs)]
    program.instructions = [j for i in program.instructions for j in new.get(id(i), [i])]


def earlier(program: Program, written: set[int]) -> None:
    """Do calls as early as possible where that frees more memory than it takes, before as much is taken again."""
    group = groups(program)
    size: dict[int, int] = {}
    for v in program.values:
        size[group[v.index]] = max(size.get(group[v.index], 0), v.nbytes)
    kept = {group[v.index] for v in program.values if v.source is not None}
    kept |= {group[slot] for slot in program.results}
    reads: dict[int, list[int]] = {}
    for n, i in enumerate(program.instructions):
        for g in {group[slot] for slot in i.reads}:
            reads.setdefault(g, []).append(n)
    made = {slot: n for n, i in enumerate(program.instructions) for slot in i.outputs}
    place: list[tuple[int, ...]] = [
        (n,) for n in range(len(program.instructions))
    ]  # sorted by this: (3, 9) is the ninth, now after the third
    barrier = -1  # nothing goes past what acts on memory
    for n, i in enumerate(program.instructions):
        if isinstance(i, (Write, Effect, SetData, Kernel)):
            barrier = n
        if not isinstance(i, Call) or i.draws or len(i.outputs) != 1 or group[i.outputs[0]] != i.outputs[0]:
            continue
        freed = {group[slot] for slot in i.inputs if reads[group[slot]][-1] == n} - kept
        gain = sum(size[g] for g in freed)
        if gain <= max(2 * size[i.outputs[0]], 4096):
            continue
        after = [made.get(slot, -1) for slot in i.inputs] + [m for g in freed for m in reads[g][:-1]]
        last = max(after, key=lambda m: place[m] if m >= 0 else (-1,))
        taken = sum(size[slot] for j in program.instructions[last + 1 : n] for slot in j.outputs if slot in size)
        if barrier < last and taken >= gain:
            place[n] = (*place[last], n)
    program.instructions = [i for _, i in sorted(zip(place, program.instructions), key=lambda pair: pair[0])]
