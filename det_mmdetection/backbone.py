"""The adapter backbone, the pyramid and its norm, under the names by which MMDetection's configs find them."""

from mmdet.registry import MODELS

from pretrain.dense.backbone import MIMBackbone
from pretrain.dense.pyramid import ChannelNorm, SimpleFeaturePyramid

MODELS.register_module(module=MIMBackbone)
MODELS.register_module(module=SimpleFeaturePyramid)
MODELS.register_module(module=ChannelNorm)
