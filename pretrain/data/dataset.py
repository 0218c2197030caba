"""Images of a source, decoded, augmented and numbered."""

import errno
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from pretrain.data.decode import ValueRange, damaged, decode_pil, decode_tensor
from pretrain.data.sampler import SampleKey
from pretrain.data.seeding import mix, preserved_rng, seed_rng
from pretrain.data.sources.base import Source
from pretrain.errors import ConfigError, DataError, UserError
from pretrain.registry import DATASETS, TRANSFORMS

_REPLACEMENT = 0x5265706C
"""Separates the numbers that choose replacements from those that seed augmentations."""
_ATTEMPTS = 16
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""The machine's fault, not the image's."""


@DATASETS.register_module()
class ImageDataset(Dataset):
    """Map-style data set; the one door between sources and loaders.

    Args:
        source: a Source or its config, `dict(type='FolderSource', root=...)`.
        transform: a callable or its config; see `pretrain.data.augment` for what it gets and returns.
        channels: 3 (RGB), 1 (grey) or, for arrays, any number.
        seed: of the augmentations.
        on_corrupt: `quarantine` replaces a damaged training image by another one, chosen from (seed, index, attempt)
            alone, and reports it in the sample; `raise` stops.
        labels: add `label`; the source must have labels (DataError).
        value_range: `(low, high)` of 16-bit and float images; see `pretrain.data.decode`.

    Indexed by a SampleKey in training. A plain int means evaluation: epoch 0, and a damaged image raises DataError
    naming its path whatever `on_corrupt` says.

    A sample is a dict: `image` uint8 `(C, H, W)` and whatever else the transform returns, `id` the path-like name,
    `index`, `label` if asked for, and `replaced`, a list of `(path, error)` that is empty for a sound image. `id`,
    `index` and `label` are those of the image that is really there.
    """

    things = 'images'  # for messages

    def __init__(
        self,
        source: Source | dict,
        transform: Callable[[Any], Tensor | dict] | dict,
        channels: int = 3,
        seed: int = 0,
        on_corrupt: str = 'quarantine',
        labels: bool = False,
        value_range: ValueRange = None,
    ):
        if on_corrupt not in ('quarantine', 'raise'):
            raise ConfigError(f"on_corrupt {on_corrupt!r} is not one of 'quarantine', 'raise'")
        self.source: Source = DATASETS.build(source) if isinstance(source, dict) else source
        self.transform = TRANSFORMS.build(transform) if isinstance(transform, dict) else transform
        self.channels = channels
        self.seed = seed
        self.on_corrupt = on_corrupt
        self.labels = labels
        self.value_range = value_range
        if labels and self.source.label(0) is None:
            raise DataError(
                f'labels are asked for, but {self.source.name(0)!r} and its set have none; set labels=False'
            )
        self._as_tensor = channels not in (1, 3) or getattr(self.transform, 'wants_tensor', False)

    def __len__(self) -> int:
        return len(self.source)

    @property
    def classes(self) -> list[str] | None:
        return self.source.classes

    def __getitem__(self, key: SampleKey | tuple[int, int] | int) -> dict[str, Any]:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[SampleKey | tuple[int, int] | int]) -> list[dict[str, Any]]:
        """The samples of a batch; DataLoader asks for them at once."""
        with preserved_rng():
            return [self._sample(SampleKey.of(key), training=isinstance(key, tuple)) for key in keys]

    def _sample(self, key: SampleKey, training: bool) -> dict[str, Any]:
        index, image, replaced = self._sound_image(key.index, training and self.on_corrupt == 'quarantine')
        seed_rng(self.seed, key)
        output = self.transform(image)
        sample = dict(output) if isinstance(output, dict) else {'image': output}
        sample |= {'id': self.source.name(index), 'index': index, 'replaced': replaced}
        if self.labels:
            sample['label'] = self.source.label(index)
        return sample

    def _sound_image(self, wanted: int, replace: bool) -> tuple[int, Any, list[tuple[str, str]]]:
        """`(index, image, replaced)` of the wanted image, or of the first sound one among its replacements."""
        index = wanted
        replaced: list[tuple[str, str]] = []
        while True:
            try:
                return index, self.decode(index), replaced
            except DataError as error:
                if not replace:
                    raise
                replaced.append((self.source.name(index), str(error)))
            if len(replaced) == _ATTEMPTS:
                raise DataError(f'{_ATTEMPTS} {self.things} in a row are damaged, the last: {replaced[-1][1]}')
            others = max(len(self) - 1, 1)
            index = (wanted + 1 + mix(self.seed, _REPLACEMENT, wanted, len(replaced)) % others) % len(self)

    def decode(self, index: int) -> Any:
        """The stored image as the transform wants it. Raises DataError naming the path when it cannot be decoded."""
        try:
            data: bytes | np.ndarray = self.source.read(index)
            decode = decode_tensor if self._as_tensor else decode_pil
            return decode(data, self.channels, self.value_range)
        except Exception as error:  # decoders raise anything on foreign bytes: OSError, SyntaxError, struct.error, ...
            of_machine = isinstance(error, UserError) and not isinstance(error, DataError)  # a package that is missing
            if of_machine or isinstance(error, MemoryError) or getattr(error, 'errno', None) in _EXHAUSTED:
                raise
            raise damaged(self.source.name(index), error) from error
