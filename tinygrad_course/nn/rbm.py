"""Restricted Boltzmann machines (lecture, chapter 12)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..ops import bernoulli, exp, linear, log, randn_like, sigmoid
from ..ops.activation import softplus
from ..tensor import Tensor
from . import init
from ._make import check_count, empty
from .module import Module

__all__ = ["RBM"]

_MOST_UNITS = 22  # 2²² states are enumerated in seconds


class RBM(Module):
    """p(v, h) ∝ e^(-E(v, h)), with binary h and no connections among v nor among h.

    E(v, h) = -bᵀv - cᵀh - hᵀW v for binary v; E(v, h) = ½‖v - b‖² - cᵀh - hᵀW v for Gaussian v of variance 1 (Hinton
    2010, "A practical guide to training restricted Boltzmann machines", equation 1 and section 13.2).

    Train it by contrastive divergence, with any optimizer: the gradient of `loss(v)` is that of CD-k (Hinton 2002), or
    of persistent CD (Tieleman 2008). The loss itself is no likelihood; watch `reconstruction_error` instead.

    Shape:
        (N, visible); calling it gives P(h = 1 | v), (N, hidden).

    Args:
        visible: the number of visible units.
        hidden: the number of hidden units.
        visible_type: "bernoulli" or "gaussian".
        k: the number of Gibbs steps.
        persistent: go on from the states where the last call ended, instead of from the data.
        generator: where the draws come from.

    Example:
        >>> import tinygrad_course as tc
        >>> rbm = tc.nn.RBM(6, 4)
        >>> v = tc.bernoulli(tc.full((10, 6), 0.5))
        >>> rbm.loss(v).backward()
        >>> rbm(v).shape, rbm.weight.grad.shape
        (Size([10, 4]), Size([4, 6]))
    """

    chains: Tensor | None

    def __init__(
        self, visible: int, hidden: int, *, visible_type: str = "bernoulli", k: int = 1, persistent: bool = False,
        generator: Any = None, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_count("RBM", visible=visible, hidden=hidden, k=k)
        if visible_type not in ("bernoulli", "gaussian"):
            raise ValueError(f"RBM: visible_type must be 'bernoulli' or 'gaussian', got {visible_type!r}")
        if k < 1:
            raise ValueError(f"RBM: k must be at least 1, got {k}")
        self.visible = visible
        self.hidden = hidden
        self.visible_type = visible_type
        self.k = k
        self.persistent = persistent
        self.generator = generator
        self.weight = empty((hidden, visible), device, dtype)
        self.visible_bias = empty((visible,), device, dtype)
        self.hidden_bias = empty((hidden,), device, dtype)
        self.register_buffer("chains", None, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from N(0, 0.01²) (Hinton 2010, section 8), and put the biases to 0."""
        init.normal_(self.weight, 0.0, 0.01, self.generator)
        init.zeros_(self.visible_bias)
        init.zeros_(self.hidden_bias)

    # --- the two conditional distributions --------------------------------------------------------------------------

    def hidden_probabilities(self, v: Tensor) -> Tensor:
        """P(hⱼ = 1 | v) = σ(cⱼ + Wⱼ v)."""
        return sigmoid(linear(v, self.weight, self.hidden_bias))

    forward = hidden_probabilities

    def visible_mean(self, h: Tensor) -> Tensor:
        """E[v | h]: σ(b + Wᵀ h) of binary units, b + Wᵀ h of Gaussian ones."""
        a = h @ self.weight + self.visible_bias
        return sigmoid(a) if self.visible_type == "bernoulli" else a

    def sample_hidden(self, v: Tensor) -> Tensor:
        """A draw from P(h | v)."""
        with no_grad():
            return bernoulli(self.hidden_probabilities(v), generator=self.generator)

    def sample_visible(self, h: Tensor) -> Tensor:
        """A draw from p(v | h)."""
        with no_grad():
            mean = self.visible_mean(h)
            if self.visible_type == "bernoulli":
                return bernoulli(mean, generator=self.generator)
            return mean + randn_like(mean, generator=self.generator)

    def gibbs(self, v: Tensor, k: int = 1) -> Tensor:
        """The visible units after k steps v → h → v of Gibbs sampling."""
        for _ in range(k):
            v = self.sample_visible(self.sample_hidden(v))
        return v

    def reconstruct(self, v: Tensor) -> Tensor:
        """E[v | P(h | v)]: one step there and back without sampling."""
        return self.visible_mean(self.hidden_probabilities(v))

    def reconstruction_error(self, v: Tensor) -> float:
        """The mean squared difference between v and its reconstruction."""
        with no_grad():
            difference = self.reconstruct(v) - v
            return (difference * difference).mean().item()

    # --- energies and likelihood ------------------------------------------------------------------------------------

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """E(v, h) of every pair of rows."""
        return self._visible_energy(v) - h @ self.hidden_bias - (linear(v, self.weight) * h).sum(-1)

    def _visible_energy(self, v: Tensor) -> Tensor:
        if self.visible_type == "bernoulli":
            return -(v @ self.visible_bias)
        difference = v - self.visible_bias
        return 0.5 * (difference * difference).sum(-1)

    def free_energy(self, v: Tensor) -> Tensor:
        """F(v) = -ln Σₕ e^(-E(v, h)), of every row: the visible part minus Σⱼ ln(1 + e^(cⱼ + Wⱼ v))."""
        return self._visible_energy(v) - softplus(linear(v, self.weight, self.hidden_bias)).sum(-1)

    def _hidden_free_energy(self, h: Tensor) -> Tensor:
        """-ln of the sum (or integral) over v of e^(-E(v, h))."""
        a = h @ self.weight
        if self.visible_type == "bernoulli":
            inner = softplus(a + self.visible_bias).sum(-1)
        else:
            inner = (0.5 * a * a + a * self.visible_bias).sum(-1) + 0.5 * self.visible * math.log(2 * math.pi)
        return -(h @ self.hidden_bias) - inner

    def log_partition(self) -> Tensor:
        """ln Z by enumerating the states of the smaller side, in the graph: for small machines, and for tests.

        Raises:
            ValueError: if there are more than 2²² states.
        """
        over_visible = self.visible_type == "bernoulli" and self.visible < self.hidden
        count = self.visible if over_visible else self.hidden
        if count > _MOST_UNITS:
            raise ValueError(f"RBM.log_partition: cannot enumerate 2^{count} states; at most 2^{_MOST_UNITS}")
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        states = Tensor._wrap(bits.astype(self.weight.dtype))
        minus = -(self.free_energy(states) if over_visible else self._hidden_free_energy(states))
        top = minus.detach().max()
        return log(exp(minus - top).sum()) + top

    def log_likelihood(self, v: Tensor) -> Tensor:
        """ln p(v) = -F(v) - ln Z of every row, exactly; its gradient is what contrastive divergence approximates."""
        return -self.free_energy(v) - self.log_partition()

    # --- learning ---------------------------------------------------------------------------------------------------

    def negative_samples(self, v: Tensor, k: int | None = None) -> Tensor:
        """The states that the model is to make less likely: k Gibbs steps from the data, or from the chains."""
        steps = self.k if k is None else k
        if not self.persistent:
            return self.gibbs(v.detach(), steps)
        chains = self.chains
        if chains is None or chains.shape != v.shape:
            chains = self.chains = Tensor._wrap(v.array.copy())
        end = self.gibbs(chains, steps)
        chains.copy_(end)
        return end

    def loss(self, v: Tensor, k: int | None = None) -> Tensor:
        """mean F(v) - mean F(ṽ), ṽ the negative samples: its gradient is that of contrastive divergence."""
        negative = self.negative_samples(v, k)
        return self.free_energy(v.detach()).mean() - self.free_energy(negative).mean()

    def extra_repr(self) -> str:
        text = f"visible={self.visible}, hidden={self.hidden}, visible_type={self.visible_type!r}, k={self.k}"
        return text + (", persistent=True" if self.persistent else "")
