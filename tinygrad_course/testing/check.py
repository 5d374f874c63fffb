"""`check_gradients`: a Hypothesis test of a function's gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .admit import admitted
from .defaults import chosen
from .gradcheck import gradcheck
from .report import GradientError

__all__ = ["check_gradients"]


def check_gradients(
    *inputs: Any, kwargs: Mapping[str, Any] | None = None, settings: Any = None, **options: Any
) -> Callable[[Any], Callable[[], None]]:
    """Turn a function into a Hypothesis test (extra `check`) of its gradients on inputs drawn from strategies.

    A failure is told for the smallest inputs that show it: Hypothesis shrinks the shapes, and the values that
    `tc.testing.strategies.tensors` draws. Points at which no derivative exists are left out.

    Args:
        inputs: a strategy or a value for each positional argument; default: what `tc.testing.admits` said.
        kwargs: the same for keyword arguments, by name.
        settings: `hypothesis.settings` for the test.
        options: for `tc.testing.gradcheck`: order, mode, rtol and the others.

    Returns:
        A decorator. What it gives takes no arguments and raises `GradientError` if a gradient is wrong.

    Raises:
        ImportError: without Hypothesis.
        TypeError: if there are no inputs and none were admitted.

    Example:
        >>> import tinygrad_course as tc
        >>> from tinygrad_course.testing import strategies as some
        >>> @tc.testing.check_gradients(some.tensors((2, 1)), some.tensors((3,), low=0.5), order=2)
        ... def test_quotient(a, b):
        ...     return tc.sin(a) / b
        >>> test_quotient()
    """

    def decorate(fn: Any) -> Callable[[], None]:
        from . import strategies

        given, params = inputs, kwargs or {}
        if not inputs and not params:
            found = admitted(fn)
            if found is None:
                raise TypeError(
                    "check_gradients: expected a strategy or a value for each input, or a function marked with "
                    f"tc.testing.admits, got none for {_name(fn)}"
                )
            given, params = found
        return _test(fn, strategies.samples(*given, **params), options, settings)

    return decorate


def _name(fn: Any) -> str:
    return str(getattr(fn, "__name__", type(fn).__name__))


def _test(fn: Any, samples: Any, options: dict[str, Any], settings: Any) -> Callable[[], None]:
    import hypothesis
    from hypothesis import strategies as st

    order = options.pop("order", chosen.get("order", 1))
    seed = options.pop("seed", chosen.get("seed"))

    def check(sample: Any, seed: int) -> None:
        try:
            gradcheck(fn, *sample.inputs, kwargs=sample.params, order=order, seed=seed, **options)
        except GradientError as error:
            if any(finding.reliable for finding in error.findings):
                raise
            hypothesis.reject()  # a jump, or no finite value: there is no derivative to compare with

    check.__name__ = check.__qualname__ = _name(fn)
    check.__doc__ = getattr(fn, "__doc__", None)
    check.__module__ = getattr(fn, "__module__", None) or __name__
    test = hypothesis.given(sample=samples, seed=st.integers(0, 2**16) if seed is None else st.just(seed))(check)
    if settings is None:
        # One failure is enough, and Hypothesis' account of the lines that ran would bury its message.
        phases = [phase for phase in hypothesis.settings().phases if phase is not hypothesis.Phase.explain]
        settings = hypothesis.settings(report_multiple_bugs=False, deadline=None, phases=phases)
        if "examples" in chosen:
            settings = hypothesis.settings(settings, max_examples=chosen["examples"])
    test = settings(test)
    return test if seed is None else hypothesis.seed(seed)(test)
