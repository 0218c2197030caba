"""What mask files say: indices, sizes, what a label stands for, and messages that name file and remedy."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from mmseg.datasets.transforms import LoadAnnotations

from pretrain.errors import ConfigError, DataError
from seg_mmsegmentation.labels import LabelRule, label_rule, read_mask
from seg_mmsegmentation.transforms import LoadLabels

pytestmark = pytest.mark.unit

MASK = np.arange(12, dtype=np.uint8).reshape(3, 4)


def save(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    if mode == 'P':
        image = Image.fromarray(pixels, 'P')
        image.putpalette(np.random.default_rng(0).integers(0, 256, 768, dtype=np.uint8).tobytes())
    elif mode:
        image = image.convert(mode)
    image.save(path)
    return path


def sample(path: Path, **entries) -> dict:
    results = {'seg_map_path': str(path), 'img_path': 'a.jpg', 'ori_shape': (3, 4), 'seg_fields': []}
    return {**results, 'reduce_zero_label': False, 'label_map': None, **entries}


def test_masks_of_every_kind(tmp_path: Path) -> None:
    assert np.array_equal(read_mask(save(tmp_path / 'l.png', MASK)), MASK)
    assert np.array_equal(read_mask(save(tmp_path / 'p.png', MASK, 'P')), MASK)
    wide = MASK.astype(np.uint16) + 300
    assert np.array_equal(read_mask(save(tmp_path / 'i.png', wide)), wide)
    assert np.array_equal(read_mask(save(tmp_path / '1.png', (MASK > 5))), MASK > 5)


def test_files_that_are_no_mask(tmp_path: Path) -> None:
    (tmp_path / 'text.png').write_text('no image')
    whole = save(tmp_path / 'whole.png', np.random.default_rng(0).integers(0, 9, (90, 90), dtype=np.uint8)).read_bytes()
    (tmp_path / 'half.png').write_bytes(whole[: len(whole) // 2])
    colours = save(tmp_path / 'colours.png', np.stack([MASK] * 3, -1))
    alpha = save(tmp_path / 'alpha.png', MASK, 'LA')
    for path, message in (
        (tmp_path / 'text.png', 'cannot be decoded'),
        (tmp_path / 'half.png', 'cannot be decoded'),
        (colours, r'holds colours \(mode RGB\)'),
        (alpha, r'holds colours \(mode LA\)'),
    ):
        with pytest.raises(DataError, match=f'{path.name}.*{message}'):
            read_mask(path)


@pytest.mark.parametrize('kind', ['L', 'P'])
@pytest.mark.parametrize('reduce_zero', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 2, 1: 255, 2: 0, 3: 1}])
def test_equals_mmseg_where_it_is_right(tmp_path: Path, kind: str, reduce_zero: bool, label_map: dict | None) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.choice([0, 1, 2, 3, 255] if not reduce_zero else [0, 1, 2, 3, 4, 255], (3, 4)).astype(np.uint8)
    path = save(tmp_path / 'mask.png', pixels, kind)
    entries = {'reduce_zero_label': reduce_zero, 'label_map': label_map}
    ours = LoadLabels(num_classes=4)(sample(path, **entries))
    theirs = LoadAnnotations()(sample(path, **entries))
    assert np.array_equal(ours['gt_seg_map'], theirs['gt_seg_map'])
    assert ours['seg_fields'] == theirs['seg_fields'] == ['gt_seg_map']


def test_ignored_labels() -> None:
    rule = LabelRule(3, ignore=(255, 11))
    assert rule.classes(np.array([[0, 2, 11, 255]], np.uint8), 'm').tolist() == [[0, 2, 255, 255]]
    wide = LabelRule(2, ignore=(65535,)).classes(np.array([[1, 65535]], np.uint16), 'm')
    assert wide.tolist() == [[1, 255]]


@pytest.mark.parametrize(
    ('rule', 'labels', 'message'),
    [
        # ADE20K's masks without reduce_zero_label: 0 to 150, 150 classes.
        (LabelRule(150), range(151), 'label 150 .* set reduce_zero_label=True .* set ignore_index=150'),
        (LabelRule(150), range(1, 151), 'label 150 .* set reduce_zero_label=True'),
        (LabelRule(150, reduce_zero=True), [0, 151], r'label 151 .*\(labels 1 to 150\); add it'),
        (LabelRule(3), [0, 255, 254], 'label 254 .* 3 classes .* or to ignore_index'),
        (LabelRule(3, ignore=(11,)), [0, 255], 'label 255'),
    ],
)
def test_labels_that_are_no_class(rule: LabelRule, labels, message: str) -> None:
    with pytest.raises(DataError, match=f"mask 'there.png': {message}"):
        rule.classes(np.array([list(labels)], np.uint8), 'there.png')


def test_a_mask_of_another_size(tmp_path: Path) -> None:
    path = save(tmp_path / 'mask.png', MASK % 2)
    with pytest.raises(DataError, match=r"mask.png' is 4x3, its image 'a.jpg' is 3x4"):
        LoadLabels(num_classes=2)(sample(path, ori_shape=(4, 3)))


def test_arguments() -> None:
    with pytest.raises(ConfigError, match='255 classes; allowed: 1 to 254'):
        LabelRule(255)
    for wrong in ({'ignore': (70000,)}, {'ignore': (-1,)}, {'label_map': {65536: 0}}):
        with pytest.raises(ConfigError, match='allowed: 0 to 65535'):
            LabelRule(3, **wrong)
    with pytest.raises(ConfigError, match='num_classes is not set'):
        LoadLabels().rule(sample(Path('x')))
    assert label_rule(3, (255,), False, None) is label_rule(3, (255,), False, None)
