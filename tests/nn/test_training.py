"""Networks in training follow PyTorch's losses from the same weights on the same batches."""

import numpy as np
import pytest

import tinygrad_course as tc

torch = pytest.importorskip("torch")


def _mlp(nn):
    return nn.Sequential(
        nn.Linear(10, 16),
        nn.BatchNorm1d(16),
        nn.Tanh(),
        nn.Linear(16, 16),
        nn.LayerNorm(16),
        nn.ReLU(),
        nn.Linear(16, 4),
    )


def _lenet(nn):
    """LeNet-5 (LeCun et al. 1998) with max-pooling, as it is usually written now."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


@pytest.mark.parametrize(("make", "shape", "classes", "lr"), [(_mlp, (10,), 4, 0.1), (_lenet, (1, 28, 28), 10, 0.05)])
def test_losses_are_pytorchs_for_50_steps(make, shape, classes, lr):
    torch.manual_seed(0)
    theirs = make(torch.nn).double()
    ours = make(tc.nn).double()
    ours.load_state_dict({name: x.numpy().copy() for name, x in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal((8, *shape)), rng.integers(classes, size=8)) for _ in range(5)]

    def run(lib, net, tensor):
        optimizer = lib.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=1e-3)
        criterion, losses = lib.nn.CrossEntropyLoss(), []
        for step in range(50):
            x, t = batches[step % 5]
            optimizer.zero_grad()
            loss = criterion(net(tensor(x)), tensor(t))
            loss.backward()
            lib.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            losses.append(loss.item())
        return losses

    mine, wanted = run(tc, ours, tc.tensor), run(torch, theirs, torch.tensor)
    np.testing.assert_allclose(mine, wanted, rtol=1e-8)
    assert wanted[-1] < 0.8 * wanted[0]
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values()):
        np.testing.assert_allclose(a.array, b.numpy(), rtol=1e-6, atol=1e-8, err_msg=name)
