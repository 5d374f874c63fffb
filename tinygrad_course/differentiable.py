"""What a Tensor says and does about gradients: its place in the graph, `.grad`, `backward`, hooks."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np

if TYPE_CHECKING:
    from .autograd.hooks import Hooks, RemovableHandle
    from .graph import Node
    from .tensor import Tensor

__all__ = ["LEAF", "Differentiable"]

T = TypeVar("T", bound="Differentiable")


class Leaf:
    """The mark of a tensor that the user made and that wants a gradient."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "LEAF"


LEAF = Leaf()


class Differentiable:
    """The part of Tensor that concerns gradients."""

    if not TYPE_CHECKING:
        __slots__ = ()

    array: np.ndarray
    node: Node | Leaf | None
    _grad: Tensor | None
    _hooks: Hooks | None
    _run_backward: ClassVar[Callable[..., None]]  # put here by `autograd.backward`, which knows Tensors

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        return self.node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not self.is_leaf:
            if not value:
                raise RuntimeError(
                    "requires_grad: only leaf tensors can be set to False; "
                    f"this one was made by {self.node!r}: use x.detach() to get a tensor outside the graph"
                )
        elif value:
            if self.array.dtype.kind != "f":
                raise RuntimeError(
                    f"requires_grad: only floating tensors can require gradients, this one is {self.array.dtype}; "
                    "convert it first, e.g. x.float()"
                )
            self.node = LEAF
        else:
            self.node = None

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Set `requires_grad` in place and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user rather than by a recorded operation."""
        return self.node is None or self.node is LEAF

    @property
    def grad_fn(self) -> Node | None:
        """The Node that made it; None for leaves."""
        return None if self.node is LEAF else self.node  # type: ignore[return-value]

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by `backward`, of the tensor's own shape; None before."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Differentiable):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if value.array.shape != self.array.shape:
                raise RuntimeError(
                    f"grad: expected a gradient of the tensor's shape {self.array.shape}, got {value.array.shape}"
                )
        self._grad = value

    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:  # fmt: skip
        """Accumulate into `.grad` of the leaves the gradient of this tensor; see `tc.autograd.backward`."""
        self._run_backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    # --- hooks ----------------------------------------------------------------------------------------------------

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` whenever the gradient of this tensor is computed; it may return another in its place.

        Hooks run in the order of registration, before the gradient flows on or is accumulated. They must not write
        into the gradient they are shown.

        Returns:
            A handle: `handle.remove()` takes the hook off, and so does leaving a `with handle:` block.

        Raises:
            RuntimeError: if the tensor does not require grad.

        Example:
            >>> import tinygrad_course as tc
            >>> x = tc.tensor([1.0, 2.0], requires_grad=True)
            >>> y = x * 3
            >>> handle = y.register_hook(lambda g: g * 10)
            >>> y.backward(tc.tensor([1.0, 1.0]))
            >>> x.grad
            tensor([30., 30.])
        """
        return self._hooks_for("register_hook").add_gradient(hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call `hook(tensor)` on this leaf each time after `backward` has added to its `.grad`.

        Raises:
            RuntimeError: if the tensor is no leaf that requires grad.
        """
        if not self.is_leaf:
            raise RuntimeError(
                "register_post_accumulate_grad_hook: only leaf tensors accumulate gradients, this one was made by "
                f"{self.node!r}; use register_hook"
            )
        return self._hooks_for("register_post_accumulate_grad_hook").add_accumulated(hook)

    def retain_grad(self) -> None:
        """Let `backward` fill `.grad` of this intermediate tensor too; does nothing on leaves.

        Raises:
            RuntimeError: if the tensor does not require grad.
        """
        hooks = self._hooks_for("retain_grad")
        if not self.is_leaf:
            hooks.keeper = weakref.ref(self)  # type: ignore[arg-type]

    @property
    def retains_grad(self) -> bool:
        """Whether `backward` fills `.grad` although this is no leaf."""
        hooks = None if self.is_leaf else self.node.hooks  # type: ignore[union-attr]
        return hooks is not None and hooks.keeper is not None and hooks.keeper() is self

    def _hooks_for(self, name: str) -> Hooks:
        from .autograd.hooks import Hooks

        if self.node is None:
            raise RuntimeError(f"{name}: this tensor does not require grad; call x.requires_grad_() first")
        if self.node is not LEAF:
            if self.node.hooks is None:  # type: ignore[union-attr]
                self.node.hooks = Hooks()  # type: ignore[union-attr]
            return self.node.hooks  # type: ignore[union-attr]
        if self._hooks is None:
            self._hooks = Hooks()
        return self._hooks
