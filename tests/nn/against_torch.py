"""Compare a module with PyTorch's of the same arguments: values, gradients, state, in training and evaluation."""

import numpy as np
import pytest

import tinygrad_course as tc


def compare(make, *inputs, rtol=1e-9, atol=1e-10, training=True):
    """Build `make(nn)` of both, copy PyTorch's state, and compare what they give for the inputs."""
    torch = pytest.importorskip("torch")
    theirs = make(torch.nn).double().train(training)
    _spread(theirs, torch)
    ours = make(tc.nn).double().train(training)
    ours.load_state_dict({name: x.numpy().copy() for name, x in theirs.state_dict().items()})
    xs = [tc.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    ts = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    y, t = ours(*xs), theirs(*ts)
    assert tuple(y.shape) == tuple(t.shape)
    np.testing.assert_allclose(y.detach().array, t.detach().numpy(), rtol=rtol, atol=atol)
    if t.requires_grad:
        v = np.random.default_rng(5).standard_normal(tuple(t.shape))
        y.backward(tc.tensor(v))
        t.backward(torch.tensor(v))
        pairs = [(f"input {i}", a, b) for i, (a, b) in enumerate(zip(xs, ts)) if b.requires_grad]
        pairs += [(n, a, b) for (n, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters())]
        for name, a, b in pairs:
            wanted = np.zeros(tuple(b.shape)) if b.grad is None else b.grad.numpy()
            got = np.zeros(tuple(b.shape)) if a.grad is None else a.grad.array
            np.testing.assert_allclose(got, wanted, rtol=rtol, atol=atol, err_msg=f"gradient of {name}")
    for (name, a), (_, b) in zip(ours.named_buffers(), theirs.named_buffers()):
        np.testing.assert_allclose(a.array, b.numpy(), rtol=rtol, atol=atol, err_msg=f"buffer {name}")
    return ours


def _spread(module, torch):
    """Give parameters and statistics values that tell them apart: affine ones start as 1 and 0."""
    g = torch.Generator().manual_seed(1)
    given = {"weight", "pos_weight"} & {name for name, _ in module.named_buffers()}
    for name, x in module.state_dict().items():
        if x.is_floating_point() and name not in given:  # weights given to a loss stay
            noise = torch.rand(x.shape, generator=g, dtype=x.dtype)
            x.copy_(0.5 + noise if name.endswith("var") else noise - 0.4)


def arrays(draw, shape, low=-2.0, high=2.0):
    """Values that are all different, so that no maximum is a tie, in a random order."""
    from hypothesis import strategies as st

    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    n = int(np.prod(shape))
    values = np.linspace(low, high, n + 1)[:-1] + (high - low) / (2.9 * n + 1)
    return rng.permutation(values).reshape(shape)
