"""What the functions of this folder check before they compute."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from ...tensor import Tensor

__all__ = ["as_batch", "per_dim", "reduced", "require", "require_float", "require_tensor", "same_dtype"]


def require(condition: bool, message: str, error: type[Exception] = RuntimeError) -> None:
    """Raise `error` with the message unless the condition holds."""
    if not condition:
        raise error(message)


def require_tensor(name: str, **tensors: Any) -> None:
    """Raise TypeError, naming the argument, for what is not a Tensor."""
    for argument, x in tensors.items():
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}: expected {argument} to be a Tensor, got {type(x).__name__}; use tc.tensor(...)")


def require_float(name: str, x: Tensor, argument: str = "input") -> None:
    """Raise RuntimeError for a tensor that does not hold floats."""
    if x.array.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected {argument} to hold floats, got {x.dtype}; use {argument}.float()")


def same_dtype(name: str, input: Tensor, **others: Tensor | None) -> None:
    """Raise RuntimeError, naming the argument, for a tensor whose dtype is not the input's."""
    for argument, x in others.items():
        if x is not None and x.array.dtype != input.array.dtype:
            raise RuntimeError(
                f"{name}: expected input and {argument} of one dtype, got {input.dtype} and {x.dtype}; "
                f"convert one, e.g. {argument}.to(input.dtype)"
            )


def per_dim(name: str, argument: str, value: Any, n: int, least: int = 0) -> tuple[int, ...]:
    """One whole number for each of n dims, from one number for all or a sequence."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) == 1:
            value = tuple(value) * n
        if len(value) != n:
            raise RuntimeError(f"{name}: expected {argument} to be one number or {n}, got {tuple(value)}")
    else:
        value = (value,) * n
    try:
        numbers = tuple(map(index, value))
    except TypeError:
        raise TypeError(f"{name}: expected {argument} to be whole numbers, got {value!r}") from None
    if min(numbers) < least:
        raise RuntimeError(f"{name}: expected {argument} of at least {least}, got {numbers}")
    return numbers


def as_batch(name: str, input: Tensor, n: int) -> tuple[Tensor, bool]:
    """The input with a batch dim in front of (C, n spatial dims), and whether it had one."""
    require_tensor(name, input=input)
    shape = input.array.shape
    if len(shape) == n + 2:
        return input, True
    if len(shape) == n + 1:
        return input.reshape((1, *shape)), False
    raise RuntimeError(
        f"{name}: expected an input of {n + 2} dims (N, C, {', '.join('DHW'[3 - n :] if n > 1 else 'L')}), or {n + 1} "
        f"without a batch, got shape {tuple(shape)}"
    )


def reduced(name: str, loss: Tensor, reduction: str) -> Tensor:
    """A loss as it is, its mean or its sum.

    Raises:
        ValueError: for another word.
    """
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{name}: expected reduction 'none', 'mean' or 'sum', got {reduction!r}")
