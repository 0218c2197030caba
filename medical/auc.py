"""Area under the ROC curve and accuracy that depend on the predictions alone: not on batches, order or processes."""

from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.errors import DataError
from pretrain.record import Scores


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """The probability that a positive scores above a negative, ties counting half (Mann, Whitney); NaN without both."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float('nan')
    ranks = rankdata(score, method='average')
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


class FindingMetric:
    """Of one class per image: `auc`, the mean over classes of one against the rest (of two classes: of the second), and
    `accuracy` (MedMNIST's protocol). Of several findings: `auc`, the mean over findings, and `accuracy`, the mean over
    findings of the share that is right at probability 0.5, which rare findings make high whatever is predicted.

    Per class: `auc` and, as counts, `positives`. A finding without positives or without negatives has no AUC and is
    left out of the mean; `scored` says how many have one. Labels that are NaN count for nothing.

    Args:
        dataset: an ImageDataset whose source has `multi_label`, or labels with ints.
        classes: names in label order.
        multi_label: whether labels are findings.
    """

    def __init__(self, dataset: Any, classes: list[str], multi_label: bool):
        self.dataset, self.classes, self.multi_label = dataset, classes, multi_label
        self.rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def observe(self, model: nn.Module, batch: dict) -> None:
        """Add the predictions of `model` for a collated batch of images."""
        prepared = model.data_preprocessor(batch)
        self.add(batch['index'], model.predict(prepared)['logits'], prepared['label'])

    def add(self, index: Tensor, logits: Tensor, label: Tensor) -> None:
        """`(B,)`, `(B, classes)`, and `(B,)` or `(B, classes)`. Raises RuntimeError when a logit is not finite."""
        logits = logits.detach().double().cpu()
        if not bool(torch.isfinite(logits).all()):
            bad = index[~torch.isfinite(logits).all(1)].tolist()
            raise RuntimeError(f'prediction for {self.dataset.source.name(bad[0])} is not finite')
        self.rows.append((index.cpu().numpy(), logits.numpy(), label.cpu().numpy()))

    def gather(self) -> None:
        """Bring the rows of all processes to every one of them."""
        self.rows = gather_rows(self.rows)

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Of classes `(B, classes)`."""
        shifted = logits - logits.max(1, keepdims=True)
        return np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)

    def scores(self) -> Scores:
        """Raises RuntimeError unless every image was seen exactly once, DataError when no class has both kinds."""
        index, logits, label = (np.concatenate(column) for column in zip(*self.rows, strict=True))
        order = np.argsort(index, kind='stable')
        check_complete(index[order].tolist(), len(self.dataset))
        logits, label = logits[order], label[order]
        if self.multi_label:
            known = ~np.isnan(label)
            columns = [
                (logits[known[:, i], i], label[known[:, i], i] > 0.5, self.classes[i]) for i in range(label.shape[1])
            ]
            shares = [np.mean((score > 0) == true) for score, true, _ in columns if len(true)]
            accuracy = float(np.mean(shares))
        else:
            probability = self.probability(logits)
            # Of two classes both areas are one number; the difference of logits has no ties that rounding makes.
            chosen = [1] if logits.shape[1] == 2 else range(logits.shape[1])
            score = (logits[:, 1:] - logits[:, :1]) if logits.shape[1] == 2 else probability
            columns = [(score[:, k if logits.shape[1] > 2 else 0], label == k, self.classes[k]) for k in chosen]
            accuracy = float((logits.argmax(1) == label).mean())
        areas = {name: auroc(score, true) for score, true, name in columns}
        areas = {name: area for name, area in areas.items() if not np.isnan(area)}
        if not areas:
            raise DataError('no class of the validation data has both positive and negative images; there is no AUC')
        overall = {'auc': float(np.mean(list(areas.values()))), 'accuracy': accuracy, 'scored': float(len(areas))}
        positives = {name: float(true.sum()) for _, true, name in columns}
        return Scores(overall, {'auc': areas, 'positives': positives}, len(index))


class VoteMetric(FindingMetric):
    """Of votes `(B, classes)`, not negative: their shares are the probabilities, and equal shares stay equal."""

    def add(self, index: Tensor, votes: Tensor, label: Tensor) -> None:
        super().add(index, votes.double() / votes.double().sum(1, keepdim=True), label)

    def probability(self, logits: np.ndarray) -> np.ndarray:
        return logits
