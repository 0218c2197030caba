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
from medical.volumes import read_image, read_indices, read_label
from pretrain.data.dataset import ImageDataset
from pretrain.data.loader import collate as collate_images
from pretrain.data.sampler import SampleKey
from pretrain.data.seeding import mix
from pretrain.errors import ConfigError, DataError
from pretrain.files import atomic, cache_folder
from pretrain.registry import DATASETS, TRANSFORMS

CACHES = ('memory', 'disk', 'none')
FORMAT = 2
"""Raised when the same key of the cache on disk would mean other voxels."""


@DATASETS.register_module()
class VolumeDataset(ImageDataset):
    """The examinations of a list; indexed as ImageDataset is.

    A SampleKey gives a crop: `image` float32 `(C, *size)`, and `label` int64 `(*size)` if asked for. A plain int means
    evaluation: the whole prepared volume, its label, `affine` and `spacing`, its voxels in millimetres; with `stored`
    also the label as it lies in its file, uint8 `(X, Y, Z)`, and its affine, as `stored_label` and `stored_affine`.
    Both have `id`, `index` and `replaced`. Images count in units of [0, 1], or of standard deviations, as `prepare`
    leaves them.

    Evaluation without `stored` raises DataError for a volume whose preparation makes an organ vanish.

    Args:
        source: a CaseList or its config: which examinations.
        prepare: config of PrepareVolume.
        crop: config of CropVolume; None for a set that is only evaluated.
        labels: read the labels, too.
        channels: of the images.
        stored: give the labels of the files, too, for scores on their grid.
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
        stored: bool = False,
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
        self.labels, self.stored, self.channels, self.crops, self.seed = labels, stored, channels, crops, seed
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
            return self._whole(index, volume) | facts
        if self.crop is None:
            raise ConfigError('train_dataloader.dataset.crop is not set; training takes crops of volumes')
        return {**self.crop(volume, mix(self.seed, key.epoch, key.index)), **facts}

    def _whole(self, index: int, volume: Volume) -> dict[str, Any]:
        whole = {'image': volume.image, 'affine': volume.affine, 'spacing': torch.tensor(volume.spacing)}
        if volume.label is None:
            return whole
        whole['label'] = volume.label.long()
        if self.stored:
            indices, affine = read_indices(self.source.cases[index // self.crops], self.source.ids)
            whole |= {'stored_label': torch.from_numpy(indices), 'stored_affine': torch.from_numpy(affine)}
        elif volume.lost:
            gone = [self.classes[i] if self.classes else str(i) for i in volume.lost]
            raise DataError(
                f'volume {self.name(index)!r} loses {", ".join(gone)} by its preparation, so nothing could be scored; '
                "make prepare.spacing finer, or set task.grid='stored'"
            )
        return whole

    def _sound_volume(self, wanted: int, training: bool) -> tuple[int, Volume, list[tuple[str, str]]]:
        return self._sound_image(wanted, training and self.on_corrupt == 'quarantine')

    def _read(self, number: int) -> Volume:
        case = self.source.cases[number]
        image, affine = read_image(case.images, self.channels)
        label = read_label(case, image.shape[1:], affine, self.source.ids) if self.labels else None
        return self.prepare(image, affine, label, case.name)

    def _from_disk(self, number: int) -> Volume:
        """What an earlier process prepared from the same files with the same arguments, or a new one, then kept."""
        path = cache_folder('volumes') / f'{self._key(number)}.safetensors'
        if path.exists():
            try:
                found = load_file(path)
                return Volume(found['image'], found.get('label'), found['affine'], tuple(found['lost'].tolist()))
            except (SafetensorError, KeyError, OSError) as error:
                print(f'{path} is damaged ({" ".join(str(error).split())}); preparing the volume again')
        volume = self._read(number)
        lost = torch.tensor(volume.lost, dtype=torch.int64)
        tensors = {'image': volume.image, 'affine': volume.affine.contiguous(), 'lost': lost}
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
        grids = [k for k in ('image', 'label', 'stored_label') if k in samples[0]]
        uneven = [k for k in grids if len({tuple(sample[k].shape) for sample in samples}) > 1]
        batch = collate_images([{k: v for k, v in sample.items() if k not in uneven} for sample in samples])
        return {**batch, **{k: [sample[k] for sample in samples] for k in uneven}}


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
