"""Loaders: images per second that reach the training loop."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ..case import Case, Limit, Run
from ..shared import both

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    count = 500 if quick else 20_000
    limit = Limit(bytes=2 * 4 * 784 * count)
    return [
        Case("data", f"shuffled batches of 128, 28×28, {count:,} images", both(_tensors, count), limit=limit,
             work=count, unit="images", steps=0, tolerance=1e-5, headline=True),
        Case("data", f"images one by one, then stacked, {count // 10:,} images", both(_items, count // 10),
             work=count // 10, unit="images", steps=0, tolerance=1e-5),
    ]  # fmt: skip


def _arrays(count: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((count, 1, 28, 28), np.float32), rng.integers(0, 10, count)


def _run(loader: Any) -> Run:
    def step() -> float:
        total = 0.0
        for x, _ in loader:
            total += float(x[0, 0, 0, 0])  # the batch is there
        return total

    def loss() -> float:
        """The sum over an epoch, whatever its order."""
        return sum(float(x.numpy().astype(np.float64).sum()) + float(t.sum()) for x, t in loader)

    return Run(step, loss)


def _tensors(lib: Any, count: int) -> Run:
    """A dataset of tensors."""
    data = importlib.import_module(f"{lib.__name__}.utils.data")
    dataset = data.TensorDataset(*map(lib.from_numpy, _arrays(count)))
    return _run(data.DataLoader(dataset, batch_size=128, shuffle=True))


def _items(lib: Any, count: int) -> Run:
    """A dataset as users write it: __getitem__ and __len__."""
    data = importlib.import_module(f"{lib.__name__}.utils.data")
    x, t = _arrays(count)

    class Images(data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> Any:
            return lib.from_numpy(x[index]), int(t[index])

    return _run(data.DataLoader(Images(), batch_size=128, shuffle=True))
