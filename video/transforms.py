"""From decoded frames to clips: one draw for all frames, so that a transform never moves what stands still.

A transform takes uint8 frames `(T, H, W, 3)` and gives uint8 clips `(V, 3, T, h, w)`, V views of them. Training
transforms draw from the global generators of Python, NumPy and torch, which the data set seeds for every clip, and give
one view. Resizing is antialiased and bilinear.
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from pretrain.data.augment import random_crop_box
from pretrain.data.card import IMAGENET_MEAN
from pretrain.data.finetune import timm_rand_augment
from pretrain.errors import ConfigError
from pretrain.registry import TRANSFORMS

Box = tuple[int, int, int, int]
SCALES = (1.0, 0.875, 0.75, 0.66)
CORNERS = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3)]
"""Places of TSN's crops, in quarters of the room that is left beside and below them."""


@TRANSFORMS.register_module()
class ClipPretrain:
    """One crop of all frames, resized, perhaps mirrored.

    Args:
        size: of the output, one number.
        crop: 'multiscale': TSN's `GroupMultiScaleCrop`: height and width are drawn from `scales` times the shorter
            side, at most one step apart, at one of 13 places (VideoMAE). 'resized': torchvision's random resized crop
            with an area of `area` and an aspect ratio of `ratio` (MAE-ST, MaskFeat).
        flip: probability of mirroring. VideoMAE pre-trains without.
    """

    def __init__(
        self,
        size: int,
        crop: str = 'multiscale',
        scales: Sequence[float] = SCALES,
        area: tuple[float, float] = (0.5, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.0,
    ):
        if crop not in ('multiscale', 'resized'):
            raise ConfigError(f"transform.crop is {crop!r}; allowed: 'multiscale', 'resized'")
        self.size, self.crop, self.scales, self.area, self.ratio, self.flip = size, crop, scales, area, ratio, flip

    def __call__(self, frames: np.ndarray) -> Tensor:
        height, width = frames.shape[1:3]
        if self.crop == 'multiscale':
            box = multiscale_box(height, width, self.size, self.scales)
        else:
            box = random_crop_box(height, width, self.area, self.ratio)
        return mirrored(crop_resized(to_clip(frames), box, self.size), self.flip).unsqueeze(0)


@TRANSFORMS.register_module()
class ClipFinetune:
    """RandAugment, random resized crop, mirroring (VideoMAE's fine-tuning).

    Args:
        size: of the output.
        area, ratio: of the crop.
        flip: probability of mirroring; 0 where left and right are part of the label (Something-Something).
        rand_augment: timm's description, `rand-m7-n4-mstd0.5-inc1`; the same operations with the same strength on all
            frames, before the crop.
        fill: mean of the pixels in [0, 1]; what rotations and shears bring in.

    Erasing and mixing happen later, on normalised clips (`video.mixing`).
    """

    def __init__(
        self,
        size: int,
        area: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.5,
        rand_augment: str | None = None,
        fill: Sequence[float] = IMAGENET_MEAN,
    ):
        self.size, self.area, self.ratio, self.flip = size, area, ratio, flip
        self.augment = None
        if rand_augment:
            self.augment = timm_rand_augment(rand_augment, size, fill, Image.Resampling.BICUBIC)

    def __call__(self, frames: np.ndarray) -> Tensor:
        if self.augment is not None:
            frames = same_for_all(self.augment, frames)
        box = random_crop_box(*frames.shape[1:3], self.area, self.ratio)
        return mirrored(crop_resized(to_clip(frames), box, self.size), self.flip).unsqueeze(0)


@TRANSFORMS.register_module()
class ClipViews:
    """Evaluation: the shorter side resized, then `crops` square crops spread evenly over the longer side.

    Args:
        resize: length of the shorter side.
        size: of the crops; at most `resize`.
        crops: 1 takes the centre; 3 the two ends and the centre.

    Gives `(crops, 3, T, size, size)`. Nothing is drawn.
    """

    def __init__(self, resize: int, size: int | None = None, crops: int = 1):
        self.resize, self.size, self.crops = resize, size or resize, crops
        if crops < 1 or self.size > resize:
            raise ConfigError(
                f'transform.size is {self.size}, resize {resize}, crops {crops}; size <= resize, crops >= 1'
            )

    def __call__(self, frames: np.ndarray) -> Tensor:
        height, width = frames.shape[1:3]
        short = min(height, width)
        side = (self.resize, max(self.resize, round(self.resize * max(height, width) / short)))
        clip = resize_clip(to_clip(frames), side if height <= width else side[::-1])
        rest, spare = (side[0] - self.size) // 2, side[1] - self.size
        if self.crops == 1:
            starts = [spare // 2]
        else:
            starts = [int(i * spare / (self.crops - 1)) for i in range(self.crops)]
        views = [
            clip[..., rest : rest + self.size, s : s + self.size]
            if height <= width
            else clip[..., s : s + self.size, rest : rest + self.size]
            for s in starts
        ]
        return torch.stack(views)


def multiscale_box(height: int, width: int, size: int, scales: Sequence[float] = SCALES) -> Box:
    """`(top, left, height, width)` of a random crop of TSN's kind.

    A side within 3 pixels of the output's size becomes that size, so that it need not be resized.
    """
    sides = [int(min(height, width) * scale) for scale in scales]
    sides = [size if abs(side - size) < 3 and size <= min(height, width) else side for side in sides]
    pairs = [(h, w) for i, h in enumerate(sides) for j, w in enumerate(sides) if abs(i - j) <= 1]
    h, w = pairs[int(torch.randint(len(pairs), (1,)))]
    right, down = CORNERS[int(torch.randint(len(CORNERS), (1,)))]
    return down * ((height - h) // 4), right * ((width - w) // 4), h, w


def same_for_all(augment, frames: np.ndarray) -> np.ndarray:
    """Every frame with the same random choices: the generators are put back before each but the last."""
    python, numpy = random.getstate(), np.random.get_state()
    out = []
    for frame in frames:
        random.setstate(python)
        np.random.set_state(numpy)
        out.append(np.asarray(augment(Image.fromarray(frame))))
    return np.stack(out)


def to_clip(frames: np.ndarray) -> Tensor:
    """uint8 `(T, H, W, 3)` to `(3, T, H, W)`, a view."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2)


def crop_resized(clip: Tensor, box: Box, size: int) -> Tensor:
    top, left, height, width = box
    return resize_clip(clip[..., top : top + height, left : left + width], (size, size))


def resize_clip(clip: Tensor, size: tuple[int, int]) -> Tensor:
    """`(C, T, H, W)` uint8 to another plane, contiguous."""
    if tuple(clip.shape[2:]) == tuple(size):
        return clip.contiguous()
    frames = F.interpolate(clip.transpose(0, 1), size=list(size), mode='bilinear', antialias=True, align_corners=False)
    return frames.transpose(0, 1).contiguous()


def mirrored(clip: Tensor, probability: float) -> Tensor:
    """The clip, or with that probability its mirror image."""
    return clip.flip(-1) if torch.rand(1) < probability else clip
