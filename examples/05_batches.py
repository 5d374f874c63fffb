"""Chapter 5: batch, stochastic, mini-batch: the error is accumulated over all samples, over one, or over M.

    python examples/05_batches.py [--out DIR] [--quick] [--seed N]

One network, one start, plain gradient descent on MNIST's digits. Only the number of samples per update differs, and
with it the learning rate, since a mean over few samples is noisy and allows only small steps. The training error is
drawn against what has been spent: passes over the data (epochs), updates of the weights, and seconds.
"""

import sys

import common
import learning
import plotting

from tinygrad_course import nn, optim
from tinygrad_course.data import DataLoader, TensorDataset

GOAL = 0.3  # the cross-entropy that each should reach
COLOURS = {"batch": "tab:blue", "mini-batch": "tab:green", "stochastic": "tab:red"}


def network():
    """28×28 pixels, 32 tanh units, 10 classes."""
    return nn.Sequential(nn.Linear(784, 32), nn.Tanh(), nn.Linear(32, 10))


def descend(model, x, t, size, lr, epochs, watch, label):
    """Train with `size` samples per update. Every `watch` updates look at the error over all samples.

    Returns:
        The log of it, with rows (epochs, updates, seconds, error).
    """
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=lr)
    loader = DataLoader(TensorDataset(x, t), batch_size=size, shuffle=True)
    log, updates = learning.Log(lambda: criterion(model(x), t)), 0
    log.look(0.0, 0)
    for _ in (bar := common.progress(epochs, label)):
        for inputs, classes in loader:
            optimizer.zero_grad()
            criterion(model(inputs), classes).backward()
            optimizer.step()
            updates += 1
            if updates % watch == 0:
                log.look(updates * size / len(x), updates)
        bar.note = f"cross-entropy {log.rows[-1][-1]:.4f}"
        if log.rows[-1][-1] < GOAL / 2:
            break
    return log


def spent_until(rows, goal):
    """(epochs, updates, seconds) when the error first is below the goal; infinite if it never is."""
    return next((row[:3] for row in rows if row[3] <= goal), (float("inf"),) * 3)


def draw(found):
    """The error against each of the three costs."""
    labels = ("epochs (passes over the data)", "updates of the weights", "seconds")
    figure, places = plotting.subplots(1, 3, 12, 4, sharey=True)
    for column, axes in enumerate(places):
        for label, log in found.items():
            log.plot(axes, column, COLOURS[label], label)
        axes.axhline(GOAL, color="black", lw=0.8, ls=":", label="the goal")
        axes.set(xlabel=labels[column])
    places[0].set_ylabel("cross-entropy, all training samples")
    plotting.one_legend(figure)
    return figure


def main():
    args, report = common.start(__doc__, __file__)
    count = 500 if args.quick else 2000
    (x, t), _ = learning.digits(None, count)
    x = learning.standardized(x.flatten(1))
    start = network().state_dict()
    # Samples per update, learning rate (for each the best of 2, 1, 0.5, 0.2 … 0.005), passes at most, updates per look.
    settings = {"batch": (count, 1.0, 200, 1), "mini-batch": (32, 0.2, 20, 5), "stochastic": (1, 0.01, 5, 50)}
    found = {}
    for label, (size, lr, epochs, watch) in settings.items():
        model = network()
        model.load_state_dict(start)
        found[label] = descend(model, x, t, size, lr, epochs, watch, label)
    costs = {label: spent_until(log.rows, GOAL) for label, log in found.items()}
    print(f"\nUntil the cross-entropy is {GOAL}:")
    for label, (epochs, updates, seconds) in costs.items():
        print(f"  {label:11s} {epochs:8.2f} epochs {updates:8.0f} updates {seconds:8.3f} s")

    report.save(draw(found), "05_batches.png", "One problem, three ways to accumulate the error, and three ways to "
                "count the cost: the lowest error so far, and, faint, the error itself. A pass over the data teaches "
                "most if it is cut into many updates; an update is best if it has seen all samples; mini-batches are "
                "the bargain between the two, as NumPy works through 32 samples almost as quickly as through one."
                )  # fmt: skip

    epochs, updates, seconds = ({k: v[i] for k, v in costs.items()} for i in range(3))
    order = epochs["stochastic"] < epochs["mini-batch"] < epochs["batch"]
    text = f"the smaller the batch, the fewer passes over the data are needed (to {GOAL})"
    report.claim("epochs", text, epochs, order)
    order = updates["batch"] < updates["mini-batch"] < updates["stochastic"]
    report.claim("updates", "the larger the batch, the fewer updates are needed", updates, order)
    fastest = seconds["mini-batch"] < min(seconds["batch"], seconds["stochastic"])
    report.claim("seconds", "mini-batches reach it in the shortest time", seconds, fastest)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
