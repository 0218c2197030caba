"""The segmenter's features are the encoder's, and predictions fit images of any size."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

pytest.importorskip('mmcv.ops', reason='onedl-mmcv is not compiled here')

from mmseg.structures import SegDataSample

import seg_mmsegmentation  # noqa: F401  (registers)
from pretrain.checkpoint.load import build_net
from pretrain.checkpoint.nets import make_net
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError, ConfigError
from pretrain.registry import MODELS

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore'),
]


SIZES = [(224, 224), (512, 512), (480, 672)]
WIDTHS = {'swin': 128, 'resnet50': 2048, 'convnext': 320}


def segmenter(test_cfg: dict | None = None, width: int = 32, **backbone) -> nn.Module:
    cfg = Config(
        dict(
            type='EncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor', mean=[0.0] * 3, std=[1.0] * 3),
            backbone=dict(type='MIMBackbone', **backbone),
            decode_head=dict(type='FCNHead', in_channels=width, channels=8, num_convs=1, num_classes=3),
            test_cfg=test_cfg or dict(mode='whole'),
        )
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(cfg._cfg_dict).eval()


@pytest.mark.parametrize(
    ('name', 'size'),
    [
        *(('mae', size) for size in SIZES),
        *((name, SIZES[-1]) for name in ('beit', 'simmim', 'swin', 'resnet50', 'convnext')),
    ],
)
@torch.no_grad()
def test_features_are_those_of_the_encoder(encoder_file: Callable[[str], Path], name: str, size: tuple) -> None:
    path = str(encoder_file(name))
    last = {'levels': [3]} if name in ('swin', 'resnet50', 'convnext') else {}
    norm = {} if name in ('resnet50', 'convnext') else {'out_norm': 'own'}
    model = segmenter(None, WIDTHS.get(name, 32), image_size=size, checkpoint=path, **last, **norm)
    assert model.backbone.initial.report.coverage == 1.0
    net, _ = build_net(path, size, **({'window_size': 7} if name == 'swin' else {}))
    images = torch.randn(1, 3, *size)
    (found,) = model.extract_feat(images)
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), features(net, images), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_what_recipes_add_changes_nothing_at_first(encoder_file: Callable[[str], Path]) -> None:
    plain = dict(image_size=64, checkpoint=str(encoder_file('small')), levels=[0, 1, 2, 3])
    images = torch.randn(1, 3, 64, 48)
    expected = segmenter(**plain).extract_feat(images)
    found = segmenter(**plain, tables='zero', layer_scale=1.0).extract_feat(images)
    torch.testing.assert_close(found, expected)
    levels = segmenter(**plain, four_levels=True).extract_feat(images)
    torch.testing.assert_close(levels[2], expected[2])
    torch.testing.assert_close(levels[3], nn.functional.max_pool2d(expected[3], 2))
    assert [tuple(x.shape[2:]) for x in levels] == [(32, 24), (16, 12), (8, 6), (4, 3)]


def test_layer_scale_is_added_only_where_there_is_none(encoder_file: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match='has LayerScale of its own'):
        segmenter(image_size=64, checkpoint=str(encoder_file('tables')), layer_scale=1.0)


@pytest.mark.parametrize('size', [(61, 77), (40, 130), (24, 20)])
@pytest.mark.parametrize('mode', ['slide', 'whole'])
@torch.no_grad()
def test_predictions_have_the_size_of_the_image(encoder_file: Callable[[str], Path], mode: str, size: tuple) -> None:
    """Slides are larger than the image on one side or both, or leave odd rests."""
    test = dict(mode='slide', crop_size=(48, 48), stride=(32, 32)) if mode == 'slide' else dict(mode='whole')
    tables = {'tables': 'zero'} if mode == 'slide' else {}
    model = segmenter(test, image_size=48, checkpoint=str(encoder_file('small')), **tables)
    original = (2 * size[0] + 1, 2 * size[1] - 1)
    sample = SegDataSample(metainfo={'ori_shape': original, 'img_shape': size})
    (found,) = model.test_step({'inputs': [torch.randint(0, 256, (3, *size))], 'data_samples': [sample]})
    assert found.pred_sem_seg.data.shape == (1, *original)
    assert torch.isfinite(found.seg_logits.data).all()


@torch.no_grad()
def test_slides_are_averaged_where_they_overlap(encoder_file: Callable[[str], Path]) -> None:
    size = dict(mode='slide', crop_size=(48, 48), stride=(32, 32))
    model = segmenter(size, image_size=48, checkpoint=str(encoder_file('tables')))
    image = torch.randn(1, 3, 70, 48)
    total, count = torch.zeros(1, 3, 70, 48), torch.zeros(1, 1, 70, 48)
    for top in (0, 22):
        logits = model.decode_head(model.extract_feat(image[:, :, top : top + 48]))
        total[:, :, top : top + 48] += nn.functional.interpolate(logits, (48, 48), mode='bilinear')
        count[:, :, top : top + 48] += 1
    found = model.inference(image, [{'ori_shape': (70, 48), 'img_shape': (70, 48)}])
    torch.testing.assert_close(found, total / count)


def test_an_incomplete_checkpoint_is_refused(tmp_path: Path) -> None:
    state = make_net('vit_tiny_patch16_224', depth=2).state_dict()
    del state['blocks.1.mlp.fc1.weight']
    torch.save({'model': state}, tmp_path / 'half.pth')
    with pytest.raises(CheckpointError, match=r'half.pth.*blocks\.1\.mlp\.fc1'):
        segmenter(image_size=64, checkpoint=str(tmp_path / 'half.pth'))
