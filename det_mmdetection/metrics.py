"""Average precision of boxes and masks that depends on the predictions alone: not on batches, order or processes."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from pycocotools import mask as rle
from torch import Tensor, nn

from det_mmdetection.coco_scores import Detections, GroundTruth, curves
from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.errors import ConfigError, DataError
from pretrain.record import Scores

MAX_DETS = {'coco': (1, 10, 100), 'lvis': (300,)}
"""How many detections of an image count, by default."""


class CocoMetric:
    """Collects the detections of an MMDetection model, one row per image, and scores them as COCO or LVIS do.

    Overall scores are shares in [0, 1], named `bbox_` and, with masks, `segm_` followed by

    - COCO: AP, AP50, AP75, APs, APm, APl, AR1, AR10, AR100 (the numbers of `max_dets`), ARs, ARm, ARl; AP is taken with
      the largest of `max_dets`, also where `COCOeval.summarize` would insist on 100.
    - LVIS: AP, AP50, AP75, APs, APm, APl, APr, APc, APf, AR300.

    A score of which the set has no object (no small one, no rare category) is left out; COCO's tools say -1. Per class
    there is the AP of `bbox` and `segm`, without classes that have no object. Crowd regions match any number of
    detections and count as nothing.

    LVIS is annotated in part: a detection counts only if its image is known to have, or not to have, its category, and
    unmatched ones of categories that are not annotated exhaustively are left out (Gupta et al., 2019, and `LVISEval` of
    the lvis package).

    Args:
        dataset: an OpenMMLabSet of a data set with `ground_truth` (COCO json of the evaluated images, in its order),
            `cat_ids` (category of each label) and `metainfo['classes']` (names of the labels). It is not changed.
        masks: whether predictions have masks, scored beside the boxes.
        max_dets: ascending; by default COCO's 1, 10, 100 of an image and category, or LVIS's 300 of an image.
        style: 'coco' or 'lvis'.

    Raises ConfigError for wrong arguments, DataError for a set that lacks what the style needs.
    """

    def __init__(self, dataset: Any, masks: bool, max_dets: Sequence[int] | None = None, style: str = 'coco'):
        if style not in MAX_DETS:
            raise ConfigError(f'style {style!r} is not one of {sorted(MAX_DETS)}')
        self.max_dets = MAX_DETS[style] if max_dets is None else tuple(max_dets)
        if list(self.max_dets) != sorted({n for n in self.max_dets if n > 0}) or not self.max_dets:
            raise ConfigError(f'max_dets {self.max_dets} are not positive and ascending')
        if style == 'lvis' and len(self.max_dets) > 1:
            raise ConfigError(f'max_dets {self.max_dets}: LVIS takes one number, of all detections of an image')
        self.dataset, self.masks, self.style = dataset, masks, style
        self.cat_ids = np.array(dataset.cat_ids, np.int64)
        self.sizes = [(image['height'], image['width']) for image in dataset.ground_truth['images'] if masks]
        self.truth = GroundTruth(dataset.ground_truth, dataset.cat_ids, masks, federated=style == 'lvis')
        names = [self.truth.categories.get(c, {}).get('name') for c in dataset.cat_ids]
        wrong = [pair for pair in zip_longest(dataset.metainfo['classes'], names) if pair[0] != pair[1]]
        if wrong:
            raise DataError(f'class {wrong[0][0]!r} has the category id of {wrong[0][1]!r} in the annotations')
        self.rows: list[tuple] = []

    def observe(self, model: nn.Module, batch: dict) -> None:
        """Add what `model` finds in a collated batch, boxes and masks in pixels of the original images."""
        for index, sample in zip(batch['index'].tolist(), model.test_step(batch), strict=True):
            self.add(index, sample.pred_instances)

    def add(self, index: int, found: Any) -> None:
        """`bboxes` `(N, 4)` left, top, right, bottom; `scores` and `labels` `(N,)`; `masks` bool `(N, H, W)`.

        Raises RuntimeError, which names the image, when a score or box is not finite, a label is none of the set's, or
        masks have another size than the image.
        """
        boxes, scores, labels = (t.detach().cpu().numpy() for t in (found.bboxes, found.scores, found.labels))
        problem = ''
        if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
            problem = 'scores or boxes are not finite'
        elif not ((labels >= 0) & (labels < len(self.cat_ids))).all():
            problem = f'there are labels {labels.min()} to {labels.max()}, the set has 0 to {len(self.cat_ids) - 1}'
        elif self.masks and tuple(found.masks.shape[1:]) != self.sizes[index]:
            problem = f'masks are {tuple(found.masks.shape[1:])}, the image is {self.sizes[index]} high and wide'
        if problem:
            raise RuntimeError(f'predictions for {self.dataset.name(index)}: {problem}')
        kept: Any = slice(None)
        if self.style == 'lvis' and len(scores) > self.max_dets[0]:
            kept = np.argsort(-scores, kind='stable')[: self.max_dets[0]]
        counts = run_lengths(found.masks[kept]) if self.masks else None
        self.rows.append((index, boxes[kept], scores[kept], labels[kept], counts))

    def gather(self) -> None:
        """Bring the rows of all processes to every one of them."""
        self.rows = gather_rows(self.rows)

    def scores(self) -> Scores:
        """Raises RuntimeError unless every image was seen exactly once."""
        rows = sorted(self.rows, key=lambda row: row[0])
        check_complete([row[0] for row in rows], len(self.dataset))
        detections = self.detections(rows)
        overall: dict[str, float] = {}
        per_class: dict[str, dict[str, float]] = {}
        for kind in ('bbox', 'segm') if self.masks else ('bbox',):
            found = curves(self.truth, detections, kind, self.max_dets)
            summary = found.summary(self.max_dets, areas_of_recall=self.style == 'coco')
            if self.style == 'lvis':
                summary |= found.by_frequency(self.truth.categories)
            overall |= {f'{kind}_{name}': value for name, value in summary.items()}
            values = found.by_category()
            per_class[f'{kind}_AP'] = {
                name: values[c]
                for c, name in zip(self.dataset.cat_ids, self.dataset.metainfo['classes'])
                if c in values
            }
        return Scores(overall, per_class, len(rows))

    def detections(self, rows: list[tuple]) -> Detections:
        """The rows, at least one, as columns."""
        indices, boxes, scores, labels, counts = zip(*rows)
        image = np.repeat(indices, [len(s) for s in scores])
        box = np.concatenate(boxes).astype(np.float64)
        box[:, 2:] -= box[:, :2]
        masks = None
        if self.masks:
            masks = [{'size': list(self.sizes[i]), 'counts': c} for i, part in zip(indices, counts) for c in part]
        category = self.cat_ids[np.concatenate(labels).astype(np.int64)]
        return Detections(image, category, np.concatenate(scores).astype(np.float64), box, masks)


def run_lengths(masks: Tensor) -> list[bytes]:
    """The compressed `counts` of bool masks `(N, H, W)`, by pycocotools, which is quicker at it than faster_coco_eval.

    Columns are brought together on the masks' device, where it costs least.
    """
    columns = masks.bool().permute(0, 2, 1).contiguous().cpu().numpy().view(np.uint8)
    return [code['counts'] for code in rle.encode(columns.transpose(2, 1, 0))]
