"""Operations that users write as `autograd.Function`."""

import gc
import weakref

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.autograd.function import once_differentiable


def leaf(*values):
    return tc.tensor(list(values), dtype=tc.float64, requires_grad=True)


class Cube(tc.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3.0 * x * x


class Exp(tc.autograd.Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx, x):
        y = np.exp(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class SinByContext(tc.autograd.Function):
    """The style with setup_context; saves a value that is neither input nor output."""

    @staticmethod
    def forward(x, factor):
        return np.sin(x) * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.factor = inputs
        ctx.save_for_backward(x, np.cos(x))

    @staticmethod
    def backward(ctx, g):
        x, _cos = ctx.saved_tensors
        return g * np.cos(x) * ctx.factor, None


@pytest.mark.parametrize(
    ("call", "derivatives"),
    [
        (Cube.apply, [lambda x: 3 * x**2, lambda x: 6 * x, lambda x: 6 + 0 * x]),
        (Exp.apply, [np.exp] * 3),
        (
            lambda x: SinByContext.apply(x, 2.0),
            [lambda x: 2 * np.cos(x), lambda x: -2 * np.sin(x), lambda x: -2 * np.cos(x)],
        ),
    ],
)
def test_derivatives_of_every_order(call, derivatives):
    at = np.array([0.3, -1.2])
    x = tc.tensor(at, requires_grad=True)
    ones = tc.ones(2, dtype=tc.float64)
    y = call(x)
    y.backward(ones, retain_graph=True)
    np.testing.assert_allclose(x.grad.array, derivatives[0](at), rtol=1e-12)
    for derivative in derivatives:
        (y,) = tc.autograd.grad(y, x, ones, create_graph=True)
        np.testing.assert_allclose(y.array, derivative(at), rtol=1e-12)


def test_several_outputs_other_arguments_and_needs_input_grad():
    seen = {}

    class Split(tc.autograd.Function):
        @staticmethod
        def forward(ctx, a, name, b, *, scale):
            ctx.scale = scale
            seen["name"], seen["needs"] = name, ctx.needs_input_grad
            return a * scale, "text", b * a

        @staticmethod
        def backward(ctx, ga, gtext, gb):
            seen["grads"] = (ga.tolist(), gtext, gb.tolist())
            return ga * ctx.scale, None, gb

    class Plain(tc.autograd.Function):
        @staticmethod
        def forward(ctx, a, name, b):
            return a * 2.0, b * 3.0

        @staticmethod
        def backward(ctx, ga, gb):
            return ga * 2.0, None, gb * 3.0

    a, b = leaf(1.0, 2.0), tc.tensor([5.0, 6.0], dtype=tc.float64)
    p, q = Plain.apply(a, "x", b)
    (p * q).backward(tc.tensor([1.0, 1.0]))
    assert a.grad.tolist() == [30.0, 36.0]
    outs = Split.apply(a, "n", b, scale=4.0)
    assert outs[1] == "text" and seen["name"] == "n" and seen["needs"] == (True, False, False)
    assert outs[0].tolist() == [4.0, 8.0] and outs[2].requires_grad


def test_outputs_that_nothing_depends_on_give_zeros_or_none():
    seen = []

    def make(materialize):
        class Two(tc.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(materialize)
                return x * 2.0, x * 3.0

            @staticmethod
            def backward(ctx, g, h):
                seen.append(h if h is None else h.tolist())
                return g * 2.0

        return Two

    x = leaf(1.0)
    for materialize in (True, False):
        make(materialize).apply(x)[0].backward()
    assert seen == [[0.0], None] and x.grad.item() == 4.0


def test_non_differentiable_outputs():
    class Sort(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            order = tc.tensor(np.argsort(x.array))
            y = tc.tensor(np.sort(x.array))
            mask = x * 0.0
            ctx.mark_non_differentiable(order, mask)
            ctx.save_for_backward(order)
            return y, order, mask

        @staticmethod
        def backward(ctx, g, _order, _mask):
            (order,) = ctx.saved_tensors
            out = np.empty(g.shape)
            out[order.array] = g.detach().array
            return tc.tensor(out)

    x = leaf(3.0, 1.0, 2.0)
    y, order, mask = Sort.apply(x)
    assert not order.requires_grad and not mask.requires_grad and y.requires_grad
    y.backward(tc.tensor([1.0, 10.0, 100.0]))
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_backward_is_not_recorded_unless_asked():
    seen = []

    class Spy(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            seen.append(tc.is_grad_enabled())
            return x * 1.0

        @staticmethod
        def backward(ctx, g):
            seen.append((tc.is_grad_enabled(), type(g) is tc.Tensor, (g * ctx.saved_tensors[0]).requires_grad))
            return g

    x = leaf(1.0)
    Spy.apply(x).backward()
    Spy.apply(x).backward(create_graph=True)
    assert seen == [False, (False, True, False), False, (True, True, True)]


def test_a_gradient_of_a_repeated_argument_is_summed_as_pytorch_does():
    class Bias(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x, b):
            return x + b

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, b = tc.ones(4, 3, dtype=tc.float64), leaf(1.0, 2.0, 3.0)
    Bias.apply(x, b).backward(tc.ones(4, 3, dtype=tc.float64))
    assert b.grad.tolist() == [4.0, 4.0, 4.0]


def returning(result, arguments=2):
    class Returns(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x, other):
            return x * 1.0

        @staticmethod
        def backward(ctx, g):
            return result(g)

    return Returns


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda g: g, "Returns.backward: returned 1 gradients for 2 arguments"),
        (lambda g: (g, g), "Returns.backward: returned a gradient for argument 1, which is no Tensor"),
        (
            lambda g: (tc.ones(3), None),
            r"Returns.backward: .* of shape \(3,\) for argument 0 of shape \(2,\)",
        ),
        (lambda g: (tc.tensor(1.0), None), r"Returns.backward: returned a gradient of shape \(\) for argument 0"),
    ],
)
def test_wrong_returns_are_named(result, message):
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=message):
        returning(result).apply(x, "other").backward(tc.tensor([1.0, 1.0]))
    assert x.grad is None


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="expected a Tensor or None for argument 0, got float"):
        returning(lambda g: (1.0, None)).apply(leaf(1.0), "other").backward()

    class Number(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3.0

    with pytest.raises(TypeError, match="Number: forward must return a Tensor"):
        Number.apply(leaf(1.0))
    with pytest.raises(RuntimeError, match=r"call Number\.apply"):
        Number()


def test_trailing_nones_and_a_missing_backward():
    returning(lambda g: (g, None, None)).apply(leaf(1.0), "other").backward()

    class Only(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1.0

    with pytest.raises(NotImplementedError, match="define a static method backward"):
        Only.apply(leaf(1.0)).backward()


def test_context_methods_check_what_they_get():
    class Saves(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(3.0)
            return x

    class Dirty(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x

    class Early(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return ctx.saved_tensors[0]

    for function, error, message in (
        (Saves, TypeError, "save_for_backward: expected Tensors"),
        (Dirty, NotImplementedError, "mark_dirty"),
        (Early, RuntimeError, "only available while backward runs"),
    ):
        with pytest.raises(error, match=message):
            function.apply(leaf(1.0))


@pytest.mark.parametrize("function", [Cube, Exp])
def test_a_saved_value_overwritten_since_is_an_error(function):
    x = leaf(1.0, 2.0)
    h = x * 1.0
    y = function.apply(h)
    saved = (h if function is Cube else y).array
    saved[0] = 5.0
    from tinygrad_course.overwrites import mark_overwritten

    mark_overwritten(saved)
    with pytest.raises(RuntimeError, match=f"{function.__name__}.*overwritten in place"):
        y.backward(tc.tensor([1.0, 1.0]))


def test_saved_values_are_freed_by_backward():
    class Saves(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            between = np.sin(x)
            refs.append(weakref.ref(between.array))
            ctx.save_for_backward(between, None)
            return between * between

        @staticmethod
        def backward(ctx, g):
            between, nothing = ctx.saved_tensors
            assert nothing is None
            return g * between * 2.0

    refs = []
    x = tc.tensor(np.ones(10_000), requires_grad=True)
    y = Saves.apply(x)
    assert refs[0]() is not None
    y.backward(tc.ones(10_000, dtype=tc.float64))
    assert refs[0]() is None
    with pytest.raises(RuntimeError, match="freed"):
        y.backward(tc.ones(10_000, dtype=tc.float64))
    gc.collect()
    gc.disable()
    try:
        Saves.apply(x).backward(tc.ones(10_000, dtype=tc.float64))
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_once_differentiable():
    class Once(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not tc.is_grad_enabled()
            return g * 2.0 * ctx.saved_tensors[0]

    x = leaf(3.0)
    (g,) = tc.autograd.grad(Once.apply(x), x, create_graph=True)
    assert g.item() == 6.0
    with pytest.raises(RuntimeError, match="differentiable once only"):
        tc.autograd.grad(g, x)


def test_gradients_flow_to_parameters_saved_from_elsewhere():
    w = leaf(5.0)

    class Uses(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, w)
            return x * x

        @staticmethod
        def backward(ctx, g):
            x, weight = ctx.saved_tensors
            return g * 2.0 * x * weight

    x = leaf(3.0)
    (g,) = tc.autograd.grad(Uses.apply(x), x, create_graph=True)
    assert tc.autograd.grad(g, w)[0].item() == 6.0


def test_without_gradients_nothing_is_recorded():
    assert not Cube.apply(tc.tensor([1.0])).requires_grad
    with tc.no_grad():
        assert not Cube.apply(leaf(1.0)).requires_grad


def test_in_the_graph_it_is_seen_by_its_name():
    assert repr(Cube.apply(leaf(1.0)).grad_fn).startswith("<Cube #")
