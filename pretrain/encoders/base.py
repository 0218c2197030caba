"""What every encoder offers the model, the heads and the exchange checkpoint."""

import torch
from torch import Tensor, nn

from pretrain.encoders.net import create_net, forward_tokens
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask

TRAINING_ONLY = ('drop_path_rate', 'drop_rate')
"""Arguments of an architecture that do not belong to its weights."""


class Encoder(nn.Module):
    """A timm network that can be given a mask.

    Args:
        arch: timm's name.
        masked: how the hidden part enters, one of the class's `ways`.
        image_size: of the input in pixels, frames or voxels per axis; the model fills it in.
        channels: input channels; the model fills it in.
        fill: what hidden pixels become with `fill` and `stage`: 'mean' (the image's own mean per channel, A2MIM) or
            'zero'.
        args: further arguments of the architecture.

    Attributes:
        net: the timm network. Its state dict is what an exchange checkpoint holds.
        grid: the token grid that masks are drawn for.
        stride: input pixels, frames or voxels per token of the latents, for each axis.
        width: D of the latents.
        num_prefix: prefix tokens in front of the latents.
        position: kind of absolute positions, as in the card.
    """

    ways: tuple[str, ...] = ()
    grid: TokenGrid
    stride: tuple[int, ...]
    width: int
    num_prefix: int = 0
    position: str = 'none'

    def __init__(self, arch: str, masked: str, image_size, channels: int = 3, fill: str = 'mean', **args):
        super().__init__()
        if masked not in self.ways:
            raise ConfigError(f'encoder.masked is {masked!r}; {type(self).__name__} allows {", ".join(self.ways)}')
        if fill not in ('mean', 'zero'):
            raise ConfigError(f"encoder.fill is {fill!r}; allowed: 'mean', 'zero'")
        self.arch, self.masked, self.fill = arch, masked, fill
        self.image_size = tuple(image_size)
        self.arch_args = {'in_chans': channels, **args}
        self.net = create_net(arch, **self.arch_args)

    def fill_state(self) -> None:
        """Compute what of the network's state is made of other parameters; before anybody copies it."""

    @property
    def visible_only(self) -> bool:
        """True when the latents are those of the visible tokens alone."""
        return self.masked == 'drop'

    @property
    def exchanged_position(self) -> str:
        """The kind of the positions that `exchange` gives."""
        return 'learned' if self.position == 'separable' else self.position

    @property
    def relative_bias(self) -> bool:
        """True when attention carries relative position tables."""
        return any(name.endswith('relative_position_bias_table') for name, _ in self.net.named_parameters())

    def forward(self, images: Tensor, mask: Mask) -> Tensor:
        """`(B, C, *image_size)` and a mask on `grid` to latents `(B, prefix + V or N, D)` after the final norm."""
        raise NotImplementedError

    def features(self, images: Tensor) -> Tensor:
        """`(B, N, D)`: all tokens after the final norm, without prefix, nothing masked."""
        return forward_tokens(self.net, images)

    def exchange(self) -> tuple[dict[str, Tensor], dict]:
        """Tensors and architecture arguments for an exchange checkpoint."""
        args = {k: v for k, v in self.arch_args.items() if k not in TRAINING_ONLY}
        return dict(self.net.state_dict()), args

    def fill_hidden(self, images: Tensor, mask: Mask) -> Tensor:
        """Images whose hidden pixels hold the fill value."""
        axes = tuple(range(2, images.dim()))
        value = images.mean(axes, keepdim=True) if self.fill == 'mean' else images.new_zeros(())
        return torch.where(mask.units, value, images)


def mask_token(width: int, std: float = 0.02) -> nn.Parameter:
    """A learned vector `(1, 1, width)`, normal with `std` cut at two (MAE, SimMIM) standard deviations."""
    return nn.Parameter(nn.init.trunc_normal_(torch.zeros(1, 1, width), std=std, a=-2 * std, b=2 * std))
