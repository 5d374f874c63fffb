"""What repeats is drawn once, and only what repeats; modules collapse; the number of vertices is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.viz.collapse import collapse
from tinygrad_course.viz.collect import collect
from tinygrad_course.viz.fold import _runs, fold
from tinygrad_course.viz.picture import SOURCES

from .test_draw import Net, of


def ops(picture):
    return [v for v in picture.vertices.values() if v.kind not in SOURCES and v.kind != "output"]


def stands_for(picture):
    """How many operations a folded picture stands for."""
    total = 0
    for v in ops(picture):
        count = v.times
        for i in range(len(v.scope)):
            count *= picture.clusters[v.scope[: i + 1]].times
        total += count
    return total


@given(count=st.integers(1, 12))
def test_equal_blocks_are_folded(count):
    picture = of(Net(count), tc.randn(5, 3), tc.tensor(2.0))
    before = len(ops(picture))
    small = fold(picture.copy())
    assert stands_for(small) == before
    times = [c.times for c in small.clusters.values() if c.times > 1]
    assert times == ([count] if count >= 3 else [])
    if count >= 3:
        (frame,) = [c for c in small.clusters.values() if c.times > 1]
        assert frame.label == f"blocks.0 … blocks.{count - 1}"
        assert len(ops(small)) == 2 + 3 + 1
        labels = [v.label for v in small.vertices.values() if v.kind == "parameter"]
        assert len(labels) == 6


@given(
    st.lists(st.sampled_from(["tanh", "sin", "neg"]), min_size=1, max_size=4),
    st.integers(1, 7),
    st.lists(st.sampled_from(["cos", "sigmoid"]), max_size=3),
)
def test_chains_fold_to_what_they_were(period, times, end):
    y = tc.rand(3, requires_grad=True)
    for name in [*period * times, *end]:
        y = getattr(y, name)()
    picture = collect([y], {})
    small = fold(picture.copy())
    assert stands_for(small) == len(period) * times + len(end)
    if times >= 3:
        assert len(ops(small)) <= len(period) + len(end) + 2
    # edges stay within the picture, and every vertex but the leaf is reached
    assert {e.source for e in small.edges} | {e.target for e in small.edges} <= set(small.vertices)
    reached = {e.target for e in small.edges}
    assert all(v.key in reached for v in ops(small))


def test_different_shapes_are_not_folded():
    model = nn.Sequential(*[nn.Linear(3 + i, 4 + i) for i in range(5)])
    picture = of(model, tc.randn(2, 3))
    assert len(ops(fold(picture.copy()))) == 5


def test_differently_wired_copies_are_not_folded():
    x = tc.rand(3, requires_grad=True)
    values = [x]
    for source in (0, 1, 0, 1, 3, 2, 0, 5):
        values.append(values[source].tanh() + values[-1])
    picture = collect([values[-1]], {})
    assert stands_for(fold(picture.copy())) == len(ops(picture))
    assert len(ops(fold(picture.copy()))) > 2


def test_a_block_is_cut_where_it_takes_one_value():
    """Without frames of modules, residual blocks are found from the sum on, not from somewhere inside."""
    h = tc.rand(3, requires_grad=True).sin()
    for _ in range(4):
        h = h + h.tanh().cos() * 2
    small = fold(collect([h.exp()], {}).copy())
    (scope,) = [scope for scope, c in small.clusters.items() if c.times == 4]
    assert [v.label for v in ops(small) if v.scope == scope] == ["tanh", "cos", "× 2", "add"]


def test_where_nan_begins_is_not_folded_away():
    h = tc.tensor([1.0, 2.0], requires_grad=True)
    for i in range(8):
        h = h.sin() + (float("nan") if i == 4 else 1.0)
    small = fold(collect([h], {}).copy())
    assert stands_for(small) == 16
    sick = [v for v in ops(small) if v.value is not None and not all(v.value == v.value)]
    assert sick and len(sick) < len(ops(small))
    assert "× 4" in tc.viz.draw(h).source and "NaN or inf in value" in tc.viz.draw(h).source


class Loop(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        for _ in range(self.steps):
            x = (x * 2).tanh()
        return x


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_blocks_that_repeat_differently_inside_are_different(steps):
    picture = of(nn.Sequential(*map(Loop, steps)), tc.randn(2, 3))
    small = fold(picture.copy())
    assert stands_for(small) == len(ops(picture))


def test_an_unrolled_recurrent_network_is_one_cell():
    cell = nn.Linear(6, 4)

    def rnn(x):
        h = tc.zeros(2, 4)
        for i in range(x.shape[1]):
            h = tc.tanh(cell(tc.cat([x[:, i], h], dim=1)))
        return h

    small = fold(of(rnn, tc.randn(2, 9, 2)).copy())
    assert [c.times for c in small.clusters.values() if c.times > 1] == [9]
    assert [v.op for v in ops(small)] == ["getitem", "cat", "linear", "tanh"]


def test_folded_gradients_show_first_and_last():
    model = nn.Sequential(*[m for _ in range(6) for m in (nn.Linear(4, 4), nn.Sigmoid())])
    source = tc.viz.draw(model, tc.randn(2, 4), direction="both").source
    assert "× 6" in source and " … " in source
    picture = of(model, tc.randn(2, 4), gradients=True)
    small = fold(picture.copy())
    (sigmoid,) = [v for v in ops(small) if v.op == "sigmoid"]
    assert sigmoid.norms == [v.norm for v in ops(picture) if v.op == "sigmoid"]


@given(st.lists(st.integers(0, 2), max_size=60))
def test_runs_are_repetitions_that_do_not_overlap(signs):
    end = 0
    for start, period, count in _runs(signs):
        assert start >= end and count >= 3 * period
        end = start + count
        assert end <= len(signs)
        assert all(signs[i] == signs[i + period] for i in range(start, end - period))


def test_collapse_to_depth():
    net = Net(4)
    picture = of(net, tc.randn(5, 3), tc.tensor(2.0))
    one = collapse(picture.copy(), 1)
    groups = [v for v in one.vertices.values() if v.kind == "group"]
    assert [g.label for g in groups] == ["stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "head"]
    assert [g.op for g in groups] == ["Linear", *["Block"] * 4, "Linear"]
    assert groups[1].params == {"in": ((5, 4),), "out": ((5, 4),), "parameters": 20}
    assert sum(g.flops for g in groups) + 10 == sum(v.flops for v in ops(picture))
    assert not [v for v in one.vertices.values() if v.kind == "parameter"]
    (all_of_it,) = [v for v in collapse(picture.copy(), 0).vertices.values() if v.kind == "group"]
    assert all_of_it.label == "" or all_of_it.op == "Net"
    assert all_of_it.params["parameters"] == sum(p.array.size for p in net.parameters())


def test_depth_and_fold_together():
    text = tc.viz.draw(Net(4), tc.randn(5, 3), tc.tensor(2.0), depth=1).source
    assert "blocks.0 … blocks.3 (Block)  × 4" in text and "20 parameters" in text
    assert "(Block)  × 4" not in tc.viz.draw(Net(4), tc.randn(5, 3), tc.tensor(2.0), depth=1, fold=False).source


def test_too_many_vertices_collapse_with_a_warning():
    model = nn.Sequential(*[nn.Sequential(nn.Linear(3 + i, 4 + i), nn.Tanh()) for i in range(10)])
    with pytest.warns(UserWarning, match="collapsed at depth=1.*max_nodes=42"):
        text = tc.viz.draw(model, tc.randn(2, 3), max_nodes=20).source
    assert text.count("(Sequential)") == 10


def test_too_many_vertices_without_modules_show_the_last():
    y = tc.rand(3, requires_grad=True)
    for i in range(50):
        y = y.tanh() if (i * i) % 7 < 3 else y * (i + 2)
    with pytest.warns(UserWarning, match="only the last 10 are drawn; pass max_nodes="):
        text = tc.viz.draw(y, max_nodes=10).source
    assert "more" in text and text.count("tanh") + text.count("×") <= 10
