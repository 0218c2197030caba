"""k nearest neighbours on frozen features: weighted vote by cosine similarity (Wu et al. 2018; DINO's settings)."""

import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from classification.frozen import Features, frozen_run
from classification.task import ClassificationTask
from pretrain.engine.accuracy import ClassMetrics
from pretrain.engine.transfer import Request
from pretrain.errors import ConfigError
from pretrain.record import Result
from pretrain.registry import TASKS

CHUNK = 1 << 25
"""Similarities held at once. Fixed, so that the same features always meet the same rounding."""


@TASKS.register_module()
class KNN(ClassificationTask):
    """Classify validation images by their `k` most similar training images.

    Args:
        k: neighbours.
        temperature: T of the vote `exp(cosine / T)`.
    """

    def __init__(self, k: int = 20, temperature: float = 0.07):
        if k < 1 or temperature <= 0:
            raise ConfigError(f'task.k is {k} and task.temperature {temperature}; both must be positive')
        self.k, self.temperature = k, temperature

    def run(self, cfg: Config, request: Request, config_hash: str) -> Result:
        found = frozen_run(self, cfg, request, config_hash)
        setting, device = found.setting, found.model.data_preprocessor.mean.device
        votes = knn_votes(found.train, found.val.x, self.k, self.temperature, setting.data.num_classes, device)
        metrics = ClassMetrics(
            len(found.val.label), setting.data.num_classes, setting.data.val.classes, likelihood=False
        )
        metrics.add(torch.arange(len(votes)), votes, found.val.label)
        return found.record(metrics.scores())


def knn_votes(
    train: Features, queries: Tensor, k: int, temperature: float, num_classes: int, device: torch.device | str = 'cpu'
) -> Tensor:
    """Votes `(Q, classes)` in float64, exact: every similarity is computed.

    Of equally similar training images those with the smaller index are taken. Raises ConfigError when there are fewer
    training images than `k`.
    """
    if k > len(train.x):
        raise ConfigError(f'task.k is {k}, but there are only {len(train.x)} training images; lower it')
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
