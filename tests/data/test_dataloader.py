"""DataLoader: nothing lost, nothing repeated, the same under any number of workers, and loud when something fails."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)


class Numbers(Dataset):
    """0 … n-1, each after a pause that makes later samples overtake earlier ones."""

    def __init__(self, n, pause=False):
        self.n = n
        self.pause = pause

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        if self.pause:
            time.sleep(0.002 * (i % 3 == 0))
        return i


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


def workers():
    return [t for t in threading.enumerate() if t.name.startswith("DataLoader worker")]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    gc.collect()
    assert workers() == []


def flat(loader):
    return [x for batch in loader for x in batch.tolist()]


# --- properties -----------------------------------------------------------------------------------------------------


@given(
    n=st.integers(0, 60),
    batch_size=st.integers(1, 17),
    num_workers=st.integers(0, 5),
    drop_last=st.booleans(),
    shuffle=st.booleans(),
    factor=st.integers(1, 4),
    persistent=st.booleans(),
    kind=st.sampled_from(["items", "tensors", "subset"]),
)
def test_every_sample_comes_once_per_epoch(n, batch_size, num_workers, drop_last, shuffle, factor, persistent, kind):
    options = {"prefetch_factor": factor, "persistent_workers": persistent} if num_workers else {}
    if kind == "items":
        data = Numbers(n)
    else:
        data = TensorDataset(np.arange(n)) if kind == "tensors" else Subset(Numbers(n + 5), range(n))
    loader = DataLoader(data, batch_size, shuffle=shuffle, num_workers=num_workers, drop_last=drop_last, **options)
    for _ in range(3):
        batches = [(b[0] if kind == "tensors" else b).tolist() for b in loader]
        assert len(batches) == len(loader)
        assert all(len(b) == batch_size for b in (batches if drop_last else batches[:-1]))
        seen = [x for batch in batches for x in batch]
        kept = n // batch_size * batch_size if drop_last else n
        assert len(seen) == kept and len(set(seen)) == kept and set(seen) <= set(range(n))
        if not shuffle:
            assert seen == list(range(kept))
    loader = None
    gc.collect()


@given(n=st.integers(0, 40), batch_size=st.integers(1, 9), num_workers=st.integers(0, 4), drop_last=st.booleans())
def test_a_stream_keeps_every_sample_in_order(n, batch_size, num_workers, drop_last):
    loader = DataLoader(Stream(n), batch_size, num_workers=num_workers, drop_last=drop_last)
    for _ in range(2):
        assert flat(loader) == list(range(n // batch_size * batch_size if drop_last else n))


@given(num_workers=st.integers(0, 3), with_stream=st.booleans())
def test_single_samples_without_batching(num_workers, with_stream):
    loader = DataLoader(Stream(5) if with_stream else Numbers(5), batch_size=None, num_workers=num_workers)
    assert list(loader) == [0, 1, 2, 3, 4]


def test_tensors_take_whole_batches_and_match_the_slow_way():
    x, y = np.random.default_rng(0).normal(size=(23, 2, 3)).astype(np.float32), np.arange(23)
    fast = TensorDataset(x, y)
    slow = [fast[i] for i in range(23)]
    for a, b in zip(DataLoader(fast, 5), DataLoader(slow, 5), strict=True):
        assert type(a) is type(b)
        for p, q in zip(a, b, strict=True):
            assert p.dtype == q.dtype and np.array_equal(p.array, q.array)


def test_tensors_that_require_grad_stay_in_the_graph():
    w = tc.ones(4, requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(w), 2):
        (2 * batch).sum().backward()
    assert w.grad.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_batched_fetch_protocol(num_workers):
    calls = []

    class Batched(Numbers):
        def __getitems__(self, indices):
            calls.append(list(indices))
            return [10 * i for i in indices]

    data = Batched(5)
    assert [b.tolist() for b in DataLoader(data, 2, num_workers=num_workers)] == [[0, 10], [20, 30], [40]]
    assert sorted(calls) == [[0, 1], [2, 3], [4]]


def test_samplers_and_batch_samplers():
    assert flat(DataLoader(Numbers(9), 2, sampler=[3, 1, 4])) == [3, 1, 4]
    loader = DataLoader(Numbers(9), batch_sampler=BatchSampler([5, 6, 7], 2), num_workers=1)
    assert [b.tolist() for b in loader] == [[5, 6], [7]] and len(loader) == 2
    weighted = DataLoader(Numbers(3), 4, sampler=WeightedRandomSampler([0, 0, 1.0], 8))
    assert flat(weighted) == [2] * 8


def test_later_samples_cannot_overtake():
    assert flat(DataLoader(Numbers(40, pause=True), 1, num_workers=4)) == list(range(40))


def test_prefetching_is_bounded():
    asked = []

    class Spy(Numbers):
        def __getitem__(self, i):
            asked.append(i)
            return i

    batches = iter(DataLoader(Spy(1000), 1, num_workers=2, prefetch_factor=3))
    next(batches)
    time.sleep(0.05)
    assert max(asked) < 2 * 3 + 1
    batches.close()


def test_workers_work_at_the_same_time():
    barrier = threading.Barrier(3, timeout=20)

    class Meeting(Numbers):
        def __getitem__(self, i):
            barrier.wait()  # passes only if three samples are being made at once
            return i

    assert flat(DataLoader(Meeting(6), 1, num_workers=3)) == list(range(6))


# --- failures -------------------------------------------------------------------------------------------------------


class Broken(Numbers):
    def __getitem__(self, i):
        if i == 13:
            raise KeyError("sample 13 is broken")
        return i


@pytest.mark.parametrize("num_workers", [0, 1, 3])
def test_an_error_in_a_sample_arrives_as_itself_with_its_traceback(num_workers):
    seen = []
    with pytest.raises(KeyError, match="sample 13 is broken") as caught:
        for batch in DataLoader(Broken(40), 4, num_workers=num_workers):
            seen += batch.tolist()
    assert seen == list(range(12))
    story = "".join(traceback.format_exception(caught.value))
    assert "raise KeyError" in story and "sample 13 of Broken" in story


def test_errors_in_collate_stream_sampler_and_init():
    def bad(*_):
        raise ZeroDivisionError("here")

    class BadStream(IterableDataset):
        def __iter__(self):
            yield 1
            bad()

    class BadSampler:
        def __iter__(self):
            yield 0
            bad()

    for loader in (
        DataLoader(Numbers(4), 2, collate_fn=bad, num_workers=2),
        DataLoader(BadStream(), 2, num_workers=2),
        DataLoader(Numbers(4), 1, sampler=BadSampler(), num_workers=2),
        DataLoader(Numbers(4), 2, worker_init_fn=bad, num_workers=2),
    ):
        with pytest.raises(ZeroDivisionError, match="here"):
            list(loader)


def test_an_index_out_of_range_is_not_taken_for_the_end():
    with pytest.raises(IndexError):
        list(DataLoader(Numbers(3), 1, sampler=[0, 7], num_workers=1))


def test_timeout():
    class Slow(Numbers):
        def __getitem__(self, i):
            time.sleep(0.3)
            return i

    with pytest.raises(RuntimeError, match=r"timeout=0\.05"):
        list(DataLoader(Slow(2), 1, num_workers=1, timeout=0.05))


@pytest.mark.parametrize("persistent", [False, True])
def test_break_shuts_workers_down(persistent):
    loader = DataLoader(Numbers(500, pause=True), 5, num_workers=3, persistent_workers=persistent)
    for _ in range(3):
        for batch in loader:
            assert batch.tolist() == [0, 1, 2, 3, 4]
            break
        gc.collect()
        assert len(workers()) == (3 if persistent else 0)
    assert flat(loader) == list(range(500))
    del loader


def test_break_does_not_wait_for_the_batch_under_way():
    asked = []

    class Slow(Numbers):
        def __getitem__(self, i):
            asked.append(i)
            time.sleep(0.001 * (i > 0))
            return i

    for _ in DataLoader(Slow(1001), batch_sampler=[[0], range(1, 1001)], num_workers=1):
        break
    assert len(asked) < 1000


def test_an_error_in_the_loop_shuts_workers_down():
    def consume():
        for _ in DataLoader(Numbers(100), 2, num_workers=2):
            raise ValueError("in the loop")

    with pytest.raises(ValueError, match="in the loop"):
        consume()


def test_persistent_workers_are_the_same_threads():
    seen = set()

    class Who(Numbers):
        def __getitem__(self, i):
            seen.add(threading.get_ident())
            return i

    loader = DataLoader(Who(60), 1, num_workers=2, persistent_workers=True)
    for _ in range(4):
        list(loader)
    assert len(seen) <= 2


def test_two_iterators_of_one_loader_are_independent():
    loader = DataLoader(Numbers(10), 1, num_workers=2, persistent_workers=True)
    pairs = [(a.item(), b.item()) for a in loader for b in loader]
    assert pairs == [(a, b) for a in range(10) for b in range(10)]


def test_worker_info_and_init():
    initialised = []

    class Who(Numbers):
        def __getitem__(self, i):
            info = get_worker_info()
            return (info.id, info.num_workers) if info else (-1, -1)

    ids = [
        tuple(b[0].tolist() + b[1].tolist())
        for b in DataLoader(Who(8), 1, num_workers=2, worker_init_fn=initialised.append)
    ]
    assert set(ids) <= {(0, 2), (1, 2)} and sorted(initialised) == [0, 1]
    assert [b[0].item() for b in DataLoader(Who(1), 1)] == [-1]
    assert get_worker_info() is None


def test_a_stream_that_shares_itself_out_loses_nothing():
    class Sharded(IterableDataset):
        def __iter__(self):
            info = get_worker_info()
            step, first = (info.num_workers, info.id) if info else (1, 0)
            return iter(range(first, 10, step))

    assert flat(DataLoader(Sharded(), 3, num_workers=3)) == list(range(10))


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_the_program_at_once():
    program = """
        import sys, threading, time
        import tinygrad_course as tc

        class Slow(tc.utils.data.Dataset):
            def __len__(self):
                return 10000
            def __getitem__(self, i):
                time.sleep(0.02)
                return i

        print("ready", flush=True)
        try:
            for batch in tc.utils.data.DataLoader(Slow(), 50, num_workers=3):
                pass
        except KeyboardInterrupt:
            left = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
            print("interrupted", left, flush=True)
            sys.exit(7)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert output == "interrupted []\n" and process.returncode == 7


def test_options_that_exclude_each_other():
    data = Numbers(4)
    for options, message in [
        ({"sampler": [1], "shuffle": True}, "either sampler or shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "excludes"),
        ({"batch_sampler": [[1]], "drop_last": True}, "excludes"),
        ({"batch_size": None, "drop_last": True}, "drop_last"),
        ({"batch_size": 0}, "batch_size"),
        ({"num_workers": -1}, "num_workers"),
        ({"prefetch_factor": 2}, "num_workers >= 1"),
        ({"persistent_workers": True}, "num_workers >= 1"),
        ({"timeout": -1}, "timeout"),
    ]:
        with pytest.raises(ValueError, match=message):
            DataLoader(data, **options)
    with pytest.raises(ValueError, match="stream"):
        DataLoader(Stream(3), shuffle=True)
    with pytest.raises(TypeError, match="generator"):
        DataLoader(data, generator=3)
    with pytest.raises(TypeError, match="no length"):
        len(DataLoader(Stream(3)))
    DataLoader(data, pin_memory=True, multiprocessing_context="fork", pin_memory_device="cpu")
