"""Volumes of a decathlon list as a data set: prepared once, cropped anew in every epoch, whole for evaluation."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from medical.crops import CropVolume
from medical.lists import CaseList, list_file
from medical.prepare import PrepareVolume, Volume
from medical.volumes import read_image, read_label
from pretrain.data.dataset import ImageDataset
from pretrain.data.loader import collate as collate_images
from pretrain.data.sampler import SampleKey
from pretrain.data.seeding import mix
from pretrain.errors import ConfigError, DataError
from pretrain.files import atomic
from pretrain.registry import DATASETS, TRANSFORMS

CACHES = ('memory', 'disk', 'none')
FORMAT = 1
"""Raised when the same key of the cache on disk would mean other voxels."""


@DATASETS.register_module()
class VolumeDataset(ImageDataset):
    """The examinations of a list; indexed as ImageDataset is.

    A SampleKey gives a crop: `image` float32 `(C, *size)`, and `label` int64 `(*size)` if asked for. A plain int means
    evaluation: the whole prepared volume, its label and `spacing`, its voxels in millimetres. Both have `id`, `index`
    and `replaced`. Images count in units of [0, 1], or of standard deviations, as `prepare` leaves them.

    Args:
        source: a CaseList or its config: which examinations.
        prepare: config of PrepareVolume.
        crop: config of CropVolume; None for a set that is only evaluated.
        labels: read the labels, too.
        channels: of the images.
        crops: random crops of each volume and epoch.
        seed: of the crops.
        on_corrupt: `quarantine` replaces a volume that cannot be used by another one and reports it; `raise` stops.
        cache: where prepared volumes are kept: `memory` (of each loading process), `disk`
            (`$MIMBENCH_CACHE/volumes`, by default below `~/.cache/mimbench`) or `none`.
    """

    def __init__(
        self,
        source: CaseList | dict,
        prepare: PrepareVolume | dict,
        crop: CropVolume | dict | None = None,
        labels: bool = False,
        channels: int = 1,
        crops: int = 1,
        seed: int = 0,
        on_corrupt: str = 'quarantine',
        cache: str = 'memory',
    ):
        for name, value, allowed in (('on_corrupt', on_corrupt, ('quarantine', 'raise')), ('cache', cache, CACHES)):
            if value not in allowed:
                raise ConfigError(f'{name} {value!r} is not one of {", ".join(map(repr, allowed))}')
        if crops < 1:
            raise ConfigError(f'crops is {crops}; take at least one of each volume')
        self.source: CaseList = DATASETS.build(source) if isinstance(source, Mapping) else source
        self._prepare_cfg = dict(prepare) if isinstance(prepare, Mapping) else None
        self.prepare: PrepareVolume = TRANSFORMS.build(prepare) if isinstance(prepare, Mapping) else prepare
        self.crop: CropVolume | None = TRANSFORMS.build(crop) if isinstance(crop, Mapping) else crop
        self.labels, self.channels, self.crops, self.seed = labels, channels, crops, seed
        self.on_corrupt, self.cache = on_corrupt, cache
        self._kept: dict[int, Volume] = {}
        if labels:
            without = [self.source.name(i) for i in range(len(self.source)) if self.source.label(i) is None]
            if without:
                raise DataError(f'{self.source.file}: {without[0]} has no label; training and scoring need one')

    @classmethod
    def locate(cls, paths: Sequence[str]) -> dict[str, Any]:
        """The source of data that a command line names."""
        if len(paths) != 1:
            raise ConfigError(f'--data names {len(paths)} lists of volumes; write one list with all of them')
        return {'type': 'CaseList', 'file': str(list_file(paths[0]))}

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_kept': {}}

    def __len__(self) -> int:
        return len(self.source) * self.crops

    @property
    def classes(self) -> list[str] | None:
        return self.source.classes

    def name(self, index: int) -> str:
        return self.source.name(index // self.crops)

    def decode(self, index: int) -> Volume:
        """The prepared volume of a sample. Raises DataError naming the file that is wrong."""
        case = index // self.crops
        if case not in self._kept:
            volume = self._from_disk(case) if self.cache == 'disk' else self._read(case)
            if self.cache != 'memory':
                return volume
            self._kept[case] = volume
        return self._kept[case]

    def _sample(self, key: SampleKey, training: bool) -> dict[str, Any]:
        index, volume, replaced = self._sound_volume(key.index, training)
        facts: dict[str, Any] = {'id': self.name(index), 'index': index, 'replaced': replaced}
        if not training:
            whole: dict[str, Any] = {'image': volume.image, 'spacing': torch.tensor(volume.spacing)}
            if volume.label is not None:
                whole['label'] = volume.label.long()
            return whole | facts
        if self.crop is None:
            raise ConfigError('train_dataloader.dataset.crop is not set; training takes crops of volumes')
        return {**self.crop(volume, mix(self.seed, key.epoch, key.index)), **facts}

    def _sound_volume(self, wanted: int, training: bool) -> tuple[int, Volume, list[tuple[str, str]]]:
        return self._sound_image(wanted, training and self.on_corrupt == 'quarantine')

    def _read(self, number: int) -> Volume:
        case = self.source.cases[number]
        image, affine = read_image(case.images, self.channels)
        label = read_label(case, image.shape[1:], affine, self.source.ids) if self.labels else None
        return self.prepare(image, affine, label, case.name)

    def _from_disk(self, number: int) -> Volume:
        """What an earlier process prepared from the same files with the same arguments, or a new one, then kept."""
        path = cache_folder() / f'{self._key(number)}.safetensors'
        if path.exists():
            try:
                found = load_file(path)
                spacing = found['spacing'].tolist()
                return Volume(found['image'], found.get('label'), (spacing[0], spacing[1], spacing[2]))
            except (SafetensorError, KeyError, OSError) as error:
                print(f'{path} is damaged ({" ".join(str(error).split())}); preparing the volume again')
        volume = self._read(number)
        tensors = {'image': volume.image, 'spacing': torch.tensor(volume.spacing)}
        if volume.label is not None:
            tensors['label'] = volume.label
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic(path) as temporary:
            save_file(tensors, temporary)
        return volume

    def _key(self, number: int) -> str:
        """Hash of files, their sizes and times of change, and of everything that decides the voxels."""
        if self._prepare_cfg is None:
            raise ConfigError("cache='disk' needs prepare as a config, dict(type='PrepareVolume', ...)")
        case = self.source.cases[number]
        files = [*case.images, *([case.label] if self.labels and case.label else [])]
        try:
            states = [(str(Path(f).resolve()), os.stat(f).st_size, os.stat(f).st_mtime_ns) for f in files]
        except OSError as error:
            raise DataError(f'volume {files[0]!r} cannot be read: {error}') from error
        facts = [FORMAT, states, self._prepare_cfg, self.channels, self.labels, self.source.ids]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=list).encode()).hexdigest()

    def collate(self, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """As for images; whole volumes of different sizes stay a list."""
        sizes = {tuple(sample['image'].shape) for sample in samples}
        if len(sizes) == 1:
            return collate_images(samples)
        uneven = ('image', 'label')
        batch = collate_images([{k: v for k, v in sample.items() if k not in uneven} for sample in samples])
        return {**batch, **{k: [sample[k] for sample in samples] for k in uneven if k in samples[0]}}


def cache_folder() -> Path:
    """`$MIMBENCH_CACHE/volumes`, by default under `~/.cache/mimbench`."""
    return Path(os.environ.get('MIMBENCH_CACHE', '~/.cache/mimbench')).expanduser() / 'volumes'


def voxel_statistics(dataset: VolumeDataset) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel over all prepared volumes, for `model.mean` and `model.std`."""
    total = np.zeros((3, dataset.channels))
    for index in range(0, len(dataset), dataset.crops):
        values = dataset.decode(index).image.double().flatten(1)
        total += np.stack(
            [np.full(len(values), values.shape[1]), values.sum(1).numpy(), values.square().sum(1).numpy()]
        )
    mean = total[1] / total[0]
    return mean.tolist(), np.sqrt(total[2] / total[0] - mean**2).tolist()
