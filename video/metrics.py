"""Accuracy of clips that depends on the predictions alone: not on batches, order or processes."""

import numpy as np
import torch
from torch import Tensor, nn

from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.engine.record import Scores


class ClipMetrics:
    """One row per video, keyed by its index in the data set, never by its name: file stems repeat in real sets.

    Scores, shares in [0, 1]: `top1`, `top5` where there are more than 5 classes, `mean_class_top1` over the classes
    that occur, and `nll` in nats. Of equal probabilities the smaller class index wins.

    Args:
        num_samples: size of the evaluated set.
        classes: names for the per-class scores; numbers where there are none.
    """

    def __init__(self, num_samples: int, num_classes: int, classes: list[str] | None = None):
        self.num_samples, self.num_classes = num_samples, num_classes
        self.classes = classes or [str(i) for i in range(num_classes)]
        self.rows: list[tuple[np.ndarray, ...]] = []

    def observe(self, model: nn.Module, batch: dict) -> None:
        prepared = model.data_preprocessor(batch)
        self.add(batch['index'], model.predict(prepared)['probabilities'], prepared['label'])

    def add(self, index: Tensor, probabilities: Tensor, label: Tensor) -> None:
        """`(B,)`, `(B, classes)`, `(B,)`. Raises RuntimeError when a probability is not finite."""
        shares, label = probabilities.detach().double(), label.to(probabilities.device)
        if not bool(torch.isfinite(shares).all()):
            bad = index[~torch.isfinite(shares).all(1).cpu()].tolist()
            raise RuntimeError(f'predictions are not finite for {len(bad)} videos, the first has index {bad[0]}')
        own = shares.gather(1, label[:, None])
        numbers = torch.arange(shares.shape[1], device=shares.device)
        rank = ((shares > own) | ((shares == own) & (numbers < label[:, None]))).sum(1)
        nll = -own[:, 0].clamp(min=torch.finfo(torch.float64).tiny).log()
        self.rows.append(tuple(t.cpu().numpy() for t in (index, label, rank, nll)))

    def gather(self) -> None:
        self.rows = gather_rows(self.rows)

    def scores(self) -> Scores:
        columns = [np.concatenate(c) for c in zip(*self.rows, strict=True)] if self.rows else [np.empty(0, int)] * 4
        order = np.argsort(columns[0], kind='stable')
        index, label, rank, nll = (column[order] for column in columns)
        check_complete(index.tolist(), self.num_samples)
        counts = np.bincount(label, minlength=self.num_classes)
        hits = np.bincount(label[rank < 1], minlength=self.num_classes)
        per_class = {self.classes[i]: float(hits[i] / counts[i]) for i in range(self.num_classes) if counts[i]}
        overall = {'top1': int((rank < 1).sum()) / len(index)}
        if self.num_classes > 5:
            overall['top5'] = int((rank < 5).sum()) / len(index)
        overall['mean_class_top1'] = float(np.mean(list(per_class.values())))
        overall['nll'] = float(nll.sum() / len(index))
        return Scores(overall, {'top1': per_class}, len(index))
