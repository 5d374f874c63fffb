"""Chapter 10: dropout in a plain loop: a multilayer perceptron on MNIST.

    python examples/10_mnist_mlp.py [--root DIR] [--epochs N] [--out DIR] [--quick] [--seed N]

784 - 256 - 128 - 10 units, ReLU, dropout with p = 0.3, written as a plain loop: what `Trainer` does in the other
examples, step by step. Reads MNIST's files from --root; without them, the small subset that ships with the package.
"""

import sys

import common
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.utils.data import DataLoader, TensorDataset


def perceptron():
    """The network; dropout removes hidden units only."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10),
    )  # fmt: skip


def load(root, train, quick):
    """Images with mean 0 and spread 1 over MNIST's training set, and labels."""
    x, t = tc.data.MNIST(root, train=train).tensors()
    count = 500 if quick else len(x)
    return (x[:count] - 0.1307) / 0.3081, t[:count]


def evaluate(model, x, t):
    """Mean cross-entropy and share of right answers, in evaluation mode: nothing is removed."""
    model.eval()
    with tc.no_grad():
        output = model(x)
        loss = nn.functional.cross_entropy(output, t).item()
        right = (output.argmax(1) == t).double().mean().item()
    model.train()
    return loss, right


def main():
    root = ("--root", {"help": "folder with MNIST's files (default: $TINYGRAD_COURSE_DATA, else the subset)"})
    args, report = common.start(__doc__, __file__, [root, ("--epochs", {"default": 15, "type": int})])
    epochs = 6 if args.quick else args.epochs
    x, t = load(args.root, True, args.quick)
    x_test, t_test = load(args.root, False, args.quick)
    model = perceptron()
    loader = DataLoader(TensorDataset(x, t), batch_size=64, shuffle=True)
    optimizer = optim.Adam(model.parameters())
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=epochs * len(loader))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(x):,} training images")
    curve, test_curve, rights = [], [], []
    for epoch in range(1, epochs + 1):
        total = 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(images)
        test_loss, right = evaluate(model, x_test, t_test)
        print(f"epoch {epoch:2d}/{epochs}   loss {total / len(x):.4f}   test loss {test_loss:.4f}   right {right:.2%}")
        curve.append(total / len(x))
        test_curve.append(test_loss)
        rights.append(right)

    figure, (left, right) = plotting.subplots(1, 2, 9, 3.4)
    left.plot(range(1, epochs + 1), curve, label="training, with dropout")
    left.plot(range(1, epochs + 1), test_curve, "--", color="C0", label="test, without")
    left.set(title="Cross-entropy", xlabel="epoch", ylim=(0, None))
    left.legend()
    right.plot(range(1, epochs + 1), rights)
    right.set(title=f"Test digits named correctly: {rights[-1]:.2%}", xlabel="epoch")
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
    report.save(
        figure, "10_mnist_mlp.png",
        "Loss and accuracy of a perceptron with dropout. The training loss is measured while units are removed, so at "
        "first it lies above that of the test set.",
    )  # fmt: skip
    report.claim("accuracy", f"the perceptron with dropout names 96 % of {len(t_test):,} test digits", rights[-1],
                 rights[-1] >= 0.96)  # fmt: skip
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
