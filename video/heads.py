"""From the tokens of a clip to class scores."""

from torch import Tensor, nn

from pretrain.classifier import AttentiveHead, linear_head
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
        self.linear = linear_head(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        return self.linear(self.dropout(self.fc_norm(tokens[:, prefix:].mean(1))))


class ClassTokenHead(nn.Module):
    """The class token after the network's own norm, a linear layer."""

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = linear_head(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        return self.linear(self.dropout(tokens[:, 0]))


class ProbeHead(nn.Module):
    """Mean of the normed tokens, a batch norm without parameters, a linear layer (MAE's linear probe)."""

    def __init__(self, width: int, num_classes: int, std: float, dropout: float = 0.0):
        super().__init__()
        self.norm = nn.BatchNorm1d(width, affine=False, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.linear = linear_head(width, num_classes, std)

    def forward(self, tokens: Tensor, prefix: int) -> Tensor:
        return self.linear(self.dropout(self.norm(tokens[:, prefix:].mean(1))))


KINDS = {'mean': MeanHead, 'cls': ClassTokenHead, 'probe': ProbeHead, 'attentive': AttentiveHead}


def build_head(kind: str, net: nn.Module, num_classes: int, std: float, dropout: float) -> nn.Module:
    """A head for a network. Raises ConfigError for an unknown one, or a class token that is not there."""
    if kind not in KINDS:
        raise ConfigError(f'model.head is {kind!r}; allowed: {", ".join(KINDS)}')
    if kind == 'cls' and getattr(net, 'cls_token', None) is None:
        raise ConfigError("model.head is 'cls', but this network has no class token; use 'mean'")
    return KINDS[kind](net.num_features, num_classes, std, dropout)
