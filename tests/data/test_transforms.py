"""Transforms, against Pillow, PyTorch and plain definitions; on arrays, tensors and PIL images alike."""

import colorsys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_course as tc
from tinygrad_course.data.transforms import functional as F
from tinygrad_course.vision import transforms as T

NEAREST, BILINEAR = T.InterpolationMode.NEAREST, T.InterpolationMode.BILINEAR


def images(dtype="u1", channels=(0, 1, 3), least=1, most=12):
    """Arrays (H, W) or (H, W, C)."""
    side = st.integers(least, most)
    shape = st.tuples(side, side, st.sampled_from(channels)).map(lambda s: s if s[2] else s[:2])
    values = {} if dtype == "u1" else {"elements": st.floats(0, 1, width=32)}
    return shape.flatmap(lambda s: hnp.arrays(dtype, s, **values))


def chw(array):
    """The same image as a tensor."""
    return tc.tensor(np.ascontiguousarray(np.moveaxis(array, -1, 0) if array.ndim == 3 else array))


def same(ours, theirs, atol=0.0):
    ours = ours.array if isinstance(ours, tc.Tensor) else np.asarray(ours)
    assert ours.shape == tuple(theirs.shape)
    assert np.abs(ours.astype(float) - np.asarray(theirs).astype(float)).max(initial=0) <= atol


# --- conversions ----------------------------------------------------------------------------------------------------


@given(images())
def test_to_tensor_moves_channels_and_scales(array):
    tensor = T.ToTensor()(array)
    cube = array if array.ndim == 3 else array[..., None]
    assert tensor.dtype == np.float32
    same(tensor, cube.transpose(2, 0, 1).astype(np.float32) / np.float32(255))


def test_to_tensor_keeps_other_dtypes_and_copies():
    array = np.random.default_rng(0).random((3, 4, 1))
    tensor = T.ToTensor()(array)
    assert tensor.dtype == np.float64 and not np.shares_memory(tensor.array, array)
    with pytest.raises(TypeError, match="Tensor"):
        T.ToTensor()(tensor)
    with pytest.raises(TypeError, match="shape"):
        T.ToTensor()(np.zeros(3, np.uint8))


@given(images(channels=(0, 3, 4)))
def test_pil_round_trip(array):
    pytest.importorskip("PIL")
    picture = T.ToPILImage()(array)
    assert picture.size == (array.shape[1], array.shape[0]) and np.array_equal(np.asarray(picture), array)
    tensor = T.ToTensor()(picture)
    same(tensor, T.ToTensor()(array).array)
    assert np.array_equal(np.asarray(T.ToPILImage()(tensor)), array)
    same(T.PILToTensor()(picture), T.ToTensor()(array).array * 255, 1e-4)


def test_to_pil_refuses_what_no_pixel_can_show():
    pytest.importorskip("PIL")
    with pytest.raises(ValueError, match="undo Normalize"):
        T.ToPILImage()(tc.tensor([[[-1.0, 0.5]]]))
    with pytest.raises(ValueError, match="channels"):
        T.ToPILImage()(np.zeros((2, 2, 7), np.uint8))
    with pytest.raises(TypeError, match="list"):
        T.ToPILImage()([[1]])


def test_one_bit_pil_images_are_black_and_white():
    image_module = pytest.importorskip("PIL.Image")
    picture = image_module.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert T.ToTensor()(picture).tolist() == [[[0, 1]]]


# --- normalize ------------------------------------------------------------------------------------------------------


@given(
    images("f4", channels=(3,)),
    st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    st.lists(st.floats(0.1, 3), min_size=3, max_size=3),
)
def test_normalize_can_be_undone(array, mean, std):
    tensor = chw(array)
    normal = T.Normalize(mean, std)(tensor)
    back = normal.array * np.float32(std)[:, None, None] + np.float32(mean)[:, None, None]
    same(back, tensor.array, 1e-5)
    same(T.Normalize(mean, std)(array), normal.array.transpose(1, 2, 0))
    assert normal.dtype == np.float32


def test_normalize_refuses_zero_std_and_integers():
    for std in ((0.0,), (1.0, 0.0, 1.0), 0):
        with pytest.raises(ValueError, match="std must not be zero"):
            T.Normalize((0.5,), std)
    with pytest.raises(ValueError, match="zero"):
        F.normalize(tc.ones(1, 2, 2), [0.0], [1e-60])
    with pytest.raises(TypeError, match="ToTensor"):
        T.Normalize((0.5,), (0.5,))(np.zeros((2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="1 or 3 values of mean"):
        T.Normalize((0.5, 0.5), (1.0,))(tc.ones(3, 2, 2))


def test_normalize_in_place_and_with_gradient():
    x = tc.ones(1, 2, 2)
    assert T.Normalize(0.5, 0.5, inplace=True)(x) is x and x.array.max() == 1
    x = tc.full((1, 2, 2), 3.0)
    T.Normalize(1.0, 2.0)(x)
    assert x.array.max() == 3
    w = tc.ones(1, 2, 2, requires_grad=True)
    T.Normalize(0.5, 0.25)(w).sum().backward()
    assert w.grad.array.tolist() == [[[4, 4], [4, 4]]]
    with pytest.raises(RuntimeError, match="detach"):
        T.CenterCrop(1)(w)


# --- moving pixels --------------------------------------------------------------------------------------------------


@given(images(), st.integers(-4, 14), st.integers(-4, 14), st.integers(1, 9), st.integers(1, 9))
def test_crop_is_a_window_on_a_plane_of_zeros(array, top, left, height, width):
    out = F.crop(array, top, left, height, width)
    for i in range(height):
        for j in range(width):
            inside = 0 <= top + i < array.shape[0] and 0 <= left + j < array.shape[1]
            assert np.array_equal(out[i, j], array[top + i, left + j] if inside else np.zeros(array.shape[2:]))
    same(F.crop(chw(array), top, left, height, width), chw(out).array)


@given(images(), st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(0, 255))
def test_pad_then_crop_is_the_image(array, sides, fill):
    left, top, right, bottom = sides
    out = F.pad(array, sides, fill=fill)
    assert out.shape[:2] == (array.shape[0] + top + bottom, array.shape[1] + left + right)
    assert np.array_equal(F.crop(out, top, left, *array.shape[:2]), array)
    total = out.astype(int).sum() - array.astype(int).sum()
    assert total == fill * (out.size - array.size)


def test_pad_forms_modes_and_fills():
    pixel = np.full((1, 1, 3), 5, np.uint8)
    assert F.pad(pixel, 1).shape == (3, 3, 3) and F.pad(pixel, (2, 1)).shape == (3, 5, 3)
    assert F.pad(pixel, 1, fill=(1, 2, 3))[0, 0].tolist() == [1, 2, 3]
    assert F.pad(pixel, 1, padding_mode="edge").min() == 5
    assert F.pad(np.array([[1, 2, 3]]), (1, 0), padding_mode="reflect").tolist() == [[2, 1, 2, 3, 2]]
    for padding in ((1, 2, 3), -1):
        with pytest.raises(ValueError, match="padding"):
            F.pad(pixel, padding)
    with pytest.raises(ValueError, match="padding_mode"):
        F.pad(pixel, 1, padding_mode="circular")
    with pytest.raises(ValueError, match="per channel"):
        F.pad(pixel, 1, fill=(1, 2))


@given(images())
def test_flips_are_their_own_inverse_and_copy(array):
    assert np.array_equal(F.hflip(array), array[:, ::-1]) and np.array_equal(F.vflip(array), array[::-1])
    assert np.array_equal(F.hflip(F.hflip(array)), array) and not np.shares_memory(F.hflip(array), array)
    same(F.hflip(chw(array)), chw(F.hflip(array)).array)


@given(images(), st.integers(1, 14), st.integers(1, 14))
def test_center_crop_is_centred(array, height, width):
    out = T.CenterCrop((height, width))(array)
    assert out.shape[:2] == (height, width)
    rows, columns = array.shape[:2]
    if rows >= height and columns >= width:
        top, left = round((rows - height) / 2), round((columns - width) / 2)
        assert np.array_equal(out, array[top : top + height, left : left + width])
    elif rows < height and columns < width:
        assert out.astype(int).sum() == array.astype(int).sum()


# --- resizing -------------------------------------------------------------------------------------------------------


@given(images("f4", channels=(3,)), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_bilinear_resize_agrees_with_pytorch(array, height, width, antialias):
    torch = pytest.importorskip("torch")
    assume(width > 1 or not antialias)  # PyTorch 2.13 then forgets to blend along the height
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(chw(array).array)[None], size=(height, width), mode="bilinear", antialias=antialias
    )[0]
    ours = T.Resize((height, width), antialias=antialias)(chw(array))
    assert ours.dtype == np.float32
    same(ours, theirs.numpy(), 1e-5)
    same(T.Resize((height, width), antialias=antialias)(array), ours.array.transpose(1, 2, 0))


@given(images("f4", channels=(1,)), st.integers(1, 20), st.integers(1, 20))
def test_nearest_resize_agrees_with_pytorch(array, height, width):
    torch = pytest.importorskip("torch")
    # PyTorch computes the position in float32, which errs where it falls on a pixel's border: leave those out.
    for n, m in ((array.shape[0], height), (array.shape[1], width)):
        assume(all((i * n) % m for i in range(1, m)) or n % m == 0 or m % n == 0)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(chw(array).array)[None], size=(height, width), mode="nearest"
    )[0]
    same(F.resize(chw(array), (height, width), "nearest"), theirs.numpy())


@given(images(channels=(0, 3), least=2, most=20), st.integers(1, 20), st.integers(1, 20))
def test_resize_of_arrays_agrees_with_pillow(array, height, width):
    pytest.importorskip("PIL")
    resize = T.Resize((height, width))
    same(resize(array), np.asarray(resize(T.ToPILImage()(array))), atol=1)  # Pillow rounds after each direction


@given(st.floats(0, 1, width=32), st.integers(1, 9), st.integers(1, 30), st.booleans())
def test_resizing_a_constant_gives_the_constant(value, before, after, antialias):
    out = F.resize(np.full((before, before), value, np.float32), after, antialias=antialias)
    assert np.allclose(out, value, atol=1e-6)


def test_resize_by_the_shorter_side():
    tall = np.zeros((40, 20, 3), np.uint8)
    assert F.resize(tall, 10).shape == (20, 10, 3) and F.resize(chw(tall), 10).shape == (3, 20, 10)
    assert F.resize(tall, 10, max_size=16).shape == (16, 8, 3)
    assert F.resize(np.zeros((20, 47)), 10).shape == (10, 23)
    for size, options in [(0, {}), ((1, 2, 3), {}), (10, {"max_size": 10}), ((5, 5), {"max_size": 9})]:
        with pytest.raises(ValueError, match="size"):
            F.resize(tall, size, **options)
    with pytest.raises(ValueError, match="PIL"):
        F.resize(tall, 10, T.InterpolationMode.BICUBIC)
    with pytest.raises(ValueError, match="InterpolationMode"):
        T.Resize(10, interpolation="cubic")


# --- rotating -------------------------------------------------------------------------------------------------------


@given(images(), st.integers(-8, 8), st.sampled_from([NEAREST, BILINEAR]))
def test_quarter_turns_are_exact(array, quarters, mode):
    out = F.rotate(array, 90 * quarters, mode, expand=True)
    assert np.array_equal(out, np.rot90(array, quarters))
    same(F.rotate(chw(array), 90 * quarters, mode, expand=True), chw(out).array)


@given(images(channels=(0, 3), least=3), st.floats(-180, 180), st.booleans())
def test_nearest_rotation_agrees_with_pillow(array, angle, expand):
    image_module = pytest.importorskip("PIL.Image")
    assume(abs(angle / 45 - round(angle / 45)) > 1e-3)  # there, ties are broken by the last bit
    picture = image_module.fromarray(array)
    theirs = np.asarray(picture.rotate(angle, expand=expand))
    ours = F.rotate(array, angle, expand=expand)
    if ours.shape == theirs.shape:  # Pillow adds up to a pixel of border, depending on its rounding
        differs = (ours != theirs).any(axis=2) if array.ndim == 3 else ours != theirs
        assert differs.mean() <= 0.12
    else:
        assert expand and max(abs(a - b) for a, b in zip(ours.shape, theirs.shape, strict=True)) <= 2


@given(images("f4", channels=(1,), least=2), st.floats(-180, 180))
def test_bilinear_rotation_agrees_with_pytorch(array, angle):
    torch = pytest.importorskip("torch")
    height, width = array.shape[:2]
    a = np.radians(angle)
    # PyTorch's grid counts from -1 to 1 over the image's sides.
    theta = [[np.cos(a), -np.sin(a) * height / width, 0], [np.sin(a) * width / height, np.cos(a), 0]]
    grid = torch.nn.functional.affine_grid(
        torch.tensor([theta], dtype=torch.float64), [1, 1, height, width], align_corners=False
    )
    source = torch.from_numpy(chw(array).array.astype(np.float64))[None]
    theirs = torch.nn.functional.grid_sample(source, grid, align_corners=False)[0]
    same(F.rotate(chw(array.astype(np.float64)), angle, BILINEAR), theirs.numpy(), 1e-9)


def test_rotation_around_a_corner_and_fill():
    array = np.arange(1, 10, dtype=np.uint8).reshape(3, 3)
    assert F.rotate(array, 180, center=(0, 0), fill=7).tolist() == [[7] * 3] * 3
    colours = F.rotate(np.ones((9, 9, 3), np.uint8), 45, fill=(2, 3, 4))
    assert colours[0, 0].tolist() == [2, 3, 4]


# --- colour ---------------------------------------------------------------------------------------------------------


@given(images("f4", channels=(3,), most=4), st.floats(-0.5, 0.5))
def test_hue_agrees_with_the_standard_library(array, turn):
    out = F.adjust_hue(array.astype(np.float64), turn)
    for before, after in zip(array.reshape(-1, 3).astype(float), out.reshape(-1, 3), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*before)
        assert np.allclose(after, colorsys.hsv_to_rgb((h + turn) % 1, s, v), atol=1e-6)


@given(images(channels=(3,)), st.floats(0, 3))
def test_factor_one_changes_nothing_and_factor_zero_loses_what_is_adjusted(array, factor):
    for adjust in (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation):
        assert np.array_equal(adjust(array, 1.0), array)
        same(adjust(chw(array), factor), chw(adjust(array, factor)).array)
    assert np.abs(F.adjust_hue(array, 0.0).astype(int) - array).max() <= 1
    grey = F.rgb_to_grayscale(array, 3)
    assert F.adjust_brightness(array, 0).max() == 0
    assert np.ptp(F.adjust_contrast(array, 0)) == 0
    assert np.abs(F.adjust_saturation(array, 0).astype(int) - grey).max() <= 1
    luma = array.astype(float) @ [0.2989, 0.587, 0.114]
    assert np.abs(grey[..., 0] - luma).max() <= 1
    assert F.rgb_to_grayscale(array).shape == (*array.shape[:2], 1)


def test_colour_agrees_with_hand_computation():
    x = np.array([[[0.2, 0.4, 0.6]], [[0.0, 1.0, 0.5]]])
    luma = x @ [0.2989, 0.587, 0.114]
    same(F.adjust_brightness(x, 2.0), np.clip(2 * x, 0, 1), 1e-12)
    same(F.adjust_contrast(x, 0.5), 0.5 * x + 0.5 * luma.mean(), 1e-12)
    same(F.adjust_saturation(x, 0.25), 0.25 * x + 0.75 * luma[..., None], 1e-12)


def test_grey_images_survive_colour_changes():
    grey = np.full((2, 2), 0.5, np.float32)
    for adjust in (F.adjust_saturation, F.adjust_hue):
        assert np.array_equal(adjust(grey, 0.3), grey)
    assert F.rgb_to_grayscale(grey, 3).shape == (2, 2, 3)
    pytest.importorskip("PIL")
    assert T.Grayscale()(T.ToPILImage()(np.zeros((2, 3, 3), np.uint8))).mode == "L"


def test_colour_refuses_nonsense():
    x = np.zeros((2, 2, 3), np.uint8)
    for call, message in [
        (lambda: F.adjust_hue(x, 0.6), "hue_factor"),
        (lambda: F.adjust_brightness(x, -1), "brightness_factor"),
        (lambda: T.ColorJitter(brightness=-1), "brightness"),
        (lambda: T.ColorJitter(hue=0.7), "hue"),
        (lambda: T.ColorJitter(contrast=(2, 1)), "contrast"),
        (lambda: T.Grayscale(2)(x), "num_output_channels"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
