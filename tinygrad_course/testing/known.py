"""Derivatives that are taken for one another, as functions of the input x and the output h."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["CONFUSED", "KNOWN"]

KNOWN: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "1": lambda x, h: np.ones_like(x),  # first, as others may happen to be constant too
    "1 + h²": lambda x, h: 1 + h * h,
    "1 - h²": lambda x, h: 1 - h * h,
    "1 - x²": lambda x, h: 1 - x * x,
    "1 + x²": lambda x, h: 1 + x * x,
    "h (1 - h)": lambda x, h: h * (1 - h),
    "h (1 + h)": lambda x, h: h * (1 + h),
    "x (1 - x)": lambda x, h: x * (1 - x),
    "1 - h": lambda x, h: 1 - h,
    "h": lambda x, h: h,
    "x": lambda x, h: x,
    "x²": lambda x, h: x * x,
    "h²": lambda x, h: h * h,
    "x³": lambda x, h: x**3,
    "cos x": lambda x, h: np.cos(x),
    "sin x": lambda x, h: np.sin(x),
    "cosh x": lambda x, h: np.cosh(x),
    "sinh x": lambda x, h: np.sinh(x),
    "tanh x": lambda x, h: np.tanh(x),
    "exp x": lambda x, h: np.exp(x),
    "log x": lambda x, h: np.log(x),
    "1 / x": lambda x, h: 1 / x,
    "1 / x²": lambda x, h: 1 / (x * x),
    "1 / h": lambda x, h: 1 / h,
    "√x": lambda x, h: np.sqrt(x),
    "1 / √x": lambda x, h: 1 / np.sqrt(x),
    "1 / (1 + x²)": lambda x, h: 1 / (1 + x * x),
    "1 / √(1 - x²)": lambda x, h: 1 / np.sqrt(1 - x * x),
    "1 / √(1 + x²)": lambda x, h: 1 / np.sqrt(1 + x * x),
    "1 + tan² x": lambda x, h: 1 + np.tan(x) ** 2,
    "σ(x)": lambda x, h: 1 / (1 + np.exp(-x)),
    "sign x": lambda x, h: np.sign(x),
    "1 for x > 0, else 0": lambda x, h: np.where(x > 0, 1.0, 0.0),
    "exp(-x²)": lambda x, h: np.exp(-x * x),
}

# What is written for what, often enough to be looked for as a factor among others.
CONFUSED = (
    ("1 + h²", "1 - h²"),
    ("1 - x²", "1 - h²"),
    ("h (1 + h)", "h (1 - h)"),
    ("x (1 - x)", "h (1 - h)"),
)
