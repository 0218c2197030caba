"""The demo in its smallest size, from the pictures to the table; and again, when nothing is left to do."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.demo_parts import NEEDS, PARTS, Sizes
from tools.main import main
from tools.verbs import demo

pytestmark = pytest.mark.smoke


@dataclass
class Small(Sizes):
    unlabelled: int = 256
    train: int = 64
    val: int = 32
    scenes: int = 8
    val_scenes: int = 4
    clips: int = 64
    clouds: int = 80
    volumes: int = 8


@pytest.fixture
def run(tmp_path, monkeypatch):
    """`run('images')`: the words of a part's demo, and its exit code."""
    monkeypatch.setattr(demo, 'Sizes', Small)
    monkeypatch.setenv('MIMBENCH_CACHE', str(tmp_path / 'cache'))
    epochs = ['--epochs', '2', '--finetune-epochs', '3', '--dense-epochs', '1', '--other-epochs', '3']

    def call(part: str) -> int:
        return main(['demo', '--work-dir', str(tmp_path / 'demo'), '--only', part, *epochs])

    return call


def test_images(run, tmp_path, capsys):
    from pretrain.checkpoint.exchange import read_card

    assert run('images') == 0
    out = capsys.readouterr().out
    for word in ('tensors loaded', 'k-NN top-1', 'fine-tuned top-1', 'gain', 'random initialisation', 'picture:'):
        assert word in out, word
    card = read_card(tmp_path / 'demo' / 'mae' / 'encoder.safetensors')
    assert card.mean == (0.5, 0.5, 0.5) and card.std == (0.25, 0.25, 0.25), 'statistics come from the dataset card'
    assert list((tmp_path / 'demo' / 'mae' / 'pictures').glob('*.png'))
    page = (tmp_path / 'demo' / 'report' / 'report.html').read_text()
    assert 'classification-mini-knn-32px' in page and 'undecided at n=1' in page


def test_clouds(run, capsys):
    if not demo.works(NEEDS['clouds']):
        pytest.skip('the libraries of pointcloud are not installed')
    assert run('clouds') == 0
    out = capsys.readouterr().out
    for word in ('tensors loaded', 'random initialisation', 'gain', 'picture:'):
        assert word in out, word
    assert run('clouds') == 0
    assert 'was done before' in capsys.readouterr().out


@pytest.mark.parametrize('name', PARTS)
def test_every_part_draws_its_data_and_names_configs_that_exist(name, tmp_path, repo):
    """That the commands themselves work is what the tests of each domain show."""
    if not demo.works(NEEDS[name]):
        pytest.skip(f'the libraries of {NEEDS[name]} are not installed')
    part = PARTS[name](tmp_path, Small())
    for words in (part.pretrain, *([task.config, *task.where] for task in part.transfers)):
        assert (repo / words[0]).is_file(), words[0]
        assert all(Path(word).exists() for word in words[1:] if not word.startswith('--')), words
