"""PyTorch keeps counts and rates in its default dtype: let that be float64, to compare all digits."""

import sys

import pytest


@pytest.fixture(autouse=True)
def _torch_counts_in_float64():
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
