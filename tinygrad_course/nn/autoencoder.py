"""Autoencoders: networks that learn to give back their input through a code (lecture, chapter 12)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..ops import linear, log
from ..tensor import Tensor
from . import functional as F
from . import init
from ._make import check_count, empty
from ._pretrain import train_greedily
from .activation import ReLU, Sigmoid
from .container import ModuleList, Sequential
from .convolution import Conv2d, ConvTranspose2d
from .linear import Identity, Linear, linear_of
from .module import Module

__all__ = ["Autoencoder", "ConvAutoencoder", "StackedAutoencoder"]


class Autoencoder(Module):
    """h = s(W x + b), z = s'(W' h + b'), with W' = Wᵀ if tied.

    `loss(x)` is the reconstruction error of the input, which is corrupted first if `corruption` is given (a denoising
    autoencoder, Vincent et al. 2008), plus `sparsity_weight` times Σⱼ KL(ρ ‖ mean hⱼ) if a `sparsity` ρ is given (Ng,
    "Sparse autoencoder", CS294A).

    Shape:
        (N, visible) to (N, visible); `encode` gives (N, hidden).

    Args:
        visible: the number of inputs.
        hidden: the length of the code.
        tied: the decoder's matrix is the encoder's transposed.
        activation: s; default: Sigmoid.
        output_activation: s'; default: Sigmoid. Use Identity for values that are not in [0, 1].
        corruption: a module that is applied to the input in training, such as MaskingNoise(0.3).
        sparsity: ρ, the mean activation wanted of a hidden unit in (0, 1).
        sparsity_weight: the factor of the penalty.
        criterion: the reconstruction error, called with (z, x); default: half the squared error, summed over the
            units and averaged over samples.

    Example:
        >>> import tinygrad_course as tc
        >>> net = tc.nn.Autoencoder(6, 3, corruption=tc.nn.MaskingNoise(0.2))
        >>> x = tc.rand(10, 6)
        >>> net(x).shape, net.encode(x).shape, net.loss(x).shape
        (Size([10, 6]), Size([10, 3]), Size([]))
    """

    def __init__(
        self, visible: int, hidden: int, *, tied: bool = True, activation: Module | None = None,
        output_activation: Module | None = None, corruption: Module | None = None, sparsity: float | None = None,
        sparsity_weight: float = 0.1, criterion: Callable[[Tensor, Tensor], Tensor] | None = None,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_count("Autoencoder", visible=visible, hidden=hidden)
        if sparsity is not None and not 0 < sparsity < 1:
            raise ValueError(f"Autoencoder: sparsity must be between 0 and 1, got {sparsity}")
        self.visible = visible
        self.hidden = hidden
        self.tied = tied
        self.sparsity = sparsity
        self.sparsity_weight = sparsity_weight
        self.criterion = _half_squared_error if criterion is None else criterion
        self.activation = Sigmoid() if activation is None else activation
        self.output_activation = Sigmoid() if output_activation is None else output_activation
        self.corruption = Identity() if corruption is None else corruption
        self.weight = empty((hidden, visible), device, dtype)
        self.bias = empty((hidden,), device, dtype)
        self.register_parameter("decoder_weight", None if tied else empty((visible, hidden), device, dtype))
        self.decoder_bias = empty((visible,), device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights afresh by the normalized rule, and put the biases to 0."""
        init.normalized_fan_in_uniform_(self.weight, self.bias)
        if self.decoder_weight is not None:
            init.normalized_fan_in_uniform_(self.decoder_weight)
        init.zeros_(self.decoder_bias)

    def encode(self, input: Tensor) -> Tensor:
        """The code h of an input."""
        return self.activation(linear(input, self.weight, self.bias))

    def decode(self, code: Tensor) -> Tensor:
        """The input z that a code stands for."""
        weight = self.weight.t() if self.tied else self.decoder_weight
        return self.output_activation(linear(code, weight, self.decoder_bias))

    def forward(self, input: Tensor) -> Tensor:
        return self.decode(self.encode(self.corruption(input)))

    def loss(self, input: Tensor) -> Tensor:
        """The reconstruction error of a batch, with the sparsity penalty if there is one."""
        code = self.encode(self.corruption(input))
        loss = self.criterion(self.decode(code), input)
        if self.sparsity is not None:
            loss = loss + self.sparsity_weight * self.sparsity_penalty(code)
        return loss

    def sparsity_penalty(self, code: Tensor) -> Tensor:
        """Σⱼ ρ ln(ρ / ρ̂ⱼ) + (1 - ρ) ln((1 - ρ) / (1 - ρ̂ⱼ)), ρ̂ⱼ the mean of hidden unit j over the batch."""
        if self.sparsity is None:
            raise RuntimeError("Autoencoder: give sparsity= to have a penalty")
        rho = self.sparsity
        mean = code.mean(0).clip(1e-7, 1 - 1e-7)
        return (rho * log(rho / mean) + (1 - rho) * log((1 - rho) / (1 - mean))).sum()

    def extra_repr(self) -> str:
        text = f"visible={self.visible}, hidden={self.hidden}, tied={self.tied}"
        return text if self.sparsity is None else f"{text}, sparsity={self.sparsity}"


def _half_squared_error(output: Tensor, target: Tensor) -> Tensor:
    difference = output - target
    return (difference * difference).sum() * (0.5 / output.shape[0])


class StackedAutoencoder(Module):
    """Autoencoders upon each other: each learns to give back the code of the one below (Bengio et al. 2007).

    `pretrain` trains them greedily, from the first to the last. Then either train `loss` of the whole, which decodes
    through all layers, or take `to_mlp(classes)` and train that: fine-tuning.

    Args:
        sizes: the number of inputs, and the length of each code.
        **options: arguments of every Autoencoder. `output_activation` and `criterion` are those of the first; further
            ones give back codes, so their outputs go through the activation of the codes.

    Example:
        >>> import tinygrad_course as tc
        >>> net = tc.nn.StackedAutoencoder([8, 5, 2])
        >>> net.encode(tc.rand(3, 8)).shape, net(tc.rand(3, 8)).shape
        (Size([3, 2]), Size([3, 8]))
        >>> losses = net.pretrain(tc.rand(20, 8), lambda ps: tc.optim.SGD(ps, lr=0.1), epochs=2, batch_size=10)
        >>> len(losses), len(losses[0])
        (2, 2)
    """

    def __init__(self, sizes: Sequence[int], **options: Any) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"StackedAutoencoder: expected at least two sizes, got {list(sizes)}")
        self.sizes = tuple(sizes)
        above = {k: v for k, v in options.items() if k not in ("output_activation", "criterion")}
        above["output_activation"] = options.get("activation")
        self.layers = ModuleList(
            Autoencoder(a, b, **(above if i else options)) for i, (a, b) in enumerate(itertools.pairwise(sizes))
        )

    def encode(self, input: Tensor, depth: int | None = None) -> Tensor:
        """The code after `depth` layers; default: after all."""
        for layer in list(self.layers)[:depth]:
            input = layer.encode(input)
        return input

    def decode(self, code: Tensor) -> Tensor:
        """The input that a code of the last layer stands for."""
        for layer in reversed(list(self.layers)):
            code = layer.decode(code)
        return code

    def reconstruct(self, input: Tensor) -> Tensor:
        """Up through all layers and down again; the input is not corrupted."""
        return self.decode(self.encode(input))

    def forward(self, input: Tensor) -> Tensor:
        return self.reconstruct(self.layers[0].corruption(input))

    def loss(self, input: Tensor) -> Tensor:
        """The reconstruction error of the whole, for fine-tuning without labels."""
        return self.layers[0].criterion(self(input), input)

    def pretrain(
        self, data: Tensor | Iterable[Any], optimizer: Callable[[Iterable[Tensor]], Any], *, epochs: int = 10,
        batch_size: int = 32, generator: Any = None, callback: Callable[[int, int, float], None] | None = None,
    ) -> list[list[float]]:  # fmt: skip
        """Train the layers one after the other, each on the codes of those below, which stay as they are.

        Args:
            data: a tensor of samples, or an iterable of batches (the first of a tuple is the input).
            optimizer: makes an optimizer of parameters, such as `lambda ps: tc.optim.SGD(ps, lr=0.1)`.
            epochs: passes over the data for each layer.
            batch_size: of a tensor's batches.
            generator: where the order of a tensor's samples comes from.
            callback: called with (layer, epoch, mean loss) after each epoch.

        Returns:
            For each layer its mean loss in each epoch.
        """
        return train_greedily(
            self, data, optimizer, epochs, batch_size, generator, callback, lambda _layer, _x, loss: loss.item()
        )

    def to_mlp(self, out_features: int | None = None) -> Sequential:
        """A network of copies of the encoders, and a Linear to `out_features` behind them if given: fine-tune it."""
        from copy import deepcopy

        modules: list[Module] = []
        for layer in self.layers:
            modules += [linear_of(layer.weight.array, layer.bias.array), deepcopy(layer.activation)]
        if out_features is not None:
            modules.append(Linear(self.sizes[-1], out_features, dtype=self.layers[-1].weight.dtype))
        return Sequential(*modules)


class ConvAutoencoder(Module):
    """Convolutions of stride 2 down to a code, and transposed convolutions back to the image.

    After Masci et al. (2011), "Stacked convolutional auto-encoders", with strides in the place of pooling.

    Shape:
        (N, channels[0], H, W), unchanged; `encode` halves H and W (rounded up) with every layer.

    Args:
        channels: the channels of the image, and of each layer.
        kernel_size: of all convolutions, odd.
        activation: between layers, and of the code; default: ReLU.
        output_activation: of the image; default: Sigmoid.
        corruption: a module that is applied to the input in training.

    Example:
        >>> import tinygrad_course as tc
        >>> net = tc.nn.ConvAutoencoder([1, 8, 4])
        >>> net.encode(tc.rand(2, 1, 28, 28)).shape, net(tc.rand(2, 1, 28, 28)).shape
        (Size([2, 4, 7, 7]), Size([2, 1, 28, 28]))
    """

    def __init__(
        self, channels: Sequence[int], kernel_size: int = 3, *, activation: Module | None = None,
        output_activation: Module | None = None, corruption: Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if len(channels) < 2 or kernel_size % 2 != 1:
            raise ValueError(
                f"ConvAutoencoder: expected at least two channel counts and an odd kernel_size, got {list(channels)} "
                f"and {kernel_size}"
            )
        half = kernel_size // 2
        pairs = list(itertools.pairwise(channels))
        self.activation = ReLU() if activation is None else activation
        self.output_activation = Sigmoid() if output_activation is None else output_activation
        self.corruption = Identity() if corruption is None else corruption
        self.encoder = ModuleList(Conv2d(a, b, kernel_size, 2, half) for a, b in pairs)
        self.decoder = ModuleList(ConvTranspose2d(b, a, kernel_size, 2, half) for a, b in reversed(pairs))

    def encode(self, input: Tensor) -> Tensor:
        """The code of an image."""
        for layer in self.encoder:
            input = self.activation(layer(input))
        return input

    def decode(self, code: Tensor, size: Sequence[int]) -> Tensor:
        """The image of a given size (H, W) that a code stands for."""
        sizes = [tuple(size)]
        for _ in range(len(self.encoder) - 1):
            sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
        last = len(self.decoder) - 1
        for i, layer in enumerate(self.decoder):
            code = layer(code, sizes[last - i])
            code = self.output_activation(code) if i == last else self.activation(code)
        return code

    def forward(self, input: Tensor) -> Tensor:
        return self.decode(self.encode(self.corruption(input)), input.shape[-2:])

    def loss(self, input: Tensor) -> Tensor:
        """The mean squared error of the reconstruction."""
        return F.mse_loss(self(input), input)
