"""Saving and loading: round trips of any structure, and files that are hostile, damaged or cut short."""

import io
import json
import math
import os
import threading

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_course as tc
from tinygrad_course.serialization import load, save

DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0, max_side=3)))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), ARRAYS, ARRAYS.map(tc.tensor),
    st.sampled_from(DTYPES).map(np.dtype),
)  # fmt: skip
KEYS = st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
STATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


def _same(a, b):
    assert type(a) is type(b)
    if isinstance(a, tc.Tensor):
        _same(a.array, b.array)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        assert [type(k) for k in a] == [type(k) for k in b]
        for k in a:
            _same(a[k], b[k])
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            _same(x, y)
    else:
        assert a == b or (a != a and b != b)


def _bytes(obj):
    file = io.BytesIO()
    save(obj, file)
    return file.getvalue()


@given(STATES)
@example({"__metadata__": tc.zeros(2), "a.b": tc.ones(1), "a": {"b": tc.zeros(1)}, "dict": {"tensor": "x"}})
@example({0: 1, "0": 2, 0.5: -math.inf, None: math.nan, True: 2**200})
def test_round_trip(obj):
    _same(load(io.BytesIO(_bytes(obj))), obj)


def test_path_round_trip_and_replacement(tmp_path):
    path = tmp_path / "net.safetensors"
    save({"a": tc.ones(2)}, path)
    save({"a": tc.zeros(3)}, str(path))
    assert load(path)["a"].tolist() == [0.0, 0.0, 0.0]
    assert os.listdir(tmp_path) == ["net.safetensors"]
    assert load(path, map_location="cpu", weights_only=True)["a"].dtype == np.float32
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing")
    with pytest.raises(RuntimeError, match="cuda"):
        load(path, map_location="cuda")


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "state"
    save({"a": 1}, path)
    before = path.read_bytes()

    def full(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        save({"a": 2}, path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["state"]


def test_who_reads_the_old_file_is_not_disturbed(tmp_path):
    path = tmp_path / "state"
    save({"a": tc.ones(1000)}, path)
    with open(path, "rb") as old:
        save({"a": tc.zeros(10)}, path)
        assert load(old)["a"].sum().item() == 1000
    assert load(path)["a"].shape == (10,)


@pytest.mark.parametrize("name", ["memory", "large header"])
def test_memory_is_bounded_by_the_file(tmp_path, name):
    import tracemalloc

    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE.get(name, (99_000_000).to_bytes(8, "little") + b"{}"))
    tracemalloc.start()
    try:
        with pytest.raises(RuntimeError, match="hostile"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_link_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    save([1], tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load(tmp_path / "real") == [1]


def test_concurrent_writers_leave_one_whole_file(tmp_path):
    path = tmp_path / "state"
    threads = [threading.Thread(target=save, args=({"a": tc.full((1000,), float(i))}, path)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(load(path)["a"].tolist())) == 1
    assert os.listdir(tmp_path) == ["state"]


def test_shared_values_are_stored_once_and_shared_again():
    x = tc.ones(1000)
    data = _bytes({"a": x, "b": x.detach(), "part": x[:10]})
    assert len(data) < 4600
    loaded = load(io.BytesIO(data))
    assert loaded["a"].array is loaded["b"].array
    assert loaded["part"].shape == (10,)


def test_requires_grad_and_strides_survive():
    x = tc.tensor(np.arange(6.0).reshape(2, 3).T, requires_grad=True)
    y = load(io.BytesIO(_bytes([x, np.arange(5)[::-2], np.arange(3, dtype=">i4")])))
    assert y[0].requires_grad
    assert y[0].tolist() == x.tolist()
    assert y[1].tolist() == [4, 2, 0]
    assert y[2].tolist() == [0, 1, 2]


def test_state_dicts_of_module_and_optimizer():
    net = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.BatchNorm1d(3))
    opt = tc.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net[0](tc.ones(4, 2)).sum().backward()
    opt.step()
    state = load(io.BytesIO(_bytes({"net": net.state_dict(), "opt": opt.state_dict()})))
    twin = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.BatchNorm1d(3))
    twin.load_state_dict(state["net"])
    again = tc.optim.SGD(twin.parameters(), lr=0.5)
    again.load_state_dict(state["opt"])
    assert again.param_groups[0]["lr"] == 0.1
    for a, b in zip(net.parameters(), twin.parameters()):
        np.testing.assert_array_equal(a.array, b.array)


def test_a_container_may_occur_twice():
    part = [1, {}]
    assert load(io.BytesIO(_bytes([part, part, {"a": part}]))) == [part, part, {"a": part}]


def test_what_cannot_be_saved():
    with pytest.raises(TypeError, match=r"cannot save the Linear at 'net\.0': save its state_dict"):
        save({"net": [tc.nn.Linear(1, 1)]}, io.BytesIO())
    with pytest.raises(TypeError, match="cannot save the object at the top"):
        save(object(), io.BytesIO())
    with pytest.raises(TypeError, match="a key at 'a' is a tuple"):
        save({"a": {(1, 2): 3}}, io.BytesIO())
    with pytest.raises(TypeError, match="complex128"):
        save([np.array(1j)], io.BytesIO())
    loop: list = []
    loop.append(loop)
    with pytest.raises(ValueError, match="holds itself"):
        save(loop, io.BytesIO())
    deep: list = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ValueError, match="within each other"):
        save(deep, io.BytesIO())


def test_other_readers_and_writers_of_the_format(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    state = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.BatchNorm1d(3)).state_dict()
    save(state, tmp_path / "ours")
    theirs = safetensors.load_file(tmp_path / "ours")
    assert set(theirs) == set(state)
    for name, x in theirs.items():
        np.testing.assert_array_equal(x, state[name].array)
    safetensors.save_file({"w": np.arange(6.0).reshape(2, 3), "b": np.array([True, False])}, tmp_path / "theirs")
    loaded = load(tmp_path / "theirs")
    assert loaded["w"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert loaded["b"].tolist() == [True, False]


def _file(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_bfloat16_is_widened():
    data = np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16
    entry = {"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    assert load(io.BytesIO(_file(entry, data.astype("<u2").tobytes())))["x"].tolist() == [1.5, -2.0]


def _entry(**changes):
    return {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x00",
    "huge header": (2**63).to_bytes(8, "little"),
    "header past the end": (50).to_bytes(8, "little") + b"{}",
    "zip": b"PK\x03\x04" + bytes(100),
    "pickle": b"\x80\x04\x95" + bytes(100),
    "not JSON": _file(b"{hello"),
    "not UTF-8": _file(b"\xff\xfe"),
    "a list": _file([1]),
    "deep": _file(b"[" * 100_000),
    "many digits": _file(b'{"x": ' + b"9" * 10_000 + b"}"),
    "NaN": _file(b'{"x": NaN}'),
    "twice": _file(b'{"x": 1, "x": 2}'),
    "metadata": _file({"__metadata__": 3}),
    "entry": _file({"x": 3}),
    "no shape": _file({"x": {"dtype": "F32", "data_offsets": [0, 8]}}),
    "negative": _file(_entry(shape=[-2]), bytes(8)),
    "float length": _file(_entry(shape=[2.0]), bytes(8)),
    "bool length": _file(_entry(shape=[True, 2]), bytes(8)),
    "wrong bytes": _file(_entry(shape=[3]), bytes(8)),
    "odd bytes": _file(_entry(shape=[1], data_offsets=[0, 3]), bytes(3)),
    "memory": _file(_entry(shape=[2**60], data_offsets=[0, 2**62])),
    "overflow": _file(_entry(shape=[2**62, 2**62], data_offsets=[0, 0])),
    "no such array": _file(_entry(shape=[0, 2**62, 2**62], data_offsets=[0, 0])),
    "many dimensions": _file(_entry(shape=[1] * 70, data_offsets=[0, 4]), bytes(4)),
    "dtype": _file(_entry(dtype="O"), bytes(8)),
    "dtype list": _file(_entry(dtype=["F32"]), bytes(8)),
    "hole": _file(_entry(data_offsets=[4, 12]), bytes(12)),
    "cut": _file(_entry(), bytes(7)),
    "long": _file(_entry(), bytes(9)),
    "overlap": _file({**_entry(), "y": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, bytes(12)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name):
    with pytest.raises(RuntimeError, match="load: BytesIO "):
        load(io.BytesIO(HOSTILE[name]))


STRUCTURES = [
    3, {"version": 2, "structure": 1}, {"version": 1}, {"version": 1, "structure": {"tensor": "no"}},
    {"version": 1, "structure": {"tensor": ["x"]}}, {"version": 1, "structure": {"dict": 3}},
    {"version": 1, "structure": {"dict": [[1]]}}, {"version": 1, "structure": {"dict": [[[1], 2]]}},
    {"version": 1, "structure": {"what": 1}}, {"version": 1, "structure": {"float": "1"}},
    {"version": 1, "structure": {"dtype": "object"}}, {"version": 1, "structure": {"dtype": ["f4"]}},
    {"version": 1, "structure": {"float": ["inf"]}},
]  # fmt: skip


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_hostile_structures(structure):
    header = {"__metadata__": {"tinygrad_course": json.dumps(structure)}, **_entry()}
    with pytest.raises(RuntimeError, match="load: BytesIO "):
        load(io.BytesIO(_file(header, bytes(8))))


VALID = _bytes({"w": tc.ones(2, 3), "n": [1, (2.5, None)], "b": tc.tensor([True])})


@given(st.integers(0, len(VALID) - 1))
def test_truncation_anywhere(length):
    with pytest.raises(RuntimeError, match="load: "):
        load(io.BytesIO(VALID[:length]))


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_raise_or_load_something(changes):
    data = bytearray(VALID)
    for place, value in changes:
        data[place] = value
    try:
        load(io.BytesIO(bytes(data)))
    except RuntimeError as error:
        assert str(error).startswith("load: ")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.sampled_from(["x", "F32"])),
    lambda x: st.one_of(
        st.lists(x, max_size=3),
        st.dictionaries(
            st.sampled_from(["x", "dtype", "shape", "data_offsets", "tensor", "dict", "tuple", "float"]), x, max_size=3
        ),
    ),
    max_leaves=10,
)


@given(JSON, JSON, st.binary(max_size=16))
def test_any_header_raises_or_loads_something(header, structure, data):
    if isinstance(header, dict):
        described = json.dumps({"version": 1, "structure": structure})
        header = {**header, "__metadata__": {"tinygrad_course": described}}
    try:
        load(io.BytesIO(_file(header, data)))
    except RuntimeError as error:
        assert str(error).startswith("load: ")


def test_a_file_that_gives_a_little_at_a_time():
    class Slow(io.BytesIO):
        def readinto(self, buffer):
            return super().readinto(memoryview(buffer)[:3])

    _same(load(Slow(VALID)), load(io.BytesIO(VALID)))


def test_a_stream_that_cannot_seek():
    class Stream(io.RawIOBase):
        def __init__(self):
            self.left = io.BytesIO(VALID)

        def read(self, size=-1):
            return self.left.read(size)

        def readable(self):
            return True

    assert load(Stream())["w"].shape == (2, 3)


def test_several_objects_in_one_file():
    """Reading starts where the file stands."""
    file = io.BytesIO(b"prefix" + VALID)
    file.seek(6)
    assert load(file)["n"] == [1, (2.5, None)]
