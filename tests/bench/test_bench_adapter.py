"""The adapter's tax: an update of Mask R-CNN with MIMBackbone against the same model around timm's own ViT.

Both have the same weights and see the same images; updates take turns, and the fastest of each counts, because other
work on the machine can only slow one down. Rounds are added until the ratio meets the bar, or there were enough to say
that it does not. Memory is what autograd keeps for the backward pass, counted in bytes.
"""

import copy
import time

import pytest
import torch

pytest.importorskip('mmcv.ops', reason='detection needs the compiled operators of mmcv: make setup')

import numpy as np
import timm
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import nn

import det_mmdetection  # noqa: F401  (registers)
from det_mmdetection.fit import fit_to_backbone
from pretrain.engine.launch import load_config
from pretrain.registry import register_all

pytestmark = pytest.mark.bench
SIZE, BATCH = 160, 1
FEWEST, MOST = 3, 24
"""Rounds."""
BAR = 1.02
ARCH = 'vit_small_patch16_224'
register_all()


class TimmViT(nn.Module):
    """timm's ViT, its last map taken by timm's own function."""

    def __init__(self):
        super().__init__()
        self.net = timm.create_model(ARCH, num_classes=0, img_size=SIZE)

    def forward(self, images):
        return tuple(self.net.forward_intermediates(images, indices=1, norm=False, intermediates_only=True))


def detector() -> nn.Module:
    """ViTDet's Mask R-CNN with full attention, fewer proposals and four classes."""
    cfg = load_config('det_mmdetection/configs/mae_vit-base-p16_vitdet-mask_64xb1-100e_coco.py').model
    cfg.backbone = {'type': 'MIMBackbone', 'image_size': SIZE, 'arch': ARCH, 'position': 'learned'}
    cfg.train_cfg.rcnn.sampler.num = 8
    cfg.train_cfg.rpn_proposal.max_per_img = 16
    fit_to_backbone(cfg, [384], [16])
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(cfg)


def batch() -> dict:
    samples = []
    for _ in range(BATCH):
        shape = {'img_shape': (SIZE, SIZE), 'ori_shape': (SIZE, SIZE), 'pad_shape': (SIZE, SIZE)}
        sample = DetDataSample(metainfo={**shape, 'batch_input_shape': (SIZE, SIZE), 'scale_factor': (1.0, 1.0)})
        corners = torch.rand(8, 2) * 150
        sample.gt_instances = InstanceData(
            bboxes=torch.cat([corners, corners + 60], 1),
            labels=torch.zeros(8).long(),
            masks=BitmapMasks(np.ones((8, SIZE, SIZE), np.uint8), SIZE, SIZE),
        )
        sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0).long())
        samples.append(sample)
    return {'inputs': torch.randn(BATCH, 3, SIZE, SIZE), 'data_samples': samples}


def update(model: nn.Module, data: dict) -> float:
    torch.manual_seed(0)
    start = time.process_time()
    loss, _ = model.parse_losses(model.loss(data['inputs'], copy.deepcopy(data['data_samples'])))
    loss.backward()
    model.zero_grad()
    return time.process_time() - start


def kept_bytes(model: nn.Module, data: dict) -> int:
    seen: dict[int, int] = {}

    def pack(tensor):
        seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss, _ = model.parse_losses(model.loss(data['inputs'], copy.deepcopy(data['data_samples'])))
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    loss.backward()
    return sum(size for place, size in seen.items() if place not in weights)


def test_adapter_tax(capsys: pytest.CaptureFixture) -> None:
    ours = detector().train()
    native = copy.deepcopy(ours)
    native.backbone = TimmViT().train()
    weights = ours.backbone.encoder.net.state_dict()
    missing, unexpected = native.backbone.net.load_state_dict(weights, strict=False)
    assert not unexpected and set(missing) == {'norm.weight', 'norm.bias'}
    data = batch()
    with torch.no_grad():
        torch.testing.assert_close(
            ours.extract_feat(data['inputs'])[0], native.extract_feat(data['inputs'])[0], atol=1e-4, rtol=1e-4
        )
    for model in (ours, native):
        update(model, data)
    times: dict[str, list[float]] = {'ours': [], 'native': []}
    for count in range(1, MOST + 1):
        times['ours'].append(update(ours, data))
        times['native'].append(update(native, data))
        ratio = min(times['ours']) / min(times['native'])
        if count >= FEWEST and ratio <= BAR:
            break
    memory = kept_bytes(ours, data) / kept_bytes(native, data)
    with capsys.disabled():
        print(
            f'\nadapter tax, ViT-S at {SIZE}, batch {BATCH}, {count} rounds: update {ratio:.3f} x timm, memory '
            f'{memory:.3f} x (bar: {BAR})'
        )
    assert memory <= BAR
    assert ratio <= 1.15  # on a busy machine even 24 rounds may have no quiet one for each
