"""Within a detector the adapter computes what the encoder computes, and boxes keep their precision."""

from pathlib import Path

import pytest
import torch

pytest.importorskip('mmcv.ops', reason='detection needs the compiled operators of mmcv: make setup')

from mmdet.registry import MODELS
from mmengine.registry import DefaultScope

import det_mmdetection  # noqa: F401  (registers)
from det_mmdetection.precision import keep_boxes_in_fp32
from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.load import build_net
from pretrain.checkpoint.nets import make_net
from pretrain.encoders.net import features

pytestmark = pytest.mark.parity
FAMILIES = {
    'mae': ('vit_tiny_patch16_224', {'embed_dim': 32, 'num_heads': 2, 'depth': 3, 'img_size': 224}, {}),
    'beit': (
        'beit_base_patch16_224',
        {'embed_dim': 32, 'num_heads': 2, 'depth': 3, 'img_size': 224, 'init_values': 0.1},
        {},
    ),
    'swin': (
        'swin_tiny_patch4_window7_224',
        {'embed_dim': 16, 'depths': [2, 2, 2, 2], 'num_heads': [1, 2, 4, 8], 'img_size': 224},
        {'timm_args': {'window_size': 7}, 'levels': [3]},
    ),
    'resnet50': ('resnet50', {}, {'levels': [3]}),
    'convnext': ('convnext_atto', {}, {'levels': [3]}),
}


def write(folder: Path, arch: str, args: dict) -> Path:
    torch.manual_seed(0)
    net = make_net(arch, **args)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    path = folder / 'encoder.safetensors'
    exchange.write(path, net.state_dict(), card_for_net(net, arch, args, initial_stage='mim'))
    return path


@pytest.mark.parametrize('size', [(224, 224), (480, 672)], ids=str)
@pytest.mark.parametrize('family', FAMILIES)
def test_features_in_a_detector(tmp_path: Path, family: str, size: tuple[int, int]) -> None:
    arch, args, choices = FAMILIES[family]
    path = write(tmp_path, arch, args)
    is_cnn = family in ('resnet50', 'convnext')
    backbone = {'type': 'MIMBackbone', 'checkpoint': str(path), 'image_size': size, **choices}
    with DefaultScope.overwrite_default_scope('mmdet'):
        detector = MODELS.build(
            {
                'type': 'SingleStageDetector',
                'backbone': {**backbone, 'out_norm': 'none' if is_cnn else 'own'},
                'bbox_head': {'type': 'RetinaHead', 'num_classes': 3, 'in_channels': 8},
            }
        ).eval()
    detector.init_weights()  # must not draw the backbone anew
    assert detector.backbone.initial.report.coverage == 1.0
    images = torch.randn(1, 3, *size)
    (found,) = detector.extract_feat(images)
    options = {'window_size': 7} if family == 'swin' else {}
    expected = features(build_net(path, size, **options)[0], images)
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), expected, atol=1e-5, rtol=1e-5)


def test_boxes_leave_the_networks_in_fp32() -> None:
    """Under bf16 autocast a coordinate near 1,000 would be rounded to a multiple of 4."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        head = MODELS.build({'type': 'RPNHead', 'in_channels': 8, 'feat_channels': 8})
    maps = [torch.randn(1, 8, 4, 4)] * 5
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert head(maps)[1][0].dtype == torch.bfloat16
        keep_boxes_in_fp32(head)
        assert {x.dtype for level in head(maps) for x in level} == {torch.float32}
