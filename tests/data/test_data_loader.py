import pytest
import torch

from pretrain.data import (
    EvalAugment,
    ImageDataset,
    PretrainAugment,
    TarSource,
    TrainOrder,
    build_eval_loader,
    build_loader,
    build_train_loader,
)
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit


@pytest.fixture
def dataset(shards):
    return ImageDataset(TarSource(shards), PretrainAugment(16), labels=True, seed=1)


def run(dataset, start=0, stop=5, workers=0, accumulation=1, world_size=1, **options):
    """`(ids, images)` of each global batch."""
    order = TrainOrder(len(dataset), 4, seed=1)
    micro = 4 // accumulation // world_size
    loaders = [
        build_train_loader(
            dataset, order, micro, accumulation, start, stop - start, rank, world_size, num_workers=workers, **options
        )
        for rank in range(world_size)
    ]
    parts = [list(loader) for loader in loaders]
    result = []
    for i in range(stop - start):
        chunks = [p[i * accumulation + a] for a in range(accumulation) for p in parts]
        result.append(([i for c in chunks for i in c['id']], torch.cat([c['image'] for c in chunks])))
    return result


def assert_equal(a, b):
    assert len(a) == len(b)
    for (ids_a, images_a), (ids_b, images_b) in zip(a, b, strict=True):
        assert ids_a == ids_b and torch.equal(images_a, images_b)


@pytest.fixture
def whole(dataset):
    return run(dataset)


def test_workers_do_not_change_batches(dataset, whole):
    assert_equal(run(dataset, workers=2), whole)


def test_start_method_does_not_change_batches(dataset, whole):
    assert_equal(run(dataset, workers=1, stop=2, start_method='forkserver'), whole[:2])


@pytest.mark.parametrize('workers', [0, 2])
def test_resume_in_the_middle_of_an_epoch(dataset, whole, workers):
    """Three iterations are an epoch."""
    assert_equal(run(dataset, start=2, workers=workers), whole[2:])
    assert_equal(run(dataset, start=4, workers=workers), whole[4:])


@pytest.mark.parametrize(('world_size', 'accumulation'), [(1, 2), (2, 1), (2, 2), (4, 1)])
def test_processes_and_accumulation_do_not_change_global_batches(dataset, whole, world_size, accumulation):
    assert_equal(run(dataset, world_size=world_size, accumulation=accumulation), whole)


def test_epochs_differ_in_order_and_augmentation(whole, dataset):
    first, second = (
        {name: image for ids, images in batches for name, image in zip(ids, images, strict=True)}
        for batches in (whole[:3], run(dataset, start=3, stop=6))
    )
    assert first.keys() == second.keys() and len(first) == 12
    assert list(first) != list(second)
    assert all(not torch.equal(first[name], second[name]) for name in first)


def test_loading_in_the_main_process_leaves_its_generators_alone(dataset):
    state = torch.get_rng_state()
    loader = iter(build_train_loader(dataset, TrainOrder(len(dataset), 4), 4))
    for _ in range(4):
        next(loader)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize('world_size', [1, 2, 3])
@pytest.mark.parametrize('workers', [0, 1])
def test_evaluation_sees_every_image_once(shards, world_size, workers):
    dataset = ImageDataset(TarSource(shards), EvalAugment(16, 16), labels=True)
    seen = []
    for rank in range(world_size):
        for batch in build_eval_loader(dataset, 5, rank, world_size, num_workers=workers):
            seen += batch['index'].tolist()
            assert len(batch['id']) == len(batch['image'])
    assert seen == list(range(12))


@pytest.mark.parametrize('workers', [0, 1])
def test_damaged_image_in_a_loader(folder, damage, workers):
    path = str(folder / 'b' / '004.jpg')
    damage(path)
    config = dict(type='FolderSource', root=str(folder))
    train = ImageDataset(config, PretrainAugment(16))
    (batch,) = build_train_loader(train, TrainOrder(12, 12), 12, num_iterations=1, num_workers=workers)
    assert [name for name, _ in batch['replaced']] == [path]
    assert path not in batch['id'] and len(batch['image']) == 12
    loader = build_eval_loader(ImageDataset(config, EvalAugment(16, 16)), 4, num_workers=workers)
    with pytest.raises(DataError) as caught:
        list(loader)
    assert str(caught.value).startswith(f"image '{path}' cannot be decoded: ")
    assert '\n' not in str(caught.value)


def test_a_wrong_config_in_a_worker_is_one_line(folder):
    config = dict(type='FolderSource', root=str(folder))
    loader = build_eval_loader(ImageDataset(config, EvalAugment(16, 999)), 4, num_workers=1)
    with pytest.raises(ConfigError) as caught:
        list(loader)
    assert '999' in str(caught.value) and '\n' not in str(caught.value) and 'Traceback' not in str(caught.value)


def test_settings(dataset):
    loader = build_loader(dataset, num_workers=1, batch_size=2)
    assert loader.persistent_workers and loader.pin_memory == torch.cuda.is_available()
    assert loader.multiprocessing_context.get_start_method() == 'fork'
    assert not build_loader(dataset, batch_size=2).persistent_workers
