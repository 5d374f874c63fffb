"""What cannot be repeated from a recording is named, with its line; the function then runs as it is."""

import random

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn

hidden = {"state": None, "count": 0}
seen = []


def _item(x):
    return x * x.sum().item()


def _float(x):
    return x * float(x[0])


def _branch(x):
    return x * 2 if x.sum() > 0 else x


def _numpy(x):
    return x * tc.from_numpy(x.numpy().copy())


def _tolist(x):
    return x + x.tolist()[0]


def _printed(x):
    return (x, print(f"{x}"))[0]


def _index(x):
    return x[int(x.argmax())]


def _where_of_one(x):
    return x[x > 0].sum()


ESCAPES = [_item, _float, _branch, _numpy, _tolist, _printed, _index]


@pytest.mark.parametrize("function", ESCAPES)
def test_acting_on_values_is_an_error_with_its_line(function, capsys):
    twin = tc.compile(function, fullgraph=True)
    with pytest.raises(RuntimeError, match=rf"{function.__name__} cannot be repeated.*test_refusals\.py:\d+"):
        twin(tc.randn(3))


@pytest.mark.parametrize("function", ESCAPES)
def test_without_fullgraph_it_warns_once_and_stays_right(function, capsys):
    twin = tc.compile(function)
    with pytest.warns(RuntimeWarning, match=r"test_refusals\.py:\d+"):
        twin(tc.randn(3))
    for i in range(4):
        x = tc.tensor([float(i), -1.0, 0.5])
        np.testing.assert_array_equal(twin(x).numpy(), function(x).numpy())


def _hidden_mask(x):
    return x * (np.random.default_rng(seen.append(0) or len(seen)).random(3) < 0.5)


def _hidden_array(x):
    return x * (x.array * 2)


def _hidden_number(x):
    return x * random.random()


def _hidden_state(x):
    before = hidden["state"]
    hidden["state"] = (x * 1.0) if before is None else before * 0.5 + x
    return hidden["state"]


def _counted(x):
    hidden["count"] += 1
    return x * hidden["count"]


@pytest.mark.parametrize("function", [_hidden_mask, _hidden_array, _hidden_number, _hidden_state, _counted])
def test_what_happens_out_of_sight_shows_in_the_second_recording(function):
    twin = tc.compile(function, fullgraph=True)
    with pytest.raises(RuntimeError, match="cannot be repeated"):
        for i in range(8):
            twin(tc.full((3,), float(i + 1)))


def test_data_dependent_shapes_are_followed():
    twin = tc.compile(_where_of_one)
    for i in range(6):
        x = tc.tensor([float(i) - 2, 1.0, -1.0])
        np.testing.assert_array_equal(twin(x).numpy(), _where_of_one(x).numpy())


def test_checks_of_values_are_repeated():
    logits, F = tc.randn(3, 4), nn.functional
    cases = [
        (lambda t: F.nll_loss(logits, t), tc.tensor([0, 1, 3]), tc.tensor([0, 1, 4]), IndexError),
        (lambda t: F.cross_entropy(logits, t), tc.tensor([0, 1, 3]), tc.tensor([0, 1, 4]), IndexError),
        (lambda t: F.one_hot(t, 4), tc.tensor([0, 1, 3]), tc.tensor([0, 1, 4]), RuntimeError),
        (lambda t: F.multi_margin_loss(logits, t), tc.tensor([0, 1, 3]), tc.tensor([4, 1, 0]), RuntimeError),
        (lambda p: F.binary_cross_entropy(p, p), tc.rand(3), tc.rand(3) + 1, RuntimeError),
        (lambda p: F.gaussian_nll_loss(p, p, p), tc.rand(3), -tc.rand(3), ValueError),
        (tc.bernoulli, tc.rand(3), tc.rand(3) + 1, RuntimeError),
    ]  # fmt: skip
    for function, good, bad, error in cases:
        twin = tc.compile(function, fullgraph=True)
        for _ in range(4):
            twin(good)
        assert twin.entries[0].calls == 2
        with pytest.raises(error):
            twin(bad)


def test_ignored_targets_count_anew_in_each_call():
    twin = tc.compile(nn.functional.cross_entropy, fullgraph=True)
    logits = tc.randn(4, 3)
    for t in ([0, 1, 2, 0], [1, 1, 1, 1], [0, -100, 2, 0], [-100, -100, 2, 0], [0, 1, 2, 0]):
        target = tc.tensor(t)
        wanted = nn.functional.cross_entropy(logits, target)
        np.testing.assert_allclose(twin(logits, target).numpy(), wanted.numpy(), rtol=1e-6)


def test_what_cannot_be_compiled_at_all():
    with pytest.raises(RuntimeError, match="unknown backend 'inductor'"):
        tc.compile(lambda x: x, backend="inductor")
    with pytest.raises(TypeError, match="expected a function or a Module, got int"):
        tc.compile(3)
    with pytest.raises(RuntimeError, match="nothing is compiled of f yet"):
        tc.compile(_named()).report()


def _named():
    def f(x):
        return x

    return f
