"""The exchange file: what is written is what is read, at every moment."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file

from pretrain.checkpoint import exchange
from pretrain.checkpoint.card import Card
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.encoders.net import create_net, features
from pretrain.errors import CheckpointError

pytestmark = pytest.mark.unit
ARGS = {'img_size': 16, 'patch_size': 4, 'embed_dim': 24, 'depth': 1, 'num_heads': 2}


@pytest.fixture
def net():
    return create_net('vit_base_patch16_224', **ARGS)


@pytest.fixture
def card(net):
    return card_for_net(net, 'vit_base_patch16_224', ARGS, method='mae', mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2),
                        initial_stage='mim', data_seen='shapes, 100 images', epochs=3)  # fmt: skip


def test_a_net_of_this_house_survives(net, card, tmp_path):
    path = tmp_path / 'x.safetensors'
    digest = exchange.write(path, net.state_dict(), card)
    state, read = exchange.read(path)
    assert read == card and digest == exchange.sha256(path)
    assert all(torch.equal(state[name], value) for name, value in net.state_dict().items())
    assert (card.grid, card.patch, card.prefix_tokens, card.position) == ((4, 4), (4, 4), 1, 'learned')
    images = torch.randn(2, 3, 16, 16)
    assert torch.equal(features(build_net(path)[0], images), features(net, images))
    assert os.listdir(tmp_path) == ['x.safetensors']


@pytest.mark.parametrize(
    ('arch', 'args', 'grid', 'position'),
    [
        ('beit_base_patch16_224', {**ARGS, 'use_abs_pos_emb': True}, (4, 4), 'learned'),
        ('beit_base_patch16_224', {**ARGS, 'img_size': (8, 16)}, (2, 4), 'relative'),
        ('swin_tiny_patch4_window7_224', {'img_size': 32, 'embed_dim': 8, 'depths': (1, 1), 'num_heads': (1, 2),
                                          'window_size': 4}, (8, 8), 'relative'),
        ('swin3d_tiny_patch2', {'img_size': (8, 8, 16), 'depths': (1, 1), 'num_heads': (3, 3), 'window_size': 2,
                                'merging': 'repeated', 'use_v2': True}, (4, 4, 8), 'relative'),
        ('resnet18', {}, (), 'none'),
        ('vit_base_patch16_224', {**ARGS, 'in_chans': 1, 'final_norm': False}, (4, 4), 'learned'),
    ],
)  # fmt: skip
def test_cards_of_all_kinds_build_their_net_again(arch, args, grid, position, tmp_path):
    net = create_net(arch, **args)
    card = card_for_net(net, arch, args)
    assert (card.grid, card.position) == (grid, position)
    exchange.write(tmp_path / 'x.safetensors', net.state_dict(), card)
    again, report = build_net(tmp_path / 'x.safetensors')
    assert report.coverage == 1
    size = args.get('img_size', 32)
    images = torch.randn(1, card.channels, *((size, size) if isinstance(size, int) else size))
    assert torch.equal(features(again, images), features(net, images))


def test_a_crash_while_writing_leaves_the_old_file(net, card, tmp_path, monkeypatch):
    path = tmp_path / 'x.safetensors'
    exchange.write(path, net.state_dict(), card)
    before = path.read_bytes()

    def crash(*args, **kwargs):
        raise KeyboardInterrupt

    for step in ('save_file', '_compare', 'sha256'):
        with monkeypatch.context() as patch:
            patch.setattr(exchange, step, crash)
            with pytest.raises(KeyboardInterrupt):
                exchange.write(path, {n: v + 1 for n, v in net.state_dict().items()}, card)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ['x.safetensors']


def test_a_disk_that_lies_is_noticed(net, card, tmp_path, monkeypatch):
    def save_wrong(tensors, path, metadata):
        save_file({name: value + 1 for name, value in tensors.items()}, path, metadata)

    monkeypatch.setattr(exchange, 'save_file', save_wrong)
    with pytest.raises(CheckpointError, match='does not read back'):
        exchange.write(tmp_path / 'x.safetensors', net.state_dict(), card)
    assert os.listdir(tmp_path) == []


def test_writing_needs_a_folder(net, card, tmp_path):
    with pytest.raises(CheckpointError, match='does not exist'):
        exchange.write(tmp_path / 'none' / 'x.safetensors', net.state_dict(), card)


def test_a_file_without_a_card_is_no_exchange_file(tmp_path):
    save_file({'w': torch.zeros(2)}, tmp_path / 'x.safetensors')
    with pytest.raises(CheckpointError, match='not an exchange checkpoint'):
        exchange.read(tmp_path / 'x.safetensors')


@pytest.mark.parametrize('damage', ['{', '[]', '{"format_version": 1}', '{"format_version": 99}'])
def test_a_damaged_or_newer_card_is_refused(damage, tmp_path):
    save_file({'w': torch.zeros(2)}, tmp_path / 'x.safetensors', metadata={exchange.HEADER_KEY: damage})
    with pytest.raises(CheckpointError, match='card') as error:
        open_checkpoint(tmp_path / 'x.safetensors')
    assert '\n' not in str(error.value)


def test_an_exchange_file_is_audited_too(net, card, tmp_path):
    path = tmp_path / 'x.safetensors'
    state = net.state_dict()
    for wrong in ({n: t for n, t in state.items() if n != 'norm.bias'}, {**state, 'extra': torch.zeros(2)}):
        exchange.write(path, wrong, card)
        with pytest.raises(CheckpointError, match=r'norm\.bias|extra'):
            open_checkpoint(path)
    exchange.write(path, {**state, 'norm.bias': torch.full((24,), float('nan'))}, card)
    with pytest.raises(CheckpointError, match='NaN'):
        open_checkpoint(path)


def test_unknown_fields_of_a_card_are_refused(card):
    with pytest.raises(ValueError, match='colour'):
        Card.model_validate({**json.loads(card.model_dump_json()), 'colour': 'red'})
