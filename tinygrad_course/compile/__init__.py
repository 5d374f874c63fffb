"""`tc.compile`: PyTorch's call, so that scripts that use it run; and Theano's, for graphs that are built first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar, overload

from ..tensor import Tensor

__all__ = ["compile", "symbolic"]

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
@overload
def compile(
    model: Tensor | Sequence[Tensor], outputs: Tensor | Sequence[Tensor] | None = None,
    updates: Sequence[tuple[Tensor, Tensor]] | Mapping[Tensor, Tensor] = (), *, backend: str = "auto",
) -> Callable[..., Any]: ...  # fmt: skip
def compile(
    model: Any = None, outputs: Any = None, updates: Any = (), *, fullgraph: bool = False,
    dynamic: bool | None = None, backend: str = "auto",
    mode: str | None = None, options: dict[str, Any] | None = None, disable: bool = False,
) -> Any:  # fmt: skip
    """Return a function to be called in place of `model`, with the same results, that runs faster.

    `model` is any function of Tensors, modules and optimizers: an inference, or a whole training step with `backward`
    and `optimizer.step()`. Two calls run it as it is and record what it does; when they agree, later calls with
    arguments of the same shapes and dtypes run the recording: operations that are not needed are left out, and memory
    is planned. Draws (dropout) happen afresh in each call, and running statistics, optimizers and schedulers go on.

    What the recording took for granted is checked in each call (shapes, requires_grad, modules' attributes, numbers,
    objects, classes and code that it reads by name); if it no longer holds, a new one is made. What functions of Python
    keep for themselves is not seen: `os.environ`, an iterator, a context variable; nor what single values of a NumPy
    array beyond 1 MB have become. Python code runs only while it is recorded: what it prints is printed then. Code that
    acts on values, as `.item()` or `if loss > 1` does, cannot be recorded; the function then runs as it is, and a
    warning names the line.

    Given Tensors in place of a function, it is Theano's `function(inputs, outputs, updates)`: of a graph that is built
    within `tc.symbolic()`, it makes a function that computes the outputs from other values of the inputs.

    Args:
        model: a function or Module; left out, a decorator is returned. Or the inputs, a Tensor or several: see
            `tc.symbolic`.
        outputs: with inputs: a Tensor of the graph, several, or None: what the function returns.
        updates: with inputs: pairs (parameter, new value), or a dict. After the outputs and all new values are
            computed, each call writes them into the parameters.
        fullgraph: raise `CompileError` in place of that warning.
        dynamic: accepted for PyTorch's sake.
        backend: "eager" (nothing is compiled), "numpy" (a list of NumPy calls), "native" (machine code, if the extra
            "fast" is installed), or "auto", the best that there is. While `tc.config.kernels` is "off", NumPy runs
            what was compiled natively too.
        mode, options: accepted for PyTorch's sake.
        disable: return `model` as it is.

    Raises:
        TypeError: if `model` cannot be called.
        RuntimeError: if the backend is not known; if inputs are given outside of `tc.symbolic()`.

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
    if isinstance(model, (Tensor, list, tuple)):
        from .building import express
        from .function import Compiled

        expression = express(model, outputs, updates)
        return expression if disable or backend == "eager" else Compiled(expression, backend, fullgraph)
    if outputs is not None or updates:
        raise TypeError("compile: outputs and updates are for Tensors as inputs, not for a function")
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


def symbolic() -> AbstractContextManager[Any]:
    """Build a graph of symbolic values, of which `tc.compile(inputs, outputs, updates)` makes functions (lecture, 14).

    Within `with tc.symbolic():` Tensors stand for values to come: what matters of the inputs is their shape and dtype;
    the numbers in them only help to find mistakes early. Gradients (`tc.autograd.grad`) are part of the graph. All that
    does not depend on an input belongs to the graph as it is: Tensors from outside are parameters, which each call
    reads as they are then; shapes, modes of modules, Python numbers and NumPy arrays are constants. Draws and masks
    are operations, done afresh in each call, as far as an output or update needs them. What a graph cannot say is
    refused by `tc.compile`: code that acts on values (`.item()`, `if loss > 1`), `backward()`, and changes in place,
    for which there are updates. (Of `p.detach()` the memory is read, also when `p` has got another: use `p`.)

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> with tc.symbolic():
        ...     x, t = tc.zeros(2), tc.zeros(())
        ...     error = (w @ x - t) ** 2 / 2
        ...     (slope,) = tc.autograd.grad(error, [w])
        ...     train = tc.compile([x, t], error, updates=[(w, w - 0.1 * slope)])
        >>> x, t = tc.tensor([1.0, 1.0]), tc.tensor(1.0)
        >>> [round(train(x, t).item(), 3) for _ in range(3)]
        [2.0, 1.28, 0.819]
    """
    from .building import Building

    return Building()
