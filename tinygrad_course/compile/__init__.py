"""`tc.compile`: PyTorch's call, so that scripts that use it run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

__all__ = ["compile"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def compile(
    model: F, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "auto",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> F: ...  # fmt: skip
@overload
def compile(
    model: None = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "auto",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Callable[[F], F]: ...  # fmt: skip
def compile(
    model: Any = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "auto",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Any:  # fmt: skip
    """Return a function to be called in place of `model`, with the same results, that runs faster.

    `model` is any function of Tensors, modules and optimizers: an inference, or a whole training step with `backward`
    and `optimizer.step()`. Two calls run it as it is and record what it does; when they agree, later calls with
    arguments of the same shapes and dtypes run the recording: operations that are not needed are left out, and memory
    is planned. Draws (dropout) happen afresh in each call, and running statistics, optimizers and schedulers go on.

    What the recording took for granted is checked in each call (shapes, requires_grad, modules' attributes, numbers
    and objects that the code reads by name); if it no longer holds, a new one is made. Python code runs only while it
    is recorded: what it prints is printed then. Code that acts on values, as `.item()` or `if loss > 1` does, cannot be
    recorded; the function then runs as it is, and a warning names the line.

    Args:
        model: a function or Module; left out, a decorator is returned.
        fullgraph: raise `CompileError` in place of that warning.
        dynamic: accepted for PyTorch's sake.
        backend: "eager" (nothing is compiled), "numpy" (a list of NumPy calls), "native" (machine code, if the extra
            "fast" is installed), or "auto", the best that there is. While `tc.config.kernels` is "off", NumPy runs
            what was compiled natively too.
        mode, options: accepted for PyTorch's sake.
        disable: return `model` as it is.

    Raises:
        TypeError: if `model` cannot be called.
        RuntimeError: if the backend is not known.

    Example:
        >>> import tinygrad_course as tc
        >>> @tc.compile
        ... def f(x):
        ...     return x * 2
        >>> [f(tc.tensor(float(i))).item() for i in range(4)]
        [0.0, 2.0, 4.0, 6.0]
    """
    known = ("auto", "eager", "native", "numpy")
    if backend not in known:
        raise RuntimeError(f"compile: unknown backend {backend!r}; there are {', '.join(map(repr, known))}")
    if model is None:
        return lambda function: compile(function, fullgraph=fullgraph, backend=backend, disable=disable)
    if not callable(model):
        raise TypeError(f"compile: expected a function or a Module, got {type(model).__name__}")
    if disable or backend == "eager":
        return model
    from ..nn.module import Module
    from .function import Compiled

    if isinstance(model, Module):
        from .module import CompiledModule

        return CompiledModule(model, backend, fullgraph)
    return Compiled(model, backend, fullgraph)
