"""The classification loss, and what is done to a batch before it: erasing, mixing, smoothing."""

import torch
import torch.nn.functional as F
from timm.data import Mixup
from timm.data.random_erasing import RandomErasing
from torch import Tensor, nn

from pretrain.errors import ConfigError

KINDS = ('cross-entropy', 'bce')


class Mixing:
    """Random erasing, then mixup or CutMix, on normalised images on their device (the order of timm's loader).

    Args:
        num_classes: length of the soft targets.
        mixup, cutmix: alpha of the beta distribution; 0 for none. With both, each batch takes one of them at random.
        probability: of mixing a batch.
        erase: probability of erasing a rectangle of an image, filled with normal noise per pixel and channel, which is
            why it comes after normalisation (timm's mode `pixel`, one rectangle of 2 to 33 % of the area).
        smoothing: label smoothing of mixed targets.

    Draws from Python's and NumPy's global generators, which the engine seeds for every update.
    """

    def __init__(
        self, num_classes: int, mixup: float, cutmix: float, probability: float, erase: float, smoothing: float
    ):
        self.erase = RandomErasing(erase, mode='pixel', max_count=1) if erase else None
        self.mix = None
        if mixup or cutmix:
            self.mix = Mixup(mixup, cutmix, prob=probability, label_smoothing=smoothing, num_classes=num_classes)

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, C, H, W)`, changed in place, and int64 `(B,)`; soft targets `(B, classes)` where mixing is on.

        Raises ConfigError for an odd batch: images are mixed in pairs.
        """
        if self.erase is not None:
            self.erase.device = images.device
            images = self.erase(images)
        if self.mix is None:
            return images, labels
        if len(images) % 2:
            raise ConfigError(
                f'mixup needs an even number of images per process, there are {len(images)}; change '
                'train_dataloader.batch_size or train_cfg.effective_batch'
            )
        return self.mix(images, labels)


class ClassLoss(nn.Module):
    """Cross-entropy, or binary cross-entropy over the classes (ResNet strikes back, recipes A2 and A3).

    Args:
        kind: 'cross-entropy' or 'bce'.
        smoothing: label smoothing where targets are class indices; mixed targets are smoothed already.
    """

    def __init__(self, kind: str = 'cross-entropy', smoothing: float = 0.0):
        super().__init__()
        if kind not in KINDS:
            raise ConfigError(f'model.loss is {kind!r}; allowed: {", ".join(KINDS)}')
        self.kind, self.smoothing = kind, smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """`(B, classes)` and int64 `(B,)` or soft `(B, classes)` to the mean over images (for 'bce' and classes)."""
        logits = logits.float()
        if self.kind == 'cross-entropy':
            smoothing = self.smoothing if target.ndim == 1 else 0.0
            return F.cross_entropy(logits, target, label_smoothing=smoothing)
        if target.ndim == 1:
            share = self.smoothing / logits.shape[1]
            hot = torch.full_like(logits, share)
            target = hot.scatter_(1, target[:, None], 1 - self.smoothing + share)
        return F.binary_cross_entropy_with_logits(logits, target.float())
