"""Functions, Modules and nests of inputs, seen as functions of a flat list of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autograd.tree import flatten, unflatten
from ..nn import Module, ModuleList
from ..nn.stateless import functional_call
from ..random import fork_rng, manual_seed
from ..tensor import Tensor

__all__ = ["Flat", "flat"]


class Flat(NamedTuple):
    """A function of a flat list.

    Attributes:
        fn: takes what is in `inputs`, the arrays among them as Tensors.
        inputs: arrays, and whatever else the function takes.
        names: what messages call each of them.
        wrt: the positions of those to differentiate in.
    """

    fn: Callable[..., Any]
    inputs: list[Any]
    names: list[str]
    wrt: list[int]


class _Call(Module):
    """A function, seen as the forward pass of a module that owns the modules it uses."""

    def __init__(self, fn: Callable[..., Any], modules: Sequence[Module]) -> None:
        super().__init__()
        self.fn = (fn,)  # not a submodule
        self.used = ModuleList(modules)

    def forward(self, *args: Any) -> Any:
        return self.fn[0](*args)


def flat(fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Flat:
    """See `fn(*args, **kwargs)` as a function of all its Tensors and arrays, parameters included.

    Parameters are those of `fn` if it is a Module or a method of one, and of Modules among the inputs. Each call of a
    Module starts from the same buffers and the same seed, so that in training mode it is a function too.

    Raises:
        TypeError: if there is nothing to differentiate, or values of a type that has no gradients here.
    """
    values, structure = flatten(tuple(args))
    names = [f"input {path}" for path in _paths(tuple(args))]
    given = dict(kwargs or {})
    modules = [(i, x) for i, x in enumerate(values) if isinstance(x, Module)]
    owner = fn if isinstance(fn, Module) else getattr(fn, "__self__", None)
    if isinstance(owner, Module):
        modules.append((-1, owner))
    tensors = [i for i, x in enumerate(values) if _floating(x)]
    asked = [i for i in tensors if isinstance(values[i], Tensor) and values[i].requires_grad]
    wrt = asked or tensors
    count = len(values)
    if modules:
        wrapper = _Call(lambda *xs: fn(*unflatten(xs, structure), **given), [m for _, m in modules])
        state = {**dict(wrapper.named_parameters()), **dict(wrapper.named_buffers())}
        wrt = list(wrt)
        for key, x in state.items():
            if _floating(x) and x.requires_grad:
                wrt.append(len(values))
            values.append(x)
            place = modules[int(key.split(".")[1])][0]
            inner = key.split(".", 2)[2]
            names.append(inner if place < 0 else f"{names[place]}.{inner}")

        def function(*xs: Any) -> Any:
            # Buffers may be written to.
            own = [x if x.requires_grad else x.detach().clone() for x in xs[count:]]
            with fork_rng():
                manual_seed(0)
                return functional_call(wrapper, dict(zip(state, own)), xs[:count])
    else:

        def function(*xs: Any) -> Any:
            return fn(*unflatten(xs, structure), **given)

    for name, x in zip(names, values):
        _check(name, x)
    if not wrt:
        got = ", ".join(type(x).__name__ for x in args) or "none"
        raise TypeError(f"gradcheck: expected at least one floating Tensor or array among the inputs, got {got}")
    arrays = [np.array(x.array) if isinstance(x, Tensor) else x for x in values]
    return Flat(function, arrays, names, wrt)


def _paths(tree: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """Where each leaf is, as one would write it: 0, or 1[0], or 1['key']."""
    if isinstance(tree, (dict, tuple, list)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, value in items:
            yield from _paths(value, f"{path}[{key!r}]" if depth else str(key), depth + 1)
    else:
        yield path


def _floating(x: Any) -> bool:
    x = getattr(x, "array", x)
    return isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f"


def _check(name: str, x: Any) -> None:
    x = getattr(x, "array", x)
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind not in "fiubUSM":
        mend = "; give real and imaginary part as two inputs" if x.dtype.kind == "c" else ""
        raise TypeError(
            f"gradcheck: {name} has dtype {x.dtype}, expected a floating dtype up to float64, an integer or bool{mend}"
        )
