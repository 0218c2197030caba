"""From the tokens of a clip to class scores."""

import torch
from torch import Tensor, nn

from pretrain.errors import ConfigError


class MeanHead(nn.Module):
    """Mean of the tokens, a fresh norm (epsilon 1e-6), a linear layer (VideoMAE's fine-tuning).

    Args:
        std: of the linear layer's weights. VideoMAE initialises with 0.02 and multiplies by 0.001.
        dropout: before the linear layer.
    """

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0):
        super().__init__()
        self.fc_norm = nn.LayerNorm(width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.linear = linear(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        return self.linear(self.dropout(self.fc_norm(tokens[:, prefix:].mean(1))))


class ClassTokenHead(nn.Module):
    """The class token after the network's own norm, a linear layer."""

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = linear(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        return self.linear(self.dropout(tokens[:, 0]))


class ProbeHead(nn.Module):
    """Mean of the normed tokens, a batch norm without parameters, a linear layer (MAE's linear probe)."""

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, affine=False, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.linear = linear(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        return self.linear(self.dropout(self.norm(tokens[:, prefix:].mean(1))))


class AttentiveHead(nn.Module):
    """One learned query that attends to all tokens, an MLP, a linear layer (after V-JEPA's attentive probe)."""

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0, heads: int | None = None):
        super().__init__()
        heads = heads or max(width // 64, 1)
        self.query = nn.Parameter(nn.init.trunc_normal_(torch.zeros(1, 1, width), std=0.02))
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)
        self.linear = linear(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        keys = self.norm1(tokens[:, prefix:])
        query = self.query.expand(len(keys), -1, -1)
        x = query + self.attention(query, keys, keys, need_weights=False)[0]
        return self.linear(self.dropout((x + self.mlp(self.norm2(x)))[:, 0]))


KINDS = {'mean': MeanHead, 'cls': ClassTokenHead, 'probe': ProbeHead, 'attentive': AttentiveHead}


def build_head(kind: str, net: nn.Module, num_classes: int, std: float, dropout: float) -> nn.Module:
    """A head for a network. Raises ConfigError for an unknown one, or a class token that is not there."""
    if kind not in KINDS:
        raise ConfigError(f'model.head is {kind!r}; allowed: {", ".join(KINDS)}')
    if kind == 'cls' and getattr(net, 'cls_token', None) is None:
        raise ConfigError("model.head is 'cls', but this network has no class token; use 'mean'")
    return KINDS[kind](net.num_features, num_classes, std, dropout)


def linear(width: int, num_classes: int, std: float) -> nn.Linear:
    """A linear layer, weights normal with `std` cut at 2, bias 0."""
    layer = nn.Linear(width, num_classes)
    nn.init.trunc_normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer
