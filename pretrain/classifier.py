"""From an image to logits: a network, a pooling, a norm, a linear layer; and the head of MAE's linear probe."""

import torch
from torch import Tensor, nn

from pretrain.encoders.net import family, forward_tokens
from pretrain.errors import ConfigError

POOLS = ('mean', 'cls', 'gap')
ATTENTIVE = 'attentive'
POOLED_FIRST = 'final norm of the tokens: here tokens are averaged first, and a fresh fc_norm follows (MAE, BEiT)'
HEAD_STD = 0.01
"""Of the initial linear layer of a probe (facebookresearch/mae main_linprobe.py)."""


class Network(nn.Module):
    """`(B, C, H, W)` to logits `(B, classes)`.

    'mean' norms the mean token with a fresh `fc_norm`, epsilon 1e-6 (MAE, BEiT); the other poolings come after the
    network's own norm. 'attentive' is an AttentiveHead over all tokens, of probes.

    Args:
        probe: the network stays as it is, its own final norm included, in evaluation mode and without gradients; there
            is no other norm, and the head is that of a probe.
    """

    def __init__(self, net: nn.Module, pool: str, num_classes: int, head_std: float, probe: bool = False):
        super().__init__()
        self.net, self.pool, self.probe = net, pool, probe
        width = net.num_features
        self.fc_norm = nn.LayerNorm(width, eps=1e-6) if pool == 'mean' and not probe else nn.Identity()
        if pool == ATTENTIVE:
            if not probe:
                raise ConfigError("pool='attentive' is for probes; set probe=True, or take 'mean' to fine-tune")
            self.head: nn.Module = AttentiveHead(width, num_classes, head_std)
        else:
            check_pool(net, pool)
            self.head = probe_head(width, num_classes) if probe else linear_head(width, num_classes, head_std)
        if probe:
            net.requires_grad_(False).eval()

    def train(self, mode: bool = True):
        """The network of a probe stays in evaluation mode."""
        super().train(mode)
        if self.probe:
            self.net.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.probe):
            attentive = self.pool == ATTENTIVE
            features = forward_tokens(self.net, images) if attentive else pooled(self.net, images, self.pool)
        return self.head(self.fc_norm(features))


def linear_head(width: int, num_classes: int, std: float) -> nn.Linear:
    """A linear layer, weights normal with `std` cut at two standard deviations of 1, bias 0."""
    head = nn.Linear(width, num_classes)
    nn.init.trunc_normal_(head.weight, std=std)
    nn.init.zeros_(head.bias)
    return head


def probe_head(width: int, num_classes: int) -> nn.Sequential:
    """Batch norm without parameters, epsilon 1e-6, then a linear layer (MAE)."""
    return nn.Sequential(nn.BatchNorm1d(width, affine=False, eps=1e-6), linear_head(width, num_classes, HEAD_STD))


class AttentiveHead(nn.Module):
    """One learned query that attends to all tokens, an MLP, a linear layer (after V-JEPA's attentive probe).

    `(B, prefix + N, D)` to `(B, classes)`; the prefix tokens are not looked at.

    Args:
        std: of the linear layer's weights.
        dropout: before the linear layer.
        heads: of the attention; None for one per 64 channels.
    """

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0, heads: int | None = None):
        super().__init__()
        heads = heads or max(width // 64, 1)
        self.query = nn.Parameter(nn.init.trunc_normal_(torch.zeros(1, 1, width), std=0.02))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)
        self.linear = linear_head(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int = 0) -> Tensor:
        keys = self.norm1(tokens[:, prefix:])
        query = self.query.expand(len(keys), -1, -1)
        x = query + self.attention(query, keys, keys, need_weights=False)[0]
        return self.linear(self.dropout((x + self.mlp(self.norm2(x)))[:, 0]))


def check_classes(num_classes: int | None) -> int:
    """The number itself. Raises ConfigError for fewer than two classes, or an unknown number."""
    if num_classes is None or num_classes < 2:
        raise ConfigError(f'model.num_classes is {num_classes}; there must be at least 2 classes')
    return num_classes


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
