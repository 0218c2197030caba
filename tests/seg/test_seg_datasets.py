"""Plain folders in their layouts, and the layouts of the named sets, read through the configs of the house."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from seg_scenes import CLASSES, scene, write, write_folder, write_named

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

import seg_mmsegmentation
from pretrain.engine.launch import load_config
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError, DataError
from pretrain.registry import register_all
from seg_mmsegmentation.data import PARTS, read_sets, set_folders
from seg_mmsegmentation.datasets import MaskFolder, distinct_colours, read_class_list

pytestmark = pytest.mark.unit
BASE = Path(seg_mmsegmentation.__file__).parent / 'configs' / '_base_'
register_all()


@pytest.fixture(autouse=True)
def _scope():
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def read(cfg: Config):
    data = read_sets(cfg)
    for part in (data.train, data.val):
        truth = part[0]['data_samples'].gt_sem_seg.data
        assert set(np.unique(truth)) <= {*range(len(data.classes)), 255}
    return data


def request(*folders: Path) -> Request:
    return Request('random', Path('run'), *map(str, folders))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for part, count in (('train', 4), ('val', 2)):
        write_folder(tmp_path / 'set' / part, count)
        (tmp_path / 'set' / part / 'classes.txt').rename(tmp_path / 'set' / 'classes.txt')
    return tmp_path / 'set'


def test_train_and_val_below_one_folder(folders: Path) -> None:
    cfg = load_config(BASE / 'folders_64.py')
    assert set_folders(cfg, request(folders)) is False
    data = read(cfg)
    assert data.classes == list(CLASSES) and data.counts() == {'train': 4, 'val': 2}
    assert str(data) == '4 training and 2 validation images of 3 classes' and data.notes == []
    assert data.train[(0, 1)]['inputs'].shape[0] == 3


def test_side_by_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in PARTS:
        for i in range(2):
            write(*scene(rng), tmp_path / part / f'{i}.jpg', tmp_path / part / f'{i}.png')
        (tmp_path / part / 'classes.txt').write_text('\n'.join(CLASSES))
    cfg = load_config(BASE / 'folders_64.py')
    set_folders(cfg, request(tmp_path / 'train', tmp_path / 'val'))
    assert read(cfg).counts() == {'train': 2, 'val': 2}


def test_a_plain_folder_takes_the_place_of_a_named_set(folders: Path) -> None:
    cfg = load_config(BASE / 'ade20k_512.py', {'train_dataloader.dataset.ignore_index': 2})
    pipeline = cfg.val_dataloader.dataset.pipeline
    assert set_folders(cfg, request(folders)) is True
    assert cfg.val_dataloader.dataset == dict(type='MaskFolder', pipeline=pipeline, data_root=str(folders / 'val'))
    cfg.train_dataloader.dataset.ignore_index = [255, 2]
    truth = read(cfg).train[0]['data_samples'].gt_sem_seg.data
    assert set(np.unique(truth)) == {0, 1, 255}


def test_class_lists(tmp_path: Path) -> None:
    path = tmp_path / 'classes.txt'
    path.write_text('0\tsky\n1\tgrass\n2\tblock\n3\tunlabelled(ignore)\n')
    found = read_class_list(path)
    assert (found.names, found.ignored, found.label_map) == (list(CLASSES), (3,), None)
    path.write_text('7 sky\n8 grass\n11 block\n', encoding='utf-8-sig')  # as some editors save it
    assert read_class_list(path).label_map == {7: 0, 8: 1, 11: 2}
    path.write_text('sky\nnothing (ignored)\n3 series\n')  # not every line has a number, so 3 belongs to the name
    found = read_class_list(path)
    assert (found.names, found.ignored, found.label_map) == (['sky', '3 series'], (1,), {0: 0, 2: 1})
    for text, message in (('a\na\n', "class 'a' comes twice"), ('1 a\n1 b', 'label 1 comes twice'), ('\n', 'no class')):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_class_list(path)


def test_labels_of_their_own(tmp_path: Path) -> None:
    write_folder(tmp_path, 2, labels=(7, 8, 11, 0))
    (tmp_path / 'classes.txt').write_text('7 sky\n8 grass\n11 block\n0 unlabelled (ignore)\n')
    dataset = MaskFolder(str(tmp_path), pipeline=[])
    assert dataset.get_data_info(0)['label_map'] == {7: 0, 8: 1, 11: 2} and dataset.ignored == (255, 0)
    with pytest.raises(ConfigError, match='leave reduce_zero_label out'):
        MaskFolder(str(tmp_path), reduce_zero_label=True)


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='nowhere: no such folder'):
        MaskFolder(str(tmp_path / 'nowhere'))
    (tmp_path / 'images').mkdir()
    with pytest.raises(DataError, match=r'no classes.txt'):
        MaskFolder(str(tmp_path))
    named = {'classes': list(CLASSES)}
    with pytest.raises(DataError, match='images/ but no masks/'):
        MaskFolder(str(tmp_path), metainfo=named)
    (tmp_path / 'masks').mkdir()
    with pytest.raises(DataError, match='no images; it needs'):
        MaskFolder(str(tmp_path), metainfo=named)


def test_colours_are_distinct() -> None:
    assert len({tuple(c) for c in distinct_colours(40)}) == 40


NAMED = {
    'ade20k_512': (150, [('images/{}', 'annotations/{}', '.jpg', '.png')], ('training', 'validation'), 150),
    'cityscapes_512x1024': (
        19,
        [('leftImg8bit/{}/town', 'gtFine/{}/town', '_leftImg8bit.png', '_gtFine_labelTrainIds.png')],
        ('train', 'val'),
        18,
    ),
    'cocostuff164k_512': (
        171,
        [('images/{}', 'annotations/{}', '.jpg', '_labelTrainIds.png')],
        ('train2017', 'val2017'),
        170,
    ),
    'voc12_512': (21, [('JPEGImages', 'SegmentationClass', '.jpg', '.png')], ('train', 'val'), 20),
    'voc12aug_512': (
        21,
        [
            ('JPEGImages', 'SegmentationClass', '.jpg', '.png'),
            ('JPEGImages', 'SegmentationClassAug', '.jpg', '.png'),
        ],
        ('trainaug', 'val'),
        20,
    ),
}


@pytest.mark.parametrize('base', NAMED)
def test_named_sets(tmp_path: Path, base: str) -> None:
    """A tiny set in the layout of the named one, found at the root, or in the folder of the usual name below it."""
    classes, places, names, top = NAMED[base]
    cfg = load_config(BASE / f'{base}.py')
    root = tmp_path / Path(cfg.train_dataloader.dataset.data_root).name
    lists: dict[str, list[str]] = {name: [] for name in names}
    for part in names:
        for k, (images, masks, *ends) in enumerate(places):
            stems = [f'{part}_{k}{i}' for i in range(2)]
            lists[part] += stems
            write_named(root, images.format(part), masks.format(part), *ends, stems, top)
    if base.startswith('voc'):
        (root / 'ImageSets' / 'Segmentation').mkdir(parents=True)
        for part, stems in lists.items():
            kept = stems if part == 'trainaug' else stems[:2]
            (root / 'ImageSets' / 'Segmentation' / f'{part}.txt').write_text('\n'.join(kept))
    for given in (root, tmp_path):
        cfg = load_config(BASE / f'{base}.py')
        assert set_folders(cfg, request(given)) is False
        data = read(cfg)
        assert len(data.classes) == len(set(data.classes)) == classes
        assert data.counts() == {'train': 4 if base == 'voc12aug_512' else 2, 'val': 2}
        assert len(data.train.metainfo['palette']) == classes


def test_the_identity_knows_names_and_masks_but_not_places(folders: Path, tmp_path: Path) -> None:
    def identity(root: Path) -> dict:
        cfg = load_config(BASE / 'folders_64.py')
        set_folders(cfg, request(root))
        return read_sets(cfg).identity

    before = identity(folders)
    moved = folders.rename(tmp_path / 'elsewhere')
    assert identity(moved) == before
    mask = moved / 'train' / 'masks' / '000.png'
    mask.write_bytes(mask.read_bytes() + b'\0')
    for kind in ('images', 'masks'):
        for path in (moved / 'val' / kind).glob('001.*'):
            path.rename(path.with_stem('002'))
    assert identity(moved)['train']['sha256'] != before['train']['sha256']
    assert identity(moved)['val']['sha256'] != before['val']['sha256']
