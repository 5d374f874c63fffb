"""Chapter 3: two curves on a plane: a line cannot tell them apart, a hidden layer bends the plane until a line can.

    python examples/03_two_curves.py [--out DIR] [--quick] [--seed N]

After C. Olah, "Neural Networks, Manifolds, and Topology" (2014). The hidden layer has two tanh units, so that what it
makes of the plane can be drawn: z = tanh(W x + b) is again a plane, in which the output layer draws a straight line.
"""

import sys

import common
import numpy as np
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import TwoCurves

COLOURS = ("tab:blue", "tab:red")


def train(model, x, t, steps, label):
    """Descend (Adam, all points at once) on the cross-entropy; return the share of points on the right side.

    A little weight decay (chapter 9) keeps the weights small, so that the hidden plane is bent and not folded.
    """
    optimizer = optim.Adam(model.parameters(), lr=0.03, weight_decay=1e-3)
    target = t.to(x.dtype)
    for _ in (bar := common.progress(steps, label)):
        optimizer.zero_grad()
        a = model(x)[:, 0]
        loss = nn.functional.binary_cross_entropy_with_logits(a, target)
        loss.backward()
        optimizer.step()
        bar.note = f"cross-entropy {loss.item():.5f}"
    return accuracy(model, x, t)


def accuracy(model, x, t):
    """The share of points on the right side of the line."""
    with tc.no_grad():
        return ((model(x)[:, 0] > 0) == (t == 1)).double().mean().item()


def margin(model, x, t):
    """In the hidden plane: the distance of the nearest point to the line, negative if it is on the wrong side."""
    with tc.no_grad():
        w = model[-1].weight
        side = model(x)[:, 0] / w.square().sum().sqrt()
        return tc.where(t == 1, side, -side).min().item()


def best_of(starts, x, t, steps):
    """Networks from several starts: the one with the widest margin, and the accuracy of each."""
    found, shares = [], []
    for start in range(starts):
        model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)).double()
        shares.append(train(model, x, t, steps, f"start {start + 1}"))
        found.append((margin(model, x, t), start, model))
    return max(found)[2], shares


def draw_regions(axes, model, x, t, title):
    """The plane, coloured by which side of the decision a point is on, with the two curves."""
    side = np.linspace(-1.3, 1.3, 200)
    plane = np.stack(np.meshgrid(side, side), axis=-1)
    with tc.no_grad():
        p = tc.sigmoid(model(tc.tensor(plane.reshape(-1, 2)))).numpy().reshape(200, 200)
    axes.contourf(side, side, p, levels=np.linspace(0, 1, 21), cmap="RdBu_r", alpha=0.5)
    axes.contour(side, side, p, levels=[0.5], colors="black", linewidths=1.2)
    draw_points(axes, x, t)
    axes.set(title=title, xlabel="x₁", ylabel="x₂", aspect="equal")


def draw_points(axes, x, t):
    """The two curves."""
    for label, colour in enumerate(COLOURS):
        part = x[t == label].numpy()
        axes.plot(part[:, 0], part[:, 1], ".", ms=4, color=colour, label=("lower curve", "upper curve")[label])


def draw_hidden(axes, model, x, t):
    """The hidden plane: the images of the curves and of the input plane's grid lines, and the output layer's line."""
    layer = model[:2]
    along = np.linspace(-1.3, 1.3, 400)
    with tc.no_grad():
        for value in np.linspace(-1.3, 1.3, 14):
            for line in (np.stack([along, 0 * along + value], 1), np.stack([0 * along + value, along], 1)):
                z = layer(tc.tensor(line)).numpy()
                axes.plot(z[:, 0], z[:, 1], color="0.8", lw=0.7, zorder=0)
        draw_points(axes, layer(x), t)
        (w,), (b,) = (p.detach().numpy() for p in model[-1].parameters())
    foot = -b * w / (w @ w)
    ends = foot + np.array([[-3.0], [3.0]]) * np.array([-w[1], w[0]]) / np.hypot(*w)
    axes.plot(ends[:, 0], ends[:, 1], color="black", lw=1.2, label="decision")
    axes.set(title="The hidden plane", xlabel="z₁", ylabel="z₂", aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))


def main():
    args, report = common.start(__doc__, __file__)
    starts, steps = (3, 400) if args.quick else (10, 2000)
    data = TwoCurves(n=100)
    x, t = data.points.double(), data.labels
    linear = nn.Linear(2, 1).double()
    line = train(linear, x, t, steps, "a line")
    model, shares = best_of(starts, x, t, steps)

    figure, (left, middle, right) = plotting.subplots(1, 3, 12, 4.6)
    draw_regions(left, linear, x, t, f"Linear classifier: {line:.1%} right")
    draw_regions(middle, model, x, t, f"Two hidden tanh units: {accuracy(model, x, t):.1%} right")
    draw_hidden(right, model, x, t)
    plotting.one_legend(figure)
    report.save(
        figure, "03_regions.png",
        "Left: the best line (by cross-entropy) gets points of both curves wrong. Middle: with a hidden layer "
        "the boundary passes between the curves. Right: the same points as the hidden "
        "layer sees them, with the image of a square grid; the plane is bent and squeezed so that "
        "one straight line separates the curves.",
    )  # fmt: skip

    report.claim("line", "no line separates the two curves: a linear classifier stays below 100 %", line, line < 1)
    share = accuracy(model, x, t)
    report.claim("hidden layer", "with two hidden units all points are on the right side", share, share == 1)
    gap = margin(model, x, t)
    report.claim("separable", "in the hidden plane the curves are linearly separable (distance of the nearest point to "
                 "the line above 0)", gap, gap > 0)  # fmt: skip
    solved = sum(share == 1 for share in shares) / starts
    report.claim("starts", "every start gets there (share of starts with all points right)", solved, solved == 1)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
