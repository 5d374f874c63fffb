"""Values of a kernel that is being written, and their types: see `emit`."""

from __future__ import annotations

import re
import struct
from functools import cache
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from .emit import Function

__all__ = [
    "Operand",
    "Value",
    "Variable",
    "alignment",
    "constant",
    "element",
    "is_float",
    "lanes_of",
    "suffix",
    "vector",
]

Operand = Union["Value", int, float]

_VECTOR = re.compile(r"<(\d+) x (\w+)>")


@cache
def element(type: str) -> str:
    """The type of a vector's elements; the type itself if it is none."""
    found = _VECTOR.fullmatch(type)
    return found[2] if found else type


@cache
def lanes_of(type: str) -> int:
    """The number of a vector's elements; 1 for others."""
    found = _VECTOR.fullmatch(type)
    return int(found[1]) if found else 1


def vector(lanes: int, scalar: str) -> str:
    """The type of vectors."""
    return f"<{lanes} x {scalar}>" if lanes > 1 else scalar


@cache
def suffix(type: str) -> str:
    """A type as intrinsics spell it: "v8f32"."""
    scalar = {"float": "f32", "double": "f64", "ptr": "p0"}.get(element(type), element(type))
    return f"v{lanes_of(type)}{scalar}" if lanes_of(type) > 1 else scalar


def is_float(type: str) -> bool:
    return element(type) in ("float", "double")


def constant(type: str, value: float) -> str:
    """A number as LLVM writes it, in every lane of a vector."""
    scalar = element(type)
    if scalar in ("float", "double"):
        if scalar == "float":
            try:
                value = struct.unpack("<f", struct.pack("<f", value))[0]
            except OverflowError:
                value = float("inf") if value > 0 else float("-inf")
        text = "0x" + struct.pack(">d", value).hex().upper()
    else:
        text = str(int(value))
    return f"splat ({scalar} {text})" if lanes_of(type) > 1 else text


class Value:
    """The result of an instruction, an argument or a constant."""

    __slots__ = ("function", "text", "type")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, function: Function, text: str, type: str) -> None:
        self.function = function
        self.text = text
        self.type = type

    def __repr__(self) -> str:
        return f"{self.type} {self.text}"

    def _with(self, floating: str, integer: str, other: Operand, swap: bool = False) -> Value:
        f, b = self.function, self.function.value(self.type, other)
        one, two = (b, self) if swap else (self, b)
        name = floating if is_float(self.type) else integer
        return f.op(f"{name} {self.type} {one.text}, {two.text}", self.type)

    def __add__(self, other: Operand) -> Value:
        return self._with("fadd", "add", other)

    def __sub__(self, other: Operand) -> Value:
        return self._with("fsub", "sub", other)

    def __mul__(self, other: Operand) -> Value:
        return self._with("fmul", "mul", other)

    def __truediv__(self, other: Operand) -> Value:
        return self._with("fdiv", "sdiv", other)

    def __floordiv__(self, other: Operand) -> Value:
        """Of integers that are not negative."""
        return self._with("", "udiv", other)

    def __mod__(self, other: Operand) -> Value:
        """Of integers that are not negative."""
        return self._with("frem", "urem", other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Operand) -> Value:
        return self._with("fsub", "sub", other, swap=True)

    def __rtruediv__(self, other: Operand) -> Value:
        return self._with("fdiv", "sdiv", other, swap=True)

    def __and__(self, other: Operand) -> Value:
        return self._with("", "and", other)

    def __or__(self, other: Operand) -> Value:
        return self._with("", "or", other)

    def __xor__(self, other: Operand) -> Value:
        return self._with("", "xor", other)

    def __lshift__(self, other: Operand) -> Value:
        return self._with("", "shl", other)

    def __rshift__(self, other: Operand) -> Value:
        """Arithmetic: the sign is kept. See `shift_right` for the other."""
        return self._with("", "ashr", other)

    def shift_right(self, other: Operand) -> Value:
        """Logical: zeros come in from the left."""
        return self._with("", "lshr", other)

    def __neg__(self) -> Value:
        if is_float(self.type):
            return self.function.op(f"fneg {self.type} {self.text}", self.type)
        return 0 - self

    def __invert__(self) -> Value:
        return self ^ -1

    def _compare(self, floating: str, integer: str, other: Operand) -> Value:
        b = self.function.value(self.type, other)
        how = f"fcmp {floating}" if is_float(self.type) else f"icmp {integer}"
        return self.function.op(f"{how} {self.type} {self.text}, {b.text}", vector(lanes_of(self.type), "i1"))

    def __lt__(self, other: Operand) -> Value:
        return self._compare("olt", "slt", other)

    def __le__(self, other: Operand) -> Value:
        return self._compare("ole", "sle", other)

    def __gt__(self, other: Operand) -> Value:
        return self._compare("ogt", "sgt", other)

    def __ge__(self, other: Operand) -> Value:
        return self._compare("oge", "sge", other)

    def eq(self, other: Operand) -> Value:
        return self._compare("oeq", "eq", other)

    def ne(self, other: Operand) -> Value:
        """Also true where one is NaN."""
        return self._compare("une", "ne", other)

    def is_nan(self) -> Value:
        return self._compare("uno", "", self)

    def to(self, scalar: str) -> Value:
        """Converted to another element type: between integers and floats, or to another size."""
        old, new = element(self.type), scalar
        if old == new:
            return self
        size = {"float": 32, "double": 64}
        if old in size and new in size:
            how = "fpext" if size[new] > size[old] else "fptrunc"
        elif old in size:
            how = "fptosi"
        elif new in size:
            how = "uitofp" if old == "i1" else "sitofp"
        else:
            wider = int(new[1:]) > int(old[1:])
            how = ("zext" if old == "i1" else "sext") if wider else "trunc"
        type = vector(lanes_of(self.type), new)
        return self.function.op(f"{how} {self.type} {self.text} to {type}", type)

    def bits(self, scalar: str) -> Value:
        """The same bits, taken as another type of the same size."""
        type = vector(lanes_of(self.type), scalar)
        return self.function.op(f"bitcast {self.type} {self.text} to {type}", type)


class Variable:
    """A place for a value that changes; in a register, in the end."""

    def __init__(self, function: Function, type: str) -> None:
        self.function, self.type = function, type
        self.place = function.name("var")
        function.variables.append(f"{self.place} = alloca {type}")

    def get(self) -> Value:
        return self.function.op(f"load {self.type}, ptr {self.place}", self.type)

    def set(self, value: Operand) -> None:
        value = self.function.value(self.type, value)
        self.function.line(f"store {self.type} {value.text}, ptr {self.place}")


@cache
def alignment(type: str) -> int:
    """Buffers are aligned as their elements are, no better."""
    scalar = element(type)
    if scalar in ("double", "ptr"):
        return 8
    return 4 if scalar == "float" else max(int(scalar[1:]) // 8, 1)
