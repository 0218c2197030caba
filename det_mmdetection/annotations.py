"""COCO and LVIS annotation files, checked before anything trains: what cannot be right is an error with its cause."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pretrain.errors import DataError

SECTIONS = ('images', 'annotations', 'categories')


@dataclass
class Annotations:
    """A checked annotation file.

    Attributes:
        images: entries of the file, each with `file_name`, `height` and `width`.
        of_image: annotations by image id.
        categories: sorted by id; the label of a category is its place here.
        sha256: of the file.
        notes: what was left out, in words.
    """

    path: Path
    images: list[dict[str, Any]]
    of_image: dict[int, list[dict[str, Any]]]
    categories: list[dict[str, Any]]
    sha256: str
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(category['name'] for category in self.categories)

    @property
    def cat_ids(self) -> list[int]:
        return [category['id'] for category in self.categories]


def read_annotations(path: str | Path, masks: bool) -> Annotations:
    """Read and check an annotation file.

    Args:
        masks: every object must have a `segmentation`.

    Objects whose box has no pixel inside the image are left out, as in MMDetection, and counted in `notes`.
    Raises DataError, which names the file, the entry and the fix.
    """
    path = Path(path)
    raw, digest = _parse(path)
    images = _images(path, raw['images'])
    categories = _categories(path, raw['categories'])
    sizes = {image['id']: (image['height'], image['width']) for image in images}
    known = {category['id'] for category in categories}
    of_image: dict[int, list[dict]] = {image['id']: [] for image in images}
    numbers: set = set()
    outside = 0
    for place, annotation in enumerate(raw['annotations']):
        problem = _problem(annotation, sizes, known, masks)
        if problem is None and annotation['id'] in numbers:
            problem = 'its id is there twice'
        if problem is not None:
            number = annotation.get('id') if isinstance(annotation, Mapping) else None
            raise DataError(f'{path}: annotations[{place}] (id {number}): {problem}')
        numbers.add(annotation['id'])
        if _is_visible(annotation['bbox'], sizes[annotation['image_id']]):
            of_image[annotation['image_id']].append(annotation)
        else:
            outside += 1
    notes = [f'{path.name}: {outside} objects have no pixel inside their image and are left out'] if outside else []
    return Annotations(path, images, of_image, categories, digest, notes)


def image_folder(annotations: Path, names: Sequence[str], prefix: str | None = None) -> Path:
    """The folder that holds the images of an annotation file.

    With `prefix`, that folder. Else the folder of the file itself, its parent, the folders in there, and
    those of the parent's parent are tried. Raises DataError naming the first image and the folders that were tried.
    """
    if prefix is not None:
        tried = [Path(prefix)]
    else:
        near = [annotations.parent, annotations.parent.parent, annotations.parent.parent.parent]
        tried = [folder for base in near if base.is_dir() for folder in (base, *sorted(base.iterdir()))]
        tried = [folder for folder in dict.fromkeys(tried) if folder.is_dir()]
    probe = [names[i] for i in sorted({0, len(names) // 2, len(names) - 1})] if names else []
    for folder in tried:
        if all((folder / name).is_file() for name in probe):
            return folder
    if prefix is not None:
        return tried[0]  # `missing_images` says what lacks
    shown = ', '.join(map(str, tried[:6]))
    raise DataError(f'{annotations}: its images, such as {names[0]!r}, are in none of: {shown}; set data_prefix.img')


def check_images(folder: Path, names: Iterable[str], annotations: Path) -> None:
    """Raise DataError unless every image is in the folder."""
    names = list(names)
    listed: dict[str, set[str]] = {}
    for name in names:
        part = os.path.dirname(name)
        if part not in listed:
            place = folder / part
            listed[part] = set(os.listdir(place)) if place.is_dir() else set()
    missing = [name for name in names if os.path.basename(name) not in listed[os.path.dirname(name)]]
    if missing:
        raise DataError(
            f'{annotations} names {len(missing)} of {len(names)} images that are not in {folder}, the first is '
            f'{missing[0]!r}; add them, or take their entries out of the file'
        )


def _parse(path: Path) -> tuple[dict[str, Any], str]:
    if not path.is_file():
        raise DataError(f'{path}: no such annotation file; --data takes a COCO folder, or the .json itself')
    text = path.read_bytes()
    try:
        raw = json.loads(text)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f'{path}: not JSON: {error}; is the file complete?') from error
    if not isinstance(raw, Mapping) or any(not isinstance(raw.get(name), list) for name in SECTIONS):
        raise DataError(f'{path}: not a COCO file: it needs the lists {", ".join(SECTIONS)}')
    if not raw['images'] or not raw['categories']:
        raise DataError(f'{path}: no {"images" if raw["categories"] else "categories"} in it')
    return dict(raw), hashlib.sha256(text).hexdigest()


def _images(path: Path, entries: list) -> list[dict[str, Any]]:
    """Entries with a `file_name`. LVIS v1 gives only `coco_url`, whose last two parts are the file's place in COCO."""
    images, seen = [], set()
    for place, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or 'id' not in entry:
            raise DataError(f'{path}: images[{place}] has no id')
        name = entry.get('file_name') or '/'.join(str(entry.get('coco_url', '')).split('/')[-2:])
        size = (entry.get('height'), entry.get('width'))
        if not name or not all(isinstance(side, int) and side > 0 for side in size):
            raise DataError(f'{path}: images[{place}] (id {entry["id"]}) needs file_name, height and width')
        if entry['id'] in seen:
            raise DataError(f'{path}: images[{place}]: the id {entry["id"]} is there twice')
        seen.add(entry['id'])
        images.append({**entry, 'file_name': name})
    return sorted(images, key=lambda image: image['id'])


def _categories(path: Path, entries: list) -> list[dict[str, Any]]:
    for place, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or not isinstance(entry.get('id'), int) or not entry.get('name'):
            raise DataError(f'{path}: categories[{place}] needs an integer id and a name')
    for key in ('id', 'name'):
        values = [entry[key] for entry in entries]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise DataError(f'{path}: two categories have the {key} {twice!r}')
    return sorted(entries, key=lambda category: category['id'])


def _problem(annotation: Any, sizes: Mapping, known: set[int], masks: bool) -> str | None:
    """What is wrong with an annotation, or None."""
    if not isinstance(annotation, Mapping) or not {'id', 'image_id', 'category_id', 'bbox'} <= annotation.keys():
        return 'needs id, image_id, category_id and bbox'
    if annotation['image_id'] not in sizes:
        return f'belongs to image {annotation["image_id"]}, which is not among the images'
    if annotation['category_id'] not in known:
        return f'has category {annotation["category_id"]}, which is not among the categories {_some(known)}'
    box = annotation['bbox']
    if not isinstance(box, Sequence) or len(box) != 4 or not all(_is_finite(value) for value in box):
        return f'bbox is {box!r}; it must be four numbers: left, top, width, height in pixels'
    if masks and not annotation.get('segmentation'):
        return 'has no segmentation; for boxes alone take --cfg-options model.roi_head.mask_head=None'
    return None


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _some(values: set[int]) -> str:
    shown = sorted(values)
    return f'{shown[:8]}' if len(shown) <= 8 else f'({len(shown)} from {shown[0]} to {shown[-1]})'


def _is_visible(box: Sequence[float], size: tuple[int, int]) -> bool:
    left, top, width, height = box
    inside_x = min(left + width, size[1]) - max(left, 0)
    inside_y = min(top + height, size[0]) - max(top, 0)
    return width >= 1 and height >= 1 and inside_x > 0 and inside_y > 0
