"""The data set of every detection config: COCO or LVIS annotations that were checked when it was built."""

import functools
from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset
from mmdet.registry import DATASETS

from det_mmdetection.annotations import check_images, image_folder, read_annotations
from pretrain.data.parts import difference
from pretrain.errors import DataError


@DATASETS.register_module()
class InstanceDataset(BaseDetDataset):
    """Objects with boxes, and masks if asked for. Classes are the categories of the file, in the order of their ids.

    Args:
        ann_file: COCO or LVIS json, below `data_root` unless absolute.
        masks: objects must have a `segmentation`.
        data_prefix: `dict(img=folder)` below `data_root`; without it the images are looked for around the file.
        metainfo: `dict(classes=...)`, if given, must name the file's categories in the order of their ids.
        filter_cfg: of training: `filter_empty_gt` leaves out images without an object (crowds do not count), `min_size`
            those with a shorter side.
        common: mmdet's own arguments: `data_root`, `pipeline`, `test_mode`, `indices`.

    Unlike `CocoDataset`, an object whose category is not among the classes is an error, never left out in silence; and
    so are missing images, ids that are there twice, and an image listed with another size than it has.

    Raises DataError when built.
    """

    def __init__(self, ann_file: str, masks: bool = True, data_prefix: dict | None = None, **common):
        self.masks = masks
        self.wanted = (common.pop('metainfo', None) or {}).get('classes')
        self.notes: list[str] = []
        super().__init__(ann_file=ann_file, data_prefix=dict(data_prefix or {}), **common)

    def load_data_list(self) -> list[dict[str, Any]]:
        found = read_annotations(self.ann_file, self.masks)
        differ = self.wanted and difference(self.wanted, found.classes)
        if differ:
            raise DataError(
                f'{self.ann_file} has {len(found.classes)} categories, the config names {len(self.wanted)} classes '
                f'({differ}); leave metainfo out to take those of the file'
            )
        names = [image['file_name'] for image in found.images]
        prefix = self.data_prefix.get('img')
        self.folder = image_folder(Path(self.ann_file), names, prefix)
        check_images(self.folder, names, Path(self.ann_file))
        self._metainfo['classes'] = found.classes
        self.cat_ids, self.sha256, self.notes = found.cat_ids, found.sha256, found.notes
        self.num_objects = sum(map(len, found.of_image.values()))
        self._found = found if self.test_mode else None  # COCO's training annotations fill gigabytes
        label = {number: i for i, number in enumerate(found.cat_ids)}
        return [self._entry(image, found.of_image[image['id']], label) for image in found.images]

    def filter_data(self) -> list[dict[str, Any]]:
        rules = {} if self.test_mode else self.filter_cfg or {}
        kept = []
        for entry in self.data_list:
            has_object = any(not instance['ignore_flag'] for instance in entry['instances'])
            if min(entry['height'], entry['width']) < rules.get('min_size', 0):
                continue
            if has_object or not rules.get('filter_empty_gt', False):
                kept.append(entry)
        if not kept:
            raise DataError(f'{self.ann_file}: no image has an object to train on')
        return kept

    @functools.cached_property
    def ground_truth(self) -> dict[str, Any]:
        """The annotations of the images of this set in COCO's form, images in its order; with `test_mode` alone."""
        if self._found is None:
            raise RuntimeError('only a set with test_mode=True keeps its annotations for scoring')
        by_id = {image['id']: image for image in self._found.images}
        images = [by_id[self.get_data_info(i)['img_id']] for i in range(len(self))]
        annotations = [entry for image in images for entry in self._found.of_image[image['id']]]
        return {'images': images, 'annotations': annotations, 'categories': self._found.categories}

    def _entry(self, image: dict, annotations: list[dict], label: dict[int, int]) -> dict[str, Any]:
        return {
            'img_path': str(self.folder / image['file_name']),
            'img_id': image['id'],
            'height': image['height'],
            'width': image['width'],
            'instances': [_instance(annotation, label) for annotation in annotations],
        }


def _instance(annotation: dict, label: dict[int, int]) -> dict[str, Any]:
    left, top, width, height = annotation['bbox']
    instance = {
        'bbox': [left, top, left + width, top + height],
        'bbox_label': label[annotation['category_id']],
        'ignore_flag': int(bool(annotation.get('iscrowd', False) or annotation.get('ignore', False))),
    }
    if annotation.get('segmentation'):
        instance['mask'] = annotation['segmentation']
    return instance
