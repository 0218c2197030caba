"""Masked encoders: timm networks that can be given a mask. One file per family."""

from pretrain.encoders.base import Encoder
from pretrain.encoders.cnn import CNNEncoder
from pretrain.encoders.points import PointEncoder, PyramidEncoder
from pretrain.encoders.swin import SwinEncoder
from pretrain.encoders.vit import ViTEncoder

__all__ = ['CNNEncoder', 'Encoder', 'PointEncoder', 'PyramidEncoder', 'SwinEncoder', 'ViTEncoder']
