"""The static program that a recorded call becomes: values in numbered slots, and instructions in the order of the call.

A program is a straight line. Every value has a slot, given once. Most instructions are pure (`Call`, `Kernel`); those
that act on something outside (`Write`, `SetGrad`, `Effect`) or may raise (`Check`) keep their order among each other
and towards the values they touch. Running all instructions in order on arrays, as `replay` does, does what the recorded
call did: views are real views, and a write is seen through all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..tensor import Tensor

if TYPE_CHECKING:
    from ..ops.op import Op

__all__ = [
    "Argument", "Call", "Check", "Constant", "Effect", "Executable", "GradientOf", "Held", "Instruction", "Kernel",
    "Program", "SetData", "SetGrad", "Source", "Value", "Write",
]  # fmt: skip


# --- Where values come from -------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Argument:
    """The array of a Tensor among the arguments: number `position` of them, in the order of `tree.flatten`."""

    position: int


@dataclass(slots=True, frozen=True, eq=False)
class Held:
    """The array of a Tensor that lives outside of the call (a parameter, a buffer, a global): read at each call."""

    tensor: Tensor


@dataclass(slots=True, frozen=True, eq=False)
class GradientOf:
    """The array of the `.grad` that a leaf has at the start of the call."""

    leaf: Tensor | Argument


@dataclass(slots=True, frozen=True, eq=False)
class Constant:
    """An array that is the same in every call, or a Python number (weak in promotion, as in eager code).

    Attributes:
        value: the array or number.
        fixed: whether its values cannot change; an array that lives outside of the call may be written to between
            calls, and is read as it is then.
    """

    value: Any
    fixed: bool = True


Source: TypeAlias = Argument | Held | GradientOf | Constant


@dataclass(slots=True, eq=False)
class Value:
    """What is known of a slot before it is filled.

    Attributes:
        shape, dtype: of the array; () and None for a Python number.
        source: where it comes from at the start of a call; None if an instruction makes it.
        memory: the slot whose memory this one's was part of in the recorded call: its own index if it was new, -1 for
            a number. Slots of equal `memory` may overlap; a write into one may change the others.
        contiguous: whether the recorded array was C-contiguous.
    """

    index: int
    shape: tuple[int, ...]
    dtype: np.dtype | None
    source: Source | None
    memory: int
    contiguous: bool = True

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return 0 if self.dtype is None else self.size * self.dtype.itemsize


# --- What is done -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Call:
    """Execute an operation: outputs = op.forward(*inputs, **params), in the dtypes of the output slots.

    Pure, except for random draws (see `draws`), which happen anew at each call and keep their order. An output whose
    `memory` is that of an input is a view of it.
    """

    op: Op
    inputs: tuple[int, ...]
    params: dict[str, Any]
    outputs: tuple[int, ...]
    where: str | None = None

    @property
    def draws(self) -> bool:
        """Whether random numbers are drawn: the call is then neither shared, dropped nor moved."""
        return "generator" in self.params

    @property
    def reads(self) -> tuple[int, ...]:
        return self.inputs


@dataclass(slots=True, eq=False)
class Kernel:
    """Several calls done as one: `run(*input arrays, *output arrays)` fills the outputs, which are contiguous.

    Put in place of `Call`s by a backend. `calls` says of which, for drawings and reports. `inplace` says which
    outputs may be the array of which input of the same shape and dtype.
    """

    run: Callable[..., Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    calls: tuple[Call, ...] = ()
    name: str = "kernel"
    where: str | None = None
    inplace: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def reads(self) -> tuple[int, ...]:
        return self.inputs


@dataclass(slots=True, eq=False)
class Check:
    """Raise if values are not what an operation accepts: `function(*inputs, **params)`, which returns nothing."""

    function: Callable[..., Any]
    inputs: tuple[int, ...]
    params: dict[str, Any]
    where: str | None = None
    outputs: tuple[int, ...] = ()

    @property
    def reads(self) -> tuple[int, ...]:
        return self.inputs


@dataclass(slots=True, eq=False)
class Write:
    """Write into memory: target[index] = value.

    Attributes:
        target: the slot whose memory is written to; often that of a buffer (`Held`).
        index: `...` for all of it; else as for `target[index]`, where `ops.indexing.ARRAY` stands for each array.
        value: a slot.
        arrays: the slots of arrays in the index, in their order.
    """

    target: int
    index: Any
    value: int
    arrays: tuple[int, ...] = ()
    where: str | None = None
    outputs: tuple[int, ...] = ()

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.target, self.value, *self.arrays)


@dataclass(slots=True, eq=False)
class SetGrad:
    """Give a leaf its `.grad`: the value of a slot, or None.

    Attributes:
        leaf: the Tensor, or which argument it is.
        value: a slot, or None. Its memory becomes the gradient's, so it must be new in every call.
    """

    leaf: Tensor | Argument
    value: int | None
    where: str | None = None
    outputs: tuple[int, ...] = ()

    @property
    def reads(self) -> tuple[int, ...]:
        return () if self.value is None else (self.value,)


@dataclass(slots=True, eq=False)
class SetData:
    """Give a Tensor another array: that of a slot. From `p.data = ...`."""

    tensor: Tensor | Argument
    value: int
    where: str | None = None
    outputs: tuple[int, ...] = ()

    @property
    def reads(self) -> tuple[int, ...]:
        return (self.value,)


@dataclass(slots=True, eq=False)
class Effect:
    """Do again, as a whole, what acts on values out of sight of the graph: `results = function(*args, **kwargs)`.

    An optimizer's update is one: `owner` is the optimizer, `name` "step". It reads each parameter's `.grad`, and its
    options and state, at the time, and writes into the parameters' memory. A backend that knows the owner's rule
    (`optim.RuleOptimizer`: `rule`, `coefficients`, and `optim.program.Program`) may do the same in its own way.

    Attributes:
        outputs: slots of the Tensors that it returns (e.g. the norm of `clip_grad_norm_`).
        touches: Tensors whose memory, array or `.grad` it may change.
        only_grads: whether it changes nothing of them but the `.grad`.
        reloads: slots with a source that are filled after it, not at the start: of Tensors that it touches.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    owner: Any
    name: str
    outputs: tuple[int, ...] = ()
    touches: tuple[Tensor, ...] = ()
    only_grads: bool = False
    reloads: tuple[int, ...] = ()
    where: str | None = None

    @property
    def reads(self) -> tuple[int, ...]:
        return ()


Instruction: TypeAlias = Call | Kernel | Check | Write | SetGrad | SetData | Effect


# --- The whole --------------------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Program:
    """A recorded call.

    Attributes:
        values: all slots, by index.
        instructions: in the order of the call.
        results: the slots of the Tensors that are returned, in the order of `tree.flatten`.
        structure: the structure of the result for `tree.unflatten`, with what in it is no Tensor.
        name: of the compiled function.
    """

    name: str
    values: list[Value] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    results: tuple[int, ...] = ()
    structure: Any = None

    def add(
        self,
        shape: Sequence[int],
        dtype: np.dtype | None,
        source: Source | None,
        memory: int | None = None,
        contiguous: bool = True,
    ) -> int:
        """A new slot."""
        index = len(self.values)
        self.values.append(Value(index, tuple(shape), dtype, source, index if memory is None else memory, contiguous))
        return index

    def sourced(self, kind: type) -> Iterator[tuple[Value, Any]]:
        """The values that come from sources of a kind, with these."""
        for value in self.values:
            if isinstance(value.source, kind):
                yield value, value.source

    @property
    def held(self) -> list[Tensor]:
        """The Tensors outside of the call whose arrays it reads."""
        return [source.tensor for _, source in self.sourced(Held)]

    def last_reads(self) -> dict[int, int]:
        """For each slot that is read, the number of the last instruction that does; results are read at the end."""
        last: dict[int, int] = {}
        for i, instruction in enumerate(self.instructions):
            for slot in instruction.reads:
                last[slot] = i
        end = len(self.instructions)
        last.update(dict.fromkeys(self.results, end))
        return last

    def __str__(self) -> str:
        from .report import listing

        return listing(self)


# What a backend makes of a program: `run(argument arrays)` does all that the program says, effects included, and gives
# the arrays of the results: new ones, which nothing writes to later, or those of arguments and held Tensors where the
# program returns these. Guards are checked before; `run` may rely on shapes and dtypes, not on strides. It may be
# called from several threads at once.
Executable: TypeAlias = Callable[[Sequence[Tensor]], list[np.ndarray]]
