"""timm networks: built by name, and read out as tokens in one way for every family.

The rest of the house never calls a family's own forward pass: features, probes, teachers and readers all go through
`forward_tokens`, so that what is fitted and what is tested can never be two different features.
"""

import timm
import torch
from timm.models.beit import Beit
from timm.models.convnext import ConvNeXt
from timm.models.resnet import ResNet
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from pretrain.encoders import vit3d  # noqa: F401  (registers its networks with timm)
from pretrain.encoders.point_net import PointTransformer
from pretrain.encoders.point_pyramid import PointPyramid
from pretrain.encoders.swin3d import SwinTransformer3d
from pretrain.errors import ConfigError

FAMILIES = {
    VisionTransformer: 'vit',
    Beit: 'beit',
    SwinTransformer: 'swin',
    SwinTransformer3d: 'swin3d',
    ResNet: 'resnet',
    ConvNeXt: 'convnext',
    PointTransformer: 'points',
    PointPyramid: 'points',
}


FACTORY = ('checkpoint_path', 'cache_dir', 'features_only', 'out_indices', 'scriptable', 'exportable', 'no_jit')
"""Arguments of timm's factory, with all that begin with `pretrained`. A card may not give them: timm would open the
files that they name, and a pickle can execute code."""


def create_net(arch: str, final_norm: bool = True, **args) -> nn.Module:
    """A headless timm network with random weights.

    Args:
        arch: timm's name, `vit_base_patch16_224`, or one of this folder's, `vit3d_base_patch16`, `swin3d_base_patch2`,
            `point_small`.
        final_norm: keep the norm after the last block. False for encoders whose own forward pass has none (fine-tuned
            MAE and BEiT pool first and norm later).
        args: timm's arguments for that architecture (`img_size`, `in_chans`, `init_values`, `embed_dim`, ...).

    Raises ConfigError for an unknown architecture, an argument that is not the architecture's, or a family that cannot
    be read out as tokens.
    """
    if not timm.is_model(arch):
        near = ', '.join(timm.list_models(f'*{arch[:8]}*')[:5]) or 'see timm.list_models()'
        raise ConfigError(f'unknown architecture {arch!r}; near it: {near}')
    if foreign := sorted(name for name in args if name in FACTORY or name.startswith('pretrained')):
        raise ConfigError(f'architecture {arch!r}: {foreign[0]} is no argument of a network; remove it from arch_args')
    defaults: dict = {'num_classes': 0}
    if arch.startswith('vit'):
        defaults['global_pool'] = 'token' if args.get('class_token', True) else ''
    if arch.startswith('beit'):
        defaults['global_pool'] = 'token'
    try:
        net = timm.create_model(arch, pretrained=False, **{**defaults, **args})
    except TypeError as error:
        raise ConfigError(f'architecture {arch!r} does not take these arguments: {error}') from error
    family(net)
    if not final_norm:
        net.norm = nn.Identity()
    return net


def family(net: nn.Module) -> str:
    """`vit`, `beit`, `swin`, `swin3d`, `resnet`, `convnext` or `points`."""
    for kind, name in FAMILIES.items():
        if isinstance(net, kind):
            return name
    raise ConfigError(f'{type(net).__name__} is not supported; supported: {", ".join(FAMILIES.values())}')


def forward_tokens(net: nn.Module, images: Tensor) -> Tensor:
    """`(B, C, *size)` to `(B, N, D)`: tokens after the final norm, prefix tokens left out, in raster order.

    Convolutional networks and Swin give the positions of their last stage; the norm of a volumetric Swin has no
    weights. Point networks take `(B, N, 3)` and give one token per group, in the order of the centres (farthest points,
    the first point of a cloud first).
    Nothing is masked. Deterministic in eval mode.
    """
    x = net.forward_features(images)
    kind = family(net)
    if kind in ('swin', 'swin3d'):
        return x.flatten(1, -2)
    if kind in ('resnet', 'convnext'):
        return x.flatten(2).transpose(1, 2)
    return x[:, net.num_prefix_tokens :]


@torch.no_grad()
def features(net: nn.Module, images: Tensor) -> Tensor:
    """`forward_tokens` in eval mode, without gradients; the net's mode is put back."""
    training = net.training
    net.eval()
    try:
        return forward_tokens(net, images)
    finally:
        net.train(training)
