"""k-NN on clips: the mean over views of the encoder's own features, and the vote of the rule stated plainly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pretrain.checkpoint.load import build_net
from pretrain.data.build import build_dataset
from pretrain.encoders.net import features
from pretrain.engine.launch import load_config
from pretrain.frozen import FrozenEncoder
from pretrain.record import read_result
from tools.main import main

pytestmark = pytest.mark.smoke

CONFIG = Path(__file__).parents[2] / 'video' / 'configs' / 'mini' / 'videomae_vit-base-p16_knn_1xb32-k20_k400.py'
SIZES = ['model.image_size=[4,16,16]', 'task.k=5']
for _part in ('train', 'val'):
    SIZES += [f'{_part}_dataloader.num_workers=0', f'{_part}_dataloader.dataset.transform.resize=16']
    SIZES += [f'{_part}_dataloader.dataset.sampling.{key}' for key in ('frames=4', 'stride=1')]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))


def plain(x: dict[str, np.ndarray], labels: dict[str, list[int]], k: int) -> float:
    """Share of validation videos whose k most similar training videos vote for their class."""
    unit = {part: v / np.linalg.norm(v, axis=1, keepdims=True) for part, v in x.items()}
    hits = 0
    for query, label in zip(unit['val'], labels['val']):
        cosine = unit['train'] @ query
        votes = np.zeros(3)
        for i in np.argsort(-cosine, kind='stable')[:k]:
            votes[labels['train'][i]] += np.exp(cosine[i] / 0.07)
        hits += int(votes.argmax()) == label
    return hits / len(labels['val'])


def test_against_a_plain_statement(clips: Path, clip_encoder: Callable[..., Path], tmp_path: Path) -> None:
    file = clip_encoder()
    words = ['transfer', CONFIG, '--checkpoint', file, '--data', clips / 'train', '--val', clips / 'val']
    words += ['--work-dir', tmp_path / 'run', '--cfg-options', *SIZES]
    assert main(list(map(str, words))) == 0
    result = read_result(tmp_path / 'run')
    assert result.protocol.id == 'video-mini-knn-8x32px' and result.load_report['coverage'] == 1
    net, _ = build_net(file)
    cfg, x, labels = load_config(CONFIG), {}, {}
    for part in ('train', 'val'):
        settings = cfg[f'{part}_dataloader'].dataset.to_dict()
        settings['source'] = {'type': 'ClipFolder', 'root': str(clips / part)}
        settings['sampling'] |= {'frames': 4, 'stride': 1}
        settings['transform'] |= {'resize': 16}
        dataset = build_dataset(settings)
        (shape,) = {dataset[i]['image'].shape for i in range(len(dataset))}
        assert shape == (1, 3, 4, 16, 16), 'one view of a video, always the same'
        pixels = torch.cat([dataset[i]['image'] for i in range(len(dataset))]).float() / 255
        x[part] = features(net, (pixels - 0.5) / 0.25).mean(1).numpy()  # normalised as the checkpoint's card says
        labels[part] = [dataset.source.label(i) for i in range(len(dataset))]
    assert result.scores['top1'] == plain(x, labels, 5)


def test_views_are_averaged(clip_encoder: Callable[..., Path]) -> None:
    model = FrozenEncoder({'checkpoint': str(clip_encoder())}, image_size=(4, 16, 16)).eval()
    views = torch.rand(2, 3, 3, 4, 16, 16)
    found = model.predict({'image': views})['features']
    each = torch.stack([model.predict({'image': views[:, i]})['features'] for i in range(3)])
    assert torch.allclose(found, each.mean(0)) and not torch.allclose(found, each[0])
