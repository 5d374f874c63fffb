"""IDX files: what is written is read back, and nothing hostile gets through or costs memory."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_course.data import DataFileError, read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encode(array):
    """An independent writer, straight from the format's description."""
    code = CODES[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + b"".join(struct.pack(">I", n) for n in array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


arrays = st.sampled_from(list(CODES)).flatmap(
    lambda code: hnp.arrays(code, hnp.array_shapes(max_dims=4, min_side=0, max_side=6))
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "some-images-idx3-ubyte"


@given(array=arrays, zipped=st.booleans())
def test_round_trip(path, array, zipped):
    raw = encode(array)
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    back = read_idx(path)
    assert back.dtype == array.dtype and back.shape == array.shape and back.tobytes() == array.tobytes()
    assert back.flags.writeable


@given(array=arrays, zipped=st.booleans(), data=st.data())
def test_a_truncated_or_longer_file_is_named_and_refused(path, array, zipped, data):
    raw = encode(array)
    cut = data.draw(st.integers(0, len(raw) - 1), label="cut")
    for wrong in (raw[:cut], raw + b"\0"):
        path.write_bytes(gzip.compress(wrong) if zipped else wrong)
        with pytest.raises(DataFileError, match="some-images-idx3-ubyte"):
            read_idx(path)
    if zipped:
        packed = gzip.compress(raw)
        path.write_bytes(packed[: data.draw(st.integers(0, len(packed) - 1), label="cut gzip")])
        with pytest.raises(DataFileError, match="some-images-idx3-ubyte"):
            read_idx(path)


@given(data=st.data(), array=hnp.arrays("u1", st.just((3, 4, 5))))
def test_a_flipped_bit_in_a_gzip_file_never_changes_the_values(path, data, array):
    packed = bytearray(gzip.compress(encode(array), mtime=0))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(packed)
    try:
        back = read_idx(path)
    except DataFileError:
        return
    assert np.array_equal(back, array)  # a bit of the gzip header that carries no data, such as its time


@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_raise_or_are_an_array_of_that_size(path, noise, idx_like):
    path.write_bytes(b"\0\0\x08" + noise if idx_like else noise)
    try:
        array = read_idx(path)
    except DataFileError:
        return
    assert array.nbytes <= len(noise)


@given(
    shape=st.lists(st.integers(2**16, 2**32 - 1), min_size=2, max_size=8),
    zipped=st.booleans(),
    body=st.binary(max_size=100),
)
def test_a_header_that_claims_too_much_is_refused_before_memory_is_taken(path, shape, zipped, body):
    raw = bytes([0, 0, 8, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape) + body
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="more than a file of this size holds"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_gzip_bomb_is_cut_off_at_what_its_header_says(path):
    raw = encode(np.zeros((1000,), "u1")) + bytes(200_000_000)
    path.write_bytes(gzip.compress(raw, 1))
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="longer than its IDX header"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_dimensions_are_checked(path):
    path.write_bytes(encode(np.zeros((2, 3), "u1")))
    assert read_idx(path, ndim=2).shape == (2, 3)
    with pytest.raises(DataFileError, match="2 dimensions, expected 3"):
        read_idx(path, ndim=3)
    with pytest.raises(FileNotFoundError):
        read_idx(path.with_name("absent"))
