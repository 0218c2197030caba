"""Average precision and recall of a set of detections, as COCO and LVIS define them.

Equal to `pycocotools.cocoeval.COCOeval` to 1e-9 and several times as fast. Matching and curves are faster_coco_eval's.
It gets one category at a time, with the images that matter to it, because it keeps a record of each pair of image and
category, and LVIS has 24 million of them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval import mask as rle

from pretrain.errors import DataError

SUFFIXES = ('', 's', 'm', 'l')
"""Of the four areas of COCO: all, up to 32² pixels, up to 96², above."""
FREQUENCIES = ('r', 'c', 'f')
"""LVIS's rare, common and frequent categories: in up to 10, up to 100, and more images of the training set."""


@dataclass
class Detections:
    """`D` detections of a whole set; those of one image and category in the order in which equal scores are ranked.

    Attributes:
        image: `(D,)` position in the data set.
        category: `(D,)` category id.
        score: `(D,)`.
        box: `(D, 4)` left, top, width, height in pixels.
        mask: compressed run lengths as pycocotools has them, or None.
    """

    image: np.ndarray
    category: np.ndarray
    score: np.ndarray
    box: np.ndarray
    mask: list[dict] | None = None

    def __getitem__(self, chosen: np.ndarray) -> 'Detections':
        """Those at the positions `chosen`, int `(d,)`."""
        masks = None if self.mask is None else [self.mask[i] for i in chosen]
        return Detections(self.image[chosen], self.category[chosen], self.score[chosen], self.box[chosen], masks)

    def records(self, kind: str) -> list[dict[str, Any]]:
        """What `COCO.loadRes` would make of them, `image` being the id. Masks have the area of the mask."""
        if kind == 'segm':
            # pycocotools.mask.area (2.0.11) fails for more than 255 masks
            shape = {'segmentation': self.mask, 'area': rle.area(self.mask).tolist()}
        else:
            shape = {'bbox': self.box.tolist(), 'area': (self.box[:, 2] * self.box[:, 3]).tolist()}
        columns = {
            'id': range(1, len(self.image) + 1),
            'image_id': self.image.tolist(),
            'category_id': self.category.tolist(),
            'score': self.score.tolist(),
            **shape,
        }
        return [dict(zip(columns, values)) for values in zip(*columns.values())]


class GroundTruth:
    """The annotations of a set, copied, because evaluators write into them.

    Images and annotations get new ids. Images: their place when sorted by id, in which order pycocotools ranks equal
    scores of several images. Annotations: from 1, because 0 means 'unmatched' to the evaluators, pycocotools among
    them, and an object with this id could never be found.

    Args:
        content: COCO json, images in the order of the data set.
        cat_ids: the categories to evaluate; annotations of others are left out.
        masks: whether annotations need a `segmentation`.
        federated: LVIS. Images then have `neg_category_ids` and `not_exhaustive_category_ids`, categories `frequency`.
            There are no crowds; an annotation with `ignore` counts for nothing.

    Raises DataError for missing entries.
    """

    def __init__(self, content: dict[str, Any], cat_ids: Sequence[int], masks: bool, federated: bool):
        self.federated = federated
        chosen = set(cat_ids)
        self.categories = {c['id']: c for c in content['categories'] if c['id'] in chosen}
        if federated:
            _need(content['images'], 'image', ('neg_category_ids', 'not_exhaustive_category_ids'))
            _need(self.categories.values(), 'category', ('frequency',))
        place = {number: i for i, number in enumerate(sorted(image['id'] for image in content['images']))}
        self.rank = np.array([place[image['id']] for image in content['images']], np.int64)
        self.images = {place[image['id']]: {**image, 'id': place[image['id']]} for image in content['images']}
        self.annotations: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for number, found in enumerate(content['annotations'], 1):
            if found['category_id'] not in chosen:
                continue
            if masks and not found.get('segmentation'):
                raise DataError(f'annotation {found["id"]} has no segmentation; only boxes can be scored here')
            own = {**found, 'id': number, 'image_id': place[found['image_id']]}
            if federated:
                own['iscrowd'] = 0
                if found.get('ignore'):
                    # beyond every range of areas, and so ignored; the evaluator's own flag would stand for a crowd
                    own['area'] = np.inf
            self.annotations[own['category_id']].append(own)

    def judged(self, image: np.ndarray, category: np.ndarray) -> np.ndarray:
        """Whether it is known for these images (by rank) and categories if there are such objects, bool `(D,)`.

        Only LVIS has others: those of which an image has neither annotations nor the word that there are none.
        """
        if not self.federated:
            return np.ones(len(image), bool)
        column = {c: k for k, c in enumerate(sorted(self.categories))}
        known = {(a['image_id'], c) for c, found in self.annotations.items() for a in found}
        known |= {(i, c) for i, entry in self.images.items() for c in entry['neg_category_ids'] if c in column}
        pairs = [len(column) * i + column[c] for i, c in known]
        return np.isin(len(column) * image + np.searchsorted(list(column), category), pairs)


@dataclass
class Curves:
    """For `K` categories with annotations, `A` = 4 areas, `T` = 10 overlaps 0.5, 0.55 … 0.95; -1 where is no object.

    Attributes:
        cat_ids: `(K,)`.
        precision: `(T, 101, K, A)` at recalls 0, 0.01 … 1, with the largest number of detections.
        recall: `(T, K, A, M)` for each of `max_dets`.
    """

    cat_ids: list[int]
    precision: np.ndarray
    recall: np.ndarray

    def summary(self, max_dets: Sequence[int], areas_of_recall: bool = True) -> dict[str, float]:
        """COCO's twelve numbers in [0, 1]. Those of an area without an object are left out."""
        # overlaps 0 and 5 are 0.5 and 0.75
        cases = {'AP': self.precision[..., 0], 'AP50': self.precision[0, ..., 0], 'AP75': self.precision[5, ..., 0]}
        cases |= {f'AP{s}': self.precision[..., a] for a, s in enumerate(SUFFIXES) if a}
        cases |= {f'AR{n}': self.recall[:, :, 0, m] for m, n in enumerate(max_dets)}
        if areas_of_recall:
            cases |= {f'AR{s}': self.recall[:, :, a, -1] for a, s in enumerate(SUFFIXES) if a}
        return _means(cases)

    def by_category(self) -> dict[int, float]:
        """AP of each category that has an object."""
        return _means({c: self.precision[:, :, k, 0] for k, c in enumerate(self.cat_ids)})

    def by_frequency(self, categories: dict[int, dict]) -> dict[str, float]:
        """LVIS's APr, APc and APf; without those that have no object."""
        groups = [categories[c]['frequency'] for c in self.cat_ids]
        return _means({f'AP{f}': self.precision[:, :, [g == f for g in groups], 0] for f in FREQUENCIES})


def curves(truth: GroundTruth, detections: Detections, kind: str, max_dets: Sequence[int]) -> Curves:
    """Match detections with annotations; `kind` is 'bbox' or 'segm'.

    `max_dets` is ascending and counts the best detections of one image and category, for COCO. The limit of LVIS, which
    counts those of all categories together, is the caller's to keep: faster_coco_eval's `lvis_style` knows none. It
    does leave out what is not judged, and unmatched detections where annotations are not exhaustive; the first is done
    here too, before there is a record of each detection, most of which LVIS does not judge.
    """
    rank = truth.rank[detections.image]
    judged = np.flatnonzero(truth.judged(rank, detections.category))
    order = judged[np.argsort(detections.category[judged], kind='stable')]
    detections = replace(detections, image=rank)[order]
    cat_ids = sorted(truth.annotations)
    found = []
    for number in cat_ids:
        first, end = np.searchsorted(detections.category, [number, number + 1])
        found.append(_evaluate(truth, number, detections[np.arange(first, end)].records(kind), kind, max_dets))
    precision = [e['precision'][..., -1] for e in found] or [np.empty((10, 101, 0, 4))]
    recall = [e['recall'] for e in found] or [np.empty((10, 0, 4, len(max_dets)))]
    return Curves(cat_ids, np.concatenate(precision, 2), np.concatenate(recall, 1))


def _evaluate(truth: GroundTruth, category: int, detections: list[dict], kind: str, max_dets: Sequence[int]) -> dict:
    annotations = truth.annotations[category]
    seen = sorted({entry['image_id'] for entry in (*annotations, *detections)})
    shared = {'images': [truth.images[i] for i in seen], 'categories': [truth.categories[category]]}
    sets = [COCO({**shared, 'annotations': entries}) for entries in (annotations, detections)]
    evaluation = COCOeval_faster(*sets, kind, print_function=_silent, lvis_style=truth.federated)
    evaluation.params.maxDets = list(max_dets)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval


def _means(cases: dict[Any, np.ndarray]) -> dict[Any, float]:
    """The mean of what is no -1; cases without such a value are left out."""
    valid = {name: values[values > -1] for name, values in cases.items()}
    return {name: float(values.mean()) for name, values in valid.items() if values.size}


def _need(entries: Any, what: str, keys: Sequence[str]) -> None:
    for entry in entries:
        for key in keys:
            if key not in entry:
                raise DataError(f'{what} {entry["id"]} has no {key!r}, which the evaluation of LVIS needs; is it COCO?')


def _silent(*_: object) -> None:
    """Evaluators report every step."""
