"""The names of `torch.utils.checkpoint`; they live in `tinygrad_course.autograd.checkpoint`."""

from ..autograd.checkpoint import checkpoint, checkpoint_sequential

__all__ = ["checkpoint", "checkpoint_sequential"]
