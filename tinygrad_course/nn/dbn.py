"""Deep belief networks: restricted Boltzmann machines upon each other (lecture, chapter 12)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..autograd import no_grad
from ..ops import bernoulli, full
from ..tensor import Tensor
from ._pretrain import train_greedily
from .activation import Sigmoid
from .container import ModuleList, Sequential
from .linear import Linear, linear_of
from .module import Module
from .rbm import RBM

__all__ = ["DBN"]


class DBN(Module):
    """A stack of RBMs, each of the hidden units of the one below (Hinton, Osindero and Teh 2006).

    Shape:
        (N, sizes[0]) to (N, sizes[-1]): the probabilities of the last hidden units.

    Args:
        sizes: the number of visible units, and of hidden units of each machine.
        **options: arguments of every RBM; `visible_type` is that of the first, the others are binary.

    Example:
        >>> import tinygrad_course as tc
        >>> dbn = tc.nn.DBN([8, 6, 4])
        >>> errors = dbn.pretrain(tc.rand(20, 8), lambda ps: tc.optim.SGD(ps, lr=0.1), epochs=2, batch_size=10)
        >>> dbn.to_mlp(3)(tc.rand(5, 8)).shape
        Size([5, 3])
    """

    def __init__(self, sizes: Sequence[int], **options: Any) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"DBN: expected at least two sizes, got {list(sizes)}")
        self.sizes = tuple(sizes)
        above = {k: v for k, v in options.items() if k != "visible_type"}
        self.layers = ModuleList(
            RBM(a, b, **(above if i else options)) for i, (a, b) in enumerate(itertools.pairwise(sizes))
        )

    def encode(self, input: Tensor, depth: int | None = None) -> Tensor:
        """The probabilities of the hidden units after `depth` machines; default: after all."""
        for layer in list(self.layers)[:depth]:
            input = layer(input)
        return input

    def forward(self, input: Tensor) -> Tensor:
        return self.encode(input)

    def reconstruct(self, input: Tensor) -> Tensor:
        """Up through all machines and down again, without sampling."""
        h = self.encode(input)
        for layer in reversed(list(self.layers)):
            h = layer.visible_mean(h)
        return h

    def pretrain(
        self, data: Tensor | Iterable[Any], optimizer: Callable[[Iterable[Tensor]], Any], *, epochs: int = 10,
        batch_size: int = 32, generator: Any = None, callback: Callable[[int, int, float], None] | None = None,
    ) -> list[list[float]]:  # fmt: skip
        """Train the machines one after the other by contrastive divergence, each on what those below make of the data.

        Args:
            data: a tensor of samples, or an iterable of batches (the first of a tuple is the input).
            optimizer: makes an optimizer of parameters, such as `lambda ps: tc.optim.SGD(ps, lr=0.1)`.
            epochs: passes over the data for each machine.
            batch_size: of a tensor's batches.
            generator: where the order of a tensor's samples comes from.
            callback: called with (layer, epoch, mean reconstruction error) after each epoch.

        Returns:
            For each machine its mean reconstruction error in each epoch.
        """
        return train_greedily(
            self, data, optimizer, epochs, batch_size, generator, callback,
            lambda layer, x, _loss: layer.reconstruction_error(x),
        )  # fmt: skip

    def sample(self, count: int, steps: int = 100) -> Tensor:
        """Draw visible states: Gibbs steps in the last machine, then down through the others' means."""
        top = self.layers[-1]
        with no_grad():
            start = full((count, top.visible), 0.5, dtype=top.weight.dtype)
            h = top.gibbs(bernoulli(start, generator=top.generator), steps)
            for layer in reversed(list(self.layers)[:-1]):
                h = layer.visible_mean(h)
        return h

    def to_mlp(self, out_features: int | None = None) -> Sequential:
        """A network of Linear and Sigmoid with the machines' weights, and a Linear to `out_features` if given."""
        modules: list[Module] = []
        for layer in self.layers:
            modules += [linear_of(layer.weight.array, layer.hidden_bias.array), Sigmoid()]
        if out_features is not None:
            modules.append(Linear(self.sizes[-1], out_features, dtype=self.layers[-1].weight.dtype))
        return Sequential(*modules)
