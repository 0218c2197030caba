"""What can be known of images and masks before training."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pretrain.data.decode import damaged, decode_pil
from pretrain.errors import DataError
from seg_mmsegmentation.labels import MOST_LABELS, UNKNOWN
from seg_mmsegmentation.transforms import LoadLabels

WORDS = {'train': 'training', 'val': 'validation'}
SAMPLE = 200
"""Masks that are read before training, evenly spaced over the set."""


def check_folders(cfg: dict, part: str) -> None:
    """Raise DataError for a folder or list of a named data set that is not there."""
    root, prefix = Path(cfg.get('data_root') or ''), cfg.get('data_prefix') or {}
    for key, what in (('img_path', 'images'), ('seg_map_path', 'masks')):
        if prefix.get(key) and not (root / prefix[key]).is_dir():
            raise DataError(
                f'{root / prefix[key]}: no such folder, where the {WORDS[part]} {what} of {cfg["type"]} should be; '
                'name its root with --data'
            )
    if cfg.get('ann_file') and not (root / cfg['ann_file']).is_file():
        raise DataError(f'{root / cfg["ann_file"]}: no such file, the list of {WORDS[part]} images of {cfg["type"]}')


def check_files(entries: list[dict[str, Any]]) -> list[int]:
    """The size in bytes of every mask. Raises DataError for an image or mask that is not there, or is empty."""
    sizes = []
    for entry in entries:
        for path, other in ((entry['img_path'], 'seg_map_path'), (entry['seg_map_path'], 'img_path')):
            file = Path(path)
            size = file.stat().st_size if file.is_file() else None
            if size is None:
                what = 'mask of image' if other == 'img_path' else 'image of mask'
                raise DataError(f'{path}: no such file, the {what} {entry[other]!r}; add it, or remove the other')
            if size == 0:
                raise DataError(f'{path}: the file is empty; replace it, or remove it and its counterpart')
        sizes.append(size)
    return sizes


def check_masks(dataset: Any, load: LoadLabels, part: str, decode: bool, count: int = SAMPLE) -> list[str]:
    """Read a sample of a set's masks. Returns notes on what may be a mistake.

    Args:
        load: the pipeline's own transform.
        decode: read their images too, not only how large they are.

    Raises DataError for a mask that cannot be read, is of another size than its image, or has a label that is no
    class, and when no pixel counts in any of them.
    """
    indices = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int))
    counts = np.zeros(MOST_LABELS, np.int64)
    for index in indices:
        entry = dataset.get_data_info(int(index))
        mask, _ = load.read({**entry, 'ori_shape': image_shape(entry['img_path'], decode)})
        counts += np.bincount(mask.ravel(), minlength=MOST_LABELS)
    rule = load.rule(entry)
    if not counts[rule.table < UNKNOWN].any():
        raise DataError(
            f'no pixel counts in the {len(indices)} {WORDS[part]} masks that were looked at: labels '
            f'{", ".join(map(str, np.flatnonzero(counts)))} are all ignored; correct reduce_zero_label or ignore_index'
        )
    return _doubts(counts, rule, part, len(indices))


def image_shape(path: str, decode: bool) -> tuple[int, int]:
    """Height and width of an image file. DataError where it cannot be read."""
    try:
        if decode:
            return decode_pil(Path(path).read_bytes()).size[::-1]
        with Image.open(path) as image:
            return image.size[::-1]
    except Exception as error:  # decoders raise anything on foreign bytes
        if isinstance(error, MemoryError):
            raise
        raise damaged(path, error) from error


def _doubts(counts: np.ndarray, rule: Any, part: str, number: int) -> list[str]:
    """The off-by-one of `reduce_zero_label`, which changes every class and raises no error."""
    if not rule.reduce_zero or not counts[0]:
        return []
    seen = np.flatnonzero(counts[: rule.num_classes + 1])
    share = counts[0] / counts.sum()
    dropped = f'reduce_zero_label leaves label 0 out, {share:.0%} of the pixels of {number} {WORDS[part]} masks'
    if seen[-1] == rule.num_classes - 1:
        return [
            f'{dropped}, and their largest label is {seen[-1]} of {rule.num_classes} classes: if label 0 is a class, '
            'every class is off by one; set reduce_zero_label=False'
        ]
    return [f'{dropped}; if it is a class, set reduce_zero_label=False'] if share > 0.5 else []
