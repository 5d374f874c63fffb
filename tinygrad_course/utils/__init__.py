"""PyTorch's `torch.utils`, as far as it goes: `tc.utils.data`."""

from . import data

__all__ = ["data"]
