"""With the same initial weights and batches, networks follow PyTorch's losses, step by step."""

import numpy as np
import pytest

import tinygrad_course as tc

STEPS = 50
BATCH = 16


def perceptron(nn):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def lenet(nn):
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


RULES = {
    "SGD": lambda optim, p: optim.SGD(p, lr=0.05, momentum=0.8, weight_decay=1e-4),
    "Adam": lambda optim, p: optim.Adam(p, lr=1e-3),
}


@pytest.fixture(scope="module")
def digits():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that these are the images that ship with the package
        data = tc.data.MNIST(train=True)
    x, t = data.tensors()
    order = np.random.default_rng(0).permutation(len(x))[: STEPS * BATCH]
    return x.double().numpy()[order], t.numpy()[order]


def losses(framework, model, optimizer, x, t):
    """The loss before each step."""
    found = []
    for i in range(0, len(x), BATCH):
        optimizer.zero_grad()
        images, labels = framework.from_numpy(x[i : i + BATCH]), framework.from_numpy(t[i : i + BATCH])
        loss = framework.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return np.array(found)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", [perceptron, lenet])
def test_fifty_steps(network, rule, digits):
    torch = pytest.importorskip("torch")
    x, t = digits
    tc.manual_seed(1)
    ours = network(tc.nn).double()
    theirs = network(torch.nn).double()
    theirs.load_state_dict({name: torch.from_numpy(p.numpy().copy()) for name, p in ours.state_dict().items()})
    found = losses(tc, ours, RULES[rule](tc.optim, ours.parameters()), x, t)
    expected = losses(torch, theirs, RULES[rule](torch.optim, theirs.parameters()), x, t)
    assert len(found) == STEPS
    assert found[-5:].mean() < 0.9 * found[0]  # it has learned something: the steps were not all zero
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)


def test_the_trainer_follows_too(digits):
    torch = pytest.importorskip("torch")
    x, t = digits
    tc.manual_seed(2)
    ours = perceptron(tc.nn).double()
    theirs = perceptron(torch.nn).double()
    theirs.load_state_dict({name: torch.from_numpy(p.numpy().copy()) for name, p in ours.state_dict().items()})
    found = []

    class Log(tc.training.Callback):
        def on_step_end(self, trainer):
            found.append(trainer.last_loss)

    trainer = tc.training.Trainer(
        ours, RULES["Adam"](tc.optim, ours.parameters()), tc.nn.CrossEntropyLoss(), callbacks=[Log()], progress=False
    )
    trainer.fit((x, t), epochs=1, batch_size=BATCH, shuffle=False)
    expected = losses(torch, theirs, RULES["Adam"](torch.optim, theirs.parameters()), x, t)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8)
