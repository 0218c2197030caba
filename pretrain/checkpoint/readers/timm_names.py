"""timm: ViT, BEiT, Swin, ResNet and ConvNeXt in the names that the house keeps, plain or wrapped."""

from pretrain.checkpoint.canonical import HEAD
from pretrain.checkpoint.readers.reading import Reading, rename
from pretrain.checkpoint.readers.styles import BEIT, CONVNEXT, RESNET, SWIN, VIT, follows, has_any
from pretrain.checkpoint.source import Source

FAMILY = 'timm'

_DROPS = [(r'attn_pool\..+|pre_logits\..+|head_drop\..+', HEAD)]


def detect(source: Source) -> int:
    """The least telling of all: any other family that fits comes first.

    timm's BEiT never stores the position index, the originals do.
    """
    if follows(source, VIT) and follows(source, BEIT):
        bare = not source.wrappers and not source.has('lm_head.') and 'mask_token' not in source.state
        return 13 if bare and not has_any(source, r'.*relative_position_index') else 1
    if follows(source, RESNET):
        return 11 if _beyond_torchvision(source) else 1
    return 5 if any(follows(source, style) for style in (VIT, SWIN, CONVNEXT)) else 0


def read(source: Source) -> Reading:
    styles = {'beit': BEIT, 'swin': SWIN, 'convnext': CONVNEXT, 'resnet': RESNET}
    kind = next((kind for kind, style in styles.items() if follows(source, style)), 'vit')
    # At 1536 channels timm has two networks: DINOv2's giant, with a class token, and SigLIP's, with 16 heads.
    siglip = kind == 'vit' and 'cls_token' not in source.state
    return rename(FAMILY, kind, source.state, drops=_DROPS, heads={1536: 16} if siglip else {})


def _beyond_torchvision(source: Source) -> bool:
    """Deep stems and the like exist in timm only."""
    return has_any(source, r'conv1\.\d+\.weight|layer\d\.\d+\.(se|downsample\.\d+\.conv)\..*')
