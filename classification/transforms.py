"""The augmentation of fine-tuning, which other domains of images use, too: see `pretrain.data.finetune`."""

from pretrain.data.finetune import FinetuneAugment

__all__ = ['FinetuneAugment']
