"""A builder for LLVM's text form: what a kernel does is written down in Python, with operators on values.

    lanes = host().lanes(4)
    module = Module()
    f = module.function("scale", x="ptr", y="ptr", n="i64")
    vector = f"<{lanes} x float>"

    def body(i, mask):
        f.store(f.load(vector, f.x, i, mask) * 2.0, f.y, i, mask)

    f.vectors(f.n, lanes, body)          # whole vectors, then a masked tail
    library = jit.load(module.text(), ["scale"])

A `Value` has a name in the text and a type ("float", "i64", "ptr", "<8 x float>", ...). Operators on two values of one
type, or on a value and a Python number, append an instruction to the function that the value belongs to. Comparisons
(`<`, `eq`) are ordered: false for NaN. Integers are signed. Nothing is folded or reordered: what is written
is computed.

Variables that change in a loop are `Variable`s; LLVM puts them into registers. Pointers are not checked: who calls a
kernel answers for sizes, and for buffers that do not overlap (arguments of type "ptr" are `noalias`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .values import Operand, Value, Variable, alignment, constant, element, is_float, lanes_of, suffix, vector

__all__ = ["Function", "Module", "Value", "Variable", "constant", "element", "lanes_of", "vector"]


class Function:
    """A function that is being written. Its arguments are attributes: `f.x`."""

    def __init__(self, module: Module, name: str, arguments: dict[str, str], internal: bool, result: str) -> None:
        self.module, self.symbol, self.internal, self.result = module, name, internal, result
        self.overlapping = False  # whether pointers among the arguments may point to the same memory
        self.arguments = {key: Value(self, f"%{key}", type) for key, type in arguments.items()}
        self.lines: list[str] = []
        self.variables: list[str] = []
        self._count = 0

    def __getattr__(self, name: str) -> Value:
        try:
            return self.__dict__["arguments"][name]
        except KeyError:
            raise AttributeError(f"emit: the function has no argument {name!r}") from None

    # --- instructions ---------------------------------------------------------------------------------------------

    def name(self, stem: str = "v") -> str:
        self._count += 1
        return f"%{stem}.{self._count}"

    def line(self, text: str) -> None:
        """Append an instruction that gives nothing."""
        self.lines.append(f"  {text}")

    def op(self, text: str, type: str) -> Value:
        """Append an instruction, and give its result."""
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return Value(self, name, type)

    def value(self, type: str, x: Operand) -> Value:
        """x itself, or the constant x of this type; a scalar is put into every lane of a vector."""
        if not isinstance(x, Value):
            return Value(self, constant(type, x), type)
        if x.type == type:
            return x
        if x.type == element(type):
            return self.splat(type, x)
        raise TypeError(f"emit: expected {type}, got {x.type}")

    def splat(self, type: str, x: Value) -> Value:
        """A scalar in every lane."""
        one = self.op(f"insertelement {type} poison, {x.type} {x.text}, i64 0", type)
        zeros = f"<{lanes_of(type)} x i32> zeroinitializer"
        return self.op(f"shufflevector {type} {one.text}, {type} poison, {zeros}", type)

    def lane_numbers(self, type: str) -> Value:
        """0, 1, 2, ... in the lanes of a vector of integers."""
        scalar = element(type)
        return Value(self, "<" + ", ".join(f"{scalar} {i}" for i in range(lanes_of(type))) + ">", type)

    def call(self, symbol: str, result: str, *arguments: Value) -> Value:
        """Call an intrinsic, or another function; it is declared as needed."""
        self.module.declare(symbol, result, [a.type for a in arguments])
        text = f"call {result} @{symbol}({', '.join(map(repr, arguments))})"
        if result == "void":
            self.line(text)
            return Value(self, "void", "void")
        return self.op(text, result)

    def _intrinsic(self, name: str, *arguments: Value) -> Value:
        type = arguments[0].type
        return self.call(f"llvm.{name}.{suffix(type)}", type, *arguments)

    def fma(self, a: Value, b: Operand, c: Operand) -> Value:
        """a·b + c, rounded once where the processor can do so at no cost, else twice."""
        return self._intrinsic("fmuladd", a, self.value(a.type, b), self.value(a.type, c))

    def sqrt(self, x: Value) -> Value:
        return self._intrinsic("sqrt", x)

    def abs(self, x: Value) -> Value:
        return self._intrinsic("fabs", x)

    def rint(self, x: Value) -> Value:
        """The nearest integer, as a float; of two the even one."""
        return self._intrinsic("rint", x)

    def floor(self, x: Value) -> Value:
        return self._intrinsic("floor", x)

    def copysign(self, x: Value, sign: Operand) -> Value:
        return self._intrinsic("copysign", x, self.value(x.type, sign))

    def maximum(self, a: Value, b: Operand) -> Value:
        """The larger; NaN if one is NaN, as np.maximum."""
        b = self.value(a.type, b)
        if not is_float(a.type):
            return self._intrinsic("smax", a, b)
        return self.select(a.is_nan(), a, self.select(a > b, a, b))

    def minimum(self, a: Value, b: Operand) -> Value:
        """The smaller; NaN if one is NaN, as np.minimum."""
        b = self.value(a.type, b)
        if not is_float(a.type):
            return self._intrinsic("smin", a, b)
        return self.select(a.is_nan(), a, self.select(a < b, a, b))

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        """a where the condition holds, else b."""
        type = next((x.type for x in (a, b) if isinstance(x, Value)), None)
        if type is None:
            raise TypeError("emit: select between two numbers; make one a value")
        a, b = self.value(type, a), self.value(type, b)
        return self.op(f"select {condition}, {a}, {b}", type)

    def total(self, x: Value) -> Value:
        """The sum of a vector's lanes, by halves: always in the same order."""
        return self._halves(x, lambda a, b: a + b)

    def largest(self, x: Value) -> Value:
        """The largest of a vector's lanes; NaN if one is NaN."""
        return self._halves(x, self.maximum)

    def _halves(self, x: Value, combine: Callable[[Value, Value], Value]) -> Value:
        while (lanes := lanes_of(x.type)) > 2:
            half = vector(lanes // 2, element(x.type))
            parts = [
                self.op(f"shufflevector {x}, {x.type} poison, {_indices(range(low, low + lanes // 2))}", half)
                for low in (0, lanes // 2)
            ]
            x = combine(parts[0], parts[1])
        return combine(self.lane(x, 0), self.lane(x, 1)) if lanes_of(x.type) == 2 else x

    def lane(self, x: Value, index: int) -> Value:
        """One lane of a vector."""
        return self.op(f"extractelement {x}, i64 {index}", element(x.type))

    def shuffle(self, a: Value, b: Value, indices: Iterator[int] | range | list[int]) -> Value:
        """Lanes picked from a and, counted on, from b."""
        numbers = list(indices)
        return self.op(f"shufflevector {a}, {b}, {_indices(numbers)}", vector(len(numbers), element(a.type)))

    # --- memory ---------------------------------------------------------------------------------------------------

    def at(self, pointer: Value, index: Operand, type: str) -> Value:
        """A pointer moved on by `index` elements of this (scalar) type."""
        i = self.value("i64", index)
        return self.op(f"getelementptr {element(type)}, {pointer}, {i}", "ptr")

    def load(self, type: str, pointer: Value, index: Operand = 0, mask: Value | None = None) -> Value:
        """Read at an index, counted in elements; lanes that are masked off are 0, and their memory is not touched."""
        p = self.at(pointer, index, type)
        if mask is None:
            return self.op(f"load {type}, {p}, align {alignment(type)}", type)
        self.module.declare(f"llvm.masked.load.{suffix(type)}.p0", type, ["ptr", mask.type, type])
        place = f"ptr align {alignment(type)} {p.text}"
        return self.op(
            f"call {type} @llvm.masked.load.{suffix(type)}.p0({place}, {mask}, {type} zeroinitializer)", type
        )

    def store(self, value: Value, pointer: Value, index: Operand = 0, mask: Value | None = None) -> None:
        """Write at an index, counted in elements; memory of lanes that are masked off is not touched."""
        p = self.at(pointer, index, value.type)
        if mask is None:
            self.line(f"store {value}, {p}, align {alignment(value.type)}")
            return
        self.module.declare(f"llvm.masked.store.{suffix(value.type)}.p0", "void", [value.type, "ptr", mask.type])
        place = f"ptr align {alignment(value.type)} {p.text}"
        self.line(f"call void @llvm.masked.store.{suffix(value.type)}.p0({value}, {place}, {mask})")

    def broadcast(self, type: str, pointer: Value, index: Operand = 0) -> Value:
        """Read one element into every lane."""
        return self.value(type, self.load(element(type), pointer, index))

    def variable(self, type: str, first: Operand = 0) -> Variable:
        """A variable, and its first value."""
        found = Variable(self, type)
        found.set(first)
        return found

    def scratch(self, type: str, count: int) -> Value:
        """A pointer to room for `count` elements on the stack, aligned for vectors."""
        place = self.name("scratch")
        self.variables.append(f"{place} = alloca [{count} x {type}], align 64")
        return Value(self, place, "ptr")

    # --- control --------------------------------------------------------------------------------------------------

    def label(self) -> str:
        return self.name("b")[1:]

    @contextmanager
    def entry(self) -> Iterator[None]:
        """`with f.entry():` what is done at the start of the function, so that it holds in all of it."""
        body, self.lines = self.lines, []
        yield
        self.variables += [line.strip() for line in self.lines]
        self.lines = body

    @contextmanager
    def loop(self, start: Operand, stop: Operand, step: Operand = 1) -> Iterator[Value]:
        """`with f.loop(0, n) as i:` for i in range(start, stop, step), step > 0."""
        start, stop, step = (self.value("i64", x) for x in (start, stop, step))
        before, head, body, after = (self.label() for _ in range(4))
        i, following = self.name("i"), self.name("i")
        latch = self.label()
        self.line(f"br label %{before}")
        self.lines.append(f"{before}:")
        self.line(f"br label %{head}")
        self.lines.append(f"{head}:")
        self.line(f"{i} = phi i64 [ {start.text}, %{before} ], [ {following}, %{latch} ]")
        index = Value(self, i, "i64")
        self.line(f"br i1 {(index < stop).text}, label %{body}, label %{after}")
        self.lines.append(f"{body}:")
        yield index
        self.line(f"br label %{latch}")
        self.lines.append(f"{latch}:")
        self.line(f"{following} = add nsw i64 {i}, {step.text}")
        self.line(f"br label %{head}")
        self.lines.append(f"{after}:")

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """`with f.when(x > 0):` what is done only if a (scalar) condition holds."""
        then, after = self.label(), self.label()
        self.line(f"br i1 {condition.text}, label %{then}, label %{after}")
        self.lines.append(f"{then}:")
        yield
        self.line(f"br label %{after}")
        self.lines.append(f"{after}:")

    def leave(self, result: Operand) -> None:
        """Return from the middle of the function."""
        self.line(f"ret {self.value(self.result, result)}")
        self.lines.append(f"{self.label()}:")

    def mask(self, lanes: int, count: Operand) -> Value:
        """A mask of the first `count` lanes."""
        type = vector(lanes, "i32")
        if not isinstance(count, Value):
            bits = ", ".join(f"i1 {int(i < count)}" for i in range(lanes))
            return Value(self, f"<{bits}>", vector(lanes, "i1"))
        return self.lane_numbers(type) < count.to("i32")

    def vectors(
        self, count: Operand, lanes: int, body: Callable[[Value, Value | None], None], *, start: Operand = 0,
        unroll: int = 1,
    ) -> None:  # fmt: skip
        """Work on the elements start, ..., count - 1, `lanes` at a time.

        `body(i, mask)` emits the work on the elements from i; its mask is None for a whole vector. It is called
        `unroll` times for the main loop, and for the rest once or twice.
        """
        start, count = self.value("i64", start), self.value("i64", count)
        rest = start
        for width in sorted({unroll, 1}, reverse=True):
            first = rest
            whole = first + ((count - first) // (lanes * width)) * (lanes * width)
            with self.loop(first, whole, lanes * width) as i:
                for k in range(width):
                    body(i + k * lanes if k else i, None)
            rest = whole
        with self.when(rest < count):
            body(rest, self.mask(lanes, count - rest))

    def text(self) -> str:
        """The function as LLVM reads it."""
        pointer = "ptr" if self.overlapping else "ptr noalias"
        arguments = ", ".join(f"{pointer if a.type == 'ptr' else a.type} {a.text}" for a in self.arguments.values())
        head = f"define {'internal ' if self.internal else ''}{self.result} @{self.symbol}({arguments}) nounwind {{"
        end = [] if self.result != "void" else ["  ret void"]
        return "\n".join([head, "entry:", *(f"  {v}" for v in self.variables), *self.lines, *end, "}"])


class Module:
    """Functions that are compiled together."""

    def __init__(self) -> None:
        self.functions: dict[str, Function] = {}
        self.declarations: dict[str, str] = {}
        self.constants: list[str] = []

    def function(self, name: str, *, internal: bool = False, result: str = "void", **arguments: str) -> Function:
        """Start a function with these arguments: name and type."""
        return self.define(name, arguments, internal=internal, result=result)

    def define(self, name: str, arguments: dict[str, str], *, internal: bool = False, result: str = "void") -> Function:
        """As `function`, with arguments of any names."""
        if name in self.functions:
            raise ValueError(f"emit: there is a function {name!r} already")
        found = self.functions[name] = Function(self, name, arguments, internal, result)
        return found

    def declare(self, symbol: str, result: str, types: list[str]) -> None:
        """A function from outside: an intrinsic, `tc_parallel`, or what `jit.load` is given an address of."""
        self.declarations.setdefault(symbol, f"declare {result} @{symbol}({', '.join(types)})")

    def parallel(
        self, name: str, arguments: dict[str, str], count: Callable[[Function], Operand],
        body: Callable[[Function, Value], None], *, overlapping: bool = False,
    ) -> None:  # fmt: skip
        """A function whose work is shared among threads.

        Args:
            name: its name.
            arguments: name and type ("ptr" or "i64") of each argument.
            count: emits the number of pieces of work; it should depend on shapes only.
            body: emits the work on one piece: `body(f, index)`. The arguments are attributes of `f`.
            overlapping: pointers among the arguments may point to the same memory.
        """
        task = self.define(f"{name}.task", {"context": "ptr", "index": "i64"}, internal=True)
        context, index = task.context, task.index
        own = task.arguments
        task.arguments = {
            key: task.load(type, task.at(context, i, "i64")) for i, (key, type) in enumerate(arguments.items())
        }
        body(task, index)
        task.arguments = own
        f = self.define(name, arguments)
        f.overlapping = overlapping
        context = f.scratch("i64", len(arguments))
        for i, key in enumerate(arguments):
            f.store(f.arguments[key], f.at(context, i, "i64"))
        pieces = f.value("i64", count(f))
        f.call("tc_parallel", "void", Value(f, f"@{name}.task", "ptr"), context, pieces)

    def text(self) -> str:
        """The module as LLVM reads it."""
        defined = self.functions
        outside = [text for symbol, text in self.declarations.items() if symbol not in defined]
        return "\n".join([*self.constants, *outside, *(f.text() for f in defined.values())]) + "\n"


def _indices(numbers: Any) -> str:
    numbers = list(numbers)
    return f"<{len(numbers)} x i32> <" + ", ".join(f"i32 {i}" for i in numbers) + ">"
