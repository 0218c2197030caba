"""What every dense encoder offers a detector or a segmenter."""

from collections.abc import Sequence

from torch import Tensor, nn

from pretrain.encoders.layers import Layers
from pretrain.errors import ConfigError

OUT_NORMS = ('none', 'own', 'new')


class DenseEncoder(nn.Module):
    """A timm network that turns images of any size into feature maps.

    Args:
        net: the network with its weights; its parameters have timm's names.
        channels, strides: of each map.
        frozen: layers that do not train: 1 is the stem, each further one a block or stage.
        out_norm: what the maps are normed with: 'none'; 'own': the network's final norm; 'new': a LayerNorm for each.

    Attributes:
        resized: weights of the checkpoint that were resized, `{'target', 'from', 'to'}`, for the load report.
    """

    def __init__(
        self, net: nn.Module, channels: Sequence[int], strides: Sequence[int], frozen: int = 0, out_norm: str = 'none'
    ):
        super().__init__()
        if out_norm not in OUT_NORMS:
            raise ConfigError(f'out_norm is {out_norm!r}; allowed: {", ".join(OUT_NORMS)}')
        self.net, self.channels, self.strides = net, tuple(channels), tuple(strides)
        self.resized: list[dict] = []
        self.layers, self.frozen = Layers(net), frozen
        self.norms = self._norms(out_norm)
        for name, parameter in net.named_parameters():
            if self.layers.id(name) < frozen:
                parameter.requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """`(B, C, H, W)`, normalised, to one `(B, channels, H / stride, W / stride)` per level; sides round up."""
        raise NotImplementedError

    def _norms(self, kind: str) -> nn.ModuleList | None:
        """One per map, over the last axis."""
        if kind == 'none':
            return None
        if kind == 'new':
            return nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for width in self.channels)
        if isinstance(getattr(self.net, 'norm', None), nn.LayerNorm):
            return nn.ModuleList([self.net.norm] * len(self.channels))
        raise ConfigError("out_norm='own' needs a final norm, and this checkpoint has none; use 'new' or 'none'")

    @property
    def num_layers(self) -> int:
        return self.layers.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter of this module for layer-wise decay, 0 to `num_layers`.

        What is new here, beside `net`, belongs to the block that it serves, else to the last layer.
        """
        return self.layers.id(name.removeprefix('net.'))

    def train(self, mode: bool = True) -> 'DenseEncoder':
        """Frozen layers stay in evaluation mode: no dropped paths, no moving statistics."""
        super().train(mode)
        for name, module in self.net.named_modules():
            if name and self.layers.id(f'{name}.') < self.frozen:
                module.eval()
        return self
