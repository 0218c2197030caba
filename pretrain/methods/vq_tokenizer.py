"""Training a tokenizer: reconstruct images through a codebook (VQ-VAE with a moving-average codebook)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pretrain.model import TrainableModel
from pretrain.registry import MODELS
from pretrain.tokenizers import VQTokenizer, save_tokenizer


@MODELS.register_module()
class VQTokenizerModel(TrainableModel):
    """A VQTokenizer with its training loss. It stands in for DALL-E's tokenizer; results with it must say so.

    Args:
        codebook: number of codes.
        width, depth, code_width, normalised, decay, revive, stride: of the VQTokenizer.
        commitment: weight of the distance between a vector and its code (van den Oord et al. 2017: 0.25).
        image_size, channels, mean, std: of the normalised batch, as in every model.
    """

    def __init__(
        self,
        codebook: int = 1024,
        width: int = 64,
        depth: int = 2,
        code_width: int = 32,
        stride: int = 8,
        normalised: bool = True,
        decay: float = 0.99,
        revive: float = 0.1,
        commitment: float = 0.25,
        image_size=224,
        channels: int = 3,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
    ):
        super().__init__(image_size, channels, mean, std)
        self.commitment = commitment
        self.register_buffer('pixel_mean', torch.tensor(self.mean).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer('pixel_std', torch.tensor(self.std).reshape(1, -1, 1, 1), persistent=False)
        self.tokenizer = VQTokenizer(codebook, width, depth, code_width, stride, channels, normalised, decay, revive)

    def loss(self, batch: dict) -> dict[str, Tensor]:
        """`loss` to minimise; detached `reconstruction` (MSE of normalised pixels), `perplexity` and `used_codes`.

        In training mode this also moves the codebook. Perplexity is the exponential of the entropy of the ids of this
        batch (over all processes): the number of codes in even use.
        """
        pixels = self._pixels(batch['image'])
        image, vectors, codes, ids = self.tokenizer(pixels)
        reconstruction = ((image - pixels) / self.pixel_std).square().mean()
        commitment = (vectors - codes).square().sum(-1).mean()
        if self.training:
            count = self.tokenizer.codebook.update(vectors.detach(), ids)
        else:
            count = torch.zeros_like(self.tokenizer.codebook.count).index_add_(0, ids, torch.ones_like(vectors[:, 0]))
        share = count / count.sum()
        return {
            'loss': reconstruction + self.commitment * commitment,
            'reconstruction': reconstruction.detach(),
            'perplexity': torch.special.entr(share).sum().exp(),
            'used_codes': (count > 0).sum().float(),
        }

    @torch.no_grad()
    def predict(self, batch: dict) -> dict:
        """The pixels and their reconstruction, both `(B, C, H, W)` in [0, 1]."""
        pixels = self._pixels(batch['image'])
        return {'pixels': pixels, 'reconstruction': self.tokenizer(pixels)[0].clamp(0, 1)}

    def encode_ids(self, images: Tensor) -> Tensor:
        """Normalised images `(B, C, H, W)` to ids `(B, N)`."""
        return self.tokenizer.encode_ids(self._pixels(images))

    def pictures(self, batch: dict) -> dict[str, Tensor]:
        """Columns of a contact sheet: the images and what their tokens keep of them."""
        found = self.predict(batch)
        return {'original': found['pixels'], 'from tokens': found['reconstruction']}

    def export(self, folder: Path, recipe: dict, recipe_hash: str) -> Path:
        """Write the tokenizer alone, `tokenizer.safetensors`, for `TokenIds(tokenizer=FILE)`."""
        path = folder / 'tokenizer.safetensors'
        save_tokenizer(self.tokenizer, path, {'data': recipe.get('data'), 'recipe_hash': recipe_hash})
        return path

    def _pixels(self, images: Tensor) -> Tensor:
        return images.float() * self.pixel_std + self.pixel_mean
