"""What a discrete tokenizer offers: an image becomes a grid of ids out of a vocabulary."""

import torch
from torch import Tensor, nn

from pretrain.errors import ConfigError


class Tokenizer(nn.Module):
    """Base of all tokenizers.

    Attributes:
        vocab: V, the number of ids.
        stride: pixels per side of a token.
        channels: C of the image.
        CONFIG_KEYS: what a config may give beside the constructor's arguments (see TokenIds).
    """

    CONFIG_KEYS = ('checkpoint',)

    vocab: int
    stride: int
    channels: int

    def scores(self, pixels: Tensor) -> Tensor:
        """Pixels `(B, C, H, W)` in [0, 1] to `(B, V, H / stride, W / stride)`: the higher, the likelier the id."""
        raise NotImplementedError

    @torch.no_grad()
    def encode_ids(self, pixels: Tensor) -> Tensor:
        """Pixels `(B, C, H, W)` in [0, 1] to ids `(B, N)` int64 in raster order."""
        return self._checked_scores(pixels).argmax(1).flatten(1)

    @torch.no_grad()
    def probabilities(self, pixels: Tensor, temperature: float = 1.0) -> Tensor:
        """Pixels `(B, C, H, W)` in [0, 1] to `(B, N, V)` fp32, `softmax(scores / temperature)`."""
        scores = self._checked_scores(pixels).flatten(2).transpose(1, 2)
        return (scores.float() / temperature).softmax(-1)

    def _checked_scores(self, pixels: Tensor) -> Tensor:
        if pixels.shape[1] != self.channels or pixels.shape[2] % self.stride or pixels.shape[3] % self.stride:
            raise ConfigError(
                f'a tokenizer for {self.channels} channels with stride {self.stride} cannot take an image of shape'
                f' {tuple(pixels.shape[1:])}; change the data or the tokenizer'
            )
        return self.scores(pixels)
