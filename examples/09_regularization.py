"""Chapter 9: regularization: L2, corrupted input, sparsity by ReLU, and weight matrices of low rank.

    python examples/09_regularization.py [--out DIR] [--quick] [--seed N]

A network with 100 hidden units learns few digits of MNIST, so that it can learn them by heart. Does the lecture's
medicine lower the error on digits that it has not seen, and how much of it is right? Each setting is trained from
several starts, the same for all. The right strength is chosen on validation digits and judged on test digits.
"""

import sys
import warnings

import common

import tinygrad_course as tc
from tinygrad_course import nn, optim

HIDDEN = 100
L2 = (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
NOISE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
RANKS = (1, 2, 4, 8, 16, 32)
HIDDEN_KINDS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "ReLU": nn.ReLU}


def network(activation=nn.ReLU, rank=None, noise=0.0):
    """784 pixels, 100 hidden units, 10 classes; of low rank, or with noise on the pixels in training."""
    first = nn.Linear(784, HIDDEN) if rank is None else nn.LowRankLinear(784, HIDDEN, rank)
    return nn.Sequential(nn.GaussianNoise(noise), first, activation(), nn.Linear(HIDDEN, 10))


def train(model, data, epochs, weight_decay=0.0):
    """SGD with momentum, w ← w - η(∂E/∂w + λw); return the share of wrong digits: training, validation, test."""
    x, t = data[0]
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.8, weight_decay=weight_decay)
    model.train()
    for _ in range(epochs):
        for part in tc.randperm(len(x)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[part]), t[part]).backward()
            optimizer.step()
    model.eval()
    return tuple(wrong(model, *part) for part in data)


def wrong(model, x, t):
    """The share of digits that are named wrongly."""
    with tc.no_grad():
        return (model(x).argmax(1) != t).double().mean().item()


def sweep(values, build, data, epochs, starts, seed, label):
    """Train `build(value) -> (model, weight decay)` from every start.

    Returns:
        For each value the errors (training, validation, test) of all starts, and the last model.
    """
    errors, models = {value: [] for value in values}, {}
    for start, value in (bar := common.progress([(s, v) for s in range(starts) for v in values], label)):
        tc.manual_seed(seed + start)
        models[value], weight_decay = build(value)
        errors[value].append(train(models[value], data, epochs, weight_decay))
        bar.note = f"{value}: test error {errors[value][-1][2]:.1%}"
    return errors, models


def mean(errors, part):
    """The mean over the starts of the training (0), validation (1) or test (2) error, by value."""
    return {value: sum(e[part] for e in found) / len(found) for value, found in errors.items()}


def silent(model, x):
    """Of the hidden units: the mean share that is (almost) 0 for a digit, and the share that is so for all digits."""
    with tc.no_grad():
        off = (model[:3](x).abs() < 1e-3).double()
    return off.mean().item(), (off.mean(0) == 1).double().mean().item()


def gain(errors):
    """What the strength that is best on validation digits gains on test digits, with its standard error."""
    chosen = mean(errors, 1)
    best = min(chosen, key=chosen.get)
    gains = tc.tensor([a[2] - b[2] for a, b in zip(errors[0.0], errors[best], strict=True)])
    return {"strength": best, "gain": gains.mean().item(), "standard error": gains.std().item() / len(gains) ** 0.5}


def draw_sweep(axes, errors, title, label, places=None):
    """Test and training error against the strength; the bars reach from the worst start to the best."""
    places = list(errors) if places is None else places
    for part, colour, name in ((2, "tab:red", "test"), (0, "tab:blue", "training")):
        low, high = ([100 * end(e[part] for e in found) for found in errors.values()] for end in (min, max))
        middle = [100 * m for m in mean(errors, part).values()]
        axes.fill_between(places, low, high, color=colour, alpha=0.2)
        axes.plot(places, middle, "o-", ms=3, color=colour, label=name)
    axes.set(title=title, xlabel=label)
    axes.grid(alpha=0.3)


def main():
    args, report = common.start(__doc__, __file__)
    count, epochs, starts = (200, 8, 2) if args.quick else (500, 40, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the subset that ships with the package is enough here
        (x, t), (x_test, t_test) = (tc.data.MNIST(train=train).tensors() for train in (True, False))
    x, x_test = ((v.flatten(1) - 0.1307) / 0.3081 for v in (x[:count], x_test[:1000]))
    data = (x, t[:count]), (x_test[::2], t_test[:1000:2]), (x_test[1::2], t_test[1:1000:2])
    common_settings = data, epochs, starts, args.seed
    l2, _ = sweep(L2, lambda v: (network(), v), *common_settings, "L2")
    noise, _ = sweep(NOISE, lambda v: (network(noise=v), 0.0), *common_settings, "noise")
    ranks, low = sweep(RANKS, lambda v: (network(rank=v), 0.0), *common_settings, "rank")
    kinds, models = sweep(HIDDEN_KINDS, lambda v: (network(HIDDEN_KINDS[v]), 0.0), *common_settings, "activation")
    size = {rank: sum(p.numel() for p in model[1].parameters()) for rank, model in low.items()}
    full = sum(p.numel() for p in models["ReLU"][1].parameters())
    off = {name: silent(model, x_test) for name, model in models.items()}

    figure = common.new_figure(13, 3.8)
    first, second, third, fourth = figure.subplots(1, 4)
    draw_sweep(first, l2, "L2", "λ (0 at the left edge)", [max(v, 3e-4) for v in L2])
    first.set(xscale="log", ylabel="wrong digits, %")
    first.sharey(second)
    draw_sweep(second, noise, "Corrupted input", "standard deviation of the noise")
    draw_sweep(third, ranks, "Low rank", "parameters of the first layer", list(size.values()))
    for rank, place in size.items():
        third.annotate(f"K={rank}", (place, 100 * mean(ranks, 2)[rank]), (0, 7), textcoords="offset points", fontsize=7)
    third.axhline(100 * mean(kinds, 2)["ReLU"], color="tab:red", ls=":", label="test, full rank")
    third.set(xscale="log")
    bars = fourth.bar(list(off), [100 * share for share, _ in off.values()], color="tab:gray")
    fourth.bar_label(bars, fmt="%.1f")
    fourth.set(title="Sparsity", ylabel="silent hidden units per digit, %", ylim=(0, 100))
    common.one_legend(figure)
    report.save(
        figure, "09_regularization.png",
        f"{count} training digits, {starts} starts (shaded: best to worst). From the left: error "
        "against the strength of L2; against the noise on the input; against the parameters of W = UV of rank K, with "
        "the full matrix dotted; and how many hidden units are silent (below 0.001) for a digit.",
    )  # fmt: skip

    print()
    for name, text, errors in (("l2", "L2", l2), ("noise", "corrupted input", noise)):
        found = gain(errors)
        text = f"{text} lowers the error on unseen digits (by more than two standard errors)"
        report.claim(name, text, found, found["gain"] > 2 * found["standard error"])
    test, plain = mean(ranks, 2), mean(kinds, 2)["ReLU"]
    known, known_plain = mean(ranks, 1), mean(kinds, 1)["ReLU"]
    good = next((rank for rank in RANKS if known[rank] <= known_plain + 0.01), RANKS[-1])
    numbers = {"rank": good, "error": test[good], "full error": plain, "parameters": size[good] / full}
    text = "a weight matrix of low rank does as well (within 1 %) with less than half of the parameters"
    report.claim("low rank", text, numbers, test[good] <= plain + 0.01 and size[good] < full / 2)
    shares = {name: share for name, (share, _) in off.items()} | {"ReLU, for all digits": off["ReLU"][1]}
    text = "ReLU makes the hidden layer sparse (share of units that are silent for a digit), tanh and sigmoid do not"
    report.claim("sparsity", text, shares, off["ReLU"][0] > 0.1 and max(off["tanh"][0], off["sigmoid"][0]) < 0.01)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
