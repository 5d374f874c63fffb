"""Convolutions by themselves, and networks made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Limit, Run
from ..shared import both, trained

__all__ = ["cases"]

# images, channels, height and width, output channels, kernel, padding
SHAPES = [(64, 1, 28, 6, 5, 0), (64, 6, 12, 16, 5, 0), (64, 3, 32, 32, 3, 1), (64, 32, 32, 64, 3, 1),
          (64, 64, 16, 128, 3, 1)]  # fmt: skip


def cases(quick: bool = False) -> list[Case]:
    batch = 2 if quick else 64
    found = []
    for _, channels, side, outputs, kernel, padding in SHAPES[: 2 if quick else None]:
        made = (side + 2 * padding - kernel + 1) ** 2
        flops = 2 * batch * channels * outputs * kernel**2 * made
        for wanted, factor in (("forward", 1), ("forward, dW", 2), ("forward, dX, dW", 3)):
            found.append(Case(
                "conv", f"{batch}×{channels}×{side}×{side} → {outputs}, {kernel}×{kernel}, {wanted}",
                both(_convolution, batch, channels, side, outputs, kernel, padding, wanted),
                limit=Limit(flops=factor * flops), steps=0, tolerance=1e-4,
            ))  # fmt: skip
    size = 8 if quick else 32
    found += [
        Case("conv", "LeNet-5, batch 64", trained(lenet, (1, 28, 28), batch), headline=True),
        Case("conv", "LeNet-5, batch 64, memory", trained(lenet, (1, 28, 28), batch), apart=True, headline=True),
        Case("conv", "VGG-like for CIFAR-10, batch 64", trained(vgg, (3, size, size), batch), headline=True),
        Case("conv", "Inception (3a), batch 8", trained(inception, (192, size // 2, size // 2), batch // 8 or 1, 0),
             headline=True),
    ]  # fmt: skip
    return found


def _convolution(
    lib: Any, batch: int, channels: int, side: int, outputs: int, kernel: int, padding: int, wanted: str
) -> Run:
    """One convolution with its bias, and the gradients that are wanted."""
    rng = np.random.default_rng(0)
    shapes = ((batch, channels, side, side), (outputs, channels, kernel, kernel), (outputs,))
    x, w, b = (lib.from_numpy(rng.standard_normal(shape, np.float32)) for shape in shapes)
    x.requires_grad_("dX" in wanted)
    leaves = [leaf.requires_grad_("dW" in wanted) for leaf in (w, b)] + [x]
    conv2d = lib.nn.functional.conv2d
    g = lib.from_numpy(rng.standard_normal(tuple(conv2d(x, w, b, padding=padding).shape), np.float32))

    def step() -> Any:
        y = conv2d(x, w, b, padding=padding)
        if wanted != "forward":
            for leaf in leaves:
                leaf.grad = None
            y.backward(g)
        return y

    def loss() -> float:
        parts = [step().detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]
        return sum(float((part.numpy().astype(np.float64) ** 2).sum()) for part in parts)

    return Run(step, loss)


def lenet(lib: Any) -> Any:
    """LeNet-5 (LeCun et al. 1998) with ReLU and max-pooling."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def vgg(lib: Any) -> Any:
    """Three blocks of two 3×3 convolutions, after Simonyan and Zisserman (2014), and a linear layer."""
    nn = lib.nn
    layers: list[Any] = []
    channels = 3
    for outputs in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()]
            channels = outputs
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def inception(lib: Any) -> Any:
    """The block "inception (3a)" of Szegedy et al. (2014), table 1."""
    nn = lib.nn

    def conv(inputs: int, outputs: int, size: int) -> list[Any]:
        return [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.ReLU()]

    class Inception(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList([
                nn.Sequential(*conv(192, 64, 1)),
                nn.Sequential(*conv(192, 96, 1), *conv(96, 128, 3)),
                nn.Sequential(*conv(192, 16, 1), *conv(16, 32, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), *conv(192, 32, 1)),
            ])  # fmt: skip

        def forward(self, x: Any) -> Any:
            return lib.cat([branch(x) for branch in self.branches], 1)

    return Inception()
