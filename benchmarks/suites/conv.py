"""Convolutions by themselves, and networks made of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..case import Case, Limit, Run
from ..first import first_call
from ..images import LENET, VGG, Convnet, inception
from ..shared import eager, trained

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
                eager(_convolution, batch, channels, side, outputs, kernel, padding, wanted),
                limit=Limit(flops=factor * flops), steps=0, tolerance=1e-4, share=0.6,
            ))  # fmt: skip
    side = 8 if quick else 32
    lenet, vgg = Convnet(LENET, (1, 28, 28), batch), Convnet(VGG, (3, side, side), batch)
    few = {name: make for name, make in lenet.systems().items() if name in ("tc", "tc+kernels", "tc.compile", "torch")}
    found += [
        Case("conv", "LeNet-5, batch 64", lenet.systems(), limit=lenet.limit(), headline=True),
        Case("conv", "LeNet-5, batch 64, memory", few, fresh=True, headline=True),
        Case("conv", "VGG-like for CIFAR-10, batch 64", vgg.systems(), limit=vgg.limit(), headline=True),
        Case("conv", "Inception (3a), batch 8", trained(inception, side // 2, batch // 8 or 1), headline=True),
    ]
    for cached in (False, True):
        name = f"LeNet-5, batch 64, first call, {'from the cache' if cached else 'nothing cached'}"
        compiled = {"tc.compile": partial(first_call, batch, cached)}
        found.append(Case("conv", name, compiled, steps=0, share=4, headline=True))
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
