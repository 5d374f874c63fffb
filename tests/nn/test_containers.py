"""Sequential, lists and dicts of modules and parameters, as PyTorch's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn


class Tag(nn.Module):
    def __init__(self, tag):
        super().__init__()
        self.tag = tag

    def forward(self, x):
        return [*x, self.tag]

    def extra_repr(self):
        return str(self.tag)


@st.composite
def edits(draw):
    """Operations on a list, to be done to a ModuleList and to a list alike."""
    n = draw(st.integers(0, 4))
    steps = []
    for _ in range(draw(st.integers(0, 6))):
        steps.append(
            (
                draw(st.sampled_from(["append", "insert", "del", "set", "pop", "slice", "extend"])),
                draw(st.integers(-6, 6)),
            )
        )
    return n, steps


@given(edits(), st.sampled_from([nn.Sequential, nn.ModuleList]))
def test_edits_as_a_list(plan, cls):
    n, steps = plan
    reference = [Tag(i) for i in range(n)]
    held = cls(*reference) if cls is nn.Sequential else cls(reference)
    for count, (what, i) in enumerate(steps):
        new = Tag(100 + count)
        inside = -len(reference) <= i < len(reference)
        if what == "append":
            reference.append(new)
            assert held.append(new) is held
        elif what == "extend":
            reference.extend([new, Tag(-1)])
            held.extend(reference[-2:])
        elif what == "insert":
            if -len(reference) <= i <= len(reference):
                reference.insert(i, new)
                held.insert(i, new)
            else:
                with pytest.raises(IndexError):
                    held.insert(i, new)
        elif what == "slice":
            assert [m.tag for m in held[:i]] == [m.tag for m in reference[:i]]
            assert type(held[:i]) is cls
        elif not inside:
            with pytest.raises(IndexError):
                held[i]
        elif what == "del":
            del reference[i]
            del held[i]
        elif what == "set":
            reference[i] = new
            held[i] = new
        else:
            assert held.pop(i) is reference.pop(i)
    assert list(held) == reference
    assert len(held) == len(reference)
    assert [name for name, _ in held.named_children()] == [str(i) for i in range(len(reference))]
    if reference:
        assert held[-1] is reference[-1]
        assert reference[0] in held


def test_sequential():
    net = nn.Sequential(Tag(1), Tag(2)) + nn.Sequential(Tag(3))
    assert net([]) == [1, 2, 3]
    named = nn.Sequential({"a": Tag(1), "b": Tag(2)})
    assert named([]) == [1, 2]
    assert list(dict(named[1:].named_children())) == ["b"]
    assert nn.Sequential()(7) == 7
    with pytest.raises(TypeError, match=r"Sequential\(\*modules\)"):
        nn.Sequential([Tag(1)])
    with pytest.raises(TypeError, match="argument 1 must be a Module"):
        nn.Sequential(Tag(1), max)


def test_module_list():
    held = nn.ModuleList(Tag(i) for i in range(3))
    held += [Tag(3)]
    assert len(held + nn.ModuleList([Tag(4)])) == 5
    with pytest.raises(TypeError):
        held.append(3)
    with pytest.raises(TypeError, match="iterable"):
        held.extend(3)
    with pytest.raises(NotImplementedError, match="ModuleList must define forward"):
        held(1)


def test_module_dict():
    held = nn.ModuleDict([("a", Tag(1))])
    held["b"] = Tag(2)
    held.update({"a": Tag(5)})
    assert [(k, m.tag) for k, m in held.items()] == [("a", 5), ("b", 2)]
    assert list(held.keys()) == ["a", "b"]
    assert "a" in held
    assert held.pop("a").tag == 5
    assert len(held) == 1
    with pytest.raises(KeyError, match="has no 'a'; it has 'b'"):
        held["a"]
    held.clear()
    assert list(held.values()) == []
    with pytest.raises(KeyError):
        held["forward"] = Tag(1)


def test_parameter_list_and_dict():
    held = nn.ParameterList([tc.zeros(2), nn.Parameter(tc.ones(3))])
    held.append(tc.ones(1))
    held[0] = tc.ones(4)
    assert [p.shape for p in held.parameters()] == [(4,), (3,), (1,)]
    assert all(isinstance(p, nn.Parameter) for p in held)
    assert list(held.state_dict()) == ["0", "1", "2"]
    assert "(1): Parameter containing: [float32 of size 3]" in repr(held)
    table = nn.ParameterDict({"w": tc.zeros(2, 2)})
    table["b"] = tc.zeros(2)
    table["b"] = tc.ones(2)
    assert {n: p.tolist() for n, p in table.named_parameters()} == {"w": [[0, 0], [0, 0]], "b": [1, 1]}
    assert "(w): Parameter containing: [float32 of size 2x2]" in repr(table)
    for call in (lambda: held.append(3), lambda: table.update({"x": "y"})):
        with pytest.raises(TypeError, match="expected a Parameter or a Tensor"):
            call()


def test_data_parallel_passes_on():
    net = nn.DataParallel(nn.Linear(2, 1))
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    assert net(tc.ones(3, 2)).tolist() == net.module(tc.ones(3, 2)).tolist()
