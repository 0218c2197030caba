"""Intersection over union that depends on the predictions alone: not on batches, order or processes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.errors import DataError
from pretrain.record import Scores
from seg_mmsegmentation.data import class_names
from seg_mmsegmentation.labels import IGNORED

ROWS = IGNORED + 1


class ConfusionMetric:
    """Counts pixels by true and predicted class, in one int64 matrix `(K, K)` over all images.

    Overall: mIoU, mAcc (the mean over classes of the share of its pixels that are found) and aAcc (the share of all
    pixels that are right), in [0, 1]; per class: IoU and Acc. Pixels whose true class is 255 count for nothing,
    whatever is predicted for them.

    Absent classes are treated as MMSegmentation's IoUMetric does. A class without a pixel in truth and prediction has
    no IoU and is left out of mIoU; one that is only predicted has an IoU of 0, which counts in mIoU, and no Acc. Per
    class, scores that do not exist are left out. MMSegmentation adds float32 counts, whose rounding errors these scores
    lack.

    Args:
        dataset: an OpenMMLabSet of MMSegmentation's data sets.
    """

    def __init__(self, dataset: Any):
        self.dataset, self.classes = dataset, class_names(dataset)
        self.indices: list[int] = []
        self.matrix = np.zeros((len(self.classes),) * 2, np.int64)

    def observe(self, model: nn.Module, batch: dict) -> None:
        """Add what `model` predicts for a collated batch, at the size of the masks.

        The model takes batches of images of one size, so others are split. Raises RuntimeError, which names the image,
        when a logit is not finite.
        """
        shapes = [tuple(x.shape) for x in batch['inputs']]
        for shape in dict.fromkeys(shapes):
            chosen = [i for i, other in enumerate(shapes) if other == shape]
            part = {key: [batch[key][i] for i in chosen] for key in ('inputs', 'data_samples')}
            for i, sample in zip(chosen, model.test_step(part), strict=True):
                index = int(batch['index'][i])
                if not bool(torch.isfinite(sample.seg_logits.data).all()):
                    raise RuntimeError(f'prediction for {self.dataset.name(index)}: logits are not finite')
                self.add(index, sample.pred_sem_seg.data[0], sample.gt_sem_seg.data[0])

    def add(self, index: int, prediction: Tensor, truth: Tensor) -> None:
        """Class indices `(H, W)` of image `index`; 255 in `truth` where nothing counts.

        Raises RuntimeError, which names the image, for different sizes or a class index that does not exist.
        """
        try:
            self.matrix += confusion(prediction, truth, len(self.classes))
        except ValueError as error:
            raise RuntimeError(f'prediction for {self.dataset.name(index)}: {error}') from error
        self.indices.append(index)

    def gather(self) -> None:
        """Bring the counts of all processes to every one of them."""
        rows = gather_rows([(self.indices, self.matrix)])
        self.indices = [index for indices, _ in rows for index in indices]
        self.matrix = np.sum([matrix for _, matrix in rows], axis=0)

    def scores(self) -> Scores:
        """Raises RuntimeError unless every image was seen exactly once, DataError when no pixel counts."""
        check_complete(self.indices, len(self.dataset))
        if not self.matrix.any():
            raise DataError('no pixel of the validation masks counts: all are ignored')
        hits, truth, predicted = np.diag(self.matrix), self.matrix.sum(1), self.matrix.sum(0)
        union = truth + predicted - hits
        iou, accuracy = _by_class(hits, union), _by_class(hits, truth)
        overall = {
            'mIoU': float(np.nanmean(iou)),
            'mAcc': float(np.nanmean(accuracy)),
            'aAcc': float(hits.sum() / truth.sum()),
        }
        return Scores(overall, {'IoU': self._named(iou), 'Acc': self._named(accuracy)}, len(self.indices))

    def _named(self, values: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self.classes, values) if not np.isnan(value)}


def confusion(prediction: Tensor, truth: Tensor, number: int) -> np.ndarray:
    """Pixels by true (row) and predicted (column) class, int64 `(number, number)`. ValueError for what is no class."""
    if prediction.shape != truth.shape:
        raise ValueError(f'it is {tuple(prediction.shape)}, the mask {tuple(truth.shape)}')
    prediction, truth = prediction.long(), truth.to(prediction.device).long()
    for what, values in (('predicted', prediction), ('true', truth)):
        low, high = torch.aminmax(values)
        if low < 0 or high >= (number if what == 'predicted' else ROWS):
            raise ValueError(f'{what} classes are {int(low)} to {int(high)}, the set has {number}')
    # A row for each index up to 255, not only for classes, makes it needless to take the ignored pixels out.
    counts = torch.bincount(torch.add(prediction, truth, alpha=number).flatten(), minlength=ROWS * number)
    found = counts.view(ROWS, number).cpu().numpy()
    if found[number:IGNORED].any():
        raise ValueError(f'the mask has class {number + int(found[number:IGNORED].any(1).argmax())} of {number}')
    return found[:number]


def _by_class(hits: np.ndarray, total: np.ndarray) -> np.ndarray:
    """float64; nan where the total is 0."""
    return np.divide(hits, total, out=np.full(len(hits), np.nan), where=total > 0)
