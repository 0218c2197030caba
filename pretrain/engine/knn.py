"""k nearest neighbours on frozen features: weighted vote by cosine similarity (Wu et al. 2018; DINO's settings)."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from pretrain.data.parts import LabelledData
from pretrain.engine.accuracy import ClassMetrics
from pretrain.engine.features import Features, frozen_run
from pretrain.engine.task import TransferTask
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.record import Result

CHUNK = 1 << 25
"""Similarities held at once. Fixed, so that the same features always meet the same rounding."""


class NearestNeighbours(TransferTask):
    """Classify validation samples by their `k` most similar training samples; beside a domain's task, before it.

    Args:
        k: neighbours.
        temperature: T of the vote `exp(cosine / T)`.
        domain: arguments of the domain's task.
    """

    def __init__(self, k: int = 20, temperature: float = 0.07, **domain):
        super().__init__(**domain)
        if k < 1 or temperature <= 0:
            raise ConfigError(f'task.k is {k} and task.temperature {temperature}; both must be positive')
        self.k, self.temperature = k, temperature

    def of_votes(self, data: LabelledData) -> Any:
        """An empty metric that takes votes."""
        return ClassMetrics(len(data.val), data.num_classes, data.val.classes, likelihood=False)

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        found = frozen_run(self, cfg, request, config_hash)
        data = found.setting.data
        votes = knn_votes(found.train, found.val.x, self.k, self.temperature, data.num_classes, found.device)
        metric = self.of_votes(data)
        metric.add(torch.arange(len(votes)), votes, found.val.label)
        return found.record(metric.scores())


def knn_votes(
    train: Features, queries: Tensor, k: int, temperature: float, num_classes: int, device: torch.device | str = 'cpu'
) -> Tensor:
    """Votes `(Q, classes)` in float64, exact: every similarity is computed.

    Of equally similar training samples those with the smaller index are taken. Raises ConfigError when there are fewer
    training samples than `k`.
    """
    if k > len(train.x):
        raise ConfigError(f'task.k is {k}, but there are only {len(train.x)} training samples; lower it')
    keys = F.normalize(train.x.to(device), dim=1)
    hot = F.one_hot(train.label.to(device), num_classes).double()
    votes = []
    for chunk in queries.split(max(1, CHUNK // len(keys))):
        similarity = F.normalize(chunk.to(device), dim=1) @ keys.T
        index = nearest(similarity, k)
        weight = torch.exp(similarity.gather(1, index).double() / temperature)
        votes.append((weight.unsqueeze(-1) * hot[index]).sum(1).cpu())
    return torch.cat(votes)


def nearest(similarity: Tensor, k: int) -> Tensor:
    """Indices `(Q, k)` of the `k` largest per row, ascending; of equals the smaller indices."""
    last = similarity.topk(k, dim=1).values[:, -1:]
    above, equal = similarity > last, similarity == last
    room = k - above.sum(1, keepdim=True)
    chosen = above | (equal & (equal.cumsum(1) <= room))
    return chosen.nonzero()[:, 1].reshape(len(similarity), k)
