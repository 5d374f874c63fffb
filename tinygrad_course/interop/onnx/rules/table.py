"""The table of conversions, and what every conversion is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..lengths import Varying
from ..observe import Ref
from ..writer import Writer

__all__ = ["MODULES", "RULES", "Case", "module_rule", "rule"]

RULES: dict[str, Callable[[Case], Any]] = {}
MODULES: dict[str, Callable[[Any, Case], str | None]] = {}


class Case:
    """One operation that is to be written: its inputs' names, its parameters, and the writer.

    Attributes:
        w: the writer; `case.node` is its `node`.
        refs: where the inputs come from, with their shapes and dtypes.
        params: the parameters.
        outs: shapes and dtypes of the outputs.
    """

    def __init__(
        self,
        writer: Writer,
        refs: tuple[Ref, ...],
        params: dict[str, Any],
        outs: tuple[Ref, ...],
        names: Callable[[Ref, Any], str],
        owned: Callable[[Any], str],
    ) -> None:
        self.w = writer
        self.refs = refs
        self.params = params
        self.outs = outs
        self.node = writer.node
        self._names = names
        self._owned = owned

    def __len__(self) -> int:
        return len(self.refs)

    @property
    def dtype(self) -> Any:
        """Of the (first) output."""
        return self.outs[0].dtype

    def has(self, i: int) -> bool:
        """Whether there is an input i, and it is not None."""
        return i < len(self.refs) and not (self.refs[i].kind == "constant" and self.refs[i].value is None)

    def name(self, i: int = 0, dtype: Any = None) -> str:
        """The name of input i; cast to a dtype if it has another."""
        ref = self.refs[i]
        target = np.dtype(dtype or ref.dtype or self.dtype)
        found = self._names(ref, target)
        if ref.kind == "constant" or ref.dtype == target:
            return found
        return str(self.node("Cast", found, to=self.w.dtype(target)))

    def owned(self, *state: Any) -> list[str]:
        """The names of parameters and buffers."""
        return [self._owned(x) for x in state]

    def const(self, value: Any, dtype: Any = None) -> str:
        """A constant, of the output's dtype unless another is given."""
        return self.w.constant(value, dtype or self.dtype)

    def shape(self, i: int = 0) -> tuple[Any, ...]:
        """The shape of input i, which may hold `Varying`."""
        return self.refs[i].shape

    def ndim(self, i: int = 0) -> int:
        return len(self.refs[i].shape)

    def static(self, key: str) -> Any:
        """A parameter that may not vary."""
        value = self.params[key]
        if isinstance(value, Varying) or (isinstance(value, tuple) and any(isinstance(v, Varying) for v in value)):
            raise TypeError(f"{key} depends on the size of the inputs")
        return value

    def axes(self) -> list[int]:
        """The parameter `axis` of a reduction, as a list; all axes for None."""
        axis = self.params.get("axis")
        axis = range(self.ndim()) if axis is None else axis if isinstance(axis, tuple) else (axis,)
        return [a % self.ndim() for a in axis]


def rule(*names: str) -> Callable[[Callable[[Case], Any]], Callable[[Case], Any]]:
    """Register how operations are written."""

    def register(function: Callable[[Case], Any]) -> Callable[[Case], Any]:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def module_rule(*names: str) -> Callable[[Callable[[Any, Case], Any]], Callable[[Any, Case], Any]]:
    """Register how a whole layer is written as one node; the function may decline by None."""

    def register(function: Callable[[Any, Case], Any]) -> Callable[[Any, Case], Any]:
        MODULES.update(dict.fromkeys(names, function))
        return function

    return register
