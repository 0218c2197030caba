"""What every target has in common: the grid it speaks about, and the pixels of a normalised batch."""

import torch
from torch import Tensor, nn

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask


class Target(nn.Module):
    """What the head must predict for every token of a grid, computed from the batch without a gradient.

    Args:
        dim: values predicted per token (P), or the vocabulary size where the goal is ids.
        patch: pixels, frames or voxels of a predicted token, one number or one per axis.
        image_size: of the input per axis, or one number for a square image.
        channels: C of the input.
        mean, std: what the batch was normalised with, one number per channel, in units of [0, 1] pixels. None means
            that the batch holds [0, 1] pixels.

    A target keeps nothing in the state dict of a training checkpoint: everything in it follows from its arguments.
    Raises ConfigError when the image is no whole number of patches, or the statistics do not fit the channels.
    """

    def __init__(self, dim: int, patch, image_size, channels: int = 3, mean=None, std=None):
        super().__init__()
        size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        self.dim = dim
        self.channels = channels
        self.grid = TokenGrid.over(size, patch)
        self.register_buffer('mean', per_channel('mean', mean, 0.0, channels, len(size)), persistent=False)
        self.register_buffer('std', per_channel('std', std, 1.0, channels, len(size)), persistent=False)

    def view(self, prediction: Tensor, batch: dict, mask: Mask) -> Tensor:
        """The prediction in the space of the goal, where the loss compares them. The identity for most targets."""
        return prediction

    def image(self, batch: dict) -> Tensor:
        """The normalised image, clip or volume `(B, C, *size)` in fp32."""
        return batch['image'].float()

    def pixels(self, batch: dict) -> Tensor:
        """The same in [0, 1], fp32."""
        return self.denormalise(self.image(batch))

    def denormalise(self, image: Tensor) -> Tensor:
        """`(B, C, *size)` with the batch's statistics taken out again."""
        return image * self.std + self.mean


def full_precision(device: torch.device):
    """A context without autocast: a target is computed in fp32 whatever precision the model is trained in."""
    return torch.autocast(device.type, enabled=False)


def per_channel(name: str, values, default: float, channels: int, axes: int = 2) -> Tensor:
    """Statistics of [0, 1] pixels as `(1, C, 1, ...)` for inputs of so many axes, their number and range checked."""
    values = [default] * channels if values is None else [float(v) for v in values]
    if len(values) != channels:
        raise ConfigError(f'{name} has {len(values)} values for {channels} channels; give one per channel')
    if max(abs(v) for v in values) > 1:
        raise ConfigError(f'{name}={values} is outside [0, 1]; pixels count from 0 to 1 here, so divide it by 255')
    return torch.tensor(values).reshape(1, channels, *(1,) * axes)
