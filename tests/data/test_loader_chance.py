"""DataLoader and chance: order and draws are decided by seeds, whatever the number of workers."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.data import item_generator
from tinygrad_course.utils.data import DataLoader, RandomSampler, TensorDataset

from .test_dataloader import Numbers, Stream, flat


class Noise(Numbers):
    def __getitem__(self, i):
        return i + item_generator().random()


class TensorNoise(Numbers):
    """Draws by operations, from the default generator."""

    def __getitem__(self, i):
        if self.pause:
            time.sleep(0.002 * (i % 3 == 0))
        return i + tc.rand(()) + tc.nn.functional.dropout(tc.ones(3)).sum()


@given(seed=st.integers(0, 2**63), num_workers=st.integers(1, 4), batch_size=st.integers(1, 7))
def test_order_and_random_draws_do_not_depend_on_workers(seed, num_workers, batch_size):
    def epochs(count):
        tc.manual_seed(seed)
        loader = DataLoader(Noise(20), batch_size, shuffle=True, num_workers=count)
        return [flat(loader) for _ in range(2)]

    alone, together = epochs(0), epochs(num_workers)
    assert alone == together
    assert alone[0] != alone[1]
    draws = [x % 1 for x in alone[0]]
    assert len(set(draws)) == len(draws)  # no two samples share a stream


def test_operations_draw_for_each_sample_too():
    def epoch(num_workers):
        tc.manual_seed(3)
        drawn = flat(DataLoader(TensorNoise(24, pause=True), 4, num_workers=num_workers))
        return drawn, tc.rand(()).item()

    drawn, after = epoch(0)
    assert len(set(drawn)) == 24
    assert epoch(1) == epoch(4) == (drawn, after)


def test_the_default_generator_within_a_sample_is_its_own():
    class Forked(Numbers):
        def __getitem__(self, i):
            with tc.random.fork_rng():
                a = tc.rand(()).item()
            assert tc.rand(()).item() == a
            tc.manual_seed(i)
            return tc.rand(()).item() - tc.Generator().manual_seed(i).numpy.random(dtype=np.float32)

    tc.manual_seed(5)
    before = tc.initial_seed()
    assert flat(DataLoader(Forked(4), 2, num_workers=2)) == [0.0] * 4
    assert tc.initial_seed() == before == 5


@pytest.mark.parametrize(
    "data", [Numbers(12), Stream(12), TensorDataset(np.arange(12))], ids=lambda d: type(d).__name__
)
def test_what_collate_draws_does_not_depend_on_workers(data):
    def mix(samples):
        return [item_generator().random()]

    def epoch(workers):
        tc.manual_seed(4)
        return [x for (x,) in DataLoader(data, 3, collate_fn=mix, num_workers=workers)]

    alone = epoch(0)
    assert len(set(alone)) == 4 and alone == epoch(2) == epoch(3)


def test_samples_and_batches_draw_from_streams_that_never_meet():
    def add_draw(samples):
        return [x % 1 for x in samples] + [item_generator().random()]

    draws = [x for batch in DataLoader(Noise(30), 4, collate_fn=add_draw) for x in batch]
    assert len(draws) == 38 and len({round(x, 9) for x in draws}) == 38


def test_an_order_is_drawn_before_its_first_index_is_given():
    def order(meanwhile):
        tc.manual_seed(4)
        given = []
        for index in RandomSampler(range(5), num_samples=13):
            given.append(index)
            if meanwhile:
                tc.rand(1)
        return given

    assert order(True) == order(False)
    assert [sorted(order(True)[i : i + 5]) for i in (0, 5)] == [[0, 1, 2, 3, 4]] * 2


def test_generator_argument_repeats_an_epoch():
    runs = [
        flat(DataLoader(Noise(30), 4, shuffle=True, generator=tc.Generator().manual_seed(5), num_workers=n))
        for n in (0, 2)
    ]
    assert runs[0] == runs[1]
