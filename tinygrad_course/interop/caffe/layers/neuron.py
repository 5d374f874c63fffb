"""Layers that act on each value by itself."""

from __future__ import annotations

import math

from .... import nn
from ....nn import functional as F
from ....tensor import Tensor
from .table import Function, Setup, layer, weight


@layer("ReLU")
def relu(s: Setup) -> nn.Module:
    m = s.message.message("relu_param")
    m.ignore("engine")
    slope = m.number("negative_slope", 0.0)
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


class PReLU(nn.Module):
    """max(0, x) + slope · min(0, x), with one slope for each channel, or for all."""

    def __init__(self, slope: nn.Parameter) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return F.prelu(x, self.slope)


@layer("PReLU")
def prelu(s: Setup) -> nn.Module:
    m = s.message.message("prelu_param")
    count = 1 if m.flag("channel_shared") else s.shapes[0][1]
    return PReLU(weight((count,), m.message("filler"), s.message, ("constant", 0.25)))


@layer("ELU")
def elu(s: Setup) -> nn.Module:
    return nn.ELU(s.message.message("elu_param").number("alpha", 1.0))


@layer("TanH")
def tanh(s: Setup) -> nn.Module:
    s.message.message("tanh_param").ignore("engine")
    return nn.Tanh()


@layer("Sigmoid")
def sigmoid(s: Setup) -> nn.Module:
    s.message.message("sigmoid_param").ignore("engine")
    return nn.Sigmoid()


@layer("BNLL")
def bnll(s: Setup) -> nn.Module:
    """ln(1 + eˣ)"""
    return nn.Softplus()


@layer("AbsVal")
def absolute(s: Setup) -> nn.Module:
    return Function("AbsVal", lambda x: x.abs())


@layer("Power")
def power(s: Setup) -> nn.Module:
    m = s.message.message("power_param")
    exponent, scale, shift = m.number("power", 1.0), m.number("scale", 1.0), m.number("shift", 0.0)

    def compute(x: Tensor) -> Tensor:
        y = x * scale + shift
        return y if exponent == 1 else y**exponent

    return Function("Power", compute)


@layer("Exp")
def exp(s: Setup) -> nn.Module:
    m = s.message.message("exp_param")
    base, scale, shift = m.number("base", -1.0), m.number("scale", 1.0), m.number("shift", 0.0)
    rate = 1.0 if base == -1 else math.log(base)
    return Function("Exp", lambda x: ((x * scale + shift) * rate).exp())


@layer("Log")
def log(s: Setup) -> nn.Module:
    m = s.message.message("log_param")
    base, scale, shift = m.number("base", -1.0), m.number("scale", 1.0), m.number("shift", 0.0)
    rate = 1.0 if base == -1 else math.log(base)
    return Function("Log", lambda x: (x * scale + shift).log() / rate)


@layer("Dropout")
def dropout(s: Setup) -> nn.Module:
    """Caffe scales in training, as PyTorch."""
    m = s.message.message("dropout_param")
    ratio = m.number("dropout_ratio", 0.5)
    if not 0 <= ratio < 1:
        raise m.error(f"dropout_param: dropout_ratio must be in [0, 1), got {ratio}", "dropout_ratio")
    return nn.Dropout(ratio)
