import json
import random

import numpy as np
import pytest
import torch

from pretrain.data import (
    FolderSource,
    ImageDataset,
    PretrainAugment,
    QuarantineLedger,
    SampleKey,
    collate,
)
from pretrain.data.seeding import mix
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS, TRANSFORMS

pytestmark = pytest.mark.unit


def build(folder, **options):
    return ImageDataset(FolderSource(folder), PretrainAugment(16), **options)


def generators():
    return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()


def test_from_config(folder):
    dataset = DATASETS.build(
        dict(
            type='ImageDataset',
            source=dict(type='FolderSource', root=str(folder)),
            transform=dict(type='PretrainAugment', size=16, second=dict(size=8)),
            labels=True,
        )
    )
    sample = dataset[SampleKey(0, 5)]
    assert set(sample) == {'image', 'second', 'id', 'index', 'label', 'replaced'}
    assert sample['image'].shape == (3, 16, 16) and sample['image'].dtype == torch.uint8
    assert sample['id'] == str(folder / 'b' / '005.JPEG')
    assert (sample['index'], sample['label'], sample['replaced']) == (5, 1, [])
    assert dataset.classes == ['a', 'b', 'c']


def test_any_callable_is_a_transform(folder):
    dataset = ImageDataset(FolderSource(folder), lambda image: torch.full((1,), image.width))
    assert dataset[4]['image'].item() == 40 + 12

    @TRANSFORMS.register_module(name='TensorWidth', force=True)
    class TensorWidth:
        wants_tensor = True

        def __call__(self, image):
            return {'width': image.shape[2]}

    assert ImageDataset(FolderSource(folder), dict(type='TensorWidth'))[4]['width'] == 52


def test_augmentation_belongs_to_seed_epoch_and_index(folder):
    def image(seed, epoch, index):
        return build(folder, seed=seed)[SampleKey(epoch, index)]['image']

    assert torch.equal(image(0, 1, 2), image(0, 1, 2))
    epochs = [image(0, epoch, 2) for epoch in range(6)]
    assert all(not torch.equal(a, b) for i, a in enumerate(epochs) for b in epochs[:i])
    assert not torch.equal(image(0, 1, 2), image(1, 1, 2))


def test_every_generator_is_seeded_and_the_main_ones_are_untouched(folder):
    def draw(_):
        return {'draws': (random.random(), np.random.rand(), torch.rand(1).item())}

    dataset = ImageDataset(FolderSource(folder), draw)
    before = generators()
    first = [dataset[SampleKey(e, i)]['draws'] for e in range(3) for i in range(4)]
    assert generators() == before
    random.random(), np.random.rand(), torch.rand(1)
    assert [dataset[SampleKey(e, i)]['draws'] for e in range(3) for i in range(4)] == first
    for column in zip(*first, strict=True):
        assert len(set(column)) == 12


def test_generators_survive_a_failing_transform(folder):
    def fail(_):
        random.random()
        raise RuntimeError('transform')

    before = generators()
    with pytest.raises(RuntimeError, match='transform'):
        ImageDataset(FolderSource(folder), fail)[SampleKey(0, 0)]
    assert generators() == before


def test_mix_spreads():
    values = {mix(seed, epoch, index) for seed in range(10) for epoch in range(10) for index in range(100)}
    assert len({v & 0xFFFFFFFF for v in values}) == 10000
    assert mix(0, 1) != mix(1, 0) and mix(-1) != mix(1)


@pytest.mark.parametrize('backend', ['pil', 'tensor'])
def test_damaged_image_is_replaced_in_training_only(folder, damage, backend):
    path = str(folder / 'a' / '002.jpg')
    damage(path)
    dataset = ImageDataset(FolderSource(folder), PretrainAugment(16, backend=backend), labels=True)
    sample = dataset[SampleKey(3, 2)]
    ((name, error),) = sample['replaced']
    assert name == path and path in error
    assert sample['index'] != 2
    assert sample['id'] == dataset.source.name(sample['index'])
    assert sample['label'] == dataset.source.label(sample['index'])
    assert dataset[SampleKey(9, 2)]['index'] == sample['index'], 'the replacement must not depend on the epoch'
    with pytest.raises(DataError, match=r'002\.jpg'):
        dataset[2]
    with pytest.raises(DataError, match=r'002\.jpg'):
        ImageDataset(FolderSource(folder), PretrainAugment(16), on_corrupt='raise')[SampleKey(0, 2)]


def test_damaged_replacements_are_replaced_too(folder, damage):
    dataset = build(folder)
    damage(folder / 'a' / '002.jpg')
    damage(dataset[SampleKey(0, 2)]['id'])
    sample = dataset[SampleKey(0, 2)]
    assert len(sample['replaced']) == 2 and sample['index'] not in {2}
    for i in range(12):
        (folder / dataset.source.name(i)).write_bytes(b'')
    with pytest.raises(DataError, match='16 images in a row'):
        dataset[SampleKey(0, 2)]


def test_missing_file_is_damage_but_exhausted_machine_is_not(folder, monkeypatch):
    dataset = build(folder)
    (folder / 'a' / '000.jpg').unlink()
    assert len(dataset[SampleKey(0, 0)]['replaced']) >= 1

    def exhausted(_):
        raise OSError(24, 'Too many open files')

    monkeypatch.setattr(dataset.source, 'read', exhausted)
    with pytest.raises(OSError, match='Too many'):
        dataset[SampleKey(0, 1)]


def test_ledger(tmp_path):
    path = tmp_path / 'work' / 'quarantine.jsonl'
    ledger = QuarantineLedger(3000, path)
    assert ledger.limit == 3 and not path.exists()
    assert ledger.record({'replaced': [('a', 'broken a'), ('b', 'broken b')]}, iteration=4) == 2
    assert ledger.record({'replaced': [('a', 'broken a')]}, iteration=9) == 0
    assert ledger.record({'replaced': []}) == 0 and ledger.record({}) == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {'id': 'a', 'error': 'broken a', 'iteration': 4},
        {'id': 'b', 'error': 'broken b', 'iteration': 4},
    ]
    resumed = QuarantineLedger(3000, path)
    assert resumed.record({'replaced': [('c', 'broken c')]}) == 1
    with pytest.raises(DataError, match=r'4 of 3000 .* 3 are tolerated; the last: broken d; .*quarantine\.jsonl'):
        ledger.record({'replaced': [('d', 'broken d')]})  # counts what the other process wrote


@pytest.mark.parametrize('torn', ['{"id": "b", "err', '\0\0\0', '"b"', '\udcff'])
def test_ledger_with_half_a_last_line(tmp_path, torn):
    path = tmp_path / 'quarantine.jsonl'
    QuarantineLedger(3000, path).record({'replaced': [('a', 'broken a')]})
    with open(path, 'a', errors='surrogateescape') as file:
        file.write(torn)
    resumed = QuarantineLedger(3000, path)
    assert resumed.ids == {'a'}
    assert resumed.record({'replaced': [('b', 'broken b'), ('c', 'broken c')]}) == 2
    assert resumed.ids == QuarantineLedger(3000, path).ids == {'a', 'b', 'c'}


def test_ledger_of_a_small_set_tolerates_nothing(tmp_path):
    assert QuarantineLedger(999, tmp_path / 'q').limit == 0
    with pytest.raises(DataError, match='1 of 999'):
        QuarantineLedger(999, tmp_path / 'q').record({'replaced': [('a', 'broken')]})
    assert QuarantineLedger(999, tmp_path / 'r', limit_fraction=0.01).limit == 9


def test_collate_keeps_reports(folder, damage):
    damage(folder / 'a' / '001.jpg')
    dataset = build(folder, labels=True)
    batch = collate([dataset[SampleKey(0, i)] for i in range(4)])
    assert batch['image'].shape == (4, 3, 16, 16) and batch['image'].dtype == torch.uint8
    assert batch['label'].dtype == batch['index'].dtype == torch.int64
    assert batch['id'][0].endswith('000.jpg') and len(batch['id']) == 4
    assert [name for name, _ in batch['replaced']] == [str(folder / 'a' / '001.jpg')]


def test_n_channel_arrays(tmp_path):
    for i in range(3):
        np.save(tmp_path / f'{i}.npy', np.random.RandomState(i).rand(20, 24, 6))
    dataset = ImageDataset(FolderSource(tmp_path), PretrainAugment(16), channels=6)
    assert dataset[SampleKey(0, 1)]['image'].shape == (6, 16, 16)
    with pytest.raises(DataError, match=r'0\.npy.* has 6 channels, expected 4'):
        ImageDataset(FolderSource(tmp_path), PretrainAugment(16), channels=4)[0]


def test_wrong_options(folder):
    with pytest.raises(DataError, match='labels are asked for'):
        ImageDataset(FolderSource(folder, layout='flat'), PretrainAugment(16), labels=True)
    with pytest.raises(ConfigError, match='on_corrupt'):
        build(folder, on_corrupt='ignore')
