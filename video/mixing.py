"""What is done to a batch of clips before the loss: erasing, mixup, CutMix; the same in all frames of a clip."""

import torch.nn.functional as F
from timm.data import Mixup
from timm.data.random_erasing import RandomErasing
from torch import Tensor

from pretrain.errors import ConfigError


class ClipMixing:
    """Random erasing, then mixup or CutMix, on normalised clips on their device.

    Frames are laid beside the channels while this happens, so timm's rectangles are the same in all frames.

    Args:
        num_classes: length of the soft targets.
        mixup, cutmix: alpha of the beta distribution; 0 for none. With both, each batch takes one of them at random.
        erase: probability of erasing a rectangle of a clip, filled with normal noise.
        smoothing: label smoothing of mixed targets.

    Draws from Python's and NumPy's global generators, which the engine seeds for every update.
    """

    def __init__(self, num_classes: int, mixup: float, cutmix: float, erase: float, smoothing: float):
        self.erase = RandomErasing(erase, mode='pixel', max_count=1) if erase else None
        self.mix = None
        if mixup or cutmix:
            self.mix = Mixup(mixup, cutmix, label_smoothing=smoothing, num_classes=num_classes)

    def __call__(self, clips: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """`(B, C, T, H, W)` and int64 `(B,)`; soft targets `(B, classes)` where mixing is on.

        Raises ConfigError for an odd number of clips: they are mixed in pairs.
        """
        frames = clips.flatten(1, 2)
        if self.erase is not None:
            self.erase.device = clips.device
            frames = self.erase(frames)
        target = labels
        if self.mix is not None:
            if len(frames) % 2:
                raise ConfigError(
                    f'mixup needs an even number of clips per process, there are {len(frames)}; change '
                    'train_dataloader.batch_size or train_cfg.effective_batch'
                )
            frames, target = self.mix(frames, labels)
        return frames.unflatten(1, clips.shape[1:3]), target


def class_loss(logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy with int64 targets `(B,)`, smoothed here, or with soft ones `(B, classes)`, smoothed already."""
    return F.cross_entropy(logits.float(), target, label_smoothing=smoothing if target.ndim == 1 else 0.0)
