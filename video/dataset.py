"""Clips of a source: decoded once, sampled, transformed and numbered."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.data.loader import collate
from pretrain.data.sampler import SampleKey
from pretrain.data.seeding import mix, preserved_rng, seed_rng
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS, TRANSFORMS
from video.decode import describe, open_video, readable
from video.locate import pretraining_source
from video.sampling import FrameSampling
from video.sources import ClipSource

_REPLACEMENT = 0x436C6970
"""Separates the numbers that choose replacements from those that seed augmentations."""
_ATTEMPTS = 16


@DATASETS.register_module()
class ClipDataset(Dataset):
    """Map-style data set of clips.

    Args:
        source: a ClipSource or its config.
        sampling: which frames, a FrameSampling or its config.
        transform: frames to clips, see `video.transforms`.
        repeats: clips of each video in training, decoded once (repeated sampling). The batch then holds `repeats`
            times as many clips as videos; batch size and learning rate count videos.
        windows: of repeated clips: 'own', each draws its frames (MAE-ST); 'shared', they are drawn once and augmented
            `repeats` times (VideoMAE's fine-tuning, VideoMAE v2).
        seed: of sampling and augmentation.
        on_corrupt: `quarantine` replaces a broken training video by another one, chosen from (seed, index, attempt)
            alone, and reports it in the sample; `raise` stops.
        labels: add `label`; the source must have labels (DataError).
        template: file name of an image in a frame folder.

    Indexed by a SampleKey in training. A plain int means evaluation: all clips and views of the protocol, and a broken
    video raises DataError naming its path whatever `on_corrupt` says.

    A sample is a dict: `image` uint8 `(3, T, H, W)`, `(repeats, 3, T, H, W)` where that is more than 1, or in an
    evaluation `(V, 3, T, H, W)` of all its views; `id` the path, `index`, `label` if asked for, and `replaced`, a list
    of `(path, error)`. `id`, `index` and `label` are those of the video that is really there.
    """

    locate = staticmethod(pretraining_source)

    def __init__(
        self,
        source: ClipSource | dict,
        sampling: FrameSampling | dict,
        transform: Callable[[np.ndarray], Tensor] | dict,
        repeats: int = 1,
        seed: int = 0,
        on_corrupt: str = 'quarantine',
        labels: bool = False,
        template: str = 'img_{:05}.jpg',
        windows: str = 'own',
    ):
        if windows not in ('own', 'shared'):
            raise ConfigError(f"dataset.windows is {windows!r}; allowed: 'own', 'shared'")
        if on_corrupt not in ('quarantine', 'raise'):
            raise ConfigError(f"on_corrupt {on_corrupt!r} is not one of 'quarantine', 'raise'")
        if repeats < 1:
            raise ConfigError(f'dataset.repeats is {repeats}; it must be at least 1')
        self.source: ClipSource = DATASETS.build(dict(source)) if isinstance(source, dict) else source
        self.sampling: FrameSampling = TRANSFORMS.build(dict(sampling)) if isinstance(sampling, dict) else sampling
        self.transform = TRANSFORMS.build(dict(transform)) if isinstance(transform, dict) else transform
        self.repeats, self.seed, self.on_corrupt = repeats, seed, on_corrupt
        self.labels, self.template, self.windows = labels, template, windows
        if labels and self.source.label(0) is None:
            raise DataError(
                f'labels are asked for, but {self.source.name(0)!r} and its set have none; give class folders, or a '
                'list with labels'
            )

    def __len__(self) -> int:
        return len(self.source)

    @property
    def classes(self) -> list[str] | None:
        return self.source.classes

    @property
    def notes(self) -> list[str]:
        """What a record of training should say about the pixels."""
        return [f'decoded with {describe()}']

    def __getitem__(self, key: SampleKey | tuple[int, int] | int) -> dict[str, Any]:
        with preserved_rng():
            return self._sample(SampleKey.of(key), training=isinstance(key, tuple))

    def _sample(self, key: SampleKey, training: bool) -> dict[str, Any]:
        index, image, replaced = self._sound(key, training)
        sample = {'image': image, 'id': self.source.name(index), 'index': index, 'replaced': replaced}
        if training and self.repeats > 1:
            sample['repeats'] = self.repeats
        if self.labels:
            sample['label'] = self.source.label(index)
        return sample

    def _sound(self, key: SampleKey, training: bool) -> tuple[int, Tensor, list[tuple[str, str]]]:
        """`(index, clips, replaced)` of the wanted video, or of the first sound one among its replacements."""
        index, replaced = key.index, list[tuple[str, str]]()
        while True:
            seed_rng(self.seed, key)
            try:
                clips = self.clips(index, training)
                return index, clips[0] if training and self.repeats == 1 else clips, replaced
            except DataError as error:
                if not training or self.on_corrupt == 'raise':
                    raise
                replaced.append((self.source.name(index), str(error)))
            if len(replaced) == _ATTEMPTS:
                raise DataError(f'{_ATTEMPTS} videos in a row are broken, the last: {replaced[-1][1]}')
            others = max(len(self) - 1, 1)
            index = (key.index + 1 + mix(self.seed, _REPLACEMENT, key.index, len(replaced)) % others) % len(self)

    def clips(self, index: int, training: bool) -> Tensor:
        """uint8 `(repeats or V, 3, T, H, W)`: the video is opened once, and every wanted frame decoded once."""
        name, folder = self.source.name(index), self.source.folder(index)
        if folder is None:
            with open_video(name) as video:
                places = self._places(video.num_frames, training)
                frames = video.frames(np.unique(places).tolist())
        else:
            count, start = folder
            if count < 1:
                raise DataError(f'frame folder {name!r} has {count} frames; correct the list')
            places = self._places(count, training)
            frames = _read_images(name, [self.template.format(start + i) for i in np.unique(places)])
        rows = np.searchsorted(np.unique(places), places)
        return torch.cat([self.transform(frames[row]) for row in rows])

    def _places(self, num_frames: int, training: bool) -> np.ndarray:
        """`(clips, T)`."""
        if training and self.windows == 'shared':
            return np.tile(self.sampling.train(num_frames), (self.repeats, 1))
        if training:
            return np.stack([self.sampling.train(num_frames) for _ in range(self.repeats)])
        return self.sampling.test(num_frames)

    def collate(self, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A batch. Repeated clips stand one after the other: `image` `(B * repeats, 3, T, H, W)`, `label` likewise.

        In an evaluation `image` is `(B, V, 3, T, H, W)`.
        """
        batch = collate(samples)
        if batch.pop('repeats', None) is not None:
            batch['image'] = batch['image'].flatten(0, 1)
            if 'label' in batch:
                batch['label'] = batch['label'].repeat_interleave(self.repeats)
        return batch


def _read_images(folder: str, names: Sequence[str]) -> np.ndarray:
    out = []
    for name in names:
        path = f'{folder}/{name}'
        with readable(path, 'image'), Image.open(path) as image:
            out.append(np.asarray(image.convert('RGB')))
    if any(frame.shape != out[0].shape for frame in out):
        raise DataError(f'frame folder {folder!r} holds images of several sizes; extract the frames again')
    return np.stack(out)
