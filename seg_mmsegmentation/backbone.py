"""The adapter backbone, under the name by which MMSegmentation's configs find it.

UPerNet takes four maps: `four_levels=True` makes them of a plain ViT, Swin and CNNs have them.
"""

from mmseg.registry import MODELS

from pretrain.dense.backbone import MIMBackbone

MODELS.register_module(module=MIMBackbone)
