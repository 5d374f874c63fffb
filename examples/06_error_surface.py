"""Chapter 6: what the error surface is like: linear networks, symmetries of the weights, slices.

    python examples/06_error_surface.py [--out DIR] [--quick] [--seed N]

A chain of linear layers is one matrix. Of a network with M tanh units, 2^M flips of signs and M! interchanges give the
same function, so that every minimum has 2^M · M! twins; between them the surface is not convex.
"""

import itertools
import math
import sys

import common
import numpy as np
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import BishopTargets

UNITS = 4


def train(model, x, t, steps, label):
    """rProp (chapter 8) on the mean squared error; returns the last error."""
    optimizer = optim.Rprop(model.parameters(), lr=0.01)
    for _ in (bar := common.progress(steps, label)):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), t)
        loss.backward()
        optimizer.step()
        bar.note = f"mean squared error {loss.item():.3e}"
    return nn.functional.mse_loss(model(x), t).item()


def collapse(chain):
    """The one matrix and the one offset of a chain of linear layers: W = W_N … W_1."""
    W, b = chain[0].weight, chain[0].bias
    for layer in chain[1:]:
        W, b = layer.weight @ W, layer.weight @ b + layer.bias
    return W, b


def twins(weights):
    """All 2^M · M! weights that give the same function: tanh(-a) = -tanh(a), and the order of a sum is free."""
    W1, b1, W2, b2 = weights
    for signs in itertools.product((1.0, -1.0), repeat=UNITS):
        s = np.array(signs)
        for order in itertools.permutations(range(UNITS)):
            p = list(order)
            yield [(W1 * s[:, None])[p], (b1 * s)[p], (W2 * s)[:, p], b2]


def output(weights, x):
    """The two-layer network, for arrays of weights with any leading axes: many points of the surface at once."""
    W1, b1, W2, b2 = weights
    return np.tanh(x @ W1.swapaxes(-1, -2) + b1[..., None, :]) @ W2.swapaxes(-1, -2) + b2[..., None, :]


def errors_at(points, start, x, t):
    """The mean squared error at points of the surface, given as flat weights with any leading axes."""
    ends = np.cumsum([w.size for w in start])[:-1]
    parts = np.split(points, ends, axis=-1)
    weights = [p.reshape(*points.shape[:-1], *w.shape) for p, w in zip(parts, start, strict=True)]
    return np.square(output(weights, x) - t).mean(axis=(-1, -2))


def flat(weights):
    """All weights in one vector."""
    return np.concatenate([w.ravel() for w in weights])


def linear_networks(steps, report):
    """Train a chain of linear layers, and set beside it the one matrix, least squares, and a network with tanh."""
    data = tc.randn(200, 6, dtype=tc.float64)
    target = tc.tanh(data @ tc.randn(6, 4, dtype=tc.float64)) @ tc.randn(4, 3, dtype=tc.float64)
    sizes = (6, 8, 8, 8, 3)
    chain = nn.Sequential(*(nn.Linear(i, o) for i, o in itertools.pairwise(sizes))).double()
    bent = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    errors = {"4 linear layers": train(chain, data, target, steps, "linear")}
    W, b = collapse(chain)
    difference = (chain(data) - (data @ W.T + b)).abs().max().item() / target.abs().max().item()
    ones = np.hstack([data.numpy(), np.ones((200, 1))])
    best = np.linalg.lstsq(ones, target.numpy(), rcond=None)[0]
    errors["least squares"] = float(np.square(ones @ best - target.numpy()).mean())
    errors["2 layers with tanh"] = train(bent, data, target, steps, "with tanh")
    print(f"  mean squared errors: {errors}")
    text = "a chain of linear layers is one matrix (largest relative difference of 4 layers and their product)"
    report.claim("collapse", text, difference, difference <= 1e-12)
    gap = errors["4 linear layers"] / errors["least squares"]
    text = "so depth without bends gains nothing: its error is no less than that of least squares (ratio)"
    report.claim("no gain", text, gap, gap >= 1 - 1e-9)
    ratio = errors["2 layers with tanh"] / errors["least squares"]
    report.claim("bends", "one layer of tanh units does better (ratio to least squares)", ratio, ratio < 1)


def draw_slices(minimum, others, x, t, rng):
    """Slices of the surface: lines through the minimum, lines to its twins, and the plane of three twins.

    Returns:
        The figure, and the lowest of the barriers on the way to a twin.
    """
    w = flat(minimum)
    figure, (lines, ways, plane) = plotting.subplots(1, 3, 12.5, 4)
    s = np.linspace(-1, 1, 201)
    for _ in range(4):
        d = rng.standard_normal(w.size)
        d *= np.linalg.norm(w) / np.linalg.norm(d)
        lines.plot(s, errors_at(w + s[:, None] * d, minimum, x, t), lw=1)
    lines.set(title="Through the minimum", xlabel="step along a random direction / |w|", yscale="log",
              ylabel="mean squared error")  # fmt: skip
    s = np.linspace(0, 1, 201)
    along = [errors_at(w + s[:, None] * (flat(other) - w), minimum, x, t) for other in others]
    ways.plot(s, np.transpose(along[:: max(1, len(others) // 12)]), lw=1)
    ways.set(title="Straight to a twin", xlabel="share of the way", yscale="log")
    # A plane through three points with the same error: its axes are orthonormal.
    far = sorted(others, key=lambda o: np.linalg.norm(flat(o) - w))
    twins = np.array([0 * w, flat(far[len(far) // 3]) - w, flat(far[-1]) - w])
    axes = np.linalg.qr(twins[1:].T)[0]
    corners = twins @ axes
    room = 0.3 * np.ptp(corners, axis=0)
    a, b = np.linspace(corners.min(0) - room, corners.max(0) + room, 121).T
    points = w + np.stack(np.meshgrid(a, b), axis=-1) @ axes.T
    seen = plane.contourf(a, b, np.log10(errors_at(points, minimum, x, t)), levels=25, cmap="viridis")
    plane.plot(*corners.T, "o", color="white", mec="black", label="three twins")
    plane.set(title="The plane of three twins", xlabel="distance in weight space")
    plane.legend(loc="upper right", fontsize=8)
    figure.colorbar(seen, ax=plane, label="log₁₀ mean squared error", format="%.1f")
    return figure, min(errors.max() for errors in along)


def main():
    args, report = common.start(__doc__, __file__)
    steps = 300 if args.quick else 3000
    linear_networks(steps, report)

    data = BishopTargets("sin")
    x, t = data.x.double(), data.t.double()
    model = nn.Sequential(nn.Linear(1, UNITS), nn.Tanh(), nn.Linear(UNITS, 1)).double()
    error = train(model, x, t, steps, "sin x")
    minimum = [p.detach().numpy() for p in model.parameters()]
    x, t = x.numpy(), t.numpy()
    y = output(minimum, x)
    everyone = list(twins(minimum))
    difference = max(np.abs(output(twin, x) - y).max() for twin in everyone) / np.abs(y).max()
    distinct = len({flat(twin).tobytes() for twin in everyone})
    figure, barrier = draw_slices(minimum, everyone[1:], x, t, np.random.default_rng(args.seed))
    report.save(figure, "06_surface.png", f"The error surface of 1-{UNITS}-1 tanh units learning sin x, around the "
                "trained weights w. Left: along random directions. Middle: from w straight to some of its twins, which "
                "compute the same function: both ends are as low, and a barrier lies between. Right: the plane through "
                "three twins, with valleys of their own.")  # fmt: skip
    count = 2**UNITS * math.factorial(UNITS)
    text = f"2^{UNITS} · {UNITS}! = {count} weights give one function (number found; largest relative difference)"
    numbers = {"number": distinct, "difference": difference}
    report.claim("symmetries", text, numbers, distinct == count and difference <= 1e-12)
    text = "the surface is not convex: on the straight way to every twin the error rises (lowest barrier / error at w)"
    report.claim("barriers", text, barrier / error, barrier / error > 1.001)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
