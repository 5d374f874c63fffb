"""The table of modules, and the count of operations behind it, against counts made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.ops.op import REGISTRY
from tinygrad_course.viz import flops as _  # noqa: F401
from tinygrad_course.viz.flops import _FREE, _RULES, flops

from .test_draw import Twice

lengths = st.integers(1, 9)


@given(lengths, lengths, lengths)
def test_linear_and_matmul(n, k, m):
    assert flops("matmul", [(n, k), (k, m)], (n, m)) == 2 * n * k * m
    assert flops("linear", [(n, k), (m, k), (m,)], (n, m)) == 2 * n * k * m + n * m
    assert flops("linear", [(n, k), (m, k)], (n, m)) == 2 * n * k * m
    assert flops("einsum", [(n, k), (k, m)], (n, m), {"equation": "ij,jk->ik"}) == 2 * n * k * m


@given(st.sampled_from([1, 2, 4]), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_convolution_counts_every_product(groups, kernel, stride, bias):
    layer = nn.Conv2d(4, 8, kernel, stride=stride, groups=groups, bias=bias)
    x = tc.randn(2, 4, 7, 7)
    y = layer(x)
    products = y.array.size * (4 // groups) * kernel * kernel
    table = tc.viz.summary(layer, x)
    assert table.flops == 2 * products + (y.array.size if bias else 0)


def test_every_name_in_the_table_is_an_operation():
    assert set(_RULES) | _FREE <= set(REGISTRY)


def test_moving_values_costs_nothing_and_functions_one_each():
    x = tc.randn(3, 4)
    assert tc.viz.summary(nn.Flatten(0), x).flops == 0
    assert tc.viz.summary(nn.Tanh(), x).flops == 12
    assert tc.viz.summary(nn.MaxPool2d(2), tc.randn(1, 1, 4, 4)).flops == 4 * 4


def test_rows():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    table = model.summary(tc.randn(5, 1, 4, 4))
    assert [(r.name, r.kind, r.depth, r.output) for r in table] == [
        ("", "Sequential", 0, ((5, 3),)),
        ("0", "Conv2d", 1, ((5, 2, 2, 2),)),
        ("1", "ReLU", 1, ((5, 2, 2, 2),)),
        ("2", "Flatten", 1, ((5, 8),)),
        ("3", "Linear", 1, ((5, 3),)),
    ]
    assert [r.parameters for r in table] == [20 + 27, 20, 0, 0, 27]
    assert table.flops == sum(r.flops for r in table.rows[1:])
    assert table.parameter_bytes == 4 * 47
    assert table.rows[2].activation_bytes == 4 * 40 and table.rows[3].activation_bytes == 0
    text = str(table)
    assert "5 × 2 × 2 × 2" in text and "47 parameters (47 trainable, 0 frozen)" in text
    assert text == repr(table)
    assert table._repr_html_().count("<tr>") == 6


def test_nested_modules_include_their_parts():
    inner = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    table = tc.viz.summary(nn.Sequential(inner, nn.Linear(3, 1)), tc.randn(2, 3))
    by_name = {r.name: r for r in table}
    assert by_name["0"].flops == by_name["0.0"].flops + by_name["0.1"].flops
    assert by_name["0"].parameters == 24 and table.parameters == 28
    assert [r.name for r in tc.viz.summary(nn.Sequential(inner), tc.randn(2, 3), depth=1)] == ["", "0"]


def test_shared_parameters_count_once():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    table = tc.viz.summary(nn.Sequential(first, second), tc.randn(2, 3))
    assert [r.parameters for r in table] == [15, 12, 12]
    assert [r.shared for r in table] == [False, False, True]
    assert "12 shared" in str(table)


def test_a_reused_layer_counts_all_its_calls():
    table = tc.viz.summary(Twice(), tc.randn(2, 3))
    assert [(r.name, r.calls, r.flops) for r in table] == [("", 1, 84), ("fc", 2, 84)]
    assert "× 2" in str(table)


def test_frozen_parameters_are_told_apart():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    assert tc.viz.summary(model).trainable == 4
    assert "12 frozen" in str(tc.viz.summary(model)) and "give inputs" in str(tc.viz.summary(model))


def test_the_model_stays_as_it_was():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    before = {k: v.array.copy() for k, v in model.state_dict().items()}
    model.summary(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    for k, v in model.state_dict().items():
        np.testing.assert_array_equal(v.array, before[k])
    assert all(m._hooks is None for m in model.modules())


def test_errors():
    with pytest.raises(TypeError, match="expected a Module, got function"):
        tc.viz.summary(lambda x: x, tc.ones(2))
    with pytest.raises(ValueError, match="depth must be"):
        tc.viz.summary(nn.Linear(2, 2), depth=-1)
