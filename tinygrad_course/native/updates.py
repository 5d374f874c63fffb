"""An optimizer's update rule as one loop: the calls that `optim.program` lists, on values in registers.

The rule's numbers (learning rate and so on) are read from an array at each call, so that they may change. The result is
that of NumPy's calls to the last bit, as nothing is reordered or rounded otherwise.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import config
from . import available, count
from .buffers import pointer
from .elementwise import CHUNK, load, store
from .emit import Module
from .formulas import TYPES, Formula, Step, Unlisted, emit
from .host import Target, host
from .values import Value, vector

if TYPE_CHECKING:
    from ..optim.program import Program

__all__ = ["Update", "formula_of", "update"]

_NAMES = {"_select": "where", "_maximum": "maximum", "_minimum": "minimum"}


def formula_of(program: Program, dtype: np.dtype) -> Formula:
    """What a rule computes. Inputs: parameter, gradient, state, numbers; results: parameter, state.

    Raises:
        Unlisted: if it calls a function that kernels do not provide for.
    """
    from .formulas import _UFUNCS

    given = 2 + len(program.state) + len(program.numbers)
    values: dict[int, Any] = {i: i for i in range(given)}
    values |= {given + i: (float(c).hex(), c) for i, c in enumerate(program.constants)}
    boolean = np.dtype(bool)
    dtypes = [dtype] * given
    steps: list[Step] = []
    for function, indices in program.code:
        *sources, place = indices
        name = _NAMES.get(function.__name__, function.__name__)
        operands = tuple(values[i] for i in sources)
        work = [dtypes[x] if isinstance(x, int) else dtype for x in operands]
        if name == "where":
            result = dtype
        elif name not in _UFUNCS:
            raise Unlisted(f"np.{name}")
        elif any(w != work[0] for w in work):
            raise Unlisted(f"np.{name} of floats and booleans")
        else:
            result = function.resolve_dtypes((*work, None))[-1] if name == function.__name__ else dtype
        steps.append(Step(name, operands, boolean if name != "where" and work[0] == boolean else dtype, result))
        values[place] = given + len(steps) - 1
        dtypes.append(result)
    results = (values[0], *(values[2 + i] for i in range(len(program.state))))
    return Formula((dtype,) * given, tuple(steps), results)


class Update:
    """The loop of a rule: `update(p, g, *state, numbers)` on contiguous arrays of one size and dtype."""

    def __init__(self, program: Program, dtype: np.dtype, target: Target) -> None:
        from . import jit

        formula = formula_of(program, dtype)
        self.arrays = 2 + len(program.state)
        library = jit.load(_text(formula, self.arrays, target), ["update"])
        pointers = [ctypes.c_void_p] * (self.arrays + 1)
        self._function = library.function("update", *pointers, ctypes.c_int64)

    def __call__(self, p: np.ndarray, *others: np.ndarray) -> None:
        if config.log_kernels:
            count("update")
        self._function(pointer(p), *map(pointer, others), p.size)


def _text(formula: Formula, arrays: int, target: Target) -> str:
    dtype = formula.inputs[0]
    lanes = target.lanes(dtype.itemsize)
    type = vector(lanes, TYPES[dtype])
    module = Module()
    names = [f"a{i}" for i in range(arrays)]
    homes = [names[0], *names[2:]]

    def piece(f: Any, index: Value) -> None:
        low = index * CHUNK
        numbers = [f.broadcast(type, f.numbers, i) for i in range(len(formula.inputs) - arrays)]

        def body(i: Value, mask: Value | None) -> None:
            inputs = [load(f, f.arguments[name], i, dtype, lanes, mask) for name in names]
            for y, home, old in zip(emit(formula, [*inputs, *numbers], lanes), homes, (inputs[0], *inputs[2:])):
                if y is not old:
                    store(f, y, f.arguments[home], i, mask)

        f.vectors(f.minimum(low + CHUNK, f.n), lanes, body, start=low)

    arguments = dict.fromkeys([*names, "numbers"], "ptr") | {"n": "i64"}
    module.parallel("update", arguments, lambda f: (f.n + (CHUNK - 1)) // CHUNK, piece, overlapping=True)
    return module.text()


def update(program: Program, dtype: np.dtype, arrays: Sequence[np.ndarray]) -> Update | None:
    """The loop for a rule and arrays of it, or None if NumPy is to do it."""
    if not available() or dtype.char not in "fd":
        return None
    if not all(a.flags.c_contiguous and a.flags.aligned and a.dtype == dtype for a in arrays):
        return None
    key = dtype.char
    known = program.__dict__.setdefault("_updates", {})
    if key not in known:
        try:
            known[key] = Update(program, dtype, host())
        except Unlisted:
            known[key] = None
    return known[key]
