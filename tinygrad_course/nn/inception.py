"""The Inception module: several convolutions of one input side by side (lecture, chapter 7)."""

from __future__ import annotations

from ..tensor import Tensor
from .activation import ReLU
from .batchnorm import BatchNorm2d
from .container import Sequential
from .convolution import Conv2d
from .module import Module
from .pooling import MaxPool2d

__all__ = ["Inception"]


class Inception(Module):
    """Branches 1×1; 1×1 then 3×3; 1×1 then 5×5; 3×3 max-pooling then 1×1; joined along the channels.

    Szegedy et al. (2014), "Going deeper with convolutions", figure 2(b): the 1×1 convolutions before the larger ones
    reduce the number of channels. Every convolution is followed by a ReLU.

    Shape:
        (N, in_channels, H, W) to (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W).

    Args:
        in_channels: channels of the input.
        ch1x1: channels of the 1×1 branch.
        ch3x3red: channels to which the 3×3 branch is reduced first.
        ch3x3: channels of the 3×3 branch.
        ch5x5red: channels to which the 5×5 branch is reduced first.
        ch5x5: channels of the 5×5 branch.
        pool_proj: channels of the pooling branch.
        batch_norm: put a BatchNorm2d between each convolution and its ReLU (Ioffe and Szegedy 2015).

    Example:
        >>> import tinygrad_course as tc
        >>> block = tc.nn.Inception(192, 64, 96, 128, 16, 32, 32)  # "inception (3a)" of the paper's table 1
        >>> block(tc.zeros(1, 192, 8, 8)).shape
        Size([1, 256, 8, 8])
    """

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int, *,
        batch_norm: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()

        def conv(inputs: int, outputs: int, size: int) -> list[Module]:
            layers: list[Module] = [Conv2d(inputs, outputs, size, padding=size // 2, bias=not batch_norm)]
            return [*layers, BatchNorm2d(outputs), ReLU()] if batch_norm else [*layers, ReLU()]

        self.out_channels = ch1x1 + ch3x3 + ch5x5 + pool_proj
        self.branch1 = Sequential(*conv(in_channels, ch1x1, 1))
        self.branch2 = Sequential(*conv(in_channels, ch3x3red, 1), *conv(ch3x3red, ch3x3, 3))
        self.branch3 = Sequential(*conv(in_channels, ch5x5red, 1), *conv(ch5x5red, ch5x5, 5))
        self.branch4 = Sequential(MaxPool2d(3, stride=1, padding=1), *conv(in_channels, pool_proj, 1))

    def forward(self, input: Tensor) -> Tensor:
        from ..ops import cat

        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return cat([branch(input) for branch in branches], -3)
