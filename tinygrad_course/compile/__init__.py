"""`tc.compile`: PyTorch's call, so that scripts that use it run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

__all__ = ["compile"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def compile(
    model: F, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "eager",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> F: ...  # fmt: skip
@overload
def compile(
    model: None = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "eager",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Callable[[F], F]: ...  # fmt: skip
def compile(
    model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "eager",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Any:  # fmt: skip
    """Return a function or Module to be called in place of `model`, with the same results.

    There is one backend so far, PyTorch's "eager": operations run as they come, and nothing becomes faster. The other
    arguments say how PyTorch is to compile; they change no result there, and are accepted here.

    Args:
        model: a function or Module; left out, a decorator is returned.
        backend: "eager".

    Raises:
        TypeError: if `model` cannot be called.
        RuntimeError: if the backend is not known.

    Example:
        >>> import tinygrad_course as tc
        >>> @tc.compile
        ... def f(x):
        ...     return x * 2
        >>> f(tc.tensor(1.5))
        tensor(3.)
    """
    if backend != "eager":
        raise RuntimeError(f'compile: unknown backend {backend!r}; there is "eager"')
    if model is None:
        return lambda function: compile(function, backend=backend)
    if not callable(model):
        raise TypeError(f"compile: expected a function or a Module, got {type(model).__name__}")
    return model
