"""Data sets that MMSegmentation lacks: plain folders of images and masks, and Pascal VOC with its additional masks."""

import colorsys
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg.datasets import BaseSegDataset, PascalVOCDataset

from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS
from seg_mmsegmentation.labels import IGNORED

IMAGES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
MASK = '.png'
CLASS_LIST = 'classes.txt'
_NUMBERED = re.compile(r'(\d+)\s+(\S.*)')
_IGNORED = re.compile(r'\s*\(ignored?\)$', re.I)


@dataclass
class ClassList:
    """Names of classes in the order of their index, and the labels that masks hold for them.

    Attributes:
        labels: of each class; None when labels are the indices.
        ignored: labels that do not count.
    """

    names: list[str]
    labels: list[int] | None = None
    ignored: tuple[int, ...] = ()

    @property
    def label_map(self) -> dict[int, int] | None:
        if self.labels is None or self.labels == list(range(len(self.names))):
            return None
        return {label: index for index, label in enumerate(self.labels)}


def read_class_list(path: Path) -> ClassList:
    """One class per line, in the order of the labels from 0; or, on every line, its label and then its name.

    A name that ends in `(ignore)` marks a label that does not count. Raises DataError for a list without classes, or
    with a name or label that comes twice.
    """
    lines = [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    numbered = all(matches)
    labels = [int(m[1]) for m in matches if m] if numbered else list(range(len(lines)))
    names = [m[2] for m in matches if m] if numbered else lines
    for what, values in (('label', labels), ('class', names)):
        twice = [v for v in values if values.count(v) > 1]
        if twice:
            raise DataError(f'{path}: {what} {twice[0]!r} comes twice')
    kept = [(label, name) for label, name in zip(labels, names) if not _IGNORED.search(name)]
    if not kept:
        raise DataError(f'{path}: no class in it; write one name per line, in the order of the labels')
    return ClassList(
        [name for _, name in kept],
        [label for label, _ in kept],
        tuple(label for label, name in zip(labels, names) if _IGNORED.search(name)),
    )


@DATASETS.register_module()
class MaskFolder(BaseSegDataset):
    """A folder of images and of masks with one class index per pixel.

    `images/` and `masks/` hold files of the same names (masks are PNG), or both lie side by side, the images not PNG.
    The classes are in `classes.txt` in the folder or the one above it, see `read_class_list`, or in
    `metainfo=dict(classes=[...])`.

    Args:
        data_root: the folder.
        ignore_index: a label, or several, that do not count, beside those that `classes.txt` marks.
        reduce_zero_label: label 0 does not count, and label i stands for class i - 1.
        others: MMSegmentation's: `pipeline`, `metainfo`, `indices`.

    Attributes:
        ignored: all labels that do not count.

    Raises DataError for a folder without images or classes, ConfigError for arguments that contradict each other.
    """

    def __init__(
        self,
        data_root: str,
        ignore_index: int | Sequence[int] = IGNORED,
        reduce_zero_label: bool = False,
        metainfo: dict | None = None,
        **others: Any,
    ):
        root = Path(data_root)
        named = list((metainfo or {}).get('classes', ()))
        listed = ClassList(named) if named else read_class_list(find_class_list(root))
        self.mapped = listed.label_map
        if self.mapped and reduce_zero_label:
            raise ConfigError(
                f'reduce_zero_label=True, and the class list of {root} has its own labels; leave reduce_zero_label out'
            )
        given = (ignore_index,) if isinstance(ignore_index, int) else tuple(ignore_index)
        self.ignored = (*given, *listed.ignored)
        super().__init__(
            data_root=str(root),
            data_prefix=dict(img_path='', seg_map_path=''),
            metainfo={'palette': distinct_colours(len(listed.names)), **(metainfo or {}), 'classes': listed.names},
            reduce_zero_label=reduce_zero_label,
            **others,
        )

    def load_data_list(self) -> list[dict]:
        shared = {'label_map': self.mapped, 'reduce_zero_label': self.reduce_zero_label}
        pairs = sorted(find_pairs(Path(self.data_root)))
        if not pairs:
            raise DataError(
                f'{self.data_root}: no images; it needs images/ and masks/ with files of the same names, or image.jpg '
                'beside image.png'
            )
        return [{'img_path': str(i), 'seg_map_path': str(m), **shared, 'seg_fields': []} for i, m in pairs]


def distinct_colours(number: int) -> list[list[int]]:
    """RGB in 0 to 255: hues by the golden angle, so that neighbours in the list are far apart."""
    hues = [(i * 0.618034) % 1 for i in range(number)]
    return [[round(255 * v) for v in colorsys.hsv_to_rgb(h, 0.9, (1, 0.6)[i // 5 % 2])] for i, h in enumerate(hues)]


def find_class_list(root: Path) -> Path:
    """`classes.txt` of a folder, or of the one above it. DataError where there is none."""
    if not root.is_dir():
        raise DataError(f'{root}: no such folder; it should hold images/, masks/ and {CLASS_LIST}')
    for folder in (root, root.resolve().parent):
        if (folder / CLASS_LIST).is_file():
            return folder / CLASS_LIST
    raise DataError(
        f'{root}: no {CLASS_LIST} in it or above it; write one class name per line, in the order of the labels'
    )


def find_pairs(root: Path) -> Iterator[tuple[Path, Path]]:
    """Every image of a folder and where its mask should be."""
    images, masks = root / 'images', root / 'masks'
    if images.is_dir() != masks.is_dir():
        here, lacking = (images, masks) if images.is_dir() else (masks, images)
        raise DataError(f'{root}: has {here.name}/ but no {lacking.name}/; both must be there')
    apart = images.is_dir()
    for path in (images if apart else root).rglob('*'):
        if path.suffix.lower() in IMAGES and (apart or path.suffix.lower() != MASK):
            yield path, (masks / path.relative_to(images) if apart else path).with_suffix(MASK)


@DATASETS.register_module()
class PascalVOCAugDataset(PascalVOCDataset):
    """Pascal VOC with the additional masks of SBD: those of VOC where they exist, else those in `more_masks`.

    `trainaug.txt` names images of both (MMSegmentation's `voc_aug.py` writes it), and SBD lacks some of VOC's.

    Args:
        more_masks: folder beside `data_prefix.seg_map_path`.
    """

    def __init__(self, more_masks: str = 'SegmentationClassAug', **others: Any):
        self.more_masks = more_masks
        super().__init__(**others)

    def load_data_list(self) -> list[dict]:
        entries = super().load_data_list()
        for entry in entries:
            own = Path(entry['seg_map_path'])
            if not own.is_file():
                entry['seg_map_path'] = str(own.parent.parent / self.more_masks / own.name)
        return entries
