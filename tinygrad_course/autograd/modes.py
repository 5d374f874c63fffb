"""Whether operations are recorded: per thread, as context managers, decorators or (set_grad_enabled) calls."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..graph import state

__all__ = [
    "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


class _Mode:
    """Sets the thread's mode on entry and puts the earlier one back on exit."""

    def __init__(self, grad: bool, inference: bool | None = None) -> None:
        self._target = grad, inference
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((state.grad, state.inference))
        self._set()

    def _set(self) -> None:
        grad, inference = self._target
        state.grad = grad
        if inference is not None:
            state.inference = inference

    def __exit__(self, *exc: object) -> None:
        state.grad, state.inference = self._before.pop()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function (or a generator function's every step) to run in this mode."""
        import inspect

        if inspect.isgeneratorfunction(function):
            return self._wrap_generator(function)

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            with _Mode(*self._target):
                return function(*args, **kwargs)

        return wrapped

    def _wrap_generator(self, function: Callable[..., Any]) -> Any:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            step, sent = generator.send, None
            try:
                while True:
                    with _Mode(*self._target):
                        item = step(sent)
                    try:
                        step, sent = generator.send, (yield item)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        step, sent = generator.throw, error
            except StopIteration as stop:
                return stop.value
            finally:
                with _Mode(*self._target):
                    generator.close()

        return wrapped


class _DecoratorMode(_Mode):
    """A mode that also decorates without parentheses: `@tc.no_grad`."""

    def __new__(cls, function: Any = None, **_: Any) -> Any:
        mode = super().__new__(cls)
        if callable(function):
            mode.__init__()  # type: ignore[misc]
            return mode(function)
        return mode


class no_grad(_DecoratorMode):
    """Do not record operations inside: context manager and decorator.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0], requires_grad=True)
        >>> with tc.no_grad():
        ...     y = w * 2
        >>> y.requires_grad
        False
    """

    def __init__(self, function: Any = None) -> None:
        super().__init__(False)


class enable_grad(_DecoratorMode):
    """Record operations inside, also within `no_grad`: context manager and decorator."""

    def __init__(self, function: Any = None) -> None:
        super().__init__(True, False)


class inference_mode(_DecoratorMode):
    """Like `no_grad`, for code that only evaluates; `inference_mode(False)` does nothing."""

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, mode if callable(mode) else None)

    def __init__(self, mode: Any = True) -> None:
        super().__init__(not mode, bool(mode)) if mode is not False else super().__init__(state.grad, state.inference)


class set_grad_enabled(_Mode):
    """Switch recording on or off: acts at once, and puts the mode back when used as a context manager."""

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._at_creation = state.grad, state.inference
        self._set()

    def __enter__(self) -> None:
        self._before.append(self._at_creation)
        self._set()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function to run in this mode; the mode outside is as before."""
        state.grad, state.inference = self._at_creation
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded in this thread."""
    return state.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`."""
    return state.inference
