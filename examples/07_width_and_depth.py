"""Chapter 7: width and depth: the larger, the better? The deeper, the better? Vanishing gradients, Inception.

    python examples/07_width_and_depth.py [--root DIR] [--out DIR] [--quick] [--seed N]

Networks of growing width, then of growing depth, learn a few digits of MNIST and a few images of Shapeset-3×2, from
several starts. A network with Inception modules looks at the images of Shapeset as images. Reads MNIST's files from
--root; without them, the small subset that ships with the package.
"""

import sys

import common
import learning
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import Shapeset3x2

WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DEPTHS = (1, 2, 3, 4, 6, 8, 12)
UNITS = 50  # of every layer, where depth is what changes
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}


def perceptron(data, width, depth, activation=nn.Tanh):
    """`depth` hidden layers of `width` units each, for the images and classes of a problem."""
    x, t = data[0]
    sizes = [x[0].numel()] + [width] * depth + [t.max().item() + 1]
    return nn.Sequential(nn.Flatten(), *learning.perceptron(sizes, activation))


def inception():
    """Two Inception modules on 16×16 maps and on 8×8 maps; the mean of each map goes to the classes."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Inception(8, 8, 6, 12, 4, 8, 4, batch_norm=True),
        nn.MaxPool2d(2), nn.Inception(32, 16, 12, 24, 6, 12, 8, batch_norm=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(60, 9),
    )  # fmt: skip


def load(root, count, test):
    """Of each problem the training and the test images, with mean 0 and spread about 1, and their labels."""
    shapes = [Shapeset3x2(n, seed=seed, scale=(0.35, 0.5)).tensors for n, seed in ((count, 1), (test, 2))]
    return {
        "MNIST": [(learning.standardized(x), t) for x, t in learning.digits(root, count, test)],
        "Shapeset-3×2": [((x - 0.5) / 0.3, t) for x, t in shapes],
    }


def sweep(values, network, problems, label, settings):
    """The errors in training and test of `network(data, value)`, for each problem: (values, starts, 2)."""
    errors = {}
    for name, data in problems.items():
        build = lambda value, data=data: learning.with_sgd(network(data, value), 0.02)
        errors[name], _ = learning.sweep(values, build, data, label, **settings)
    return errors


def gradient_norms(activation, data):
    """‖∂E/∂z‖ of the outputs z of each hidden layer, before training."""
    model = perceptron(data, UNITS, DEPTHS[-1], activation)
    hidden = [layer for layer in model if isinstance(layer, activation)]
    with tc.viz.plots.Recorder(model, hidden, most=UNITS * len(data[0][0])) as seen:
        nn.functional.cross_entropy(model(data[0][0]), data[0][1]).backward()
    return [tc.tensor(found[0]).norm().item() for found in seen.gradients.values()]


def compare_inception(data, epochs):
    """The test error of two perceptrons and of Inception modules, and how many parameters each has."""
    models = {"one wide layer": perceptron(data, 256, 1), "three layers": perceptron(data, UNITS, 3)}
    models["Inception"] = inception()
    errors, sizes = {}, {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    for name in (bar := common.progress(list(models), "Shapeset")):
        rate = 2e-3 if name == "Inception" else 3e-4  # the best of some that were tried, for each
        optimizer = optim.Adam(models[name].parameters(), lr=rate)
        for _ in range(epochs):
            learning.train_epoch(models[name], optimizer, *data[0], 25)
        errors[name] = learning.wrong(models[name], *data[1])
        bar.note = f"{name}: {sizes[name]:,} parameters, {errors[name]:.1f} % wrong"
    return errors, sizes


def draw_sweeps(sweeps, values, label):
    """Training and test error of each problem."""
    figure, places = plotting.subplots(1, 2, 10, 3.8)
    for axes, (problem, errors) in zip(places, sweeps.items(), strict=True):
        learning.draw_sweep(axes, values, errors, problem, label)
        axes.set(ylim=(-2, 100), ylabel="wrong images, %", xscale="log" if values is WIDTHS else "linear")
        axes.set_xticks(values, values)
        axes.minorticks_off()
    plotting.one_legend(figure)
    return figure


def draw_gradients(norms, errors, sizes):
    """The norm of the gradient by layer, and Inception's error beside the perceptrons'."""
    figure, (left, right) = plotting.subplots(1, 2, 10, 3.8)
    for name, found in norms.items():
        left.plot(range(1, len(found) + 1), found, "o-", ms=3, label=name)
    left.set(xlabel="hidden layer", ylabel="‖∂E/∂z‖ before training", yscale="log", xticks=range(1, DEPTHS[-1] + 1))
    left.grid(alpha=0.3)
    left.legend()
    names = [f"{name}\n{sizes[name]:,} parameters" for name in errors]
    right.bar_label(right.barh(names, list(errors.values()), color=["C3", "C3", "C0"]), fmt=" %.1f")
    right.invert_yaxis()
    right.set(xlabel="wrong test images of Shapeset-3×2, %", xlim=(0, 100))
    return figure


def main():
    args, report = common.start(__doc__, __file__, [learning.MNIST_ROOT])
    count, test, epochs, starts = (200, 300, 10, 2) if args.quick else (1000, 1000, 60, 5)
    settings = {"epochs": epochs, "size": 25, "starts": starts, "seed": args.seed}
    problems = load(args.root, count, test)
    widths = sweep(WIDTHS, lambda data, width: perceptron(data, width, 1), problems, "width", settings)
    depths = sweep(DEPTHS, lambda data, depth: perceptron(data, UNITS, depth), problems, "depth", settings)
    norms = {name: gradient_norms(activation, problems["MNIST"]) for name, activation in ACTIVATIONS.items()}
    shapes = load(args.root, 500 if args.quick else 4000, test)["Shapeset-3×2"]
    errors, sizes = compare_inception(shapes, 2 if args.quick else 12)
    report.save(draw_sweeps(widths, WIDTHS, "units of the one hidden layer"), "07_width.png", f"{count} training "
                f"images, {starts} starts (shaded: best to worst), one hidden layer. Too small a network underfits: it "
                "errs on its training images too. A large one learns them by heart, and the gap to the test images is "
                "the overfitting.")  # fmt: skip
    report.save(draw_sweeps(depths, DEPTHS, f"hidden layers, of {UNITS} tanh units each"), "07_depth.png", "The same "
                "for depth. In a deep network hardly any gradient arrives at the first layers (next figure); too deep "
                "a network does not even learn its training images.")  # fmt: skip
    report.save(draw_gradients(norms, errors, sizes), "07_gradients_inception.png", "Left: the gradient that reaches "
                f"each layer, from the last ({DEPTHS[-1]}) back to the first: it vanishes, fastest for the sigmoid. "
                "Right: Inception modules, which share weights between places, beside perceptrons, all trained on "
                f"{len(shapes[0][0]):,} images.")  # fmt: skip

    small = {name: e[0, :, 0].mean().item() for name, e in widths.items()}
    text = "one hidden unit is too few, it underfits: wrong on more than half of its own training images (%)"
    report.claim("underfitting", text, small, min(small.values()) > 50)
    for key, sweeps, text in (
        ("overfitting", widths, f"too large overfits: {WIDTHS[-1]} units are worse on test images than the best width"),
        ("depth", depths, f"too deep is worse: {DEPTHS[-1]} layers are worse on test images than the best depth"),
    ):
        rises = {name: learning.loss_by_size(errors) for name, errors in sweeps.items()}
        measured = {name: mean for name, (mean, _) in rises.items()} | {f"± {n}": err for n, (_, err) in rises.items()}
        report.claim(key, f"{text} (by how much %, and its standard error)", measured,
                     all(mean > 2 * max(err, 1e-9) for mean, err in rises.values()))  # fmt: skip
    gaps = {name: (e[-1, :, 1] - e[-1, :, 0]).mean().item() for name, e in widths.items()}
    report.claim("gap", f"{WIDTHS[-1]} units err more on test than on training images (by how much %)", gaps,
                 min(gaps.values()) > 2)  # fmt: skip
    vanish = {name: found[0] / found[-1] for name, found in norms.items()}
    text = f"of the gradient at the last of {DEPTHS[-1]} layers less than 1 % arrives at the first (ratio of norms)"
    report.claim("vanishing", text, vanish, max(vanish.values()) < 0.01)
    report.claim("inception", "Inception modules name shapes better than perceptrons with more parameters (% wrong; "
                 "share of the parameters)", errors | {"parameters": sizes["Inception"] / sizes["one wide layer"]},
                 errors["Inception"] < min(errors["one wide layer"], errors["three layers"]))  # fmt: skip
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
