"""What can be checked: Modules with their parameters, nests of inputs, methods, keyword arguments."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.testing import GradientError, gradcheck

nn = tc.nn
wrong_tanh = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 + y * y), name="wrong_tanh")
wrong_scale = tc.primitive(
    lambda x, w: x * w, vjp=(lambda g, y, x, w: g * w, lambda g, y, x, w: 2 * g * x), name="wrong_scale",
    broadcasts=True,
)  # fmt: skip


class Scale(nn.Module):
    def __init__(self, op=tc.multiply):
        super().__init__()
        self.op = op
        self.weight = nn.Parameter(tc.ones(3))
        self.frozen = nn.Parameter(tc.ones(3), requires_grad=False)

    def forward(self, x):
        return self.op(x, self.weight) * self.frozen

    def loss(self, x, y):
        return ((self(x) - y) ** 2).sum()


LAYERS = {
    "linear": (lambda: nn.Linear(3, 2), (4, 3)),
    "convolution": (lambda: nn.Conv2d(2, 3, 2), (1, 2, 4, 4)),
    "batch norm": (lambda: nn.BatchNorm1d(3), (4, 3)),
    "layer norm": (lambda: nn.LayerNorm(3), (4, 3)),
    "dropout": (lambda: nn.Dropout(0.5), (4, 3)),
    "network": (lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.3)), (4, 3)),
    "max pooling": (lambda: nn.MaxPool2d(2), (1, 2, 4, 4)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_layers_in_training_and_evaluation(name, training):
    make, shape = LAYERS[name]
    layer = make().train(training)
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    assert gradcheck(layer, tc.randn(*shape), order=2)
    assert all(bool((v == before[k]).all()) for k, v in layer.state_dict().items())


def test_a_wrong_gradient_of_a_parameter_is_named():
    x = np.array([[1.0, 2.0, 3.0]])
    with pytest.raises(GradientError, match="constant factor 2") as caught:
        gradcheck(Scale(wrong_scale), x)
    assert {row.input for row in caught.value.rows} == {"weight"}
    assert [(s.name, s.wrong) for s in caught.value.suspects] == [("wrong_scale", (1,))]


def test_a_method_of_a_module():
    x, y = np.ones((2, 3)), np.zeros((2, 3))
    assert gradcheck(Scale().loss, x, y)
    with pytest.raises(GradientError):
        gradcheck(Scale(wrong_scale).loss, x, y)


def test_modules_among_the_inputs():
    x = np.ones((2, 3))
    assert gradcheck(lambda a, b, x: a(x) * b(x), Scale(), Scale(), x)
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda a, b, x: a(x) * b(x), Scale(), Scale(wrong_scale), x)
    assert {row.input for row in caught.value.rows} == {"input 1.weight"}


def test_shared_parameters_are_checked_once():
    first = nn.Linear(3, 3)
    tied = nn.Sequential(first, nn.Tanh(), first)
    assert gradcheck(tied, tc.randn(2, 3), order=2)


def test_nested_inputs_are_named():
    x, y = np.array([0.5, 1.0]), np.array([2.0])
    assert gradcheck(lambda state, d: (state[0] * d["w"], {"s": state[1]}), (x, y), {"w": y}, order=2)
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda state, d: state[0] * wrong_tanh(d["w"]), (x, y), {"w": y})
    assert {row.input for row in caught.value.rows} == {"input 1['w']"}


def test_keyword_arguments():
    assert gradcheck(lambda x, *, power: x**power, np.array([1.5]), kwargs={"power": 3})
    with pytest.raises(GradientError):
        gradcheck(lambda x, *, op: op(x), np.array([1.5]), kwargs={"op": wrong_tanh})


def test_a_function_that_gives_something_else_says_so():
    with pytest.raises(TypeError, match="give Tensors, got str"):
        gradcheck(lambda x: (x, "more"), np.ones(2))
    assert gradcheck(lambda x: (x * x, None), np.ones(2))


def test_functions_that_differentiate_within():
    def penalty(x):
        (g,) = tc.autograd.grad((tc.sin(x) * x).sum(), x, create_graph=True)
        return (g * g).sum()

    assert gradcheck(penalty, np.array([0.5, 1.0]), order=2)
    assert gradcheck(tc.func.grad(lambda x: (tc.exp(x) * x).sum()), np.array([0.5, 1.0]))
    with pytest.raises(GradientError):
        gradcheck(lambda x: penalty(x) + wrong_tanh(x).sum(), np.array([0.5, 1.0]))
