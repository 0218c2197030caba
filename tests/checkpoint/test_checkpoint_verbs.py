"""inspect, convert and features, as a user meets them."""

import argparse
import importlib
import json
import os

import numpy as np
import pytest
import torch
from foreign_files import FAMILIES
from test_readers import store

from pretrain.errors import UserError

pytestmark = pytest.mark.smoke


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UserError(message)


def call(verb, *words):
    module = importlib.import_module(f'tools.verbs.{verb}')
    parser = Parser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def mae(tmp_path):
    row = FAMILIES['mae full']()
    return row, store(row, tmp_path)


HEADS = ('--arch-args', '{"num_heads": 3}')


def test_inspect_json_has_exactly_the_agreed_form(mae, capsys):
    assert call('inspect', mae[1], '--json', *HEADS) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ['family', 'arch', 'card', 'tensors', 'coverage']
    assert list(told['tensors']) == ['loaded', 'renamed', 'resized', 'dropped', 'missing', 'unexpected']
    assert (told['family'], told['coverage']) == ('mae', 1.0)
    assert len(told['tensors']['loaded']) == 30 and told['tensors']['missing'] == []
    assert {'name': 'mask_token', 'reason': 'decoder of pre-training'} in told['tensors']['dropped']


def test_inspect_shows_where_tensors_came_from(tmp_path, capsys):
    path = store(FAMILIES['simmim vit'](), tmp_path)
    call('inspect', path, '--json', *HEADS)
    renamed = json.loads(capsys.readouterr().out)['tensors']['renamed']
    assert {'source': 'encoder.norm.bias', 'target': 'norm.bias'} in renamed
    tables = [entry for entry in renamed if entry['source'].startswith('encoder.rel_pos_bias')]
    assert [t['target'] for t in tables] == [f'blocks.{i}.attn.relative_position_bias_table' for i in (0, 1)]


def test_inspect_in_words(mae, capsys):
    assert call('inspect', mae[1], *HEADS) == 0
    text = capsys.readouterr().out
    assert '30 of 30 tensors loaded' in text and 'sincos-xy' in text and '\x1b' not in text
    assert 'data seen' in text and 'unknown' in text


@pytest.mark.parametrize('size', [None, '28x12'])
def test_convert_then_features(mae, tmp_path, capsys, size):
    row, path = mae
    out, pixels, tokens = (tmp_path / name for name in ('out.safetensors', 'x.npy', 'y.npy'))
    assert call('convert', path, out, *HEADS, *(['--image-size', size] if size else [])) == 0
    shape = (28, 12) if size else (20, 20)
    images = np.random.randn(3, 3, *shape).astype(np.float32)
    np.save(pixels, images)
    assert call('features', out, '--input', pixels, '--output', tokens) == 0
    first = np.load(tokens)
    assert first.dtype == np.float32 and first.shape == (3, shape[0] * shape[1] // 16, 48)
    call('features', path, '--input', pixels, '--output', tokens, *HEADS)
    np.testing.assert_allclose(np.load(tokens), first, rtol=0, atol=1e-6)
    assert ('tensors resized from 20x20 to 28x12 pixels' in capsys.readouterr().out) == bool(size)
    if not size:
        np.testing.assert_allclose(first, row.features(torch.from_numpy(images)), rtol=0, atol=1e-5)


def test_facts_known_to_the_user_go_into_the_card(mae, tmp_path, capsys):
    out = tmp_path / 'out.safetensors'
    facts = ('--fact', 'data_seen=ImageNet-1k', '--fact', 'source_licence=CC-BY-NC 4.0', '--fact', 'epochs=800')
    assert call('convert', mae[1], out, *HEADS, *facts) == 0
    capsys.readouterr()
    call('inspect', out, '--json')
    card = json.loads(capsys.readouterr().out)['card']
    assert (card['data_seen'], card['source_licence'], card['epochs']) == ('ImageNet-1k', 'CC-BY-NC 4.0', 800)
    for wrong in ('colour=red', 'epochs', 'epochs=many', 'initial_stage=mimm'):
        with pytest.raises(UserError, match='--fact'):
            call('convert', mae[1], out, *HEADS, '--fact', wrong)


@pytest.mark.parametrize(
    'words',
    [
        ('convert', '{bad}', '{out}.safetensors'),
        ('convert', '{good}', '{out}.safetensors'),  # heads unknown
        ('convert', '{good}', '{out}.pth', *HEADS),
        ('convert', '{good}', '{out}.safetensors', *HEADS, '--image-size', '21'),
        ('convert', '{good}', '{out}.safetensors', *HEADS, '--image-size', '2a'),
        ('convert', '{good}', '{out}.safetensors', *HEADS, '--student'),
        ('convert', '{good}', '{out}.safetensors', '--arch-args', '{{num_heads: 3}}'),
        ('convert', '{good}', '{out}.safetensors', '--arch-args', '3'),
        ('convert', '{good}', '{out}.safetensors', '--arch-args', '{{"num_heads": 5}}'),
        ('convert', '{good}', '{out}.safetensors', '--arch-args', '{{"num_heads": 3, "colour": 1}}'),
        ('features', '{bad}', '--input', '{x}', '--output', '{out}.npy'),
        ('features', '{good}', *HEADS, '--input', '{good}', '--output', '{out}.npy'),
        ('features', '{good}', *HEADS, '--input', '{grey}', '--output', '{out}.npy'),
        ('features', '{good}', *HEADS, '--input', '{odd}', '--output', '{out}.npy'),
        ('features', '{good}', *HEADS, '--input', '{double}', '--output', '{out}.npy'),
        ('features', '{good}', *HEADS, '--input', '{nan}', '--output', '{out}.npy'),
        ('features', '{good}', *HEADS, '--input', '{x}', '--output', '{out}/none/y.npy'),
        ('inspect', '{bad}'),
        ('inspect', '{good}.none'),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(words, mae, tmp_path):
    (tmp_path / 'bad.pth').write_bytes(mae[1].read_bytes()[:5000])
    arrays = {
        'x': np.zeros((1, 3, 20, 20), np.float32),
        'grey': np.zeros((1, 1, 20, 20), np.float32),
        'odd': np.zeros((1, 3, 21, 20), np.float32),
        'double': np.zeros((1, 3, 20, 20)),
        'nan': np.full((1, 3, 20, 20), np.nan, np.float32),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f'{name}.npy', array)
    places = {name: tmp_path / f'{name}.npy' for name in arrays}
    places.update(good=mae[1], bad=tmp_path / 'bad.pth', out=tmp_path / 'written')
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(UserError) as error:
        call(*(word.format(**places) if word not in HEADS else word for word in words))
    assert '\n' not in str(error.value)
    assert sorted(os.listdir(tmp_path)) == before


def test_the_command_itself_exits_with_two(mae, mimbench):
    result = mimbench('inspect', mae[1])
    assert result.returncode == 2
    assert 'num_heads' in result.stderr and result.stdout == '' and 'Traceback' not in result.stderr
