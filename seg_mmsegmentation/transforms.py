"""The transform that reads labels, in place of MMSegmentation's LoadAnnotations."""

from collections.abc import Sequence

import numpy as np

from pretrain.errors import ConfigError, DataError
from pretrain.registry import TRANSFORMS
from seg_mmsegmentation.labels import IGNORED, LabelRule, label_rule, read_mask


@TRANSFORMS.register_module()
class LoadLabels:
    """Reads `seg_map_path` as `gt_seg_map`: class indices uint8 `(H, W)`, 255 where nothing counts.

    Unlike `LoadAnnotations` it refuses masks of another size than the image, and labels that are no class, which would
    train on nothing and be left out of the score.

    Args:
        num_classes: the task fills it in.
        ignore_index: labels that do not count; the task fills in those of the data set.
    """

    def __init__(self, num_classes: int | None = None, ignore_index: int | Sequence[int] = IGNORED):
        self.num_classes = num_classes
        self.ignore = (ignore_index,) if isinstance(ignore_index, int) else tuple(ignore_index)

    def __call__(self, results: dict) -> dict:
        _, results['gt_seg_map'] = self.read(results)
        results['seg_fields'].append('gt_seg_map')
        return results

    def read(self, results: dict) -> tuple[np.ndarray, np.ndarray]:
        """Labels as in the file, and class indices, both `(H, W)`."""
        path = results['seg_map_path']
        mask, size = read_mask(path), tuple(results['ori_shape'][:2])
        if mask.shape != size:
            raise DataError(
                f'mask {str(path)!r} is {mask.shape[1]}x{mask.shape[0]}, its image {results["img_path"]!r} is '
                f'{size[1]}x{size[0]}; one of them is wrong'
            )
        return mask, self.rule(results).classes(mask, path)

    def rule(self, results: dict) -> LabelRule:
        """What the labels of a sample stand for."""
        if self.num_classes is None:
            raise ConfigError('LoadLabels.num_classes is not set; it is the number of classes of the data set')
        label_map = results['label_map']
        pairs = None if label_map is None else tuple(label_map.items())
        return label_rule(self.num_classes, self.ignore, results['reduce_zero_label'], pairs)
