"""Natural gradient: steepest descent in the space of what the network computes, not of its weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.backward import grad
from ..autograd.modes import enable_grad, no_grad
from ..overwrites import mark_overwritten
from ..tensor import LEAF, Tensor
from .optimizer import Optimizer, ParamsT

__all__ = ["GaussNewton", "NaturalGradient", "conjugate_gradients"]

Closure = Callable[[], tuple[Tensor, Tensor]]


class GaussNewton:
    """The generalized Gauss-Newton matrix G = Jᵀ H J of a loss, through its products with vectors.

    J is the Jacobian of the outputs in the parameters, H the Hessian of the loss in the outputs. For the mean squared
    error of linear outputs, and for the cross-entropy of logits, G is the Fisher matrix (Martens 2020, sec. 9). A
    product costs about two backward passes; G itself is never formed, unless `matrix` is called. A part of the loss
    that does not go through the outputs, such as a weight penalty, counts in `gradient` and not in G.

    Args:
        loss: the loss, a single value computed from `outputs`.
        outputs: what the loss compares with its targets: linear outputs or logits.
        params: the parameters that `outputs` was computed from.

    Raises:
        RuntimeError: if the loss was not computed from `outputs`, or these not from the parameters.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> w = tc.tensor([1.0, 2.0], dtype=tc.float64, requires_grad=True)
        >>> y = w * tc.tensor([1.0, 3.0], dtype=tc.float64)
        >>> G = tc.optim.GaussNewton(tc.multiply(y, y).dot(tc.tensor([0.5, 0.5], dtype=tc.float64)), y, [w])
        >>> G.product(np.array([1.0, 1.0]))
        array([1., 9.])
    """

    def __init__(self, loss: Tensor, outputs: Tensor, params: Sequence[Tensor]) -> None:
        self.params = list(params)
        self._outputs = outputs
        if not isinstance(outputs, Tensor) or not outputs.requires_grad:
            raise RuntimeError(
                "GaussNewton: the outputs do not depend on a parameter; were they computed under no_grad?"
            )
        with enable_grad():
            (self._slope,) = grad(loss, outputs, create_graph=True)  # ∂E/∂z, whose derivative in z is H
            # Jᵀu is linear in u, so its own vjp is Jv. A u of no special value: rules may treat zeros apart.
            u = 0.5 + np.arange(1, outputs.array.size + 1) * 0.6180339887498949 % 1
            self._u = Tensor._wrap(u.reshape(outputs.array.shape).astype(outputs.array.dtype), LEAF)
            self._pulled = self._grad(outputs, self.params, self._u, create_graph=True)
        with no_grad():
            self.gradient = self._flat(self._grad(loss, self.params, None))

    @staticmethod
    def _grad(y: Any, x: Any, u: Any, create_graph: bool = False) -> tuple[Any, ...]:
        return grad(y, x, u, retain_graph=True, create_graph=create_graph, materialize_grads=True)

    def _flat(self, tensors: Sequence[Tensor]) -> np.ndarray:
        return np.concatenate([t.array for t in tensors], axis=None).astype(np.float64)

    def _split(self, v: np.ndarray) -> list[Tensor]:
        ends = np.cumsum([p.array.size for p in self.params])[:-1]
        return [
            Tensor._wrap(part.reshape(p.array.shape).astype(p.array.dtype))
            for p, part in zip(self.params, np.split(v, ends))
        ]

    def product(self, v: np.ndarray) -> np.ndarray:
        """G v, for a flat vector in the order of the parameters."""
        with no_grad():
            used = [(w, x) for w, x in zip(self._pulled, self._split(v)) if w.requires_grad]
            if not used:
                return np.zeros_like(v)
            (jv,) = self._grad([w for w, _ in used], self._u, [x for _, x in used])
            if not self._slope.requires_grad:
                return np.zeros_like(v)  # the loss is linear in the outputs
            (hjv,) = self._grad(self._slope, self._outputs, jv)
            return self._flat(self._grad(self._outputs, self.params, hjv))

    def matrix(self) -> np.ndarray:
        """G itself, column by column: for small problems and tests."""
        n = self.gradient.size
        return np.stack([self.product(row) for row in np.eye(n)], axis=1)


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray], b: np.ndarray, max_iter: int, tolerance: float
) -> tuple[np.ndarray, int]:
    """Solve A x = b for a symmetric positive definite A that is given by its products (Hestenes & Stiefel 1952).

    Returns:
        x, once ‖Ax − b‖ <= tolerance · ‖b‖ or after `max_iter` products; and the number of products.
    """
    x = np.zeros_like(b)
    r = b.copy()
    d = r.copy()
    rr = float(r @ r)
    limit = tolerance * tolerance * rr
    for i in range(max_iter):
        if rr <= limit:
            return x, i
        ad = product(d)
        curvature = float(d @ ad)
        if not curvature > 0:  # rounding, or a loss that is not convex in the outputs: go no further this way
            return (x if i else b), i + 1
        a = rr / curvature
        x += a * d
        r -= a * ad
        rr, before = float(r @ r), rr
        d *= rr / before
        d += r
    return x, max_iter


class NaturalGradient(Optimizer):
    """Steps along F⁻¹ ∂E/∂w, with the Fisher matrix F (Amari 1998; lecture ch. 8): w ← w − η (F + δI)⁻¹ ∂E/∂w.

    The direction is found by conjugate gradients from Fisher-vector products, so F is never formed. F is taken as the
    Gauss-Newton matrix (see `GaussNewton`); for mean squared errors and the cross-entropy of logits they are equal.
    The damping δ follows Levenberg and Marquardt (Martens 2010, sec. 4.1): it falls while the quadratic model
    foretells the loss well, and rises while it does not. A step that would raise the loss is shortened, or not taken.

    Args:
        params: the parameters; one group only.
        lr: η; 1 is the whole Newton-like step.
        damping: δ at first.
        max_kl: a trust region: shorten the step so that ½ dᵀFd, about the Kullback-Leibler divergence between the old
            and the new model per sample (for a mean loss), is at most this. None for no bound.
        cg_iter: Fisher-vector products per step, at most.
        cg_tolerance: stop conjugate gradients at this relative residual.
        adapt_damping: let δ follow the agreement of model and loss.
        max_halvings: how often a step that raises the loss is halved before it is given up; 0 takes every step.

    Attributes:
        result: after a step a dict: "loss" (before), "new_loss", "cg_iterations", "quadratic" (½ dᵀFd), "agreement" (of
            the loss's change with the model's), "damping" (for the next step), "accepted".

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
        >>> t = tc.tensor([[1.0], [3.0], [5.0]])
        >>> w = tc.tensor([[0.0], [0.0]], requires_grad=True)
        >>> optimizer = tc.optim.NaturalGradient([w], damping=1e-4)
        >>> def closure():
        ...     outputs = x @ w
        ...     error = outputs - t
        ...     return 0.5 * (error * error).sum(), outputs
        >>> for _ in range(3):
        ...     loss = optimizer.step(closure)
        >>> bool(closure()[0] < 1e-4)
        True
    """

    def __init__(
        self, params: ParamsT, lr: float = 1.0, damping: float = 1e-2, max_kl: float | None = None, cg_iter: int = 50,
        cg_tolerance: float = 1e-4, *, adapt_damping: bool = True, max_halvings: int = 5,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "damping": damping, "max_kl": max_kl, "cg_iter": cg_iter, "cg_tolerance": cg_tolerance,
                   "adapt_damping": adapt_damping, "max_halvings": max_halvings}  # fmt: skip
        self.result: dict[str, Any] = {}
        super().__init__(params, options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("NaturalGradient: all parameters move together, so there can be only one group")
        super().add_param_group(param_group)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        for option in ("damping", "cg_tolerance", "max_halvings"):
            self._expect(group, option)
        self._expect(group, "cg_iter", 1)
        if group["max_kl"] is not None and not group["max_kl"] > 0:
            raise ValueError(f"NaturalGradient: expected max_kl > 0 or None, got {group['max_kl']}")

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.result = {}
        super().__setstate__(state)

    def fisher(self, closure: Closure) -> np.ndarray:
        """The Fisher (Gauss-Newton) matrix at the present values, formed: n × n, so for small models."""
        return self._curvature(closure)[1].matrix()

    def _curvature(self, closure: Closure) -> tuple[Tensor, GaussNewton]:
        with enable_grad():
            pair = closure()
            if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(x, Tensor) for x in pair)):
                raise TypeError(
                    "NaturalGradient: the closure must return (loss, outputs), two Tensors; it need not call backward"
                )
            loss, outputs = pair
            params = [p for p in self.param_groups[0]["params"] if p.requires_grad]
            return loss, GaussNewton(loss, outputs, params)

    def step(self, closure: Closure | None = None) -> Any:
        """Take one step.

        Args:
            closure: computes and returns `(loss, outputs)`: the loss, and the linear outputs or logits that it was
                computed from. No `zero_grad` or `backward`. Within a step it is called again to see what the step
                brought, so it must keep to one batch (and one dropout mask).

        Returns:
            The loss before the step.

        Raises:
            RuntimeError: without a closure.
            TypeError: if the closure returns something else.
        """
        if closure is None:
            raise RuntimeError("NaturalGradient: step needs a closure that returns (loss, outputs)")
        group = self.param_groups[0]
        loss, curvature = self._curvature(closure)
        damping = float(group["damping"])
        direction, products = conjugate_gradients(
            lambda v: curvature.product(v) + damping * v, -curvature.gradient, group["cg_iter"], group["cg_tolerance"]
        )
        direction *= float(group["lr"])
        slope = float(curvature.gradient @ direction)
        quadratic = 0.5 * float(direction @ curvature.product(direction))
        shrink = 1.0
        if group["max_kl"] is not None and quadratic > group["max_kl"]:
            shrink = math.sqrt(group["max_kl"] / quadratic)
        before = float(loss)
        new, factor, accepted = self._search(closure, curvature, before, direction * shrink, group["max_halvings"])
        shrink *= factor
        damped = quadratic + 0.5 * damping * float(direction @ direction)
        foretold = shrink * slope + shrink * shrink * damped
        agreement = (new - before) / foretold if foretold < 0 and accepted else 0.0
        if group["adapt_damping"]:
            if not accepted or factor < 1 or agreement < 0.25:
                group["damping"] = damping * 1.5
            elif agreement > 0.75:
                group["damping"] = damping / 1.5
        self.result = {
            "loss": before,
            "new_loss": new,
            "cg_iterations": products,
            "quadratic": quadratic * shrink * shrink,
            "agreement": agreement,
            "damping": group["damping"],
            "accepted": accepted,
        }
        return loss

    def _search(
        self, closure: Closure, curvature: GaussNewton, before: float, direction: np.ndarray, halvings: int
    ) -> tuple[float, float, bool]:
        """Go along the direction; where the loss would rise, halve it. Gives the new loss, the share gone, success."""
        old = [p.array.copy() for p in curvature.params]
        factor = 1.0
        for _ in range(halvings + 1):
            for p, start, d in zip(curvature.params, old, curvature._split(direction * factor)):
                np.add(start, d.array, out=p.array)
                mark_overwritten(p.array)
            with no_grad():
                new = float(closure()[0])
            if new <= before or halvings == 0:
                return new, factor, True
            factor *= 0.5
        for p, start in zip(curvature.params, old):
            p.array[...] = start
            mark_overwritten(p.array)
        return before, 0.0, False
