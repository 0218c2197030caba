"""From a network's tokens to one vector per image."""

from torch import Tensor, nn

from pretrain.encoders.net import family, forward_tokens
from pretrain.errors import ConfigError

POOLS = ('mean', 'cls', 'gap')


def default_pool(net: nn.Module) -> str:
    """'mean' for plain transformers, 'gap' for Swin and convolutional networks."""
    return 'mean' if family(net) in ('vit', 'beit') else 'gap'


def check_pool(net: nn.Module, pool: str) -> None:
    """Raise ConfigError for a pooling that the network has not."""
    if pool not in POOLS:
        raise ConfigError(f'pool is {pool!r}; allowed: {", ".join(POOLS)}')
    if pool == 'cls' and getattr(net, 'cls_token', None) is None:
        raise ConfigError(f"pool is 'cls', but this {family(net)} has no class token; use pool='mean'")
    if pool == 'gap' and family(net) in ('vit', 'beit'):
        raise ConfigError(f"pool is 'gap', which Swin and CNNs have; use 'mean' or 'cls' for a {family(net)}")


def pooled(net: nn.Module, images: Tensor, pool: str) -> Tensor:
    """`(B, C, H, W)` to `(B, D)`.

    'mean': mean of the tokens without prefix. 'cls': the class token. Both come after whatever final norm the network
    has. 'gap': the network's own head up to its classifier (timm's `forward_head`): the mean over positions, for
    ConvNeXt followed by the head's norm.
    """
    if pool == 'mean':
        return forward_tokens(net, images).mean(1)
    x = net.forward_features(images)
    return x[:, 0] if pool == 'cls' else net.forward_head(x, pre_logits=True)
