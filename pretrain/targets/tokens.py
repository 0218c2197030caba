"""Token ids of a frozen discrete tokenizer (BEiT, CAE), or their probabilities (mc-BEiT)."""

import torch
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.mask import Mask
from pretrain.registry import MODELS
from pretrain.targets.base import Target
from pretrain.targets.frozen import Frozen
from pretrain.tokenizers import Tokenizer, load_tokenizer

VIEWS = ('second', 'image')
PRECISIONS = {'fp32': None, 'bf16': torch.bfloat16, 'fp16': torch.float16}


@MODELS.register_module()
class TokenIds(Target):
    """Ids `(B, N)` int64, or with `soft` probabilities `(B, N, V)` fp32, of a frozen tokenizer. `dim` is V.

    Args:
        tokenizer: a file, or `dict(type='DalleEncoder' or 'VQTokenizer', checkpoint=FILE)`, which also checks what the
            file holds, or a Tokenizer. On the meta device no file is read, and such a dict may also give the
            architecture's arguments.
        view: the image it looks at: `second`, the same crop at another size (BEiT: 112 pixels for 224, because DALL-E's
            stride is 8), or `image`, the encoder's own.
        soft: probabilities, `softmax(scores / temperature)`; mc-BEiT has temperature 4.
        precision: `fp32`, or `bf16` or `fp16` to save time. DALL-E's own code computes in fp16 on a GPU.

    Attributes:
        view_size: pixels `(H, W)` that the view must have.

    Raises ConfigError when tokenizer and prediction grid do not match, CheckpointError when the file is bad.
    """

    def __init__(
        self,
        tokenizer: str | dict | Tokenizer,
        view: str = 'second',
        soft: bool = False,
        temperature: float = 1.0,
        precision: str = 'fp32',
        patch=16,
        image_size=224,
        channels: int = 3,
        mean=None,
        std=None,
    ):
        if view not in VIEWS:
            raise ConfigError(f'TokenIds: view={view!r}; allowed: {", ".join(VIEWS)}')
        if precision not in PRECISIONS:
            raise ConfigError(f'TokenIds: precision={precision!r}; allowed: {", ".join(PRECISIONS)}')
        net = _build(tokenizer)
        super().__init__(net.vocab, patch, image_size, channels, mean, std)
        self.view_name, self.soft, self.temperature, self.precision = view, soft, temperature, precision
        self.tokenizer = Frozen(net)
        self.view_size = tuple(size * net.stride for size in self.grid.size)
        if net.channels != channels:
            raise ConfigError(f'TokenIds: tokenizer for {net.channels} channels, images have {channels}')
        if view == 'image' and self.view_size != self.grid.input_size:
            raise ConfigError(
                f"TokenIds: view='image' needs a tokenizer of stride {self.grid.patch[0]} (the patch), this one has"
                f' {net.stride};'
                f" use view='second' with images of {self.view_size} pixels"
            )

    @torch.no_grad()
    def forward(self, batch: dict, mask: Mask | None = None) -> Tensor:
        """Ids or probabilities of all tokens. Raises ConfigError when the second view is missing or of a wrong size."""
        pixels = self._view(batch)
        dtype = PRECISIONS[self.precision]
        with torch.autocast(pixels.device.type, dtype, enabled=dtype is not None):
            if self.soft:
                return self.tokenizer.net.probabilities(pixels, self.temperature)
            return self.tokenizer.net.encode_ids(pixels)

    def _view(self, batch: dict) -> Tensor:
        if self.view_name == 'image':
            return self.pixels(batch)
        pixels = batch.get('second')
        if pixels is None or tuple(pixels.shape[2:]) != self.view_size:
            found = 'is missing' if pixels is None else f'has {tuple(pixels.shape[2:])} pixels'
            raise ConfigError(f"batch entry 'second' {found}; set the data's second size to {self.view_size}")
        return pixels.float()


def _build(tokenizer: str | dict | nn.Module) -> Tokenizer:
    if isinstance(tokenizer, Tokenizer):
        return tokenizer
    cfg = {'checkpoint': tokenizer} if isinstance(tokenizer, str) else dict(tokenizer)
    path, kind = cfg.pop('checkpoint', None), cfg.get('type')
    if path is None:
        raise ConfigError('TokenIds: tokenizer has no checkpoint; give the file of a trained tokenizer')
    if torch.get_default_device().type == 'meta' and kind is not None:
        return MODELS.build(cfg)
    net = load_tokenizer(path)
    if kind is not None and type(net).__name__ != kind:
        raise ConfigError(f'TokenIds: {path} holds a {type(net).__name__}, the config asks for type={kind!r}')
    return net
