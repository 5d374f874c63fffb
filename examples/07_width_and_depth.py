"""Chapter 7: the larger, the better? The deeper, the better? Width, depth, vanishing gradients, Inception.

    python examples/07_width_and_depth.py [--root DIR] [--out DIR] [--quick] [--seed N]

Networks of growing width, then of growing depth, learn a few digits of MNIST and a few images of Shapeset-3×2, from
several starts. A network with Inception modules looks at the images of Shapeset as images. Reads MNIST's files from
--root; without them, the small subset that ships with the package.
"""

import sys
import warnings

import common

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import MNIST, Shapeset3x2

WIDTHS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
DEPTHS = (1, 2, 3, 4, 6, 8, 12)
UNITS = 50  # of every layer, where depth is what changes
ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "ReLU": nn.ReLU}


def perceptron(inputs, classes, width, depth, activation=nn.Tanh):
    """`depth` hidden layers of `width` units each, started by the fan-in rule (chapter 11)."""
    layers = [nn.Flatten()]
    for n_in in [inputs] + [width] * (depth - 1):
        layers += [nn.Linear(n_in, width), activation()]
    model = nn.Sequential(*layers, nn.Linear(width, classes))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.fan_in_uniform_(layer.weight, layer.bias)
    return model


def inception():
    """Two Inception modules on 16×16 maps and on 8×8 maps; the mean of each map goes to the classes."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Inception(8, 8, 6, 12, 4, 8, 4, batch_norm=True),
        nn.MaxPool2d(2), nn.Inception(32, 16, 12, 24, 6, 12, 8, batch_norm=True),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(60, 9),
    )  # fmt: skip


def load(root, count, test):
    """Of each problem the training and the test images, with mean 0 and spread about 1, and their labels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the subset that ships with the package is enough here
        digits = [MNIST(root, train=train).tensors() for train in (True, False)]
    shapes = [Shapeset3x2(n, seed=seed, scale=(0.35, 0.5)).tensors for n, seed in ((count, 1), (test, 2))]
    return {
        "MNIST": [((x[:n] - 0.1307) / 0.3081, t[:n]) for (x, t), n in zip(digits, (count, test), strict=True)],
        "Shapeset-3×2": [((x - 0.5) / 0.3, t) for x, t in shapes],
    }


def wrong(model, x, t):
    """The share of images that are named wrongly, in %."""
    model.eval()
    with tc.no_grad():
        return 100 * (model(x).argmax(1) != t).double().mean().item()


def train(model, data, epochs, optimizer):
    """Minimize the cross-entropy; return the errors on the training and on the test images, in %."""
    x, t = data[0]
    for _ in range(epochs):
        model.train()
        for part in tc.randperm(len(x)).split(25):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[part]), t[part]).backward()
            optimizer.step()
    return tuple(wrong(model, *part) for part in data)


def sweep(values, build, data, epochs, starts, seed, label):
    """The errors (training, test) of `build(value)` from every start: a tensor (values, starts, 2)."""
    found = {value: [] for value in values}
    for start, value in (bar := common.progress([(s, v) for s in range(starts) for v in values], label)):
        tc.manual_seed(seed + start)
        model = build(value)
        found[value].append(train(model, data, epochs, optim.SGD(model.parameters(), lr=0.02, momentum=0.8)))
        bar.note = f"{value}: {found[value][-1][1]:.1f} % of the test images wrong"
    return tc.tensor(list(found.values()), dtype=tc.float64)


def gradient_norms(activation, x, t, depth=DEPTHS[-1]):
    """‖∂E/∂z‖ of the outputs z of each hidden layer, before training."""
    outputs, z = [], x
    for layer in perceptron(x[0].numel(), 10, UNITS, depth, activation):
        z = layer(z)
        if isinstance(layer, activation):
            z.retain_grad()
            outputs.append(z)
    nn.functional.cross_entropy(z, t).backward()
    return [z.grad.norm().item() for z in outputs]


def draw_sweeps(sweeps, values, label):
    """Training and test error, of each problem: mean, and shaded from the best start to the worst."""
    figure = common.new_figure(10, 3.8)
    for axes, (problem, errors) in zip(figure.subplots(1, 2), sweeps.items(), strict=True):
        for part, color, name in ((1, "tab:red", "test"), (0, "tab:blue", "training")):
            e = errors[:, :, part]
            axes.fill_between(values, e.min(1)[0].numpy(), e.max(1)[0].numpy(), color=color, alpha=0.2)
            axes.plot(values, e.mean(1).numpy(), "o-", ms=3, color=color, label=name)
        axes.set(title=problem, xlabel=label, ylim=(-2, 100))
        if values is WIDTHS:
            axes.set_xscale("log", base=2)
            axes.set_xticks(values, values)
        else:
            axes.set_xticks(values)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("wrong images, %")
    common.one_legend(figure)
    return figure


def draw_gradients(norms, errors):
    """The norm of the gradient by layer, and Inception's error beside the perceptrons'."""
    figure = common.new_figure(10, 3.8)
    left, right = figure.subplots(1, 2)
    for name, found in norms.items():
        left.plot(range(1, len(found) + 1), found, "o-", ms=3, label=name)
    left.set(xlabel="hidden layer", ylabel="‖∂E/∂z‖ before training", yscale="log", xticks=range(1, DEPTHS[-1] + 1))
    left.grid(alpha=0.3)
    left.legend()
    right.bar_label(right.barh(list(errors), list(errors.values()), color=["C3", "C3", "C0"]), fmt=" %.1f")
    right.invert_yaxis()
    right.set(xlabel="wrong test images of Shapeset-3×2, %", xlim=(0, 100))
    return figure


def main():
    root = ("--root", {"help": "folder with MNIST's files (default: $TINYGRAD_COURSE_DATA, else the subset)"})
    args, report = common.start(__doc__, __file__, [root])
    count, test, epochs, starts = (200, 300, 10, 2) if args.quick else (1000, 1000, 60, 5)
    problems = load(args.root, count, test)
    widths, depths = {}, {}
    for name, data in problems.items():
        inputs, classes, settings = data[0][0][0].numel(), 10 - (name != "MNIST"), (data, epochs, starts, args.seed)
        widths[name] = sweep(WIDTHS, lambda v, i=inputs, c=classes: perceptron(i, c, v, 1), *settings, "width")
        depths[name] = sweep(DEPTHS, lambda v, i=inputs, c=classes: perceptron(i, c, UNITS, v), *settings, "depth")
    norms = {name: gradient_norms(activation, *problems["MNIST"][0]) for name, activation in ACTIVATIONS.items()}
    shapes = load(args.root, 500 if args.quick else 4000, test)["Shapeset-3×2"]
    models = {"one wide layer": perceptron(1024, 9, 256, 1), "three layers": perceptron(1024, 9, UNITS, 3),
              "Inception": inception()}  # fmt: skip
    errors, sizes = {}, {k: sum(p.numel() for p in m.parameters()) for k, m in models.items()}
    for name in (bar := common.progress(list(models), "Shapeset")):
        rate = 2e-3 if name == "Inception" else 3e-4  # the best of some that were tried, for each
        optimizer = optim.Adam(models[name].parameters(), lr=rate)
        errors[name] = train(models[name], shapes, 2 if args.quick else 12, optimizer)[1]
        bar.note = f"{name}: {sizes[name]:,} parameters, {errors[name]:.1f} % wrong"
    report.save(
        draw_sweeps(widths, WIDTHS, "units of the one hidden layer"), "07_width.png",
        f"{count} training images, {starts} starts (shaded: best to worst), one hidden layer. Too small a network "
        "underfits: it errs on its training images too. A large one learns them by heart, and the gap to the test "
        "images is the overfitting.",
    )  # fmt: skip
    report.save(
        draw_sweeps(depths, DEPTHS, f"hidden layers, of {UNITS} tanh units each"), "07_depth.png",
        "The same for depth. In a deep network hardly any gradient arrives at the first layers (next figure); too deep "
        "a network does not even learn its training images.",
    )  # fmt: skip
    report.save(
        draw_gradients(norms, errors), "07_gradients_inception.png",
        f"Left: the gradient that reaches each layer, from the last ({DEPTHS[-1]}) back to the first: it "
        "vanishes, fastest for the sigmoid. Right: Inception modules, which share weights between places, beside "
        f"perceptrons, all trained on {len(shapes[0][0]):,} images.",
    )  # fmt: skip
    print()
    small = {name: e[0, :, 0].mean().item() for name, e in widths.items()}
    report.claim("underfitting", "a network that is too small underfits: with one hidden unit it is wrong on more than "
                 "half of its own training images (%)", small, min(small.values()) > 50)  # fmt: skip
    for key, sweeps, text in (
        ("overfitting", widths, f"too large overfits: {WIDTHS[-1]} units are worse on test images than the best width"),
        ("depth", depths, f"too deep is worse: {DEPTHS[-1]} layers are worse on test images than the best depth"),
    ):
        numbers, holds = {}, True
        for name, e in sweeps.items():
            means = e[:, :, 1].mean(1)
            rise = e[-1, :, 1] - e[means.argmin().item(), :, 1]
            numbers |= {name: rise.mean().item(), f"± {name}": rise.std().item() / starts**0.5}
            holds &= numbers[name] > 2 * max(numbers[f"± {name}"], 1e-9)
        report.claim(key, f"{text} (by how much %, and its standard error)", numbers, holds)
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
