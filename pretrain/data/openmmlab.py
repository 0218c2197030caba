"""Data sets and transforms of MMDetection and MMSegmentation, with the seeding and the care of this project's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from pretrain.data.decode import damaged, decode_pil
from pretrain.data.sampler import SampleKey
from pretrain.data.seeding import mix, preserved_rng, seed_rng
from pretrain.errors import DataError
from pretrain.registry import TRANSFORMS

_ANOTHER = 0x416E6F74
"""Separates the numbers that choose other samples from those that seed augmentations."""
_ATTEMPTS = 64


class OpenMMLabSet(Dataset):
    """An mmengine `BaseDataset` indexed by SampleKey and seeded per sample; other attributes are those of the data set.

    A sample is a dict: `inputs` and `data_samples` of the framework, `id` the path of the image, `index`, and
    `replaced`, a list of `(path, error)`.

    In training (indexed by a SampleKey) a damaged image is replaced by another one and reported in `replaced`; a crop
    without objects, for which the pipeline gives None, is replaced in silence. Both choices follow from (seed, epoch,
    index). In evaluation (indexed by an int) both are DataErrors.
    """

    def __init__(self, dataset: Any, seed: int = 0):
        self.dataset, self.seed = dataset, seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: SampleKey | tuple[int, int] | int) -> dict[str, Any]:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[SampleKey | tuple[int, int] | int]) -> list[dict[str, Any]]:
        """The samples of a batch; DataLoader asks for them at once."""
        with preserved_rng():
            return [self._sample(SampleKey.of(key), training=isinstance(key, tuple)) for key in keys]

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'dataset':
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def name(self, index: int) -> str:
        return self.dataset.get_data_info(index)['img_path']

    def _sample(self, key: SampleKey, training: bool) -> dict[str, Any]:
        index = key.index
        replaced: list[tuple[str, str]] = []
        for attempt in range(1, _ATTEMPTS + 1):
            seed_rng(self.seed, SampleKey(key.epoch, index))
            try:
                found = self._prepare(index)
                if found is not None:
                    return {**found, 'id': self.name(index), 'index': index, 'replaced': replaced}
                if not training:
                    raise DataError(f'{self.name(index)}: the pipeline gives nothing for it; evaluation needs it')
            except DataError as error:
                if not training:
                    raise
                replaced.append((self.name(index), str(error)))
            index = mix(self.seed, _ANOTHER, key.epoch, key.index, attempt) % len(self)
        raise DataError(
            f'{_ATTEMPTS} samples in a row give nothing to train on, the last is {self.name(index)}; '
            'look at the crop sizes, and at the filters of the pipeline'
        )

    def _prepare(self, index: int) -> dict[str, Any] | None:
        try:
            return self.dataset.prepare_data(index)
        except (AssertionError, OSError) as error:  # what the frameworks' own loaders raise
            raise damaged(self.name(index), error) from error

    @staticmethod
    def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Lists of everything, because images differ in size; `index` int64 `(B,)`."""
        batch: dict[str, Any] = {key: [sample[key] for sample in samples] for key in samples[0]}
        batch['index'] = torch.tensor(batch['index'])
        batch['replaced'] = [entry for value in batch['replaced'] for entry in value]
        return batch


@TRANSFORMS.register_module()
class LoadImage:
    """Reads `img_path` as `img`, uint8 `(H, W, 3)`, blue first as the frameworks' transforms expect.

    Unlike `LoadImageFromFile` it refuses truncated files, which OpenCV fills with grey, and images of another size than
    their annotation's `width` and `height`. EXIF orientation is ignored, as annotations do.
    """

    def __call__(self, results: dict) -> dict:
        path = results['img_path']
        try:
            image = np.asarray(decode_pil(Path(path).read_bytes()))
        except Exception as error:  # decoders raise anything on foreign bytes
            if isinstance(error, MemoryError):
                raise
            raise damaged(path, error) from error
        size, said = image.shape[:2], (results.get('height'), results.get('width'))
        if None not in said and size != said:
            raise DataError(f'{path}: the image is {size[1]}x{size[0]}, its annotation says {said[1]}x{said[0]}')
        results['img'] = np.ascontiguousarray(image[..., ::-1])
        results['img_shape'] = results['ori_shape'] = size
        return results
