"""Accuracy of clouds and IoU of their parts, from the predictions alone: not from batches, order or processes."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pretrain.engine.accuracy import ClassMetrics
from pretrain.engine.evaluation import check_complete, gather_rows
from pretrain.errors import ConfigError
from pretrain.record import Scores


class CloudAccuracy(ClassMetrics):
    """The scores of ClassMetrics, and with votes `top1_vote`.

    Args:
        num_samples, num_classes, classes: as there.
        votes: None, or `dict(count=10, scale=(low, high), translate=t)`: one round of that many passes. It is a mode
            for comparison with papers, which report the best of up to 299 rounds on the test set; ours is one, fixed.
    """

    def __init__(
        self, num_samples: int, num_classes: int, classes: Sequence[str] | None = None, votes: dict | None = None
    ):
        names = list(classes) if classes else None
        super().__init__(num_samples, num_classes, names)
        self.votes = votes
        self.voted = ClassMetrics(num_samples, num_classes, names, likelihood=False)

    def observe(self, model: nn.Module, batch: dict) -> None:
        super().observe(model, batch)
        if not self.votes:
            return
        prepared = model.data_preprocessor(batch)
        if prepared['points'].shape[1] <= model.num_points:
            raise ConfigError(
                f'votes draw from more points than the {model.num_points} of a pass; set '
                'val_dataloader.dataset.transform.num_points to 1200'
            )
        votes = dict(self.votes)
        self.voted.add(batch['index'], model.vote(prepared, votes.pop('count'), **votes), prepared['label'])

    def gather(self) -> None:
        super().gather()
        self.voted.gather()

    def scores(self) -> Scores:
        found = super().scores()
        if self.votes:
            found.overall['top1_vote'] = self.voted.scores().overall['top1']
        return found


class PartIoU:
    """Intersection over union of parts (ShapeNetPart).

    The prediction of a point is the likeliest part among those of its object's category. A part that neither occurs
    nor is predicted counts 1. `instance_miou`: mean over clouds of the mean over their category's parts; `class_miou`:
    mean over categories of the mean over their clouds. `accuracy`: of points.

    Args:
        num_samples: size of the evaluated set.
        parts: part numbers of every category, in label order.
        classes: names of the categories.
    """

    def __init__(self, num_samples: int, parts: Sequence[Sequence[int]], classes: Sequence[str]):
        self.num_samples, self.parts, self.classes = num_samples, [list(p) for p in parts], list(classes)
        self.rows: list[tuple[int, int, float, int, int]] = []

    def observe(self, model: nn.Module, batch: dict) -> None:
        prepared = model.data_preprocessor(batch)
        logits = model.predict(prepared)['logits']
        for index, label, scores, truth in zip(
            batch['index'].tolist(), prepared['label'].tolist(), logits, prepared['parts'], strict=True
        ):
            self.add(index, label, scores, truth)

    def add(self, index: int, label: int, scores: Tensor, truth: Tensor) -> None:
        """One cloud: scores `(N, parts)` and true parts `(N,)`. RuntimeError when a score is not finite."""
        if not bool(torch.isfinite(scores).all()):
            raise RuntimeError(f'predictions are not finite for the cloud with index {index}')
        own = torch.tensor(self.parts[label])
        predicted = own[scores.detach().cpu()[:, own].max(1).indices].numpy()
        actual = truth.cpu().numpy()
        ious = []
        for part in self.parts[label]:
            union = int(((predicted == part) | (actual == part)).sum())
            ious.append(int(((predicted == part) & (actual == part)).sum()) / union if union else 1.0)
        self.rows.append((index, label, float(np.mean(ious)), int((predicted == actual).sum()), len(actual)))

    def gather(self) -> None:
        self.rows = gather_rows(self.rows)

    def scores(self) -> Scores:
        rows = sorted(self.rows)
        check_complete([row[0] for row in rows], self.num_samples)
        labels, ious = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
        per_class = {
            name: float(ious[labels == i].mean()) for i, name in enumerate(self.classes) if (labels == i).any()
        }
        overall = {
            'instance_miou': float(ious.mean()),
            'class_miou': float(np.mean(list(per_class.values()))),
            'accuracy': sum(r[3] for r in rows) / sum(r[4] for r in rows),
        }
        return Scores(overall, {'miou': per_class}, len(rows))
