import numpy as np
import pytest

from pretrain.data import EvalSampler, SampleKey, TrainBatchSampler, TrainOrder
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit


def batches(order, world_size, accumulation, iterations, start=0):
    """Global batches, put together from all processes."""
    micro = order.effective_batch // world_size // accumulation
    parts = [
        list(TrainBatchSampler(order, micro, accumulation, rank, world_size, start, iterations))
        for rank in range(world_size)
    ]
    assert all(len(p) == iterations * accumulation and all(len(m) == micro for m in p) for p in parts)
    return [
        [key for a in range(accumulation) for p in parts for key in p[i * accumulation + a]] for i in range(iterations)
    ]


@pytest.mark.parametrize('partial', ['drop', 'carry'])
@pytest.mark.parametrize('world_size', [1, 2, 4])
@pytest.mark.parametrize('accumulation', [1, 2, 3])
def test_global_batch_does_not_depend_on_processes_or_accumulation(world_size, accumulation, partial):
    order = TrainOrder(100, 24, seed=5, partial=partial)
    expected = [TrainOrder(100, 24, seed=5, partial=partial).batch(i) for i in range(10)]
    assert batches(order, world_size, accumulation, 10) == expected


@pytest.mark.parametrize('partial', ['drop', 'carry'])
def test_resume_anywhere(partial):
    whole = batches(TrainOrder(50, 8, partial=partial), 1, 1, 20)
    for start in (1, 5, 6, 7, 13):
        assert batches(TrainOrder(50, 8, partial=partial), 2, 2, 20 - start, start) == whole[start:]


def test_drop_sees_each_image_at_most_once_an_epoch():
    order = TrainOrder(50, 8)
    assert order.iterations_per_epoch == 6
    left_out = set()
    for epoch in range(4):
        keys = [key for i in range(6) for key in order.batch(epoch * 6 + i)]
        assert {key.epoch for key in keys} == {epoch}
        indices = [key.index for key in keys]
        assert len(set(indices)) == 48 and set(indices) <= set(range(50))
        left_out |= set(range(50)) - set(indices)
    assert len(left_out) > 2, 'the same images must not be left out each time'


def test_carry_sees_each_image_equally_often():
    order = TrainOrder(5, 8, partial='carry')
    assert order.iterations_per_epoch == 1
    keys = [key for i in range(5) for key in order.batch(i)]
    assert len(set(keys)) == 40, 'a repeated image must have another epoch, hence another augmentation'
    assert np.bincount([key.index for key in keys]).tolist() == [8] * 5
    assert TrainOrder(20, 8, partial='carry').iterations_per_epoch == 3


def test_orders_differ_by_epoch_and_seed():
    order = TrainOrder(64, 64, seed=1)
    epochs = [[key.index for key in order.batch(i)] for i in range(3)]
    other = [key.index for key in TrainOrder(64, 64, seed=2).batch(0)]
    assert len({tuple(e) for e in [*epochs, other, list(range(64))]}) == 5
    assert all(sorted(e) == list(range(64)) for e in [*epochs, other])


def test_order_is_frozen():
    """A resume on another version must continue the same order: these numbers may never change."""
    assert TrainOrder(1000, 4, seed=7).batch(251) == [(1, 264), (1, 283), (1, 468), (1, 235)]


def test_endless_and_lengths():
    sampler = TrainBatchSampler(TrainOrder(10, 4), 2, 2)
    endless = iter(sampler)
    assert len([next(endless) for _ in range(100)]) == 100
    with pytest.raises(TypeError):
        len(sampler)


def test_wrong_sizes():
    with pytest.raises(
        DataError, match=r'10 samples are fewer than one effective batch of 16; lower train_cfg.effective_batch'
    ):
        TrainOrder(10, 16)
    with pytest.raises(DataError):
        TrainOrder(0, 1, partial='carry')
    with pytest.raises(ConfigError, match='= 12, but the effective batch is 16'):
        TrainBatchSampler(TrainOrder(100, 16), 3, 2, 0, 2)
    with pytest.raises(ConfigError, match='rank 2'):
        TrainBatchSampler(TrainOrder(100, 16), 8, 1, 2, 2)
    with pytest.raises(ConfigError, match='partial'):
        TrainOrder(100, 16, partial='pad')


@pytest.mark.parametrize('world_size', [1, 2, 3, 7])
@pytest.mark.parametrize('count', [0, 1, 3, 10, 11])
def test_eval_shards_cover_without_duplicates(count, world_size):
    shards = [EvalSampler(count, rank, world_size) for rank in range(world_size)]
    assert [i for shard in shards for i in shard] == list(range(count))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_sample_key():
    assert SampleKey.of(3) == (0, 3)
    assert SampleKey.of((2, np.int64(3))) == SampleKey(2, 3)


def test_a_share_is_nested_fixed_and_used_evenly() -> None:
    def seen(share: float, seed: int = 0, epoch: int = 0) -> list[int]:
        order = TrainOrder(100, 5, seed, share=share)
        steps = range(epoch * order.iterations_per_epoch, (epoch + 1) * order.iterations_per_epoch)
        return [key.index for i in steps for key in order.batch(i)]

    quarter, half = seen(0.25), seen(0.5)
    assert len(quarter) == len(set(quarter)) == 25 and set(quarter) < set(half) and len(set(half)) == 50
    assert set(seen(0.25, seed=3, epoch=2)) == set(quarter) and seen(0.25, seed=3) != quarter
    assert sorted(half) != list(range(50)), 'the first images would be those of the first classes'
    assert seen(1.0) == [key.index for i in range(20) for key in TrainOrder(100, 5).batch(i)]
    with pytest.raises(ConfigError, match='share'):
        TrainOrder(100, 5, share=0.0)
    with pytest.raises(DataError, match='fewer than one effective batch'):
        TrainOrder(100, 5, share=0.01)
