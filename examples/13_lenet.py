"""Chapter 13: convolutional networks: LeNet-5 on MNIST.

    python examples/13_lenet.py [--root DIR] [--epochs N] [--out DIR] [--quick] [--seed N]

Local receptive fields, shared weights, feature maps and pooling, in the network of LeCun et al. (1998) with ReLU and
max pooling. In training each digit is shifted by up to two pixels, anew in each epoch (chapter 9: modified data).
Reads MNIST's files from --root; without them, the small subset that ships with the package.
"""

import sys

import common
import learning
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.training import Trainer, accuracy
from tinygrad_course.utils.data import DataLoader, Subset
from tinygrad_course.vision import transforms

LAYERS = {"convolution 1": 1, "pooling 1": 3, "convolution 2": 4, "pooling 2": 6}  # how many modules lead to each
BATCH = 64


def lenet():
    """28×28 → 6 maps of 28×28 → 14×14 → 16 maps of 10×10 → 5×5 → 120 → 84 → 10 classes."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def load(root, quick):
    """Loaders of training and test images, with mean 0 and spread 1 over MNIST's training set."""
    scale = [transforms.ToTensor(), transforms.Normalize(0.1307, 0.3081)]
    shifted = transforms.Compose([transforms.RandomCrop(28, padding=2), *scale])
    train = tc.data.MNIST(root, train=True, transform=shifted)
    test = tc.data.MNIST(root, train=False, transform=transforms.Compose(scale))
    if quick:
        train, test = Subset(train, range(500)), Subset(test, range(200))
    return DataLoader(train, BATCH, shuffle=True), DataLoader(test, 500)


def receptive_field(modules):
    """Side of the square of pixels that one unit looks at, the step between neighbours, and the first one's edge.

    A layer with kernel k and stride s widens the square by k - 1 of the steps below it, and multiplies the step by s.
    """
    side, step, edge = 1, 1, 0
    for layer in modules:
        if isinstance(layer, nn.Conv2d):
            side += (layer.kernel_size[0] - 1) * step
            edge -= layer.padding[0] * step
        elif isinstance(layer, nn.MaxPool2d):
            side += (layer.kernel_size - 1) * step
            step *= layer.kernel_size
    return side, step, edge


def draw_filters(model, image):
    """The receptive fields of one unit of each layer on a digit, and the first layer's shared weights."""
    from matplotlib.patches import Rectangle

    figure = plotting.new_figure(9, 4)
    left, right = figure.subfigures(1, 2, width_ratios=[1.1, 1])
    axes = left.subplots()
    plotting.show(axes, image[0])
    sides = []
    for i, (name, depth) in enumerate(LAYERS.items()):
        side, step, edge = receptive_field(model[:depth])
        sides.append(side)
        y, x = ((at - side // 2 - edge) // step * step + edge for at in (11, 15))  # the unit that looks at about there
        label, style = f"{name}: {side}×{side}", "--" if "pooling" in name else "-"
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), side, side, fill=False, ec=f"C{i}", lw=2, ls=style, label=label))
    left.legend(loc="outside lower center", ncols=2, fontsize=8)
    left.suptitle("Receptive field of one unit", fontsize=10)
    kernels = model[0].weight.detach()[:, 0]
    largest = kernels.abs().max().item()
    for k, axes in enumerate(right.subplots(2, 3).flat):
        plotting.show(axes, kernels[k], title=f"map {k + 1}", cmap="RdBu", vmin=-largest, vmax=largest)
    right.suptitle("First layer: the 5×5 weights of each map", fontsize=10)
    return figure, sides


def draw_maps(model, image):
    """What each layer makes of one digit."""
    figure = plotting.new_figure(12, 4.4)
    maps = {"input\n28×28": image}
    with tc.no_grad():
        for name, depth in LAYERS.items():
            found = model[: depth + ("convolution" in name)](image[None])[0]  # a convolution with its ReLU
            maps[f"{name}\n{found.shape[1]}×{found.shape[2]}"] = found
    plotting.show_rows(figure, maps, 16)
    return figure


def draw_training(history, model, images, labels):
    """Loss and accuracy over the epochs, and the first test digits that the network gets wrong."""
    figure = plotting.new_figure(10, 5)
    upper, lower = figure.subfigures(2, 1, height_ratios=[2.2, 1])
    history.plot(upper.subplots(1, 2))
    with tc.no_grad():
        named = model(images).argmax(1)
    grid = lower.subplots(1, 10)
    for axes in grid:
        axes.set_axis_off()
    for axes, i in zip(grid, (named != labels).nonzero().flatten().tolist(), strict=False):
        plotting.show(axes, images[i, 0], title=f"{named[i].item()}, not {labels[i].item()}")
    return figure


def main():
    epochs = ("--epochs", {"default": 15, "type": int})
    args, report = common.start(__doc__, __file__, [learning.MNIST_ROOT, epochs])
    epochs = 6 if args.quick else args.epochs
    train, test = load(args.root, args.quick)
    model = lenet()
    print(f"{model}\n{len(train.dataset):,} training images, {len(test.dataset):,} test images\n")
    optimizer = optim.Adam(model.parameters())
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=epochs * len(train))
    trainer = Trainer(model, optimizer, nn.CrossEntropyLoss(), metrics=[accuracy], scheduler=scheduler, schedule="step")
    history = trainer.fit(train, epochs, validation=test)

    model.eval()
    images, labels = map(tc.cat, zip(*test, strict=True))
    figure, sides = draw_filters(model, images[0])
    report.save(figure, "13_filters.png", "Left: the pixels that one unit of each layer looks at; the field grows from "
                "layer to layer. Right: the weights that all units of a map share; blue is positive, red negative."
                )  # fmt: skip
    report.save(draw_maps(model, images[0]), "13_feature_maps.png", "What each layer makes of one digit: strokes are "
                "active units. Maps answer to edges of different directions; pooling keeps where they are only roughly."
                )  # fmt: skip
    report.save(draw_training(history, model, images, labels), "13_training.png", "Training and test loss and accuracy "
                "over the epochs; below, the first test digits that the network gets wrong, with what it says."
                )  # fmt: skip
    report.claim("receptive fields", "the receptive field grows from layer to layer",
                 dict(zip(LAYERS, sides, strict=True)), sides == sorted(set(sides)))  # fmt: skip
    share = history["val_accuracy"][-1]
    report.claim("accuracy", f"LeNet-5 names 98.3 % of {len(labels):,} test digits", share, share >= 0.983)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
