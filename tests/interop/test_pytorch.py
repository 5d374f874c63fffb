"""PyTorch's files: against torch.save and safetensors, and hostile archives that must fail without running anything."""

import collections
import io
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tinygrad_course as tc
from tinygrad_course.interop import pytorch


def _archive(data, order=b"little", top="net", **records):
    """An archive as torch.save writes it, without torch."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as z:
        z.writestr(f"{top}/data.pkl", data)
        z.writestr(f"{top}/byteorder", order)
        for name, content in records.items():
            z.writestr(f"{top}/data/{name}", content)
    return file.getvalue()


class _Pickle:
    """Writes opcodes by hand: what a hostile writer could do."""

    def __init__(self):
        self.data = b"\x80\x02"

    def glob(self, name):
        module, _, attribute = name.rpartition(".")
        self.data += b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"
        return self

    def value(self, x):
        self.data += pickle.dumps(x, 2)[2:-1]
        return self

    def raw(self, data):
        self.data += data
        return self

    def tensor(self, *, storage="FloatStorage", key="0", count=6, offset=0, size=(2, 3), stride=(3, 1)):
        self.glob("torch._utils._rebuild_tensor_v2").raw(b"((").value("storage").glob(f"torch.{storage}")
        self.value(key).value("cpu").value(count).raw(b"tQ").value(offset).value(size).value(stride).raw(b"\x89")
        return self.glob("collections.OrderedDict").raw(b")RtR")

    def end(self):
        return self.data + b"."


def _load(data):
    return pytorch.load(io.BytesIO(data))


SIX = np.arange(6, dtype="<f4").tobytes()


def test_a_tensor_written_by_hand():
    x = _load(_archive(_Pickle().tensor().end(), **{"0": SIX}))
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]
    x.add_(1)  # not a read-only view of the file
    x = _load(_archive(_Pickle().tensor(offset=1, size=(2, 2), stride=(1, 3)).end(), **{"0": SIX}))
    assert x.tolist() == [[1, 4], [2, 5]]
    big = np.arange(6, dtype=">f4").tobytes()
    assert _load(_archive(_Pickle().tensor().end(), b"big", **{"0": big})).tolist() == [[0, 1, 2], [3, 4, 5]]
    data = (np.array([1.5, -2, 0, 1e30, 3, 4], np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
    with pytest.warns(UserWarning, match="a bfloat16 tensor was read as float32"):
        x = _load(_archive(_Pickle().tensor(storage="BFloat16Storage").end(), **{"0": data}))
    assert x.dtype == np.float32
    assert x.tolist()[0] == [1.5, -2, 0]


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_plain_values_of_every_protocol(protocol):
    value = {"a": [1, (2.5, None), True], "b": "text é", "big": 2**70, "neg": -5, 3: [], None: {}, "t": (1, 2, 3, 4)}
    assert _load(_archive(pickle.dumps(value, protocol))) == value
    ordered = collections.OrderedDict(b=1, a=[2])
    assert list(_load(_archive(pickle.dumps(ordered, protocol))).items()) == [("b", 1), ("a", [2])]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda x: st.one_of(
        st.lists(x, max_size=3),
        st.dictionaries(st.text(max_size=3), x, max_size=3),
        st.tuples(x),
        st.tuples(x, x, x, x),
    ),
    max_leaves=8,
)


@given(VALUES, st.integers(0, 5))
def test_any_plain_value(value, protocol):
    assert _load(_archive(pickle.dumps(value, protocol))) == value


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


DTYPES = ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool", "uint16", "uint32"]


@pytest.mark.parametrize("dtype", [*DTYPES, "uint64"])
def test_every_dtype(torch, dtype, tmp_path):
    x = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, dtype))
    torch.save({"x": x, "0d": x[1, 1], "none": x[:0]}, tmp_path / "x.pt")
    found = pytorch.load(tmp_path / "x.pt")
    assert found["x"].dtype == np.dtype(dtype)
    for name, want in (("x", x), ("0d", x[1, 1]), ("none", x[:0])):
        np.testing.assert_array_equal(found[name].array, want.numpy())


@given(st.data())
def test_views_share_their_storage(data):
    torch = pytest.importorskip("torch")
    base = torch.arange(24.0).reshape(2, 3, 4)
    view = base.permute(*data.draw(st.permutations(range(3))))
    index = data.draw(hnp.basic_indices(tuple(view.shape), allow_ellipsis=False, allow_newaxis=True))
    steps = index if isinstance(index, tuple) else (index,)
    if any(isinstance(i, slice) and (i.step or 1) < 0 for i in steps):
        return  # PyTorch has no negative strides
    view = view[index]
    file = io.BytesIO()
    torch.save([base, view], file)
    whole, part = _load(file.getvalue())
    assert part.tolist() == view.tolist()
    assert part.shape == tuple(view.shape)
    if view.numel():
        part.array[...] = -1
        view.fill_(-1)
        assert whole.tolist() == base.tolist()


def test_state_dicts_load_unchanged(torch, tmp_path):
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 3)
    )
    opt = torch.optim.Adam(theirs.parameters())
    x = torch.rand(4, 1, 4, 4)
    theirs(x).sum().backward()
    opt.step()
    torch.save({"net": theirs.state_dict(), "opt": opt.state_dict(), "best": 0.5, "shape": x.shape}, tmp_path / "a.pth")
    state = pytorch.load(tmp_path / "a.pth")
    ours = tc.nn.Sequential(tc.nn.Conv2d(1, 2, 3), tc.nn.BatchNorm2d(2), tc.nn.Flatten(), tc.nn.Linear(8, 3))
    ours.load_state_dict(state["net"])
    tc.optim.Adam(ours.parameters()).load_state_dict(state["opt"])
    assert state["shape"] == (4, 1, 4, 4)
    theirs.eval(), ours.eval()
    np.testing.assert_allclose(ours(tc.tensor(x.numpy())).detach().array, theirs(x).detach().numpy(), atol=1e-6)


def test_parameters_bfloat16_and_widening(torch):
    file = io.BytesIO()
    x = torch.tensor([1.5, 3.0], dtype=torch.bfloat16)
    torch.save([torch.nn.Parameter(torch.ones(2)), x, x[1:], torch.bfloat16, torch.int32], file)
    with pytest.warns(UserWarning, match="2 bfloat16 tensors were read as float32"):
        p, x, y, *dtypes = _load(file.getvalue())
    assert p.requires_grad
    assert not x.requires_grad
    assert x.tolist() + y.tolist() == [1.5, 3.0, 3.0]
    assert dtypes == [np.dtype("f4"), np.dtype("i4")]


def test_modules_and_complex_tensors_are_refused_by_name(torch):
    file = io.BytesIO()
    torch.save(torch.nn.Linear(1, 1), file)
    with pytest.raises(RuntimeError, match=r"it holds torch\.nn\.modules\.linear\.Linear, which is not admitted"):
        _load(file.getvalue())
    file = io.BytesIO()
    torch.save({"z": torch.ones(2, dtype=torch.complex64)}, file)
    with pytest.raises(RuntimeError, match="ComplexFloatStorage"):
        _load(file.getvalue())
    file = io.BytesIO()
    torch.save({"x": torch.ones(2)}, file, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match=r"before PyTorch 1\.6"):
        _load(file.getvalue())


def test_safetensors_both_ways(torch, tmp_path):
    st_torch = pytest.importorskip("safetensors.torch")
    net = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.BatchNorm1d(3))
    state = {
        **net.state_dict(),
        "tied": net[0].weight,
        "view": net[0].weight[:1].detach(),
        "t": net[0].weight.detach().T,
    }
    pytorch.save(state, tmp_path / "a.safetensors")
    theirs = st_torch.load_file(tmp_path / "a.safetensors")
    assert set(theirs) == set(state)
    for name, x in theirs.items():
        np.testing.assert_array_equal(x.numpy(), state[name].array)
    st_torch.save_file(theirs, tmp_path / "b.safetensors")
    ours = pytorch.load(tmp_path / "b.safetensors")
    for name, x in ours.items():
        np.testing.assert_array_equal(x.array, state[name].array)


def test_what_save_refuses():
    with pytest.raises(TypeError, match="got dict at 'net'"):
        pytorch.save({"net": {}}, io.BytesIO())
    with pytest.raises(TypeError, match="__metadata__"):
        pytorch.save({"__metadata__": tc.ones(1)}, io.BytesIO())


def test_load_points_to_this_reader():
    with pytest.raises(RuntimeError, match=r"tc\.interop\.pytorch\.load"):
        tc.load(io.BytesIO(_archive(_Pickle().tensor().end(), **{"0": SIX})))


# --- Hostile files ---------------------------------------------------------------------------------------------------


class _Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def test_nothing_runs(tmp_path):
    mark = tmp_path / "ran"
    for protocol in range(6):
        with pytest.raises(RuntimeError, match=r"system, which is not admitted"):
            _load(_archive(pickle.dumps([_Runs(mark)], protocol)))
    assert not mark.exists()


def _zipped(**names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as z:
        for name, content in names.items():
            z.writestr(name, content)
    return file.getvalue()


def _deflated():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a/data.pkl", bytes(50_000_000))
    return file.getvalue()


def _nested(count, opening=b"]", closing=b"a"):
    return b"\x80\x02" + opening * count + closing * (count - 1) + b"."


def _with(**changes):
    return _archive(_Pickle().tensor(**changes).end(), **{"0": SIX})


HOSTILE = {
    "empty pickle": _archive(b""),
    "cut pickle": _archive(_Pickle().tensor().end()[:-3], **{"0": SIX}),
    "nothing left": _archive(b"\x80\x02."),
    "two left": _archive(b"\x80\x02]]."),
    "stack underflow": _archive(b"\x80\x02a."),
    "no mark": _archive(b"\x80\x02Nt."),
    "bare mark": _archive(b"\x80\x02(."),
    "mark in a tuple": _archive(b"\x80\x02(\x85."),
    "unknown memo": _archive(b"\x80\x02h\x07."),
    "huge memo": _archive(b"\x80\x02Nr\xff\xff\xff\x7fa."),
    "huge string": _archive(b"\x80\x04\x8d" + (2**62).to_bytes(8, "little") + b"."),
    "huge bytes": _archive(b"\x80\x05\x96" + (2**62).to_bytes(8, "little") + b"."),
    "huge long": _archive(b"\x80\x02\x8b\xff\xff\xff\x7f."),
    "many digits": _archive(b"I" + b"9" * 100_000 + b"\n."),
    "deep": _archive(_nested(20_000)),
    "deep tuple": _archive(_nested(20_000, b")", b"\x86")),
    "holds itself": _archive(b"\x80\x02]q\x00h\x00a."),
    "in a circle": _archive(b"\x80\x02}q\x00X\x01\x00\x00\x00a]h\x00as."),
    "tuple key": _archive(b"\x80\x02})Ns."),
    "list key": _archive(b"\x80\x02}]Ns."),
    "append to a dict": _archive(b"\x80\x02}Na."),
    "call a string": _archive(b"\x80\x02X\x01\x00\x00\x00a)R."),
    "instance": _archive(b"(ios\nsystem\n."),
    "object": _archive(b"(cos\nsystem\no."),
    "newobj": _archive(b"\x80\x02ccollections\nOrderedDict\n)\x81."),
    "extension": _archive(b"\x80\x02\x82\x01."),
    "bare class": _archive(_Pickle().glob("collections.OrderedDict").end()),
    "bare storage type": _archive(_Pickle().glob("torch.FloatStorage").end()),
    "eval": _archive(_Pickle().glob("builtins.eval").value(("1",)).raw(b"R").end()),
    "dotted": _archive(b"\x80\x04\x8c\x05torch\x8c\x09os.system\x93."),
    "build on a tensor": _archive(_Pickle().tensor().raw(b"}b").end(), **{"0": SIX}),
    "no storage": _archive(_Pickle().tensor().end()),
    "path in the key": _with(key="../0"),
    "absolute key": _with(key="/etc/passwd"),
    "key too long": _with(key="0" * 10_000),
    "numeric key": _with(key=0),
    "wrong count": _with(count=5),
    "negative count": _with(count=-6),
    "beyond": _with(offset=1),
    "negative offset": _with(offset=-1),
    "negative stride": _with(stride=(-3, 1)),
    "negative size": _with(size=(-2, 3)),
    "float size": _with(size=(2.0, 3)),
    "size and stride": _with(size=(2,)),
    "no tuple": _with(size=3),
    "huge size": _with(size=(2**40, 2**40)),
    "huge empty": _with(size=(0, 2**47, 2**47)),
    "repeated": _with(size=(2**40,), stride=(0,)),
    "many dimensions": _with(size=(1,) * 60, stride=(1,) * 60),
    "half a value": _archive(_Pickle().tensor(storage="DoubleStorage", count=3).end(), **{"0": SIX[:23]}),
    "byte order": _archive(_Pickle().tensor().end(), b"middle", **{"0": SIX}),
    "no data.pkl": _zipped(**{"a/b": b"x"}),
    "no folder": _zipped(**{"data.pkl": b"N."}),
    "two networks": _zipped(**{"a/data.pkl": b"N.", "b/data.pkl": b"N."}),
    "deeper": _zipped(**{"../../data.pkl": b"N."}),
    "zip bomb": _deflated(),
    "only a start": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives(name):
    tracemalloc.start()
    try:
        with pytest.raises(RuntimeError, match="load: BytesIO "):
            _load(HOSTILE[name])
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()


def test_records_that_overlap():
    """Many names for the same bytes."""
    names = [str(i) for i in range(50)]
    p = _Pickle().raw(b"(")
    for key in names:
        p.tensor(key=key, count=25_000, size=(25_000,), stride=(1,))
    records = dict.fromkeys(names, b"")
    records["0"] = bytes(100_000)
    data = bytearray(_archive(p.raw(b"l").end(), **records))
    # point every central entry at the first record's bytes
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as z:
        first = z.getinfo("net/data/0")
    place = 0
    while (place := data.find(b"PK\x01\x02", place)) >= 0:
        length = int.from_bytes(data[place + 28 : place + 30], "little")
        if data[place + 46 : place + 46 + length].startswith(b"net/data/"):
            data[place + 16 : place + 20] = first.CRC.to_bytes(4, "little")
            data[place + 20 : place + 24] = data[place + 24 : place + 28] = (100_000).to_bytes(4, "little")
            data[place + 42 : place + 46] = first.header_offset.to_bytes(4, "little")
        place += 4
    with pytest.raises(RuntimeError, match="load: BytesIO is damaged"):
        _load(bytes(data))


VALID = _archive(_Pickle().raw(b"(").value("a").tensor().value({"b": [1, 2.5]}).raw(b"l").end(), **{"0": SIX})


@given(st.integers(0, len(VALID) - 1))
def test_truncation_anywhere(length):
    with pytest.raises(RuntimeError, match="load: "):
        _load(VALID[:length])


@given(st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_flipped_bytes_raise_or_load_something(changes):
    data = bytearray(VALID)
    for place, value in changes:
        data[place] = value
    try:
        _load(bytes(data))
    except RuntimeError as error:
        assert str(error).startswith("load: ")


OPCODES = st.lists(st.one_of(st.binary(max_size=3), st.sampled_from(list(b"()[]{}.NtelasuQRbcq0h\x85\x86\x87")).map(
    lambda b: bytes([b]))), max_size=30)  # fmt: skip


@given(OPCODES)
def test_any_pickle_raises_or_loads_something(parts):
    data = _Pickle().tensor().raw(b"".join(parts)).end()
    try:
        _load(_archive(data, **{"0": SIX}))
    except RuntimeError as error:
        assert str(error).startswith("load: ")
