"""bf16 for networks, fp32 for the arithmetic of boxes."""

from typing import Any

import torch
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.roi_heads.roi_extractors import BaseRoIExtractor
from torch import nn


def keep_boxes_in_fp32(model: nn.Module) -> None:
    """Let a detector train under bf16 autocast.

    mmcv's RoIAlign and NMS take no bf16 on a CPU, and box coordinates of bf16 are 4 pixels apart at 1,000. So what goes
    into a RoI extractor and what comes out of the networks of the heads becomes fp32; convolutions and linear layers
    are autocast as before.
    """
    for module in model.modules():
        if isinstance(module, BaseRoIExtractor):
            module.register_forward_pre_hook(lambda _, inputs: _floats(inputs))
        if isinstance(module, (BaseDenseHead, BBoxHead, FCNMaskHead)):
            module.register_forward_hook(lambda _, inputs, outputs: _floats(outputs))


def _floats(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    if isinstance(value, (list, tuple)):
        return type(value)(_floats(part) for part in value)
    return value
