"""PyTorch's `torch.utils`, as far as it goes: `tc.utils.data`, `tc.utils.checkpoint`."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
