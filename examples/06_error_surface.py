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


def unpack(w):
    """W1, b1, W2, b2 of a 1-M-1 network whose weights are one vector: a point of the surface, or many at once."""
    return np.split(w, [UNITS, 2 * UNITS, 3 * UNITS], axis=-1)


def twins(w):
    """All 2^M · M! weights that give the same function: tanh(-a) = -tanh(a), and the order of a sum is free."""
    W1, b1, W2, b2 = unpack(w)
    orders = [list(order) for order in itertools.permutations(range(UNITS))]
    signs = [np.array(s) for s in itertools.product((1.0, -1.0), repeat=UNITS)]
    return np.array([np.concatenate([(s * W1)[p], (s * b1)[p], (s * W2)[p], b2]) for s in signs for p in orders])


def output(w, x):
    """y(x) = Σⱼ wⱼ⁽²⁾ tanh(wⱼ⁽¹⁾ x + bⱼ⁽¹⁾) + b⁽²⁾ at each of the points w: (points, samples)."""
    W1, b1, W2, b2 = (part[..., None, :] for part in unpack(w))
    return (W2 * np.tanh(W1 * x + b1)).sum(-1) + b2[..., 0]


def errors_at(w, x, t):
    """The mean squared error at each of the points w of the surface."""
    return np.square(output(w, x) - t[:, 0]).mean(-1)


def linear_networks(steps, report):
    """Train a chain of linear layers, and set beside it the one matrix, least squares, and a network with tanh."""
    data = tc.randn(200, 6, dtype=tc.float64)
    target = tc.tanh(data @ tc.randn(6, 4, dtype=tc.float64)) @ tc.randn(4, 3, dtype=tc.float64)
    chain = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)).double()
    bent = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    errors = {"4 linear layers": train(chain, data, target, steps, "linear")}
    W, b = collapse(chain)
    difference = (chain(data) - (data @ W.T + b)).abs().max().item() / target.abs().max().item()
    ones = tc.cat([data, tc.ones(200, 1, dtype=tc.float64)], dim=1)
    best = tc.linalg.lstsq(ones, target).solution
    errors["least squares"] = nn.functional.mse_loss(ones @ best, target).item()
    errors["2 layers with tanh"] = train(bent, data, target, steps, "with tanh")
    print(f"  mean squared errors: {errors}")
    text = "a chain of linear layers is one matrix (largest relative difference of 4 layers and their product)"
    report.claim("collapse", text, difference, difference <= 1e-12)
    gap = errors["4 linear layers"] / errors["least squares"]
    text = "so depth without bends gains nothing: its error is no less than that of least squares (ratio)"
    report.claim("no gain", text, gap, gap >= 1 - 1e-9)
    ratio = errors["2 layers with tanh"] / errors["least squares"]
    report.claim("bends", "one layer of tanh units does better (ratio to least squares)", ratio, ratio < 1)


def draw_slices(w, others, x, t, rng):
    """Lines through the minimum w, lines to its twins, and the plane of three twins; also the lowest barrier to one."""
    figure, (lines, ways, plane) = plotting.subplots(1, 3, 12.5, 4)
    s = np.linspace(-1, 1, 201)
    for _ in range(4):
        d = rng.standard_normal(w.size)
        d *= np.linalg.norm(w) / np.linalg.norm(d)
        lines.plot(s, errors_at(w + s[:, None] * d, x, t), lw=1)
    lines.set(title="Through the minimum", xlabel="step along a random direction / |w|", yscale="log",
              ylabel="mean squared error")  # fmt: skip
    s = np.linspace(0, 1, 201)
    along = [errors_at(w + s[:, None] * (other - w), x, t) for other in others]
    ways.plot(s, np.transpose(along[:: max(1, len(others) // 12)]), lw=1)
    ways.set(title="Straight to a twin", xlabel="share of the way", yscale="log")
    # A plane through three points with the same error: its axes are orthonormal.
    far = others[np.linalg.norm(others - w, axis=1).argsort()]
    three = np.array([w, far[len(far) // 3], far[-1]]) - w
    axes = np.linalg.qr(three[1:].T)[0]
    corners = three @ axes
    room = 0.3 * np.ptp(corners, axis=0)
    a, b = np.linspace(corners.min(0) - room, corners.max(0) + room, 121).T
    points = w + np.stack(np.meshgrid(a, b), axis=-1) @ axes.T
    seen = plane.contourf(a, b, np.log10(errors_at(points, x, t)), levels=25, cmap="viridis")
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
    w = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    x, t = x.numpy(), t.numpy()
    y, everyone = output(w, x), twins(w)
    difference = np.abs(output(everyone, x) - y).max() / np.abs(y).max()
    distinct = len(np.unique(everyone, axis=0))
    figure, barrier = draw_slices(w, everyone[1:], x, t, np.random.default_rng(args.seed))
    report.save(figure, "06_surface.png", f"The error surface of 1-{UNITS}-1 tanh units learning sin x, around the "
                "trained weights w. Left: along random directions. Middle: from w straight to some of its twins, which "
                "compute the same function: both ends are as low, and a barrier lies between. Right: the plane through "
                "three twins, with valleys of their own.")  # fmt: skip
    count = 2**UNITS * math.factorial(UNITS)
    text = f"2^{UNITS} · {UNITS}! = {count} weights give one function (number found; largest relative difference)"
    same = distinct == count and difference <= 1e-12
    report.claim("symmetries", text, {"number": distinct, "difference": difference}, same)
    text = "the surface is not convex: on the straight way to every twin the error rises (lowest barrier / error at w)"
    report.claim("barriers", text, barrier / error, barrier / error > 1.001)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
