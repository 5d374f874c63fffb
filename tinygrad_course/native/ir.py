"""The text of a kernel in LLVM's language: a small assembler whose numbers fold and whose loops carry registers.

A kernel is specialized on its shape, so almost every address is known when its text is made: whole numbers stay Python
ints as long as they can, and become instructions (of type i64) only where a loop's counter enters. Vectors are
explicit, `<8 x float>` say; nothing is left to an auto-vectorizer. (Kernels that serve arrays of every size are written
with `emit`, where expressions read like Python's.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["Code", "Int"]

Int = int | str  # a number known now, or the name of a register that will hold it


class Code:
    """One function under construction.

    Args:
        name: of the function that Python calls, `void (ptr args, i64 tasks)`. It deals out the tasks to the threads;
            what is written here is one task, with its number in `index`.
        element: "float" or "double".
        width: how many elements a vector has.
    """

    def __init__(self, name: str, element: str, width: int) -> None:
        self.name = name
        self.element = element
        self.bytes = 4 if element == "float" else 8
        self.resize(width)
        self.zero = "zeroinitializer"
        self.lines: list[str] = []
        self.block = "entry"
        self.index = "%index"
        self.declared: set[str] = set()
        self._count = 0

    def resize(self, width: int) -> None:
        """From here on, vectors have another width."""
        self.width = width
        self.vector = f"<{width} x {self.element}>"

    # --- Instructions ---------------------------------------------------------------------------------------------

    def op(self, text: str) -> str:
        """Append an instruction that gives a value, and name its register."""
        self._count += 1
        name = f"%v{self._count}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Append an instruction that gives none."""
        self.lines.append(f"  {text}")

    def call(self, kind: str, function: str, *arguments: tuple[str, Any]) -> str:
        """Call a function, one of LLVM's intrinsics mostly, and declare it."""
        self.declared.add(f"declare {kind} @{function}({', '.join(t for t, _ in arguments)})")
        text = f"call {kind} @{function}({', '.join(f'{t} {v}' for t, v in arguments)})"
        if kind == "void":
            self.do(text)
            return ""
        return self.op(text)

    def clear(self, pointer: str, size: Int) -> None:
        """Fill so many bytes with zeros."""
        self.call("void", "llvm.memset.p0.i64", ("ptr", pointer), ("i8", 0), ("i64", size), ("i1", "false"))

    def share(self, count: Int, tasks: Int) -> tuple[Int, Int]:
        """The range of `count` equal pieces of work that this task does."""
        start = self.div(self.mul(count, self.index), tasks)
        return start, self.div(self.mul(count, self.add(self.index, 1)), tasks)

    # --- Whole numbers --------------------------------------------------------------------------------------------

    def add(self, a: Int, b: Int) -> Int:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0 or b == 0:
            return b if a == 0 else a
        return self.op(f"add nsw i64 {a}, {b}")

    def sub(self, a: Int, b: Int) -> Int:
        if isinstance(a, int) and isinstance(b, int):
            return a - b
        return a if b == 0 else self.op(f"sub nsw i64 {a}, {b}")

    def mul(self, a: Int, b: Int) -> Int:
        if isinstance(a, int) and isinstance(b, int):
            return a * b
        if a == 0 or b == 0:
            return 0
        if a == 1 or b == 1:
            return b if a == 1 else a
        return self.op(f"mul nsw i64 {a}, {b}")

    def div(self, a: Int, b: Int) -> Int:
        """a // b for numbers that are not negative."""
        if isinstance(a, int) and isinstance(b, int):
            return a // b
        return a if b == 1 else self.op(f"udiv i64 {a}, {b}")

    def low(self, a: Int, b: Int) -> Int:
        """The smaller of two numbers."""
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.call("i64", "llvm.smin.i64", ("i64", a), ("i64", b))

    def high(self, a: Int, b: Int) -> Int:
        """The larger of two numbers."""
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.call("i64", "llvm.smax.i64", ("i64", a), ("i64", b))

    # --- Memory ---------------------------------------------------------------------------------------------------

    def at(self, pointer: str, index: Int, element: str | None = None) -> str:
        """The address of pointer[index]."""
        return (
            pointer if index == 0 else self.op(f"getelementptr {element or self.element}, ptr {pointer}, i64 {index}")
        )

    def argument(self, index: int, kind: str = "ptr") -> str:
        """A pointer or number (8 bytes each) out of the kernel's arguments."""
        return self.op(f"load {kind}, ptr {self.at('%args', index, 'i64')}, align 8")

    def scalar(self, pointer: str, element: str | None = None) -> str:
        return self.op(f"load {element or self.element}, ptr {pointer}, align {1 if element == 'i8' else self.bytes}")

    def put(self, value: str, pointer: str, element: str | None = None) -> None:
        self.do(f"store {element or self.element} {value}, ptr {pointer}, align {1 if element == 'i8' else self.bytes}")

    def load(self, pointer: str, lanes: int | None = None) -> str:
        """A vector; with fewer `lanes` than its width the rest is 0, and their memory is not touched."""
        if lanes is None or lanes >= self.width:
            return self.op(f"load {self.vector}, ptr {pointer}, align {self.bytes}")
        return self.call(
            self.vector, f"llvm.masked.load.{self._suffix}.p0", ("ptr", pointer), ("i32", self.bytes),
            (f"<{self.width} x i1>", self._mask(lanes)), (self.vector, self.zero),
        )  # fmt: skip

    def store(self, value: str, pointer: str, lanes: int | None = None) -> None:
        if lanes is None or lanes >= self.width:
            self.do(f"store {self.vector} {value}, ptr {pointer}, align {self.bytes}")
            return
        self.call(
            "void", f"llvm.masked.store.{self._suffix}.p0", (self.vector, value), ("ptr", pointer),
            ("i32", self.bytes), (f"<{self.width} x i1>", self._mask(lanes)),
        )  # fmt: skip

    def load_bytes(self, pointer: str, lanes: int | None = None) -> str:
        """A vector of bytes, widened to whole numbers as large as the elements."""
        n, wide = self.width, f"<{self.width} x i{8 * self.bytes}>"
        if lanes is None or lanes >= n:
            short = self.op(f"load <{n} x i8>, ptr {pointer}, align 1")
        else:
            short = "zeroinitializer"
            for i in range(lanes):
                one = self.op(f"load i8, ptr {self.at(pointer, i, 'i8')}, align 1")
                short = self.op(f"insertelement <{n} x i8> {short}, i8 {one}, i64 {i}")
        return self.op(f"zext <{n} x i8> {short} to {wide}")

    def store_bytes(self, value: str, pointer: str, lanes: int | None = None) -> None:
        """A vector of whole numbers as large as the elements, cut down to bytes."""
        n, wide = self.width, f"<{self.width} x i{8 * self.bytes}>"
        short = self.op(f"trunc {wide} {value} to <{n} x i8>")
        if lanes is None or lanes >= n:
            self.do(f"store <{n} x i8> {short}, ptr {pointer}, align 1")
            return
        for i in range(lanes):
            one = self.op(f"extractelement <{n} x i8> {short}, i64 {i}")
            self.do(f"store i8 {one}, ptr {self.at(pointer, i, 'i8')}, align 1")

    def same_int(self, value: int) -> str:
        """A vector constant of one whole number, as large as the elements."""
        kind = f"i{8 * self.bytes}"
        return "<" + ", ".join([f"{kind} {value}"] * self.width) + ">"

    def _mask(self, lanes: int) -> str:
        return "<" + ", ".join(f"i1 {int(i < lanes)}" for i in range(self.width)) + ">"

    @property
    def _suffix(self) -> str:
        return f"v{self.width}f{8 * self.bytes}"

    # --- Vectors --------------------------------------------------------------------------------------------------

    def spread(self, value: str) -> str:
        """A vector that holds one value in all lanes."""
        one = self.op(f"insertelement {self.vector} poison, {self.element} {value}, i64 0")
        return self.op(f"shufflevector {self.vector} {one}, {self.vector} poison, <{self.width} x i32> zeroinitializer")

    def number(self, value: float) -> str:
        """A vector constant that holds one value in all lanes."""
        one = np.float32(value) if self.bytes == 4 else np.float64(value)
        bits = np.float64(one).view(np.uint64)  # LLVM writes floats as the doubles of the same value
        return "<" + ", ".join([f"{self.element} 0x{bits:016X}"] * self.width) + ">"

    def shuffle(self, a: str, b: str, lanes: Iterable[int]) -> str:
        """The given lanes of a (from 0) and b (from `width`)."""
        places = ", ".join(f"i32 {i}" for i in lanes)
        return self.op(f"shufflevector {self.vector} {a}, {self.vector} {b}, <{self.width} x i32> <{places}>")

    def first_lanes(self, vector: str, lanes: int) -> str:
        """The first lanes of a vector, and 0 in the others."""
        return self.shuffle(vector, self.zero, [i if i < lanes else self.width for i in range(self.width)])

    def lane(self, vector: str, index: int) -> str:
        return self.op(f"extractelement {self.vector} {vector}, i64 {index}")

    def plus(self, a: str, b: str) -> str:
        return self.op(f"fadd {self.vector} {a}, {b}")

    def fma(self, a: str, b: str, c: str) -> str:
        """a · b + c, rounded once where the machine can."""
        v = self.vector
        return self.call(v, f"llvm.fmuladd.{self._suffix}", (v, a), (v, b), (v, c))

    def sums(self, vectors: Sequence[str]) -> str:
        """A vector of the sums over the lanes of (at most `width`) vectors, added as a balanced tree."""
        level = [*vectors, *[self.zero] * (self.width - len(vectors))]
        even, odd = range(0, 2 * self.width, 2), range(1, 2 * self.width, 2)
        while len(level) > 1:
            level = [
                self.zero if a == b == self.zero else self.plus(self.shuffle(a, b, even), self.shuffle(a, b, odd))
                for a, b in zip(level[::2], level[1::2])
            ]
        return level[0]

    # --- Control --------------------------------------------------------------------------------------------------

    def loop(
        self, start: Int, stop: Int, body: Callable[..., Sequence[str] | None], *carried: str, kind: str | None = None
    ) -> list[str]:
        """for i in range(start, stop): carried = body(i, *carried). The carried vectors stay in registers."""
        if isinstance(start, int) and isinstance(stop, int):
            if start >= stop:
                return list(carried)
            if stop == start + 1:
                return list(body(start, *carried) or ())
        kind = kind or self.vector
        self._count += 1
        n = self._count
        guarded = not (isinstance(start, int) and isinstance(stop, int))
        before = self.block
        if guarded:
            self.do(f"%any{n} = icmp slt i64 {start}, {stop}")
            self.do(f"br i1 %any{n}, label %body{n}, label %end{n}")
        else:
            self.do(f"br label %body{n}")
        self._label(f"body{n}")
        at = len(self.lines)
        names = [f"%c{n}.{k}" for k in range(len(carried))]
        after = list(body(f"%i{n}", *names) or ())
        self.do(f"br label %latch{n}")
        self._label(f"latch{n}")
        self.do(f"%next{n} = add nsw i64 %i{n}, 1")
        self.do(f"%more{n} = icmp slt i64 %next{n}, {stop}")
        self.do(f"br i1 %more{n}, label %body{n}, label %end{n}")
        heads = [f"  %i{n} = phi i64 [{start}, %{before}], [%next{n}, %latch{n}]"]
        heads += [
            f"  {name} = phi {kind} [{a}, %{before}], [{b}, %latch{n}]" for name, a, b in zip(names, carried, after)
        ]
        self.lines[at:at] = heads
        self._label(f"end{n}")
        out = []
        for k, (a, b) in enumerate(zip(carried, after)):
            first = f"[{a}, %{before}], " if guarded else ""
            self.do(f"%e{n}.{k} = phi {kind} {first}[{b}, %latch{n}]")
            out.append(f"%e{n}.{k}")
        return out

    def _label(self, name: str) -> None:
        self.lines.append(f"{name}:")
        self.block = name

    def text(self) -> str:
        """The function and what it declares."""
        entry = [
            "declare void @tc_parallel(ptr, ptr, i64)",
            f"define void @{self.name}(ptr %args, i64 %tasks) nounwind {{",
            f"  call void @tc_parallel(ptr @{self.name}.task, ptr %args, i64 %tasks)",
            "  ret void", "}",
        ]  # fmt: skip
        head = f"define internal void @{self.name}.task(ptr noalias %args, i64 %index) nounwind {{"
        return "\n".join([*sorted(self.declared), *entry, head, "entry:", *self.lines, "  ret void", "}"])
