"""Datasets, splits, samplers and collating."""

import collections
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.utils.data import (
    BatchSampler,
    ConcatDataset,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
)

sizes = st.integers(0, 40)
seeds = st.integers(0, 2**32)


def generator(seed):
    return tc.Generator().manual_seed(seed)


# --- datasets -------------------------------------------------------------------------------------------------------


def test_tensor_dataset_gives_rows_and_shares_memory():
    x = np.arange(12.0).reshape(4, 3)
    data = TensorDataset(x, tc.tensor([3, 2, 1, 0]))
    row, label = data[1]
    assert row.tolist() == [3, 4, 5] and label.item() == 2 and len(data) == 4
    x[1, 0] = 99
    assert data[1][0][0].item() == 99


def test_tensor_dataset_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"first size.*\(3,\).*\(4,\)"):
        TensorDataset(tc.zeros(3), tc.zeros(4))
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()
    with pytest.raises(TypeError, match="argument 1 is a list"):
        TensorDataset(tc.zeros(3), [1, 2, 3])


@given(st.lists(st.lists(st.integers(), max_size=5), min_size=1, max_size=5), st.data())
def test_concat_is_concatenation(parts, data):
    joined = ConcatDataset(parts)
    flat = [x for part in parts for x in part]
    assert [joined[i] for i in range(len(joined))] == flat
    if flat:
        i = data.draw(st.integers(-len(flat), len(flat) - 1))
        assert joined[i] == flat[i]
    for outside in (len(flat), -len(flat) - 1):
        with pytest.raises(IndexError, match="out of range"):
            joined[outside]


def test_datasets_add_up():
    data = TensorDataset(tc.arange(2))
    assert [row.item() for (row,) in data + data] == [0, 1, 0, 1]


def test_streams_have_no_indices():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    assert list(Stream()) == [0, 1, 2]
    with pytest.raises(TypeError, match="stream"):
        Stream()[0]
    with pytest.raises(TypeError, match="stream"):
        ConcatDataset([Stream()])
    with pytest.raises(TypeError, match="no length"):
        len(Stream())


@pytest.mark.filterwarnings("ignore:random_split")
@given(st.lists(sizes, min_size=1, max_size=5), seeds)
def test_split_by_lengths_is_a_partition(lengths, seed):
    total = sum(lengths)
    parts = random_split(range(total), lengths, generator(seed))
    assert sorted(i for part in parts for i in part) == list(range(total))
    if total != 1:
        assert [len(part) for part in parts] == lengths
    again = random_split(range(total), lengths, generator(seed))
    assert [part.indices for part in parts] == [part.indices for part in again]


@pytest.mark.filterwarnings("ignore:random_split")
@given(st.integers(1, 500), st.lists(st.integers(1, 9), min_size=1, max_size=6), seeds)
def test_split_by_fractions_is_a_partition_of_about_those_sizes(total, weights, seed):
    fractions = [w / sum(weights) for w in weights]
    parts = random_split(range(total), fractions, generator(seed))
    assert sorted(i for part in parts for i in part) == list(range(total))
    assert all(abs(len(part) - total * f) <= 1 + 1e-6 for part, f in zip(parts, fractions, strict=True))


def test_split_refuses_lengths_that_do_not_add_up():
    for lengths in ([3, 3], [0.5, 0.4], [-1, 11], [math.nan, 1], [2.5, 7.5]):
        with pytest.raises(ValueError, match="random_split"):
            random_split(range(10), lengths)
    with pytest.warns(UserWarning, match="empty"):
        random_split(range(3), [0.9, 0.1])


def test_subset_follows_its_indices():
    data = Subset(TensorDataset(tc.arange(10)), [7, 1, 1])
    assert [row.item() for (row,) in data] == [7, 1, 1]
    chosen = tc.tensor([2, 0])
    assert list(Subset("abc", chosen)) == ["c", "a"] and sorted(SubsetRandomSampler(chosen)) == [0, 2]
    assert list(tc.utils.data.DataLoader("abc", 2, sampler=chosen)) == [["c", "a"]]


# --- samplers -------------------------------------------------------------------------------------------------------


@given(sizes, seeds)
def test_random_sampler_is_a_permutation_and_repeats_with_its_seed(n, seed):
    order = list(RandomSampler(range(n), generator=generator(seed)))
    assert sorted(order) == list(range(n))
    assert order == list(RandomSampler(range(n), generator=generator(seed)))


@given(st.integers(1, 20), st.integers(1, 70), seeds)
def test_random_sampler_beyond_the_dataset_counts_evenly(n, count, seed):
    order = list(RandomSampler(range(n), num_samples=count, generator=generator(seed)))
    seen = np.bincount(order, minlength=n)
    assert len(order) == count and seen.max() - seen.min() <= 1


def test_random_sampler_orders_are_uniform():
    rng = generator(1)
    seen = collections.Counter(tuple(RandomSampler(range(3), generator=rng)) for _ in range(6000))
    assert len(seen) == 6 and all(abs(count - 1000) < 150 for count in seen.values())


def test_random_sampler_draws_anew_each_epoch_from_the_seeded_default():
    sampler = RandomSampler(range(50))
    first, second = list(sampler), list(sampler)
    tc.manual_seed(0)
    assert first == list(sampler) and first != second


def test_replacement_draws_uniformly():
    draws = list(RandomSampler(range(4), replacement=True, num_samples=8000, generator=generator(0)))
    assert all(abs(count - 2000) < 200 for count in np.bincount(draws, minlength=4))


def test_weighted_sampler_follows_weights_and_never_draws_zero():
    sampler = WeightedRandomSampler([1.0, 0.0, 3.0], 8000, generator=generator(0))
    counts = np.bincount(list(sampler), minlength=3)
    assert counts[1] == 0 and abs(counts[2] / counts[0] - 3) < 0.3
    assert sorted(WeightedRandomSampler([1e308, 1e308, 5.0], 3, replacement=False)) == [0, 1, 2]


def test_samplers_refuse_nonsense():
    for weights in ([-1.0, 2.0], [math.nan, 1.0], [0.0, 0.0], [[1.0]]):
        with pytest.raises(ValueError, match="WeightedRandomSampler"):
            WeightedRandomSampler(weights, 1)
    with pytest.raises(ValueError, match="2 samples without replacement from 1"):
        WeightedRandomSampler([1.0, 0.0], 2, replacement=False)
    for bad in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="positive integer"):
            BatchSampler(range(3), bad)
        with pytest.raises(ValueError, match="positive integer"):
            RandomSampler(range(3), num_samples=bad)
    with pytest.raises(ValueError, match="empty"):
        list(RandomSampler([], num_samples=3))
    with pytest.raises(TypeError, match="generator"):
        list(RandomSampler(range(3), generator=7))


@given(sizes, st.integers(1, 9), st.booleans())
def test_batch_sampler_cuts_and_its_length_is_true(n, size, drop_last):
    sampler = BatchSampler(SequentialSampler(range(n)), size, drop_last)
    batches = list(sampler)
    kept = n // size * size if drop_last else n
    assert [i for batch in batches for i in batch] == list(range(kept))
    assert all(len(batch) == size for batch in batches[:-1]) and len(sampler) == len(batches)


def test_subset_random_sampler():
    assert sorted(SubsetRandomSampler([5, 9, 9, 2])) == [2, 5, 9, 9]


# --- collating ------------------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "samples",
    [
        [1, 2, 3],
        [1.5, 2.5],
        [True, False],
        ["a", "bc"],
        [b"a", b"b"],
        [(1, 2.0), (3, 4.0)],
        [[1, 2], [3, 4]],
        [{"a": 1, "b": [1.0, 2.0]}, {"a": 2, "b": [3.0, 4.0]}],
        [Point(1, 2.0), Point(3, 4.0)],
        [np.float32(1), np.float32(2)],
        [np.ones((2, 3), np.uint8), np.zeros((2, 3), np.uint8)],
    ],
    ids=str,
)
def test_collate_agrees_with_pytorch(samples):
    torch = pytest.importorskip("torch")

    def plain(value):
        if isinstance(value, tc.Tensor | torch.Tensor):
            return str(value.dtype).removeprefix("torch."), value.tolist()
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value).__name__, [plain(item) for item in value]
        return value

    ours, theirs = default_collate(samples), torch.utils.data.default_collate(samples)
    if isinstance(samples[0], str | bytes):
        theirs = list(theirs)
    assert plain(ours) == plain(theirs)


def test_collate_stacks_tensors_and_keeps_their_graph():
    w = tc.ones(2, requires_grad=True)
    batch = default_collate([w * 2, w * 3])
    batch.sum().backward()
    assert w.grad.tolist() == [5, 5]


def test_collate_says_what_is_wrong():
    with pytest.raises(RuntimeError, match=r"\(2,\) at 0 and \(3,\) at 1"):
        default_collate([np.zeros(2), np.zeros(3)])
    with pytest.raises(ValueError, match="at least one sample"):
        default_collate([])
    with pytest.raises(RuntimeError, match="numbers of fields"):
        default_collate([(1, 2), (1,)])
    with pytest.raises(TypeError, match=r"builtins\.NoneType"):
        default_collate([None, None])
    with pytest.raises(TypeError, match="complex"):
        default_collate([np.zeros(2, complex)])


def test_convert_leaves_what_is_no_array():
    out = default_convert({"x": np.arange(2), "y": ("a", 3)})
    assert isinstance(out["x"], tc.Tensor) and out["y"] == ["a", 3]


def test_batch_reader_never_bypasses_a_subclass():
    class Doubled(TensorDataset):
        def __getitem__(self, i):
            return tuple(2 * t for t in super().__getitem__(i))

    class Shifted(Subset):
        def __getitem__(self, i):
            return super().__getitem__(i)[0] + 100

    base = TensorDataset(tc.arange(4))
    assert base.batch_reader() is not None and Subset(base, [1]).batch_reader() is not None
    loader = tc.utils.data.DataLoader
    assert [b.tolist() for (b,) in loader(Doubled(tc.arange(4)), 2)] == [[0, 2], [4, 6]]
    assert [b.tolist() for b in loader(Shifted(base, [3, 1]), 2)] == [[103, 101]]
    assert [b.tolist() for (b,) in loader(Subset(Doubled(tc.arange(4)), [3, 1]), 2)] == [[6, 2]]


def test_a_dataset_without_methods_says_which_to_write():
    with pytest.raises(NotImplementedError, match="__getitem__"):
        Dataset()[0]
