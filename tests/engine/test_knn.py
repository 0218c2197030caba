"""k-NN against a plain statement of the rule."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.engine import knn
from pretrain.engine.features import Features
from pretrain.engine.knn import NearestNeighbours, knn_votes, nearest
from pretrain.engine.launch import load_config
from pretrain.engine.lint import check_keys
from pretrain.errors import ConfigError
from pretrain.registry import register_all

pytestmark = pytest.mark.unit
ROOT = Path(__file__).resolve().parents[2]
register_all()


def plain_votes(train: np.ndarray, label: list[int], query: np.ndarray, k: int, temperature: float) -> list[float]:
    """Cosine to every training image, the k largest (of equals the first), each votes exp(cosine / T)."""
    cosine = [float(x @ query / (np.linalg.norm(x) * np.linalg.norm(query))) for x in train]
    votes = [0.0] * 4
    for i in sorted(range(len(train)), key=lambda i: (-cosine[i], i))[:k]:
        votes[label[i]] += math.exp(cosine[i] / temperature)
    return votes


@pytest.mark.parametrize('chunk', [1 << 25, 100])
def test_against_a_plain_statement(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knn, 'CHUNK', chunk)
    rng = np.random.default_rng(0)
    train, queries = rng.normal(size=(50, 6)), rng.normal(size=(9, 6))
    label = rng.integers(0, 4, 50).tolist()
    found = knn_votes(Features(torch.tensor(train), torch.tensor(label)), torch.tensor(queries), 7, 0.07, 4)
    for row, query in zip(found, queries):
        assert row.tolist() == pytest.approx(plain_votes(train, label, query, 7, 0.07), rel=1e-9)


def test_equal_neighbours_are_taken_by_index() -> None:
    similarity = torch.tensor([[0.5, 0.9, 0.5, 0.5, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2]])
    assert nearest(similarity, 3).tolist() == [[0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize('domain', ['classification', 'video', 'pointcloud'])
def test_a_misspelt_argument_is_found(domain: str) -> None:
    (config,) = (ROOT / domain / 'configs' / 'mini').glob('*_knn_*.py')
    cfg = load_config(config, {'task.kk': 3})
    with pytest.raises(ConfigError, match=r'task.kk: \w+ takes no such argument; did you mean'):
        check_keys(cfg)


def test_more_neighbours_than_samples() -> None:
    with pytest.raises(ConfigError, match='only 3 training samples'):
        knn_votes(Features(torch.randn(3, 2), torch.tensor([0, 1, 1])), torch.randn(2, 2), 4, 0.07, 2)
    with pytest.raises(ConfigError, match='must be positive'):
        NearestNeighbours(k=0)
