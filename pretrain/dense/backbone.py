"""The backbone that detectors and segmenters of OpenMMLab build from a config; thin over `build_dense`."""

from collections.abc import Sequence

from torch import Tensor, nn

from pretrain.dense import build_dense
from pretrain.dense.pyramid import FourLevels
from pretrain.errors import ConfigError


class MIMBackbone(nn.Module):
    """A checkpoint as a backbone: images to feature maps, finest first.

    Args:
        image_size: the largest input in pixels, a side or `(H, W)`; see `DenseViT`. Pyramids take any size.
        checkpoint: a file of any known format; every tensor must be accounted for. None for random weights.
        allow_missing: patterns of tensors that the file may lack.
        like: for random weights, a checkpoint whose architecture is copied.
        arch, arch_args, position: for random weights without `like`.
        channels: of the input.
        drop_path_rate: of the last block, growing linearly from 0.
        timm_args: further arguments of the architecture, such as `window_size` of Swin.
        four_levels: bring four maps of a plain ViT to strides of 1/4, 1/2, 1 and 2 patches (BEiT); else maps come out
            as they are.
        out_norm: 'none', 'own' or 'new': see `DenseEncoder`.
        levels, frozen, checkpointing: of every kind of network. Others are those of one kind and an error elsewhere:
            window, global_blocks, decomposed, tables, layer_scale, prefix, patch: see `DenseViT`.
            norm_eval: see `DenseCNN`.

    Attributes:
        initial: the card, audit and sha256 of the start.
        channels: of each map that comes out.

    Raises CheckpointError unless every tensor is accounted for, ConfigError for a wrong choice.
    """

    def __init__(
        self,
        image_size: int | Sequence[int],
        checkpoint: str | None = None,
        allow_missing: Sequence[str] = (),
        like: str | None = None,
        arch: str | None = None,
        arch_args: dict | None = None,
        position: str | None = None,
        channels: int = 3,
        drop_path_rate: float = 0.0,
        timm_args: dict | None = None,
        four_levels: bool = False,
        out_norm: str = 'none',
        levels: Sequence[int] | None = None,
        frozen: int | None = None,
        checkpointing: bool | None = None,
        window: int | None = None,
        global_blocks: Sequence[int] | None = None,
        decomposed: bool | None = None,
        tables: str | None = None,
        layer_scale: float | None = None,
        prefix: bool | None = None,
        patch: int | None = None,
        norm_eval: bool | None = None,
    ):
        super().__init__()
        source = {'checkpoint': checkpoint, 'like': like, 'arch': arch, 'arch_args': arch_args, 'position': position}
        chosen = {
            'levels': levels,
            'frozen': frozen,
            'checkpointing': checkpointing,
            'window': window,
            'global_blocks': global_blocks,
            'decomposed': decomposed,
            'tables': tables,
            'layer_scale': layer_scale,
            'prefix': prefix,
            'patch': patch,
            'norm_eval': norm_eval,
        }
        given = {name: value for name, value in {**source, **chosen}.items() if value is not None}
        timm_args = {**(timm_args or {}), 'drop_path_rate': drop_path_rate}
        self.encoder, self.initial = build_dense(
            image_size, channels, timm_args, out_norm, allow_missing=tuple(allow_missing), **given
        )
        self.channels = self.encoder.channels
        self.scales = self._four_levels() if four_levels else None

    def _four_levels(self) -> FourLevels:
        if len(self.channels) != 4 or len(set(self.encoder.strides)) > 1:
            raise ConfigError(
                f'four_levels resamples four maps of one resolution; here there are maps of strides '
                f'{list(self.encoder.strides)}; set levels to four blocks of a plain ViT'
            )
        return FourLevels(self.channels[0])

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Normalised `(B, C, H, W)` to one `(B, channels, h, w)` per level."""
        maps = self.encoder(images)
        return maps if self.scales is None else self.scales(maps)

    def init_weights(self) -> None:
        """Nothing: the weights are in, and mmengine's recursion would have timm draw new ones."""

    @property
    def num_layers(self) -> int:
        return self.encoder.num_layers

    def layer_id(self, name: str) -> int:
        """Layer of a parameter for layer-wise decay, 0 to `num_layers`; the resampling belongs to the last."""
        return self.encoder.layer_id(name.removeprefix('encoder.')) if name.startswith('encoder.') else self.num_layers
