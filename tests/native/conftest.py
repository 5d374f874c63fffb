"""Without llvmlite, or on other processors, there is nothing to test here."""

import numpy as np
import pytest

import tinygrad_course as tc

if not tc.native.available():
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def empty_cache(tmp_path):
    folder = tmp_path / "cache"
    with tc.config.set(cache_dir=str(folder)):
        yield folder
