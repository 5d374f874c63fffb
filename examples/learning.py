"""What the chapters that train share: digits, perceptrons, a pass of training, sweeps over a setting, its costs."""

import itertools
import time
import warnings

import common
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim

MNIST_ROOT = ("--root", {"help": "folder with MNIST's files (default: $TINYGRAD_COURSE_DATA, else the subset)"})


def digits(root, count, test=1000):
    """Of MNIST `count` images to train on and `test` others, pixels between 0 and 1, each with their labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the subset that ships with the package is enough here
        parts = [tc.data.MNIST(root, train=train).tensors() for train in (True, False)]
    return [(x[:n], t[:n]) for (x, t), n in zip(parts, (count, test), strict=True)]


def standardized(images):
    """The same with mean 0 and spread 1 over MNIST's training set."""
    return (images - 0.1307) / 0.3081


def perceptron(sizes, activation=nn.Tanh, rule=nn.init.fan_in_uniform_):
    """Linear layers of these sizes with activations between, started by a rule of chapter 11."""
    layers = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), activation()]
    model = nn.Sequential(*layers[:-1])  # no activation behind the last
    for layer in model[::2]:
        rule(layer.weight, layer.bias)
    return model


def with_sgd(model, lr, weight_decay=0.0):
    """A model, and an optimizer of it: descent with momentum 0.8, w ← w - η(∂E/∂w + λw)."""
    return model, optim.SGD(model.parameters(), lr=lr, momentum=0.8, weight_decay=weight_decay)


def train_epoch(model, optimizer, x, t, size):
    """Descend on the cross-entropy: one pass over the samples in random order, `size` of them for each update."""
    model.train()
    for part in tc.randperm(len(x)).split(size):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[part]), t[part]).backward()
        optimizer.step()


def wrong(model, x, t):
    """The share of samples that are named wrongly, in %."""
    model.eval()
    with tc.no_grad():
        return 100 * (model(x).argmax(1) != t).double().mean().item()


def sweep(values, build, data, label, *, epochs, size, starts, seed):
    """Train the model and optimizer that `build(value)` gives, for each value, from every start.

    Args:
        data: the samples and labels to train on, then those to test on, of one kind or of several.

    Returns:
        A tensor (values, starts, parts of the data) of errors in %, and the last model of each value.
    """
    errors, models = {value: [] for value in values}, {}
    for start, value in (bar := common.progress([(s, v) for s in range(starts) for v in values], label)):
        tc.manual_seed(seed + start)
        models[value], optimizer = build(value)
        for _ in range(epochs):
            train_epoch(models[value], optimizer, *data[0], size)
        errors[value].append([wrong(models[value], *part) for part in data])
        bar.note = f"{value}: {errors[value][-1][-1]:.1f} % wrong in the test"
    return tc.tensor(list(errors.values()), dtype=tc.float64), models


def draw_sweep(axes, places, errors, title, label):
    """What `sweep` found: the errors in the last test and in training."""
    for part, color, name in ((-1, "tab:red", "test"), (0, "tab:blue", "training")):
        plotting.draw_band(axes, places, errors[:, :, part], color, name, marker="o", ms=3)
    axes.set(title=title, xlabel=label)


def loss_by_size(errors):
    """By how much % the largest network errs more in the last test than the best one: the mean, its standard error."""
    test = errors[:, :, -1]
    rise = test[-1] - test[test.mean(1).argmin().item()]
    return rise.mean().item(), rise.std().item() / len(rise) ** 0.5


class Log:
    """The error on the way down, in rows of what was spent until then, seconds, and the error. Looking is free."""

    def __init__(self, error):
        self.error, self.rows, self.seconds, self.begun = error, [], 0.0, time.perf_counter()

    def look(self, *spent):
        """Add a row; `spent` are the costs that the caller counts."""
        self.seconds += time.perf_counter() - self.begun
        with tc.no_grad():
            self.rows.append((*spent, self.seconds, self.error().item()))
        self.begun = time.perf_counter()

    def plot(self, axes, column, color, label):
        """The lowest error so far against a column of the rows, and, faint, the error itself."""
        costs, errors = [row[column] for row in self.rows[1:]], [row[-1] for row in self.rows[1:]]
        axes.plot(costs, errors, lw=0.8, alpha=0.35, color=color)
        axes.plot(costs, list(itertools.accumulate(errors, min)), lw=1.4, color=color, label=label)
        axes.set(xscale="log", yscale="log")
        axes.grid(alpha=0.3)
