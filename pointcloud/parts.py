"""ShapeNetPart as released: `shapenetcore_partanno_segmentation_benchmark_v0_normal`."""

import json

import numpy as np

from pointcloud.files import read_cloud
from pointcloud.sources import CloudFiles
from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS

PARTS = {
    'Airplane': (0, 1, 2, 3),
    'Bag': (4, 5),
    'Cap': (6, 7),
    'Car': (8, 9, 10, 11),
    'Chair': (12, 13, 14, 15),
    'Earphone': (16, 17, 18),
    'Guitar': (19, 20, 21),
    'Knife': (22, 23),
    'Lamp': (24, 25, 26, 27),
    'Laptop': (28, 29),
    'Motorbike': (30, 31, 32, 33, 34, 35),
    'Mug': (36, 37),
    'Pistol': (38, 39, 40),
    'Rocket': (41, 42, 43),
    'Skateboard': (44, 45, 46),
    'Table': (47, 48, 49),
}
"""Part numbers of the 16 categories of ShapeNetPart."""


@DATASETS.register_module()
class ShapeNetPart(CloudFiles):
    """`<synset>/<id>.txt` with lines `x y z nx ny nz part`; `read` gives `(N, 4)`: xyz and part.

    Args:
        root: the folder with `synsetoffset2category.txt` and `train_test_split/`.
        part: 'train', 'val', 'trainval' (what published models train on) or 'test'.
        parts: part numbers by category, where it is not ShapeNetPart.

    Attributes:
        parts: part numbers of every category in label order.
    """

    has_parts = True

    def __init__(self, root: str, part: str = 'trainval', parts: dict | None = None):
        folder = existing(root, 'ShapeNetPart folder')
        if part not in ('train', 'val', 'trainval', 'test'):
            raise ConfigError(f"ShapeNetPart part is {part!r}; allowed: 'train', 'val', 'trainval', 'test'")
        listed = existing(folder / 'synsetoffset2category.txt', 'list').read_text('utf-8-sig')
        lines = [line.split() for line in listed.split('\n')]
        names = {words[1]: words[0] for words in lines if len(words) == 2}
        known = parts or PARTS
        if unknown := sorted(set(names.values()) - set(known)):
            raise DataError(f'{folder}/synsetoffset2category.txt names {unknown[0]}, which has no known parts')
        classes = sorted(names.values())
        paths, labels = [], []
        for split in ('train', 'val') if part == 'trainval' else (part,):
            file = existing(folder / 'train_test_split' / f'shuffled_{split}_file_list.json', 'list of clouds')
            try:
                entries = json.loads(file.read_text('utf-8-sig'))
            except json.JSONDecodeError as error:
                raise DataError(f'{file} is no JSON list ({error}); copy it again') from error
            for entry in entries:  # shape_data/02691156/1021a0914a7207aff927ed529ad90a11
                _, _, tail = entry.partition('/')
                synset = tail.partition('/')[0]
                if synset not in names:
                    raise DataError(f'{file} names {entry}, whose synset is not in synsetoffset2category.txt')
                paths.append(str(folder / f'{tail}.txt'))
                labels.append(classes.index(names[synset]))
        super().__init__(paths, labels, classes)
        self.parts = [list(known[name]) for name in classes]

    @property
    def num_parts(self) -> int:
        return 1 + max(max(numbers) for numbers in self.parts)

    def read(self, i: int) -> np.ndarray:
        cloud = read_cloud(self.paths[i])
        if cloud.ndim != 2 or cloud.shape[1] not in (4, 7):
            raise ValueError(f'rows of {cloud.shape[-1]} numbers, expected x y z (nx ny nz) part')
        part = cloud[:, -1]
        own = self.parts[int(self.labels[i])]
        if not np.isin(part, own).all():
            odd = part[~np.isin(part, own)][0]
            raise ValueError(f'part {odd:g} is none of {self.classes[int(self.labels[i])]}, which has {own}')
        return np.concatenate([cloud[:, :3], part[:, None]], axis=1)
