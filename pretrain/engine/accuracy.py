"""Accuracy and likelihood that depend on the predictions alone: not on batches, order or processes."""

import numpy as np
import torch
from torch import Tensor, nn

from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.record import Scores


class ClassMetrics:
    """Collects one row per sample, keyed by its index in the data set. Shares in [0, 1], nll in nats per sample.

    Args:
        num_samples: size of the evaluated set.
        num_classes: of the logits.
        classes: names for the per-class scores; numbers where there are none.
        likelihood: False when what is added is no log-probability up to a constant (votes); there is no nll then.

    Rows are sorted by index before anything is summed, in int64 and float64, so equal predictions give equal scores to
    the last bit whatever the batches, their order and the number of processes.
    """

    def __init__(self, num_samples: int, num_classes: int, classes: list[str] | None = None, likelihood: bool = True):
        self.num_samples, self.num_classes, self.likelihood = num_samples, num_classes, likelihood
        self.classes = classes or [str(i) for i in range(num_classes)]
        self.rows: list[tuple[np.ndarray, ...]] = []

    def observe(self, model: nn.Module, batch: dict) -> None:
        """Add the predictions of `model` for a collated batch."""
        prepared = model.data_preprocessor(batch)
        self.add(batch['index'], model.predict(prepared)['logits'], prepared['label'])

    def add(self, index: Tensor, logits: Tensor, label: Tensor) -> None:
        """`(B,)`, `(B, classes)`, `(B,)`. Raises RuntimeError when a logit is not finite."""
        logits, label = logits.detach().double(), label.to(logits.device)
        if not bool(torch.isfinite(logits).all()):
            bad = index[~torch.isfinite(logits).all(1).cpu()].tolist()
            raise RuntimeError(f'predictions are not finite for {len(bad)} samples, the first has index {bad[0]}')
        nll = torch.logsumexp(logits, 1) - logits.gather(1, label[:, None])[:, 0]
        row = (index, label, rank_of(logits, label), nll)
        self.rows.append(tuple(t.cpu().numpy() for t in row))

    def gather(self) -> None:
        """Bring the rows of all processes to every one of them."""
        self.rows = gather_rows(self.rows)

    def scores(self) -> Scores:
        """Raises RuntimeError unless every sample was seen exactly once."""
        columns = [np.concatenate(c) for c in zip(*self.rows, strict=True)] if self.rows else [np.empty(0, int)] * 4
        order = np.argsort(columns[0], kind='stable')
        index, label, rank, nll = (c[order] for c in columns)
        check_complete(index.tolist(), self.num_samples)
        counts = np.bincount(label, minlength=self.num_classes)
        hits = np.bincount(label[rank < 1], minlength=self.num_classes)
        per_class = {self.classes[i]: hits[i] / counts[i] for i in range(self.num_classes) if counts[i]}
        overall = {'top1': int((rank < 1).sum()) / len(index)}
        if self.num_classes > 5:
            overall['top5'] = int((rank < 5).sum()) / len(index)
        overall['mean_class_top1'] = float(np.mean(list(per_class.values())))
        if self.likelihood:
            overall['nll'] = float(nll.sum(dtype=np.float64) / len(index))
        return Scores(overall, {'top1': {k: float(v) for k, v in per_class.items()}}, len(index))


def rank_of(logits: Tensor, label: Tensor) -> Tensor:
    """How many classes come before the true one `(B,)`: larger logits, and equal ones with a smaller class index."""
    own = logits.gather(1, label[:, None])
    numbers = torch.arange(logits.shape[1], device=logits.device)
    before = (logits > own) | ((logits == own) & (numbers < label[:, None]))
    return before.sum(1)
