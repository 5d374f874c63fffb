"""Chapter 9: regularization: L2, corrupted input, sparsity by ReLU, and weight matrices of low rank.

    python examples/09_regularization.py [--out DIR] [--quick] [--seed N]

A network with 100 hidden units learns few digits of MNIST, so that it can learn them by heart. Does the lecture's
medicine lower the error on digits that it has not seen, and how much of it is right? Each setting is trained from
several starts, the same for all. The right strength is chosen on validation digits and judged on test digits.
"""

import sys

import common
import learning
import plotting

import tinygrad_course as tc
from tinygrad_course import nn

HIDDEN, LR = 100, 0.05
L2 = (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
NOISE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
RANKS = (1, 2, 4, 8, 16, 32)
HIDDEN_KINDS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "ReLU": nn.ReLU}


def network(activation=nn.ReLU, rank=None, noise=0.0):
    """784 pixels, 100 hidden units, 10 classes; of low rank, or with noise on the pixels in training."""
    first = nn.Linear(784, HIDDEN) if rank is None else nn.LowRankLinear(784, HIDDEN, rank)
    return nn.Sequential(nn.GaussianNoise(noise), first, activation(), nn.Linear(HIDDEN, 10))


def silent(model, x):
    """Of the hidden units: the mean share that is (almost) 0 for a digit, and the share that is so for all digits."""
    with tc.no_grad():
        off = (model[:3](x).abs() < 1e-3).double()
    return off.mean().item(), (off.mean(0) == 1).double().mean().item()


def gain(strengths, errors):
    """What the strength that is best on validation digits gains on test digits, in %, with its standard error."""
    best = errors[:, :, 1].mean(1).argmin().item()
    gains = errors[0, :, 2] - errors[best, :, 2]
    return {"strength": strengths[best], "gain": gains.mean().item(),
            "standard error": gains.std().item() / len(gains) ** 0.5}  # fmt: skip


def main():
    args, report = common.start(__doc__, __file__)
    count, epochs, starts = (200, 8, 2) if args.quick else (500, 40, 5)
    (x, t), (x_test, t_test) = learning.digits(None, count)
    x, x_test = (learning.standardized(v.flatten(1)) for v in (x, x_test))
    data = (x, t), (x_test[::2], t_test[::2]), (x_test[1::2], t_test[1::2])  # training, validation, test
    settings = {"epochs": epochs, "size": 50, "starts": starts, "seed": args.seed}

    def sweep(values, build, label):
        return learning.sweep(values, lambda v: learning.with_sgd(*build(v)), data, label, **settings)

    l2, _ = sweep(L2, lambda v: (network(), LR, v), "L2")
    noise, _ = sweep(NOISE, lambda v: (network(noise=v), LR), "noise")
    ranks, low = sweep(RANKS, lambda v: (network(rank=v), LR), "rank")
    kinds, models = sweep(HIDDEN_KINDS, lambda v: (network(HIDDEN_KINDS[v]), LR), "activation")
    size = [sum(p.numel() for p in model[1].parameters()) for model in low.values()]
    full = sum(p.numel() for p in models["ReLU"][1].parameters())
    off = {name: silent(model, x_test) for name, model in models.items()}

    plain = list(HIDDEN_KINDS).index("ReLU")
    _, known, test = ranks.mean(1).T.tolist()
    _, known_full, test_full = kinds[plain].mean(0).tolist()
    figure, (first, second, third, fourth) = plotting.subplots(1, 4, 13, 3.8)
    learning.draw_sweep(first, [max(v, 3e-4) for v in L2], l2, "L2", "λ (0 at the left edge)")
    first.set(xscale="log", ylabel="wrong digits, %")
    first.sharey(second)
    learning.draw_sweep(second, NOISE, noise, "Corrupted input", "standard deviation of the noise")
    learning.draw_sweep(third, size, ranks, "Low rank", "parameters of the first layer")
    for rank, place, error in zip(RANKS, size, test, strict=True):
        third.annotate(f"K={rank}", (place, error), (0, 7), textcoords="offset points", fontsize=7)
    third.axhline(test_full, color="tab:red", ls=":", label="test, full rank")
    third.set(xscale="log")
    bars = fourth.bar(list(off), [100 * share for share, _ in off.values()], color="tab:gray")
    fourth.bar_label(bars, fmt="%.1f")
    fourth.set(title="Sparsity", ylabel="silent hidden units per digit, %", ylim=(0, 100))
    plotting.one_legend(figure)
    report.save(
        figure, "09_regularization.png",
        f"{count} training digits, {starts} starts (shaded: best to worst). From the left: error "
        "against the strength of L2; against the noise on the input; against the parameters of W = UV of rank K, with "
        "the full matrix dotted; and how many hidden units are silent (below 0.001) for a digit.",
    )  # fmt: skip

    for name, text, found in (("l2", "L2", gain(L2, l2)), ("noise", "corrupted input", gain(NOISE, noise))):
        text = f"{text} lowers the error on unseen digits (by more than two standard errors, in %)"
        report.claim(name, text, found, found["gain"] > 2 * found["standard error"])
    good = next((k for k in range(len(RANKS)) if known[k] <= known_full + 1), len(RANKS) - 1)
    numbers = {"rank": RANKS[good], "error": test[good], "full error": test_full, "parameters": size[good] / full}
    text = "a weight matrix of low rank does as well (within 1 %) with less than half of the parameters"
    report.claim("low rank", text, numbers, test[good] <= test_full + 1 and size[good] < full / 2)
    shares = {name: share for name, (share, _) in off.items()} | {"ReLU, for all digits": off["ReLU"][1]}
    text = "ReLU makes the hidden layer sparse (share of units that are silent for a digit), tanh and sigmoid do not"
    report.claim("sparsity", text, shares, off["ReLU"][0] > 0.1 and max(off["tanh"][0], off["sigmoid"][0]) < 0.01)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
