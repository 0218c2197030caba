import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from pretrain.data import ArraySource, DatasetCard, FolderSource, TarSource, load_card, measure_card
from pretrain.errors import ConfigError, DataError

pytestmark = pytest.mark.unit


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert('RGB')).reshape(-1, 3) / 255


def test_statistics_against_numpy(shards, pictures):
    card = measure_card(TarSource(shards, classes='abc'), 'small', licence='CC0-1.0')
    values = np.concatenate([pixels(p) for p in pictures])
    np.testing.assert_allclose(card.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(card.std, values.std(0), rtol=1e-12)
    assert (card.num_images, card.classes, card.channels, card.licence) == (12, ('a', 'b', 'c'), 3, 'CC0-1.0')


def test_statistics_of_a_sample(shards, pictures):
    cards = [measure_card(TarSource(shards), 's', max_images=5, seed=seed) for seed in (0, 0, 1)]
    assert cards[0] == cards[1] != cards[2]
    assert cards[0].num_images == 12
    assert measure_card(TarSource(shards), 's', max_images=99) == measure_card(TarSource(shards), 's')


def test_statistics_of_n_channels(tmp_path):
    images = np.random.RandomState(0).randint(0, 65536, (4, 6, 7, 5)).astype(np.uint16)
    np.save(tmp_path / 'stack.npy', images)
    card = measure_card(ArraySource(tmp_path / 'stack.npy'), 'five', channels=5)
    np.testing.assert_allclose(card.mean, (images / 65535).mean((0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(card.std, (images / 65535).std((0, 1, 2)), atol=1e-3)


def test_a_few_grey_files_leave_a_colour_set_coloured(tmp_path):
    for i, mode in enumerate(('L', 'RGB', 'RGB')):
        Image.effect_noise((8, 8), 60).convert(mode).save(tmp_path / f'{i}.png')
    assert measure_card(FolderSource(tmp_path), 'mixed').channels == 3
    (tmp_path / '1.png').unlink()
    (tmp_path / '2.png').unlink()
    assert measure_card(FolderSource(tmp_path), 'grey').channels == 1


def test_real_statistics(shared_data):
    card = measure_card(TarSource(shared_data / 'tiny_imagenet_unlabelled' / '*.tar'), 'tiny', max_images=200)
    np.testing.assert_allclose(card.mean, (0.48, 0.45, 0.40), atol=0.04)
    np.testing.assert_allclose(card.std, (0.276, 0.269, 0.282), atol=0.03)


def test_damaged_image_is_named(folder, damage):
    damage(folder / 'c' / '009.jpg')
    with pytest.raises(DataError, match=r'c/009\.jpg'):
        measure_card(FolderSource(folder), 'x')


def test_file(tmp_path):
    card = DatasetCard('x', 1, (0.5,), (0.2,), 10, ('a', 'b'), 'MIT')
    path = card.save(tmp_path)
    assert path == tmp_path / 'dataset_card.json'
    assert load_card(tmp_path) == load_card(path) == card
    assert dataclasses.asdict(load_card(path))['mean'] == (0.5,)


def test_wrong_cards(tmp_path):
    with pytest.raises(DataError, match='no dataset card'):
        load_card(tmp_path)
    for text, message in (('{', 'malformed'), ('{"name": "x"}', 'disagree|malformed'), ('{"colour": 1}', "'colour'")):
        (tmp_path / 'dataset_card.json').write_text(text)
        with pytest.raises(DataError, match=message):
            load_card(tmp_path)
    with pytest.raises(DataError, match='disagree'):
        DatasetCard('x', 3, (0.5,), (0.2,), 10)
    with pytest.raises(DataError, match='positive'):
        DatasetCard('x', 1, (0.5,), (0.0,), 10)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_cards_with_what_is_no_number_are_neither_made_nor_read(tmp_path, value):
    path = DatasetCard('x', 1, (0.5,), (0.2,), 10).save(tmp_path)
    for old in ('0.5', '0.2'):
        with pytest.raises(DataError, match=r"card 'x'.* must be numbers"):
            DatasetCard('x', 1, *((value if number == old else float(number),) for number in ('0.5', '0.2')), 10)
        sound = path.read_text()
        path.write_text(sound.replace(old, 'NaN' if value != value else 'Infinity'))
        with pytest.raises(DataError, match=r"card 'x'.* must be numbers"):
            load_card(path)
        path.write_text(sound)
    with pytest.raises(DataError, match="card 'x': 0 channels"):
        DatasetCard('x', 0, (), (), 10)


def test_a_card_that_is_no_text(tmp_path):
    (tmp_path / 'dataset_card.json').write_bytes(b'\xff\xfe')
    with pytest.raises(DataError, match='malformed'):
        load_card(tmp_path)


@pytest.mark.parametrize('setting', [{'max_images': 0}, {'max_images': -3}, {'channels': 0}])
def test_nothing_cannot_be_measured(folder, setting):
    with pytest.raises(ConfigError, match=f'{next(iter(setting))} is .*allowed: whole numbers from 1'):
        measure_card(FolderSource(folder), 'x', **setting)
