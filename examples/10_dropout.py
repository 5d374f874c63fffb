"""Chapter 10: dropout: both forms, on CIFAR-10.

    python examples/10_dropout.py [--root DIR] [--epochs N] [--out DIR] [--quick] [--seed N]

A small convolutional network is trained three times from the same weights on the same batches: without dropout, with
the lecture's form (in training remove nodes with probability p; in evaluation multiply by 1 - p), and with the inverted
form (in training scale what is left by 1 / (1 - p)). Reads CIFAR-10's binary files from --root; without them, the MNIST
subset that ships with the package.
"""

import sys

import common
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.training import Trainer, accuracy
from tinygrad_course.utils.data import DataLoader, TensorDataset

FORMS = {"without dropout": None, "the lecture's form": "evaluation", "inverted form": "training"}
BATCH = 64


def network(channels, size, scale, p=0.5):
    """Three convolutions with pooling and two linear layers; `scale` tells when dropout scales, None leaves it out."""
    layers = [
        nn.Conv2d(channels, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    ]  # fmt: skip
    if scale:
        layers.append(nn.Dropout(p, scale=scale))
    layers += [nn.Linear(64 * (size // 8) ** 2, 128), nn.ReLU()]
    if scale:
        layers.append(nn.Dropout(p / 2, scale=scale))
    return nn.Sequential(*layers, nn.Linear(128, 10))


def load(root, quick):
    """Training and test images, each channel with mean 0 and spread 1 over the training set, and their labels."""
    try:
        train, test = (tc.data.CIFAR10(root, train=part) for part in (True, False))
    except tc.data.DataFileError as error:
        print(f"{error}\nInstead: the subset of MNIST that ships with the package\n", file=sys.stderr)
        train, test = (tc.data.MNIST(train=part) for part in (True, False))
    (x, t), (x_test, t_test) = (data.tensors() for data in (train, test))
    mean, spread = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    x, x_test = ((v - mean) / spread for v in (x, x_test))
    if quick:
        x, t, x_test, t_test = x[:500], t[:500], x_test[:200], t_test[:200]
    return type(train).__name__, (x, t), (x_test, t_test)


def expectations(p=0.5, draws=10_000):
    """In both forms the mean over random masks is what evaluation gives: the largest difference, in standard errors."""
    x = tc.cat([tc.linspace(-2, -0.1, 5), tc.linspace(0.1, 2, 5)])
    found = {}
    for form, scale in FORMS.items():
        if scale:
            drop = nn.Dropout(p, scale=scale)
            drawn = drop(x.expand(draws, 10))
            expected = drop.eval()(x)
            found[form] = ((drawn.mean(0) - expected).abs() / (drawn.std(0) / draws**0.5)).max().item()
    return found


def train(form, data, test, epochs, seed):
    """Train with one form of dropout; the seed gives the same weights and batches in each."""
    tc.manual_seed(seed)
    model = network(data[0].shape[1], data[0].shape[2], FORMS[form])
    batches = DataLoader(TensorDataset(*data), BATCH, shuffle=True, generator=tc.Generator().manual_seed(seed))
    optimizer = optim.Adam(model.parameters())
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=epochs * len(batches))
    trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), metrics=[accuracy], scheduler=scheduler, schedule="step")
    print(f"\nTraining {form}: {sum(p.numel() for p in model.parameters()):,} parameters, {len(data[0]):,} images")
    return trainer.fit(batches, epochs, validation=test)


def draw(histories):
    """Loss in training and on the test set, and accuracy on the test set, of all forms."""
    figure, (left, right) = plotting.subplots(1, 2, 10, 4)
    for i, (form, history) in enumerate(histories.items()):
        epochs = range(1, history.epochs + 1)
        left.plot(epochs, history["loss"], color=f"C{i}")
        left.plot(epochs, history["val_loss"], "--", color=f"C{i}")
        right.plot(epochs, history["val_accuracy"], color=f"C{i}", label=f"{form}: {history['val_accuracy'][-1]:.1%}")
    for style, label in (("-", "training"), ("--", "test")):
        left.plot([], style, color="gray", label=label)
    left.set(title="Cross-entropy", xlabel="epoch", ylim=(0, None))
    right.set(title="Accuracy on the test images", xlabel="epoch")
    for axes in (left, right):
        axes.legend(fontsize=8, loc="lower left" if axes is left else "lower right")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def main():
    root = ("--root", {"help": "folder with CIFAR-10's binary files (default: $TINYGRAD_COURSE_DATA)"})
    args, report = common.start(__doc__, __file__, [root, ("--epochs", {"default": 20, "type": int})])
    dataset, data, test = load(args.root, args.quick)
    errors = expectations()
    epochs = 4 if args.quick else args.epochs
    histories = {form: train(form, data, test, epochs, args.seed) for form in FORMS}
    report.save(
        draw(histories), "10_dropout.png",
        "Left: without dropout the loss in training (solid) and on the test set (dashed) part: the network learns its "
        "training images by heart. Dropout holds them together. Right: what that does for the test images.",
    )  # fmt: skip
    report.claim("expectation", "in both forms the mean over masks is what evaluation gives, within 5 standard errors",
                 errors, max(errors.values()) < 5)  # fmt: skip
    shares = {form: history["val_accuracy"][-1] for form, history in histories.items()}
    worse, *better = shares.values()
    report.claim("dropout", f"dropout raises the accuracy on {dataset}'s test images", shares, worse < min(better))
    gaps = {form: history["val_loss"][-1] - history["loss"][-1] for form, history in histories.items()}
    wide, *narrow = gaps.values()
    report.claim("overfitting", "dropout narrows the gap between test and training loss", gaps, wide > max(narrow))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
