"""What the chapters' figures share: how they are made, one legend, a caption below, bands, rows of images."""

import textwrap


def new_figure(width, height):
    """An empty figure, in inches. No window is opened."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError('the figures need matplotlib: pip install "tinygrad_course[plot]"') from error
    return Figure(figsize=(width, height), layout="constrained")


def subplots(rows, columns, width, height, **options):
    """A figure of that size with axes in rows and columns, as of Matplotlib's `Figure.subplots`."""
    figure = new_figure(width, height)
    return figure, figure.subplots(rows, columns, **options)


def one_legend(figure, columns=None):
    """One legend for all axes, below them."""
    found = {}
    for axes in figure.axes:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
        if own := axes.get_legend():
            own.remove()
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns or len(found), frameon=False)


def write_below(figure, caption):
    """Write a caption below everything else."""
    figure.draw_without_rendering()  # arranges the axes and the legend,
    figure.set_layout_engine("none")  # which then stay where they are
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0, 0, 1, 1), figure.transFigure)
    lines = textwrap.fill(caption, int(15.5 * figure.get_figwidth()))
    figure.text(0.01, -0.02, lines, va="top", ha="left", fontsize=9, style="italic")


def draw_band(axes, places, values, color, label, **style):
    """Values (places, starts): their mean as a line, and shaded from the lowest start to the highest."""
    axes.fill_between(places, values.min(1)[0].numpy(), values.max(1)[0].numpy(), color=color, alpha=0.2)
    axes.plot(places, values.mean(1).numpy(), color=color, label=label, **style)
    axes.grid(alpha=0.3)


def show(axes, image, label="", title="", **options):
    """An image without ticks, darker where values are larger, with a label on its left and a title."""
    axes.imshow(image.numpy(), **{"cmap": "gray_r", **options})
    axes.set(xticks=[], yticks=[])
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    axes.set_title(title, fontsize=8)


def show_rows(figure, rows, columns, signed=False, **options):
    """Rows of images, each with its name; `signed`: blue is positive, red negative, each image scaled by itself."""
    for places, (name, images) in zip(figure.subplots(len(rows), columns, squeeze=False), rows.items(), strict=True):
        for k, axes in enumerate(places):
            if k >= len(images):
                axes.set_axis_off()
                continue
            if signed:
                most = images[k].abs().max().item()
                options = {"cmap": "RdBu", "vmin": -most, "vmax": most}
            show(axes, images[k], "" if k else name, **options)
