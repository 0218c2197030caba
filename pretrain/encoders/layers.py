"""Which layer a parameter belongs to, for layer-wise learning-rate decay."""

import re

from torch import nn

from pretrain.encoders.net import family

STEM = (
    *('cls_token', 'reg_token', 'mask_token', 'pos_embed', 'patch_embed', 'norm_pre'),
    *('cls_pos', 'pos_mlp', 'reduce_dim'),
)
"""What a plain transformer, one over points, or Swin has before its first block.

`norm_pre` (CLIP style) has no published rule.
"""


class Layers:
    """Layer ids of a timm network, 0 for the stem up to `num_layers` for what follows the last layer.

    Plain transformers: block i is layer i + 1 (BEiT's `get_num_layer_for_vit`, MAE's `get_layer_id_for_vit`); a table
    shared by all blocks belongs to the last. Swin: blocks counted through all stages, a patch merging with the stage
    before it (SimMIM's `get_swin_layer`); of a volumetric Swin it is part of that stage, and convolutions in front of a
    stage go with its first block. ResNet and ConvNeXt: stages, the step into a stage with it.
    """

    def __init__(self, net: nn.Module):
        self.kind = family(net)
        if self.kind in ('vit', 'beit') or hasattr(net, 'blocks'):
            self.depths = [len(net.blocks)]
        elif self.kind in ('swin', 'swin3d'):
            self.depths = [len(stage.blocks) for stage in net.layers]
        else:
            self.depths = [1] * (len(net.stages) if self.kind in ('convnext', 'points') else 4)
        self.num_layers = sum(self.depths) + 1

    def id(self, name: str) -> int:
        """Of a parameter's name within the network."""
        first = name.partition('.')[0]
        if first in STEM or first in ('conv1', 'bn1', 'stem'):
            return 0
        if match := re.match(r'blocks\.(\d+)\.', name):
            return int(match[1]) + 1
        if match := re.match(r'layers\.(\d+)\.(downsample|conv|blocks\.(\d+))\.', name):
            before = sum(self.depths[: int(match[1])])
            if match[2] == 'downsample':
                return before + (self.depths[int(match[1])] if self.kind == 'swin3d' else 0)
            return before + int(match[3] or 0) + 1
        if match := re.match(r'(layer|stages\.)(\d+)\.', name):
            return int(match[2]) + (match[1] == 'stages.')
        return self.num_layers
