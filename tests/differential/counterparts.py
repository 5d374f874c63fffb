"""Which primitives PyTorch has under another name or with other parameters, and which it does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

__all__ = ["COUNTERPARTS", "WITHOUT"]

# Called with the sample's inputs, and its parameters by keyword.
COUNTERPARTS: dict[str, Callable[..., Any]] = {
    "linear": torch.nn.functional.linear,
    "power": torch.pow,
}

# Primitives that no call of PyTorch corresponds to, and why.
WITHOUT: dict[str, str] = {}
