"""Say what went wrong in terms of the operation: its name, what came, what was expected, and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .ops.op import Op

__all__ = ["LinAlgError", "explain", "speaking_as"]


class LinAlgError(RuntimeError):
    """A matrix is singular, not positive definite, or a decomposition did not converge."""


def describe(x: Any) -> str:
    """An operand in a message: dtype and shape of arrays, the value of numbers."""
    if isinstance(x, (np.ndarray, np.generic)):
        return f"{x.dtype}{list(x.shape)}"
    return repr(x)[:40]


class speaking_as:
    """Context: IndexErrors carry the name of the function that the user called, not of the operation it is made of.

    Args:
        name: the function.
        kind: the exception type to raise instead.
    """

    __slots__ = ("kind", "name")

    def __init__(self, name: str, kind: type[Exception] = IndexError) -> None:
        self.name = name
        self.kind = kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, IndexError):
            raise self.kind(f"{self.name}: {str(error).partition(': ')[2] or error}") from error


def explain(op: Op, arrays: Sequence[Any], params: dict[str, Any], error: Exception) -> None:
    """Raise PyTorch's exception type with a message about `op`; return if the error speaks for itself."""
    text = str(error)
    if text.startswith(f"{op.name}:"):
        if not isinstance(error, ValueError):
            return
        text = text.removeprefix(f"{op.name}:").lstrip()  # NumPy names its gufuncs itself
    what = ", ".join(describe(x) for x in arrays)
    if params:
        what += "; " + ", ".join(f"{k}={v!r}"[:60] for k, v in params.items() if k != "generator")
    if isinstance(error, np.linalg.LinAlgError):
        raise LinAlgError(f"{op.name}: {text} (inputs: {what})") from error
    if isinstance(error, np.exceptions.AxisError):
        raise IndexError(
            f"{op.name}: {text}; the inputs are {what}: dims count from 0, or from -1 backwards"
        ) from error
    if isinstance(error, IndexError):
        raise IndexError(f"{op.name}: {text} (inputs: {what})") from error
    if isinstance(error, ValueError):
        mend = ""
        if op.broadcasts and op.lazy:
            mend = "; shapes must be equal, or 1, from the right: reshape or unsqueeze one of them"
        elif op.broadcasts:  # a product of matrices: its documentation says which lengths must agree
            mend = f"; expected: {op.__doc__}"
        raise RuntimeError(f"{op.name}: {text} (inputs: {what}){mend}") from error
    if isinstance(error, TypeError) and "not supported for the input types" in text:
        raise NotImplementedError(
            f"{op.name}: not defined for the dtypes of the inputs: {what}; convert them first, e.g. x.long(), x.float()"
        ) from error
    if isinstance(error, (TypeError, AttributeError)):  # of what is no array
        raise TypeError(f"{op.name}: {text} (inputs: {what})") from error
