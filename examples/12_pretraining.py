"""Chapter 12: pretraining: Boltzmann machines and autoencoders, greedily upon each other, then fine-tuned.

    python examples/12_pretraining.py [--root DIR] [--out DIR] [--quick] [--seed N]

A network 784 - 200 - 200 - 200 - 10 of sigmoid units has few labelled digits of MNIST, and many without labels. Its
hidden layers start from random weights or learn from the digits alone: as a deep belief network (Hinton, Osindero and
Teh 2006), as stacked autoencoders (Bengio et al. 2007), or as denoising ones (Vincent et al. 2008), which see their
input with 30 % of the pixels put to 0. All are then trained on the labels in the same way, from several seeds.
Reads MNIST's files from --root; without them, the small subset that ships with the package.
"""

import sys

import common
import learning
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim

SIZES = [784, 200, 200, 200]
RANDOM = {  # chapter 11's two rules; tanh units are a further rival
    "fan-in": (nn.Sigmoid, nn.init.fan_in_uniform_),
    "normalized": (nn.Sigmoid, nn.init.normalized_fan_in_uniform_),
    "tanh": (nn.Tanh, nn.init.normalized_fan_in_uniform_),
}
PRETRAINED = {  # layers that learn without labels, and the learning rate that suits them
    "DBN": (nn.DBN, 0.1),
    "stacked": (nn.StackedAutoencoder, 0.05),
    "denoising": (lambda sizes: nn.StackedAutoencoder(sizes, corruption=nn.MaskingNoise(0.3)), 0.05),
}
DRAWN = 8  # filters and digits in a row of the figures


def fine_tune(model, data, test, epochs):
    """Learn from the labels; the error on test digits in % after each epoch."""
    _, optimizer = learning.with_sgd(model, 0.1)
    errors = []
    for _ in range(epochs):
        learning.train_epoch(model, optimizer, *data, 20)
        errors.append(learning.wrong(model, *test))
    return errors


def smoothness(weight):
    """The mean correlation between a filter's weights of neighbouring pixels: 0 if they are independent."""
    filters = weight.detach().reshape(-1, 28, 28)[:, 4:24, 4:24]  # pixels at the edge are always black
    filters = filters - filters.mean((1, 2), keepdim=True)
    shifted = (filters[:, :, 1:] * filters[:, :, :-1]).mean((1, 2))
    return (shifted / filters.square().mean((1, 2))).mean().item()


def draw_filters(filters):
    """First-layer weights: at random, after pretraining, after fine-tuning."""
    figure = plotting.new_figure(14, 2.1)
    for part, title in zip(figure.subfigures(1, 3), filters["DBN"], strict=True):
        part.suptitle(title, fontsize=10)
        images = {start: found[title].reshape(-1, 28, 28) for start, found in filters.items()}
        plotting.show_rows(part, images, DRAWN, signed=True)
    return figure


def draw_digits(rows):
    """Rows of digits, each with its name."""
    figure = plotting.new_figure(7, 0.75 * len(rows))
    images = {name: found.reshape(-1, 28, 28) for name, found in rows.items()}
    plotting.show_rows(figure, images, DRAWN, vmin=0, vmax=1)
    return figure


def draw_errors(errors):
    """Test error against the epochs of fine-tuning: the mean over the seeds, and from the best to the worst."""
    figure, axes = plotting.subplots(1, 1, 8, 4)
    for k, (start, found) in enumerate(errors.items()):
        values = tc.tensor(found).T
        last = f"{start}: {values[-1].mean().item():.1f} ± {values[-1].std().item():.1f} %"
        plotting.draw_band(axes, range(1, len(values) + 1), values, f"C{k}", last)
    axes.set(xlabel="epoch of fine-tuning", ylabel="wrong test digits, %", yscale="log")
    axes.set_yticks([5, 10, 20, 50, 90], ["5", "10", "20", "50", "90"])
    axes.minorticks_off()
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), title="at the end, over the seeds")
    return figure


def main():
    args, report = common.start(__doc__, __file__, [learning.MNIST_ROOT])
    unlabelled, labelled, passes, epochs, seeds = (600, 200, 4, 6, 2) if args.quick else (5000, 500, 15, 40, 5)
    (x, t), (x_test, t_test) = learning.digits(args.root, unlabelled)
    x, x_test = x.flatten(1), x_test.flatten(1)
    starts = (*RANDOM, *PRETRAINED)
    errors, filters, stacks = {start: [] for start in starts}, {}, {}
    for seed, start in (bar := common.progress([(s, start) for s in range(seeds) for start in starts], "networks")):
        tc.manual_seed(args.seed + seed)
        if start in PRETRAINED:
            kind, lr = PRETRAINED[start]
            layers = kind(SIZES)
            before = layers.layers[0].weight.detach().clone()
            layers.pretrain(x, lambda ps, lr=lr: optim.SGD(ps, lr=lr, momentum=0.5), epochs=passes, batch_size=20)
            model = layers.to_mlp(10)
            filters[start] = {"at random": before, "pretrained": model[0].weight.detach().clone()}
            stacks[start] = layers
        else:
            model = learning.perceptron([*SIZES, 10], *RANDOM[start])
        errors[start].append(fine_tune(model, (x[:labelled], t[:labelled]), (x_test, t_test), epochs))
        bar.note = f"{start}: {errors[start][-1][-1]:.1f} % wrong"
        if start in PRETRAINED:
            filters[start]["fine-tuned"] = model[0].weight.detach()
    report.save(draw_errors(errors), "12_errors.png", f"Fine-tuning on {labelled} labelled digits, from {seeds} seeds "
                "(shaded: best to worst). fan-in, normalized: sigmoid units from random weights; tanh: tanh units from "
                f"normalized ones. The others: sigmoid units that learned from {len(x):,} digits without labels first."
                )  # fmt: skip
    report.save(draw_filters(filters), "12_filters.png", "The first layer's weights of some units, as images (blue "
                "positive, red negative). Pretraining makes strokes and blobs of the random weights; what fine-tuning "
                "on the labels changes is hard to see.")  # fmt: skip
    masked = x_test * tc.bernoulli(tc.full_like(x_test, 0.7))
    with tc.no_grad():
        given = {name: layers.reconstruct(x_test) for name, layers in stacks.items()}
        mended = {f"{name}, of masked": stacks[name].reconstruct(masked) for name in ("stacked", "denoising")}
    rows = {"digit": x_test} | given | {"masked": masked} | mended
    report.save(draw_digits(rows), "12_reconstruction.png", "Unseen digits and what each stack gives back of them, "
                "from 200 numbers, through three layers up and down. Below, the same with 30 % of the pixels put to 0: "
                "the denoising stack was trained to fill them in.")  # fmt: skip

    last = {start: tc.tensor([e[-1] for e in found], dtype=tc.float64) for start, found in errors.items()}
    means, worst = {k: v.mean().item() for k, v in last.items()}, max(last[s].max().item() for s in PRETRAINED)
    for name, *rivals, units in (("score", "fan-in", "normalized", "sigmoid units"), ("tanh", "tanh", "tanh units")):
        report.claim(name, f"pretrained sigmoid units end with a smaller error than {units} from random weights, from "
                     "every seed (mean, %)", {k: means[k] for k in (*rivals, *PRETRAINED)},
                     worst < min(last[r].min().item() for r in rivals))  # fmt: skip
    smooth = {f"{s}, {k}": smoothness(w) for s, found in filters.items() for k, w in found.items()}
    report.claim("filters", "filters are noise at random and smooth after pretraining (correlation of neighbours "
                 "below 0.1, then above 0.3)", smooth,
                 all(v < 0.1 if k.endswith("random") else v > 0.3 for k, v in smooth.items()))  # fmt: skip
    moved = {s: ((f["fine-tuned"] - f["pretrained"]).norm() / (f["pretrained"] - f["at random"]).norm()).item()
             for s, f in filters.items()}  # fmt: skip
    report.claim("fine-tuning", "fine-tuning moves the filters less than a quarter as far as pretraining did", moved,
                 max(moved.values()) < 0.25)  # fmt: skip
    others = {"mean digit": x.mean(0).expand_as(x_test)} | given | mended
    lost = {name: nn.functional.mse_loss(images, x_test).item() for name, images in others.items()}
    report.claim("reconstruction", "unseen digits come back through all layers with less than half of the error that "
                 "the mean digit makes", {name: lost[name] for name in ("mean digit", *given)},
                 max(lost[name] for name in given) < 0.5 * lost["mean digit"])  # fmt: skip
    plain, denoising = (lost[name] for name in mended)
    text = "masked digits come back better from the denoising stack than from the plain one"
    report.claim("denoising", text, {"stacked": plain, "denoising": denoising}, denoising < plain)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
