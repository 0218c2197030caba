"""`mimbench card`, and the encoder that carries what it measured."""

import errno

import numpy as np
import pytest
from PIL import Image

from pretrain.data import load_card
from tools.main import main

pytestmark = pytest.mark.unit


@pytest.fixture
def scans(tmp_path):
    """Eight grey images of 12 bits in 16-bit files, in two class folders."""
    values = np.random.default_rng(0).integers(0, 4096, (8, 20, 24)).astype(np.uint16)
    for i, image in enumerate(values):
        path = tmp_path / 'scans' / f'class{i % 2}' / f'{i}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / 'scans', values


def test_grey_scans_of_twelve_bits(scans, capsys):
    folder, values = scans
    assert main(['card', str(folder), '--value-range', '0,4095', '--licence', 'CC0-1.0']) == 0
    card = load_card(folder)
    assert (card.channels, card.num_images, card.classes) == (1, 8, ('class0', 'class1'))
    assert (card.value_range, card.licence, card.name) == ((0.0, 4095.0), 'CC0-1.0', 'scans')
    assert card.mean[0] == pytest.approx(values.mean() / 4095, abs=1e-3)
    assert card.std[0] == pytest.approx(values.std() / 4095, abs=1e-3)
    assert 'dataset_card.json' in capsys.readouterr().out


def test_pretraining_with_the_card_reads_the_images_so(scans, tmp_path):
    from mmengine.config import Config

    from pretrain.data.card import use_card

    folder, values = scans
    assert main(['card', str(folder), '--value-range', '0,4095', '--out', str(tmp_path / 'cards')]) == 0
    assert not (folder / 'dataset_card.json').exists()
    cfg = Config({'model': {}, 'train_dataloader': {'dataset': {}}})
    use_card(cfg, load_card(tmp_path / 'cards'), 'train_dataloader')
    assert cfg.train_dataloader.dataset == {'channels': 1, 'value_range': (0.0, 4095.0)}
    assert cfg.model.channels == 1 and cfg.model.mean[0] == pytest.approx(values.mean() / 4095, abs=1e-3)


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['nowhere'], "no data at 'nowhere'"),
        (['.', '--value-range', '9,1'], 'smaller number first'),
        (['.', '--value-range', 'wide'], 'is no range'),
        (['.', '--sample', '0'], "--sample: '0' is no number from 1"),
        (['.', '--sample', '-3'], "--sample: '-3' is no number from 1"),
        (['.', '--channels', '0'], "--channels: '0' is no number from 1"),
        (['.', '--channels', 'RGB'], "--channels: 'RGB' is no number from 1"),
    ],
)
def test_mistakes(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(['card', *words]) == 2
    said = capsys.readouterr().err
    assert message in said and said.count('\n') == 1


def never(*args, **settings):
    raise AssertionError('measured')


@pytest.mark.parametrize('place', ['scans/class0/0.png', 'scans/class0/0.png/cards', '/proc/self'])
def test_a_place_for_the_card_is_looked_for_before_measuring(scans, monkeypatch, capsys, place):
    folder, _ = scans
    monkeypatch.setattr('pretrain.data.card.measure_card', never)
    assert main(['card', str(folder), '--out', str(folder.parent / place)]) == 2
    said = capsys.readouterr().err
    assert 'no card can be written into' in said and 'another folder with --out' in said and said.count('\n') == 1


def test_numbers_are_printed_even_if_the_card_cannot_be_saved(scans, monkeypatch, capsys):
    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('pretrain.data.card.DatasetCard.save', full)
    assert main(['card', str(scans[0])]) == 1
    said = capsys.readouterr()
    assert 'mean 0.' in said.out and 'std  0.' in said.out and 'disk is full' in said.err
