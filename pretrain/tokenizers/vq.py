"""A small convolutional tokenizer that this project trains itself, so that BEiT runs from nothing."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.registry import MODELS
from pretrain.tokenizers.base import Tokenizer
from pretrain.tokenizers.codebook import Codebook

STRIDES = (2, 4, 8, 16, 32)


@MODELS.register_module()
class VQTokenizer(Tokenizer):
    """A vector-quantised autoencoder: strided convolutions, residual blocks at token resolution, codebook, the mirror.

    Args:
        vocab: number of codes.
        width: of the residual blocks, a multiple of 16.
        depth: residual blocks in the encoder, and again in the decoder.
        code_width: of a code.
        stride: pixels per side of a token, a power of two.
        channels: of the image.
        normalised, decay, revive: of the Codebook.

    With the defaults and RGB it has about 0.5 million parameters, the codes not counted.
    """

    def __init__(
        self,
        vocab: int = 1024,
        width: int = 64,
        depth: int = 2,
        code_width: int = 32,
        stride: int = 8,
        channels: int = 3,
        normalised: bool = True,
        decay: float = 0.99,
        revive: float = 0.1,
    ):
        if stride not in STRIDES:
            raise ConfigError(f'VQTokenizer: stride={stride}; allowed: {", ".join(map(str, STRIDES))}')
        if width % 16:
            raise ConfigError(f'VQTokenizer: width={width}; it must be a multiple of 16')
        super().__init__()
        self.args = {
            'vocab': vocab,
            'width': width,
            'depth': depth,
            'code_width': code_width,
            'stride': stride,
            'channels': channels,
            'normalised': normalised,
            'decay': decay,
            'revive': revive,
        }
        self.vocab, self.stride, self.channels = vocab, stride, channels
        widths = [width // 2] + [width] * (int(math.log2(stride)) - 1)
        self.encoder = nn.Sequential(
            *_halvings([channels, *widths]), *_blocks(widths[-1], depth), nn.Conv2d(widths[-1], code_width, 1)
        )
        self.codebook = Codebook(vocab, code_width, decay, normalised, revive)
        self.decoder = nn.Sequential(
            nn.Conv2d(code_width, widths[-1], 1), *_blocks(widths[-1], depth), *_doublings([*widths[::-1], channels])
        )

    def scores(self, pixels: Tensor) -> Tensor:
        latents = self.encoder(2 * pixels - 1)
        with torch.autocast(pixels.device.type, enabled=False):
            vectors = self.codebook.prepare(latents.permute(0, 2, 3, 1))
            scores = self.codebook.scores(vectors.flatten(0, 2))
        return scores.unflatten(0, vectors.shape[:3]).permute(0, 3, 1, 2)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pixels `(B, C, H, W)` in [0, 1] to their reconstruction, and vectors, codes `(T, width)` and ids `(T,)`.

        The gradient passes the quantisation as if it were the identity.
        """
        latents = self.encoder(2 * pixels - 1)
        with torch.autocast(pixels.device.type, enabled=False):
            vectors = self.codebook.prepare(latents.permute(0, 2, 3, 1))
            flat = vectors.flatten(0, 2)
            ids = self.codebook.scores(flat.detach()).argmax(-1)
            codes = self.codebook.codes[ids]
            passed = flat + (codes - flat).detach()
        image = self.decoder(passed.view_as(vectors).permute(0, 3, 1, 2).to(latents.dtype))
        return (image.float() + 1) / 2, flat, codes, ids

    def decode_ids(self, ids: Tensor, size: tuple[int, int]) -> Tensor:
        """Ids `(B, N)` on a grid of `size` tokens to pixels `(B, C, H, W)`, about in [0, 1]."""
        codes = self.codebook.codes[ids].transpose(1, 2).unflatten(2, size)
        return (self.decoder(codes) + 1) / 2


class ResidualBlock(nn.Module):
    """Two normalised 3x3 convolutions beside the identity."""

    def __init__(self, width: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))


def _blocks(width: int, depth: int) -> list[nn.Module]:
    return [ResidualBlock(width) for _ in range(depth)]


def _halvings(widths: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.SiLU()]
    return layers[:-1]


def _doublings(widths: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.SiLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
    return layers
