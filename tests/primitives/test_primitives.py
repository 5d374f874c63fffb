"""Every primitive of the registry: its gradients of orders 1 and 2, and the contract that the engine relies on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples import SAMPLES
from tests.samples.kinks import KINKS
from tinygrad_course.ops import REGISTRY
from tinygrad_course.testing import gradcheck
from tinygrad_course.testing.contract import CONTRACT, Call

# It takes one output of an operation that has several: it is checked with each of these.
STRUCTURAL = {"pick"}
NAMES = sorted(REGISTRY.keys() - STRUCTURAL)
DIFFERENTIABLE = [name for name in NAMES if REGISTRY[name].rules is not None]

few = settings(max_examples=min(10, settings.default.max_examples))


def test_registry_and_samples_have_the_same_names():
    assert sorted(SAMPLES) == NAMES


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_agree_with_differences(name):
    """vᵀJu for random v and u, of the gradient and of the gradient of the gradient."""
    tried = 0

    @few
    @given(SAMPLES[name], st.integers(0, 2**16))
    def check(sample, seed):
        nonlocal tried
        call = Call(REGISTRY[name], sample.inputs, sample.params)
        if call.wrt:
            tried += 1
            gradcheck(call, *call.marked(), order=2, seed=seed)

    check()
    assert tried, "no sample has an input to differentiate in"


@pytest.mark.parametrize("name", KINKS)
def test_gradients_at_kinks(name):
    """No false alarm where values stand on kinks and tie, at either order."""
    fn, samples = KINKS[name]

    @few
    @given(samples, st.integers(1, 2), st.integers(0, 2**16))
    def check(sample, order, seed):
        gradcheck(fn, *sample.inputs, kwargs=sample.params, order=order, seed=seed)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_contract(name):
    @few
    @given(SAMPLES[name], st.integers(0, 2**16))
    def check(sample, seed):
        call = Call(REGISTRY[name], sample.inputs, sample.params)
        for clause in CONTRACT.values():
            clause(call, np.random.default_rng(seed))

    check()
