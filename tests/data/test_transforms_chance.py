"""Transforms that draw: reproducible by seed, with the chances that they name; and what all transforms share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.data._random import ItemScope
from tinygrad_course.vision import transforms as T

from .test_transforms import chw, same

RANDOM = [
    T.RandomCrop(5, padding=2),
    T.RandomHorizontalFlip(),
    T.RandomVerticalFlip(),
    T.RandomResizedCrop(6),
    T.RandomRotation(40),
    T.ColorJitter(0.5, 0.5, 0.5, 0.2),
    T.RandomGrayscale(0.5),
    T.RandomApply([T.RandomHorizontalFlip(1.0)]),
]


@pytest.mark.parametrize("transform", RANDOM, ids=lambda t: type(t).__name__)
def test_random_transforms_repeat_with_the_seed_and_leave_their_input_alone(transform):
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    before = image.copy()

    def draw():
        tc.manual_seed(3)
        return [np.asarray(transform(image)) for _ in range(12)]

    first = draw()
    assert all(np.array_equal(a, b) for a, b in zip(first, draw(), strict=True))
    assert any(not np.array_equal(first[0], other) for other in first)
    assert np.array_equal(image, before)
    tc.manual_seed(3)
    for a in first:
        same(transform(chw(image)), chw(a).array, 1)


def test_every_place_of_a_crop_is_equally_likely():
    image = np.arange(16).reshape(4, 4)
    crop = T.RandomCrop((3, 2))
    counts = np.bincount([crop(image)[0, 0] for _ in range(3000)], minlength=16)
    assert sorted(np.flatnonzero(counts)) == [0, 1, 2, 4, 5, 6]
    assert abs(counts[counts > 0] - 500).max() < 100


@pytest.mark.parametrize("p", [0.0, 0.2, 1.0])
def test_flips_happen_with_their_probability(p):
    image = np.array([[0, 1]])
    flip = T.RandomHorizontalFlip(p)
    assert abs(np.mean([flip(image)[0, 0] for _ in range(3000)]) - p) <= (0.03 if 0 < p < 1 else 0)


@given(rows=st.integers(1, 60), columns=st.integers(1, 60), seed=st.integers(0, 2**32))
def test_resized_crop_stays_inside_and_within_its_ranges(rows, columns, seed):
    crop = T.RandomResizedCrop(4, scale=(0.2, 0.8))
    with ItemScope(seed, 0):
        top, left, height, width = crop._box(rows, columns)
    assert top >= 0 and top + height <= rows and left >= 0 and left + width <= columns and height > 0 < width
    if min(rows, columns) > 30 and max(rows, columns) / min(rows, columns) < 1.2:
        assert 0.15 < height * width / (rows * columns) < 0.85 and 0.7 < width / height < 1.4


def test_random_crop_says_when_an_image_is_too_small():
    with pytest.raises(ValueError, match=r"\(3 x 3\) is smaller than the crop \(5 x 5\)"):
        T.RandomCrop(5)(np.zeros((3, 3)))
    assert T.RandomCrop(5, pad_if_needed=True)(np.zeros((3, 3))).shape == (5, 5)
    for make in (
        lambda: T.RandomHorizontalFlip(1.5),
        lambda: T.RandomRotation(-3),
        lambda: T.RandomResizedCrop(3, (0, 1)),
    ):
        with pytest.raises(ValueError, match="must be"):
            make()


def test_pil_images_give_pil_images():
    image_module = pytest.importorskip("PIL.Image")
    array = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
    for transform in [*RANDOM, T.CenterCrop(4), T.Pad(1), T.Resize(5)]:
        out = transform(image_module.fromarray(array))
        assert isinstance(out, image_module.Image) and out.mode == "RGB"


def test_an_augmented_epoch_is_the_same_under_any_number_of_workers():
    array = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    chain = T.Compose([T.RandomCrop(8, padding=2), T.RandomHorizontalFlip(), T.ColorJitter(0.4), T.ToTensor()])

    class Augmented(tc.data.Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, i):
            return chain(array[i])

    def epoch(workers):
        tc.manual_seed(1)
        return np.concatenate([b.array for b in tc.data.DataLoader(Augmented(), 3, shuffle=True, num_workers=workers)])

    reference = epoch(0)
    assert all(np.array_equal(reference, epoch(n)) for n in (1, 2, 4))


def test_repr_and_lambda():
    chain = T.Compose([T.ToTensor(), T.Normalize((0.5,), (0.5,)), T.Lambda(abs)])
    assert repr(chain).splitlines()[2].strip() == "Normalize(mean=(0.5,), std=(0.5,), inplace=False)"
    assert "Lambda(abs)" in repr(chain)
    with pytest.raises(TypeError, match="function"):
        T.Lambda(3)
    for bad in ("text", None):
        with pytest.raises(TypeError, match="expected a PIL image"):
            T.CenterCrop(2)(bad)
