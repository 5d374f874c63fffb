"""Curves and Shapeset-3×2: what the generators promise, measured on what they draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.data import BishopTargets, Shapeset3x2, Shapeset3x2Stream, Sinus, Spirals, TwoCurves, shapeset

# --- curves ---------------------------------------------------------------------------------------------------------


@given(
    n=st.integers(1, 60),
    target=st.sampled_from(["square", "sin", "abs", "step"]),
    spacing=st.sampled_from(["even", "random"]),
    seed=st.integers(0, 1000),
)
def test_bishop_targets_are_the_functions(n, target, spacing, seed):
    data = BishopTargets(target, n=n, spacing=spacing, seed=seed)
    x, t = data.x.array.astype(float), data.t.array
    truth = {"square": x * x, "sin": np.sin(x), "abs": abs(x), "step": (x >= 0).astype(float)}[target]
    end = np.pi if target == "sin" else 1
    assert x.shape == t.shape == (n, 1) and t.dtype == np.float32 and len(data) == n
    assert np.allclose(t, truth, atol=1e-6) and (abs(x) <= end + 1e-6).all() and (np.diff(x[:, 0]) >= 0).all()


def test_defaults_are_the_books():
    assert len(BishopTargets()) == 50
    assert BishopTargets("abs").x.array[[0, -1], 0].tolist() == [-1, 1]


def test_noise_has_the_spread_asked_for_and_repeats_with_its_seed():
    noisy = Sinus(n=4000, noise=0.3, seed=1)
    residual = noisy.t.array - np.sin(noisy.x.array)
    assert abs(residual.std() - 0.3) < 0.02 and abs(residual.mean()) < 0.02
    assert np.array_equal(noisy.t.array, Sinus(n=4000, noise=0.3, seed=1).t.array)
    assert not np.array_equal(noisy.t.array, Sinus(n=4000, noise=0.3, seed=2).t.array)


def test_no_line_separates_the_two_curves_but_one_hidden_bump_does():
    data = TwoCurves(n=60)
    points, labels = data.points.array.astype(float), data.labels.array
    best = 0.0
    for angle in np.linspace(0, 2 * np.pi, 181):
        order = np.argsort(points @ [np.cos(angle), np.sin(angle)])
        ones = np.cumsum(labels[order])
        correct = ones[-1] - ones + np.arange(1, 121) - ones  # 1s above the threshold, and 0s below
        best = max(best, correct.max() / 120)
    assert best < 0.8
    residual = points[:, 1] - 0.5 * np.cos(np.pi * points[:, 0])
    assert ((residual > 0) == (labels == 1)).all()


@given(n=st.integers(2, 50), classes=st.integers(1, 5), turns=st.floats(0.1, 3))
def test_spirals_are_rotated_copies(n, classes, turns):
    data = Spirals(n, classes, turns)
    arms = data.points.array.reshape(classes, n, 2) @ np.array([1, 1j])
    assert np.bincount(data.labels.array).tolist() == [n] * classes
    for k in range(classes):
        assert np.allclose(arms[k], arms[0] * np.exp(2j * np.pi * k / classes), atol=1e-5)
    assert np.allclose(abs(arms[0]), np.linspace(0.1, 1, n), atol=1e-5)


def test_curves_refuse_nonsense():
    for make, message in [
        (lambda: Sinus(n=0), "n must be"),
        (lambda: Sinus(low=1, high=1), "low < high"),
        (lambda: Sinus(noise=-1), "noise"),
        (lambda: Sinus(noise=float("nan")), "noise"),
        (lambda: Sinus(spacing="odd"), "spacing"),
        (lambda: BishopTargets("cos"), "target must be one of"),
        (lambda: Spirals(classes=0), "classes"),
        (lambda: TwoCurves(n=1.5), "n must be"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()


# --- Shapeset -------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**40), size=st.sampled_from([16, 32, 64]), n=st.integers(1, 300), more=st.integers(0, 300))
def test_the_same_seed_gives_the_same_images_and_more_only_adds(seed, size, n, more):
    few, many = Shapeset3x2(n, size, seed), Shapeset3x2(n + more, size, seed)
    assert few.images.shape == (n, 1, size, size) and few.images.dtype == np.float32
    assert np.array_equal(few.images.array, many.images.array[:n])
    assert np.array_equal(few.labels.array, many.labels.array[:n])


def test_seeds_differ():
    assert not np.array_equal(Shapeset3x2(4, seed=0).images.array, Shapeset3x2(4, seed=1).images.array)


def test_the_stream_is_the_dataset_without_end():
    data, loader = Shapeset3x2(600, seed=3), tc.data.DataLoader(Shapeset3x2Stream(seed=3), 100, num_workers=2)
    for k, (images, labels) in zip(range(6), loader, strict=False):
        assert np.array_equal(images.array, data.images.array[100 * k : 100 * k + 100])
        assert np.array_equal(labels.array, data.labels.array[100 * k : 100 * k + 100])


@pytest.fixture(scope="module")
def sample():
    data = Shapeset3x2(4608, seed=7)
    return data.images.array[:, 0], data.labels.array, data.classes


def test_nine_classes_equally_likely(sample):
    _, labels, classes = sample
    assert len(classes) == len(set(classes)) == 9 and "triangle + ellipse" in classes
    counts = np.bincount(labels, minlength=9)
    assert ((counts - 512) ** 2 / 512).sum() < 26.1  # chi-square with 8 degrees of freedom, p = 0.001


def test_greys_are_those_of_the_paper(sample):
    images, labels, _ = sample
    border = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    background = np.median(border, axis=1)
    inverted = background > 0.5
    assert abs(inverted.mean() - 0.5) < 0.04
    upright = np.where(inverted[:, None, None], 1 - images, images)
    base = np.where(inverted, 1 - background, background)
    assert base.min() >= 0 and base.max() <= 0.45 + 1e-6
    objects = abs(upright - base[:, None, None]) > 1e-6
    assert upright[objects].min() >= 0.55 - 1e-6 and upright.max() <= 1
    shades = [len(np.unique(image)) for image in images]
    assert all(count == 2 for count, label in zip(shades, labels, strict=True) if label < 3)
    assert all(count == 3 for count, label in zip(shades, labels, strict=True) if label >= 3)
    area = objects.mean(axis=(1, 2))
    assert area.min() > 0.02 and area.max() < 0.5


def test_objects_have_the_shape_that_their_label_says():
    """sqrt(det of the covariance) / area does not change under affine maps, so each shape has its own constant."""
    data = Shapeset3x2(1024, size=128, seed=5)
    y, x = np.mgrid[:128, :128]
    constants = {0: 1 / (6 * np.sqrt(3)), 1: 1 / 12, 2: 1 / (4 * np.pi)}
    for image, label in zip(data.images.array[:, 0], data.labels.array, strict=True):
        if label > 2:
            continue
        values, counts = np.unique(image, return_counts=True)
        mask = image == values[counts.argmin()]
        covariance = np.cov(np.stack([x[mask], y[mask]]))
        assert abs(np.sqrt(np.linalg.det(covariance)) / mask.sum() / constants[int(label)] - 1) < 0.04


@given(seed=st.integers(0, 2**32), size=st.sampled_from([32, 64]), scale=st.sampled_from([(0.22, 0.42), (0.35, 0.35)]))
def test_two_objects_overlap_by_half_at_most_and_none_is_cut_off(seed, size, scale):
    kinds = np.repeat([(0, 0), (1, 1), (2, 2), (0, 1), (2, 0), (1, 2)], 20, axis=0)
    masks = shapeset._place(np.random.default_rng(seed), kinds, size, scale)
    areas = masks.sum(axis=(2, 3))
    shared = (masks[:, 0] & masks[:, 1]).sum(axis=(1, 2))
    assert (shared <= areas.min(axis=1) / 2).all() and shared.max() > 0
    # The square root of the area is within scale, in sides of the image; pixels round it.
    assert areas.max() < (scale[1] * size + 1) ** 2 and areas.min() > (scale[0] * size - 1.5) ** 2


def test_a_missing_second_object_is_an_empty_mask():
    masks = shapeset._place(np.random.default_rng(0), np.array([(0, -1), (-1, 2)]), 32, shapeset.SCALE)
    assert (masks.any(axis=(2, 3)) == [[True, False], [False, True]]).all()


def test_scale_is_that_of_the_objects_in_images_and_stream():
    """Of a single object the area is the share of pixels that differ from the background, the commonest grey."""
    small, large = (Shapeset3x2(512, seed=1, scale=(s, s)) for s in (0.25, 0.4))
    for data, scale in ((small, 0.25), (large, 0.4)):
        single = data.images.array[data.labels.array < 3, 0]
        shares = [min(np.unique(image, return_counts=True)[1]) / image.size for image in single]
        assert abs(np.mean(shares) / scale**2 - 1) < 0.03
    image, _ = next(iter(Shapeset3x2Stream(seed=1, scale=(0.4, 0.4))))
    assert np.array_equal(image.array, large.images.array[0])


def test_shapeset_refuses_nonsense():
    for options in ({"n": 0}, {"size": 8}, {"seed": -1}, {"n": 2.0}, {"scale": (0.4, 0.3)}, {"scale": (0.3, 0.9)}):
        with pytest.raises(ValueError, match="Shapeset3x2"):
            Shapeset3x2(**options)
