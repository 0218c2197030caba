"""The data set of clips: seeded per video and epoch, decoded once, broken videos replaced or refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import video.dataset
from pretrain.data.sampler import SampleKey
from pretrain.errors import ConfigError, DataError
from video.dataset import ClipDataset

pytestmark = pytest.mark.unit


def dataset(root: Path, **args) -> ClipDataset:
    settings = dict(
        source=dict(type='ClipFolder', root=str(root)),
        sampling=dict(type='DenseSampling', frames=4, stride=1, clips=2),
        transform=dict(type='ClipPretrain', size=16),
        labels=True,
    )
    return ClipDataset(**{**settings, **args})


def test_a_sample_follows_from_seed_epoch_and_index(clips: Path) -> None:
    data = dataset(clips / 'train', seed=3)
    one, again, later, other = (data[SampleKey(e, i)] for e, i in ((0, 5), (0, 5), (1, 5), (0, 6)))
    assert one['image'].shape == (3, 4, 16, 16) and one['image'].dtype == torch.uint8
    assert torch.equal(one['image'], again['image'])
    assert not torch.equal(one['image'], later['image']) and not torch.equal(one['image'], other['image'])
    assert not torch.equal(one['image'], dataset(clips / 'train', seed=4)[(0, 5)]['image'])
    assert (one['label'], one['index'], one['replaced']) == (0, 5, []) and one['id'].endswith('down/05.mp4')


def test_loading_does_not_change_the_generators(clips: Path) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    dataset(clips / 'train')[(0, 0)]
    assert torch.equal(before, torch.get_rng_state())


def test_an_evaluation_has_all_views(clips: Path) -> None:
    data = dataset(clips / 'val', transform=dict(type='ClipViews', resize=16, crops=3))
    batch = data.collate([data[0], data[4]])
    assert batch['image'].shape == (2, 6, 3, 4, 16, 16) and batch['label'].tolist() == [0, 1]
    assert batch['index'].tolist() == [0, 4] and torch.equal(batch['image'][0], data[0]['image'])


def test_repeated_sampling_opens_a_video_once(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    original = video.dataset.open_video
    monkeypatch.setattr(video.dataset, 'open_video', lambda path: opened.append(path) or original(path))
    data = dataset(clips / 'train', repeats=3)
    samples = [data[(0, 1)], data[(0, 9)]]
    assert len(opened) == 2
    batch = data.collate(samples)
    assert batch['image'].shape == (6, 3, 4, 16, 16) and batch['label'].tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(batch['image'][3], samples[1]['image'][0])
    assert not torch.equal(batch['image'][0], batch['image'][1]), 'each clip has its own window and crop'


def test_repeated_clips_share_their_window(clips: Path) -> None:
    """'shared': the same frames, augmented anew; 'own': other frames too."""
    whole = dict(type='ClipPretrain', size=16, crop='resized', area=(1, 1), ratio=(1, 1))
    for windows, alike in (('shared', True), ('own', False)):
        data = dataset(clips / 'train', repeats=4, windows=windows, transform=whole)
        assert all((x == x[:1]).all() for x in (data[(0, i)]['image'] for i in range(6))) == alike
    cropped = dataset(clips / 'train', repeats=4, windows='shared')[(0, 1)]['image']
    assert not torch.equal(cropped[0], cropped[1]), 'each clip has its own crop'
    with pytest.raises(ConfigError, match='own'):
        dataset(clips / 'train', windows='other')


@pytest.fixture
def damaged(clips: Path, tmp_path: Path) -> Path:
    shutil.copytree(clips / 'train', tmp_path / 'train')
    (tmp_path / 'train' / 'still' / '02.mp4').write_bytes(b'nothing')
    return tmp_path / 'train'


def test_a_broken_video_is_replaced_in_training(damaged: Path) -> None:
    data = dataset(damaged)
    sample = data[(0, 10)]
    ((path, error),) = sample['replaced']
    assert path.endswith('still/02.mp4') and 'cannot be decoded' in error
    assert sample['index'] != 10 and sample['label'] == data.source.label(sample['index'])
    assert data[(0, 10)]['index'] == sample['index']
    with pytest.raises(DataError, match=r'still/02\.mp4'):
        dataset(damaged, on_corrupt='raise')[(0, 10)]


def test_a_broken_video_is_an_error_in_an_evaluation(damaged: Path) -> None:
    data = dataset(damaged, transform=dict(type='ClipViews', resize=16))
    with pytest.raises(DataError, match=r'still/02\.mp4'):
        data[10]
    (damaged / 'still' / '02.mp4').unlink()
    with pytest.raises(DataError, match=r'02\.mp4.*does not exist'):
        data[10]


def test_frame_folders(tmp_path: Path) -> None:
    folder = tmp_path / 'walk'
    folder.mkdir()
    for i in range(1, 9):
        Image.fromarray(np.full((16, 16, 3), 20 * i, np.uint8)).save(folder / f'img_{i:05}.jpg', quality=100)
    (tmp_path / 'list.txt').write_text('walk 8 0\n')
    data = dataset(
        tmp_path,
        source=dict(type='ClipList', file=str(tmp_path / 'list.txt')),
        sampling=dict(type='SegmentSampling', frames=4, clips=1),
        transform=dict(type='ClipViews', resize=16),
    )
    assert np.allclose(data[0]['image'][0, 0, :, 0, 0], [40, 80, 120, 160], atol=2), 'the first image has number 1'
    (folder / 'img_00004.jpg').unlink()
    with pytest.raises(DataError, match=r'image .*walk/img_00004\.jpg'):
        data[0]
    (tmp_path / 'list.txt').write_text('walk 0 0\n')
    data.source = type(data.source)(tmp_path / 'list.txt')
    with pytest.raises(DataError, match=r'walk.*0 frames'):
        data[0]


def test_wrong_settings(clips: Path) -> None:
    with pytest.raises(DataError, match='labels are asked for'):
        dataset(clips, source=dict(type='ClipFolder', root=str(clips / 'train'), classes=False))
    with pytest.raises(ConfigError, match='repeats'):
        dataset(clips / 'train', repeats=0)
