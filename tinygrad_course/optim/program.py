"""An update rule, turned once into NumPy calls that write in place.

A rule is a pure function, so calling it would make a new array at every step of its formula. Here it is called once, on
symbols; what it does is listed, each result is given a place (the parameter's own memory, its state's, or scratch), and
from then on only that list runs. The values are those of the rule itself, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..config import config

__all__ = ["CHUNK", "Program", "Runner", "pattern"]

# Elements worked on at a time: few enough that all operands stay in the cache, enough that a call costs little.
CHUNK = 32_768
# From how many elements on a native kernel, where there is one, is asked.
NATIVE = 1024

Calls = list[tuple[Callable[..., Any], tuple[np.ndarray, ...]]]


def pattern(coefficients: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of the coefficients shapes the formula: which are there, and the flags; not the numbers' values."""
    return tuple([v if v is None or v is True or v is False else 0.0 for v in coefficients.values()])


def _select(condition: np.ndarray, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """np.where into `out`, which may be `b` but not `a`."""
    if b is not out:
        np.copyto(out, b)
    np.copyto(out, a, where=condition)


def _maximum(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    np.maximum(a, b, out=out)


def _minimum(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    np.minimum(a, b, out=out)


# NumPy takes `out` of these two by name only.
_NAMED: dict[Any, Callable[..., Any]] = {np.maximum: _maximum, np.minimum: _minimum}


class _Symbol(NDArrayOperatorsMixin):
    """Stands for an array (or, if `number`, for a coefficient) while a rule is listed."""

    def __init__(self, listing: _Listing, key: int, number: bool) -> None:
        self.listing = listing
        self.key = key
        self.number = number

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> _Symbol:
        if method != "__call__" or options or ufunc.nout != 1:
            raise TypeError(f"update rule: np.{ufunc.__name__}.{method} with {options} is not elementwise and pure")
        return self.listing.call(ufunc, inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> _Symbol:
        if function is np.where and len(args) == 3 and not kwargs:
            return self.listing.call(_select, args)
        raise TypeError(
            f"update rule: np.{function.__name__} is not elementwise; a rule that needs it belongs into step() of a "
            "subclass of Optimizer"
        )

    def __bool__(self) -> bool:
        raise TypeError("update rule: it must not branch on values, as it is listed once; use np.where")


class _Listing:
    """What a rule did, call by call."""

    def __init__(self) -> None:
        self.count = 0
        self.calls: list[tuple[Any, tuple[int, ...], int]] = []
        self.constants: dict[float, _Symbol] = {}
        self.boolean: set[int] = set()

    def symbol(self, *, number: bool = False) -> _Symbol:
        self.count += 1
        return _Symbol(self, self.count - 1, number)

    def operand(self, x: Any) -> _Symbol:
        if isinstance(x, _Symbol):
            return x
        if not isinstance(x, (int, float)):
            raise TypeError(f"update rule: expected arrays and numbers, got {type(x).__name__}")
        if x not in self.constants:
            self.constants[x] = self.symbol(number=True)
        return self.constants[x]

    def call(self, function: Any, inputs: Sequence[Any]) -> _Symbol:
        operands = [self.operand(x) for x in inputs]
        if all(x.number for x in operands):
            raise TypeError(f"update rule: {function.__name__} of coefficients alone; compute it in coefficients()")
        out = self.symbol()
        if function is not _select:
            types = [np.dtype(bool if x.key in self.boolean else float) for x in operands]
            if function.resolve_dtypes((*types, None))[-1] == np.bool_:
                self.boolean.add(out.key)
        self.calls.append((function, tuple([x.key for x in operands]), out.key))
        return out


class Program:
    """The calls of a rule for one pattern of coefficients, with a place for each result.

    Places are numbered: 0 the parameter, 1 the gradient, then the state arrays, the coefficients, the constants,
    scratch of the parameter's dtype, scratch of booleans.
    """

    def __init__(self, rule: Callable[..., Any], state: Sequence[str], coefficients: Mapping[str, Any]) -> None:
        listing = _Listing()
        p, g = listing.symbol(), listing.symbol()
        symbols = {name: listing.symbol() for name in state}
        self.numbers = [k for k, v in coefficients.items() if not (v is None or v is True or v is False)]
        arguments = dict(coefficients) | {name: listing.symbol(number=True) for name in self.numbers}
        new_p, new_state = rule(p, g, dict(symbols), **arguments)
        if not new_state.keys() <= symbols.keys():
            raise TypeError(f"update rule: the state has {sorted(symbols)}, but the rule gave {sorted(new_state)}")
        homes = {p.key, g.key, *(symbol.key for symbol in symbols.values())}
        targets: dict[int, int] = {}  # value -> place where it must end up
        for old, new in [(p, new_p), *((symbols[name], new) for name, new in new_state.items())]:
            new = listing.operand(new)
            if new.key == old.key:
                continue
            if new.number:
                raise TypeError("update rule: a result must depend on the arrays, got a number")
            if new.key in targets or new.key in homes:  # it has a home already, and is copied from there
                new = listing.call(np.positive, (new,))
            targets[new.key] = old.key
        self.state = tuple(state)
        self.constants = tuple(listing.constants)
        self._place(listing, targets)

    def _place(self, listing: _Listing, targets: dict[int, int]) -> None:
        """Give every value a place: its target as soon as the old value there is no longer read, else scratch."""
        given = 2 + len(self.state) + len(self.numbers)
        last = {}
        for step, (_, operands, _) in enumerate(listing.calls):
            last.update(dict.fromkeys(operands, step))
        last.update(dict.fromkeys(targets, len(listing.calls)))
        where = {key: key for key in range(given)}
        where |= {symbol.key: given + i for i, symbol in enumerate(listing.constants.values())}
        base = given + len(self.constants)
        # Scratch places are negative until their number is known: -1, -2, ... floats; booleans after them.
        free: dict[bool, list[int]] = {False: [], True: []}
        made: dict[bool, list[int]] = {False: [], True: []}
        code = []
        count = 0
        for step, (function, operands, out) in enumerate(listing.calls):
            kind = out in listing.boolean
            sources = tuple(where[k] for k in operands)
            dying = [k for k in dict.fromkeys(operands) if last[k] == step and where[k] < 0]
            early = [k for k in dying if function is not _select or (k == operands[2] and k not in operands[:2])]
            for k in early:
                free[k in listing.boolean].append(where[k])
            target = targets.get(out)
            safe = function is not _select or target not in sources[:2]
            if target is not None and last.get(target, -1) <= step and safe:
                place = target
            elif free[kind]:
                place = free[kind].pop()
            else:
                count += 1
                place = -count
                made[kind].append(place)
            where[out] = place
            for k in dying:
                if k not in early:
                    free[k in listing.boolean].append(where[k])
            if out not in last and place < 0:  # a result that nothing uses
                free[kind].append(place)
            code.append((function, sources, place))
        code += [(np.positive, (where[v],), place) for v, place in targets.items() if where[v] != place]
        number = {place: base + i for i, place in enumerate(made[False] + made[True])}
        self.floats, self.booleans = len(made[False]), len(made[True])
        self.code = [(_NAMED.get(f, f), tuple(number.get(s, s) for s in (*sources, out))) for f, sources, out in code]


class Runner:
    """A program with its scratch memory, for arrays of one dtype."""

    def __init__(self, program: Program, dtype: np.dtype) -> None:
        self.program = program
        self.dtype = dtype
        self._numbers = np.zeros(len(program.numbers), dtype)
        self._coefficients = [self._numbers[i : i + 1].reshape(()) for i in range(len(program.numbers))]
        self._constants = [np.array(c, dtype) for c in program.constants]
        self._scratch = [np.empty(CHUNK, dtype) for _ in range(program.floats)]
        self._scratch += [np.empty(CHUNK, bool) for _ in range(program.booleans)]
        self._last: list[float] = []

    def set(self, coefficients: Mapping[str, Any]) -> None:
        """Use these numbers from now on."""
        values = [coefficients[name] for name in self.program.numbers]
        if values != self._last:
            for place, value in zip(self._coefficients, values):
                place[...] = value
            self._last = values

    def bind(self, p: np.ndarray, g: np.ndarray, state: Sequence[np.ndarray]) -> Calls:
        """The calls that update these one-dimensional arrays in place: one native loop, or NumPy's chunk by chunk."""
        if p.size >= NATIVE and config.native:
            from ..native.updates import update

            native = update(self.program, self.dtype, (p, g, *state))
            if native is not None:
                return [(native, (p, g, *state, self._numbers))]
        calls: Calls = []
        numbers = [*self._coefficients, *self._constants]
        for low in range(0, p.size, CHUNK):
            part = slice(low, low + CHUNK)
            size = min(CHUNK, p.size - low)
            places = [a[part] for a in (p, g, *state)]
            places += numbers
            places += self._scratch if size == CHUNK else [a[:size] for a in self._scratch]
            calls += [(f, tuple([places[i] for i in indices])) for f, indices in self.program.code]
        return calls
