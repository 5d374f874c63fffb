"""Which inputs a function is to be checked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

__all__ = ["Admitted", "admits", "admitted"]

Checked = TypeVar("Checked")
PLACE = "_admitted_inputs"


class Admitted(NamedTuple):
    """Arguments: each is a value, or a Hypothesis strategy for values."""

    inputs: tuple[Any, ...]
    params: Mapping[str, Any]


def admits(*inputs: Any, **params: Any) -> Callable[[Checked], Checked]:
    """Say which inputs a function, primitive, `Function` or Module is to be checked with.

    It is what `tc.testing.check_gradients` and `python -m tinygrad_course check` draw from. Where arguments depend on
    each other, give one strategy of `tc.testing.strategies.Sample`s.

    Args:
        inputs: a value (an array, a Tensor, anything) or a Hypothesis strategy for each positional argument.
        params: the same for keyword arguments.

    Raises:
        TypeError: if the thing cannot keep that.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> root = tc.primitive(np.sqrt, vjp=lambda g, y, x: g / (2 * y), name="root")
        >>> root = tc.testing.admits(tc.tensor([0.5, 2.0]))(root)
        >>> @tc.testing.admits(tc.tensor([0.5, 2.0]), base=3.0)
        ... def logarithm(x, base):
        ...     return tc.log(x) / np.log(base)
    """

    def mark(checked: Checked) -> Checked:
        try:
            setattr(checked, PLACE, Admitted(inputs, params))
        except (AttributeError, TypeError) as error:
            raise TypeError(
                f"admits: cannot mark a {type(checked).__name__}; give the inputs to check_gradients instead"
            ) from error
        return checked

    return mark


def admitted(checked: Any) -> Admitted | None:
    """What `admits` said about a thing, or None."""
    return getattr(checked, PLACE, None)
