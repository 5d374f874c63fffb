"""Fully connected networks: a step of training, and the memory that it takes."""

from __future__ import annotations

from ..case import Case
from ..dense import Dense

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    k = 8 if quick else 1  # by how much everything is smaller
    digits = Dense((784 // k, 256 // k, 128 // k, 10), "relu", "cross_entropy", 128 // k, lr=0.05)
    nets = {
        "784-256-128-10, batch 128": digits,
        "5×128 tanh, batch 64": Dense((128 // k,) * 6, "tanh", "half", 64 // k, lr=1e-4),
        "20×64 relu, batch 64": Dense((64 // k,) * 21, "relu", "half", 64 // k, lr=1e-4),
    }
    found = [
        Case("mlp", name, net.systems(torch_compile="20" not in name), limit=net.limit(), headline=True)
        for name, net in nets.items()
    ]
    few = {name: make for name, make in digits.systems().items() if name in ("tc", "tc.compile", "torch")}
    found.append(Case("mlp", "784-256-128-10, batch 128, memory", few, fresh=True, headline=True))
    return found
