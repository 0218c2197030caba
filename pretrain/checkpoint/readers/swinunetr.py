"""Files of SwinUNETR's pre-training and of SwinUNETR itself: recognised, and refused.

`model_swinvit.pt` has `module.layers1.0.blocks.N...`, the network `swinViT.layers1.0.blocks.N...`; loaders that rename
neither match no tensor at all and train from random weights (research-contributions#268). This house has no volumetric
Swin network, so nothing could take these weights.
"""

from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.readers.styles import follows
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError

FAMILY = 'swinunetr'

_BLOCK = r'layers[1-4]\.\d+\.blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.(fc|linear)[12])\.weight'
_PREFIXES = ('', 'swinViT.', 'encoder.', 'swin_vit.')


def detect(source: Source) -> int:
    return 50 if any(follows(source, _BLOCK, prefix) for prefix in _PREFIXES) else 0


def read(source: Source) -> Reading:
    raise CheckpointError(
        f"{source.path} holds SwinUNETR's volumetric Swin ({len(source.state)} tensors), and there is no such network "
        "here, so none of them would be loaded; use MONAI's SwinUNETR and its load_from, or a ViT checkpoint"
    )
