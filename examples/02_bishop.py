"""Chapter 2: Bishop's figure 5.3: how many hidden units, from which start, and what each of them contributes.

    python examples/02_bishop.py [--out DIR] [--quick] [--seed N]

y(x) = Σⱼ wⱼ⁽²⁾ tanh(wⱼ⁽¹⁾ x + bⱼ⁽¹⁾) + b⁽²⁾ is fitted to x², sin x, |x| and the step, with 1 to 8 hidden units, each
from many random starts. All starts are trained side by side: a weight has one axis more, the start. That is the same
as training one after the other, as rProp (chapter 8) moves each weight by the sign of its own slope.
"""

import sys

import common
import plotting

import tinygrad_course as tc
from tinygrad_course import optim
from tinygrad_course.data import BishopTargets

TITLES = {"square": "x²", "sin": "sin x", "abs": "|x|", "step": "the step"}
UNITS = (1, 2, 3, 5, 8)


def hidden(weights, x):
    """zⱼ = tanh(wⱼ⁽¹⁾ x + bⱼ⁽¹⁾) of every start: (starts, points, units)."""
    w1, b1, _, _ = weights
    return tc.tanh(x @ w1 + b1)


def output(weights, x):
    """y(x) of every start: (starts, points, 1)."""
    _, _, w2, b2 = weights
    return hidden(weights, x) @ w2 + b2


def train(x, t, units, starts, steps, label):
    """Fit `starts` networks at once; return their weights, the best first, and their root mean square errors."""
    shapes = (starts, 1, units), (starts, 1, units), (starts, units, 1), (starts, 1, 1)
    weights = [
        (scale * tc.randn(*shape, dtype=x.dtype)).requires_grad_()
        for shape, scale in zip(shapes, (2.0, 1.0, 1.0, 0.0), strict=True)
    ]
    optimizer = optim.Rprop(weights, lr=0.01)
    for _ in (bar := common.progress(steps, label)):
        optimizer.zero_grad()
        errors = (output(weights, x) - t).square().mean(dim=(1, 2))
        (0.5 * errors.sum()).backward()
        optimizer.step()
        bar.note = f"rms error, best start {errors.min().sqrt().item():.5f}, worst {errors.max().sqrt().item():.5f}"
    with tc.no_grad():
        errors = (output(weights, x) - t).square().mean(dim=(1, 2)).sqrt()
    order = errors.argsort()
    return [w.detach()[order] for w in weights], errors[order].tolist()


def without_each(weights, x, t):
    """The error when one hidden unit is taken away: its contribution is replaced by its mean."""
    parts = hidden(weights, x)[0] * weights[2][0].T
    y = output(weights, x)[0]
    found = []
    for j in range(parts.shape[1]):
        part = parts[:, j : j + 1]
        found.append((y - part + part.mean() - t).square().mean().sqrt().item())
    return found


def draw_units(problems, fits):
    """Above, Bishop's figure: the fit and the hidden units' outputs. Below, what each unit adds to the sum."""
    figure, rows = plotting.subplots(2, 4, 12, 5.2, sharex="col")
    for column, (name, (x, t, curve)) in enumerate(problems.items()):
        grid = tc.linspace(x.min().item(), x.max().item(), 400, dtype=x.dtype)[:, None]
        weights = fits[name]
        z, y, w2 = hidden(weights, grid)[0], output(weights, grid)[0], weights[2][0]
        top, bottom = rows[0, column], rows[1, column]
        top.plot(grid.numpy(), curve(grid.numpy()), color="tab:green", lw=1, label="target")
        top.plot(x.numpy(), t.numpy(), "o", color="tab:blue", ms=2.5, label="50 samples")
        top.plot(grid.numpy(), y.numpy(), color="tab:red", label="fit")
        bottom.plot(grid.numpy(), y.numpy(), color="tab:red")
        for j in range(z.shape[1]):
            style = {"ls": "--", "lw": 1.2, "color": f"C{(4, 1, 9)[j]}", "label": f"hidden unit {j + 1}"}
            top.plot(grid.numpy(), z[:, j].numpy(), **style)
            bottom.plot(grid.numpy(), (z[:, j] * w2[j]).numpy(), **style)
        top.set_title(TITLES[name])
        bottom.set_xlabel("x")
    rows[0, 0].set_ylabel("y and zⱼ")
    rows[1, 0].set_ylabel("y and wⱼ zⱼ")
    plotting.one_legend(figure)
    return figure


def draw_errors(errors):
    """One point a start, by the number of hidden units."""
    figure, places = plotting.subplots(1, 4, 12, 3.4, sharey=True)
    for axes, (name, found) in zip(places, errors.items(), strict=True):
        for units, values in found.items():
            label = "one start" if units == UNITS[0] else None
            axes.plot([units] * len(values), values, ".", color="tab:gray", alpha=0.5, label=label)
        for place, color, label in ((0, "tab:blue", "best"), (0.5, "tab:red", "median")):
            line = [values[int(place * len(values))] for values in found.values()]
            axes.plot(list(found), line, color=color, label=label)
        axes.set(title=TITLES[name], xlabel="hidden units", yscale="log", xticks=UNITS, ylim=(1e-4, 1))
        axes.grid(alpha=0.3)
    places[0].set_ylabel("root mean square error")
    plotting.one_legend(figure)
    return figure


def main():
    args, report = common.start(__doc__, __file__)
    starts, steps = (10, 300) if args.quick else (40, 3000)
    problems = {}
    for name in BishopTargets.targets:
        data = BishopTargets(name)
        problems[name] = data.x.double(), data.t.double(), data.function
    errors, fits, needed = {}, {}, {}
    for name, (x, t, _) in problems.items():
        errors[name] = {}
        for units in UNITS:
            weights, errors[name][units] = train(x, t, units, starts, steps, f"{name}, {units}")
            if units == 3:
                fits[name] = weights
                needed[name] = min(without_each(weights, x, t)) / errors[name][3][0]

    report.save(draw_units(problems, fits), "02_units.png", "Three hidden units, the best start. Above: the fit and "
                "the outputs of the hidden units (dashed). Below: each output times its weight; the fit is their sum "
                "and a constant. Each unit bends the curve in one place; the step needs only one.")  # fmt: skip
    report.save(draw_errors(errors), "02_starts.png", f"Error after {steps:,} steps of rProp, for {starts} random "
                "starts. From the same number of units, starts end far apart; with more units even a poor start ends "
                "well. The step needs one unit, and is learned slower with more. (Errors below 10⁻⁴ are not shown.)"
                )  # fmt: skip

    best = {name: found[3][0] for name, found in errors.items()}
    report.claim("three units", "three tanh units fit each of the four targets (rms error at most 0.03)", best,
                 max(best.values()) <= 0.03)  # fmt: skip
    spread = {name: found[3][-1] / max(found[3][0], 1e-12) for name, found in errors.items()}
    report.claim("starts", "where descent starts decides where it ends: the worst start's error is more than twice the "
                 "best one's", spread, min(spread.values()) > 2)  # fmt: skip
    report.claim("each unit", "no hidden unit can be spared: without any one of three the best fit's error is more "
                 "than twice as large", needed, min(needed.values()) > 2)  # fmt: skip
    middle = starts // 2
    ratio = {name: found[8][middle] / max(found[1][middle], 1e-12) for name, found in errors.items()}
    report.claim("more units", "with 8 hidden units instead of 1 a typical start ends with a smaller error, on every "
                 "target (ratio of medians below 1)", ratio, max(ratio.values()) < 1)  # fmt: skip
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
