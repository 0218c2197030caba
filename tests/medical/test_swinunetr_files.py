"""Files of SwinUNETR and its pre-training: every tensor has its place, whatever stands before its name."""

import json

import numpy as np
import pytest
import torch
from foreign_swin import DECODER, HEADS, OUT, monai_names, pretraining_names, zeros

from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.checkpoint.nets import make_net
from pretrain.checkpoint.readers.swinunetr import merging_of
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError
from tools.main import main

pytestmark = pytest.mark.unit
SMALL = {'in_chans': 1, 'img_size': (32, 32, 32), 'depths': (2, 1), 'num_heads': (3, 6), 'window_size': (3, 3, 3)}


def net_of(**args):
    torch.manual_seed(0)
    net = make_net('swin3d_tiny_patch2', **{**SMALL, **args}).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return net


def dae_names(state):
    """Disruptive autoencoders: one more list around the blocks, and what only pre-training has."""
    state = {
        n.replace('.0.blocks', '.0.0.blocks').replace('.0.downsample', '.0.0.downsample'): t for n, t in state.items()
    }
    extra = zeros({'mask_token': (1, 12, 1, 1, 1), 'norm.weight': (48,), 'norm.bias': (48,)})
    return {f'encoder.{n}': t for n, t in {**state, **extra}.items()} | zeros({'decoder1.x.weight': (2,), **OUT})


def below(prefix, state, **more):
    return {f'{prefix}{name}': tensor for name, tensor in state.items()} | zeros(more)


LAYOUTS = {
    'released': (lambda s: pretraining_names(s), 'swinunetr-ssl', 'mim', len(HEADS)),
    'pre-training': (
        lambda s: {f'module.{n}': t for n, t in below('swin_vit.', s, **HEADS).items()},
        *('swinunetr-ssl', 'mim', len(HEADS)),
    ),
    'network': (lambda s: below('swinViT.', s, **DECODER, **OUT), 'swinunetr', 'unknown', len(DECODER | OUT)),
    'within another': (lambda s: below('backbone.swinViT.', s, **HEADS), 'swinunetr-ssl', 'mim', len(HEADS)),
    'bare': (lambda s: s, 'unknown', 'unknown', 0),
    'dae': (dae_names, 'dae', 'mim', 5),
}


@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_gives_the_same_features(tmp_path, layout):
    rename, method, stage, dropped = LAYOUTS[layout]
    net = net_of()
    state = rename(monai_names(net))
    torch.save({'state_dict': state}, tmp_path / 'x.pt')
    opened = open_checkpoint(tmp_path / 'x.pt', arch_args={'img_size': [32, 32, 32]})
    card, report = opened.card, opened.report
    assert (card.family, card.method, card.initial_stage) == ('swinunetr', method, stage)
    tables = sum(name.endswith('relative_position_index') for name in state)
    assert len(report.dropped) == dropped + tables == len(state) - len(report.loaded) and tables == 3
    assert card.arch_args == {**net.arch_args, 'merging': 'corners'}
    assert (card.grid, card.patch, card.position) == ((16, 16, 16), (2, 2, 2), 'relative')
    ours, _ = build_net(opened)
    x = torch.randn(2, 1, 32, 32, 32)
    torch.testing.assert_close(features(ours, x), features(net, x), rtol=0, atol=1e-6)


def test_heads_are_dropped_by_name(tmp_path):
    torch.save({'state_dict': pretraining_names(monai_names(net_of()))}, tmp_path / 'model_swinvit.pt')
    dropped = open_checkpoint(tmp_path / 'model_swinvit.pt').dropped
    for name, task in (('rotation_head', 'rotation'), ('contrastive_head', 'contrast'), ('conv.0', 'reconstruction')):
        assert task in dropped[f'{name}.weight'] and 'head of pre-training' in dropped[f'{name}.weight']


def test_a_trained_network_says_so(tmp_path):
    torch.save(below('swinViT.', monai_names(net_of()), **DECODER, **OUT), tmp_path / 'x.pt')
    notes = open_checkpoint(tmp_path / 'x.pt').card.notes
    assert any('segmentation network' in note for note in notes)


def test_v2_has_convolutions(tmp_path):
    net = net_of(use_v2=True)
    torch.save(below('swinViT.', monai_names(net), **OUT), tmp_path / 'x.pt')
    opened = open_checkpoint(tmp_path / 'x.pt')
    assert opened.card.arch_args['use_v2'] is True
    ours, _ = build_net(opened)
    x = torch.randn(1, 1, 16, 16, 16)
    torch.testing.assert_close(features(ours, x), features(net, x), rtol=0, atol=1e-6)
    del net
    state = monai_names(net_of(use_v2=True))
    del state['layers2c.0.layer.conv2.conv.weight']
    torch.save(state, tmp_path / 'y.pt')
    with pytest.raises(CheckpointError, match=r'layers\.1\.conv\.conv2\.weight'):
        open_checkpoint(tmp_path / 'y.pt')


def swapped(state):
    """The two layers of an MLP under each other's names."""
    names = {n: n.replace('linear1', 'X').replace('linear2', 'linear1').replace('X', 'linear2') for n in state}
    return {names[name]: tensor for name, tensor in state.items()}


def without(pattern):
    return lambda state: {name: tensor for name, tensor in state.items() if pattern not in name}


def shuffled_index(state):
    name = 'layers1.0.blocks.0.attn.relative_position_index'
    return {**state, name: state[name].flip(0)}


WRONG = {
    'mlp layers swapped': (swapped, r'mlp\.fc1\.weight'),
    'no tables': (without('relative_position_bias_table'), 'no tensor like .*relative_position_bias_table'),
    'one table missing': (
        without('layers2.0.blocks.0.attn.relative_position_bias_table'),
        'no tensor like .*layers.1.*relative_position_bias_table',
    ),
    'no patch embedding': (without('patch_embed'), r'missing tensor patch_embed\.proj\.weight'),
    'last merging missing': (without('layers2.0.downsample'), r'layers\.1\.downsample'),
    'another layout of the tables': (shuffled_index, 'window_size'),
    'images': (
        lambda s: {**s, 'patch_embed.proj.weight': s['patch_embed.proj.weight'][..., 0]},
        'expected 5 dimensions',
    ),
    'something else inside': (lambda s: {**s, 'layers1.0.adapter.weight': torch.ones(3)}, 'adapter'),
}


@pytest.mark.parametrize('case', WRONG)
@pytest.mark.parametrize('prefix', ['', 'swinViT.'])
def test_what_does_not_fit_is_one_line(tmp_path, case, prefix):
    change, message = WRONG[case]
    torch.save({'state_dict': below(prefix, change(monai_names(net_of())))}, tmp_path / 'broken.pt')
    with pytest.raises(CheckpointError, match=message) as caught:
        open_checkpoint(tmp_path / 'broken.pt')
    assert 'broken.pt' in str(caught.value) and '\n' not in str(caught.value)


def test_names_of_no_known_layout_are_refused(tmp_path):
    """Nothing would match, and nothing is loaded."""
    state = {name.replace('layers', 'stage_'): t for name, t in monai_names(net_of()).items()}
    torch.save(state, tmp_path / 'x.pt')
    with pytest.raises(CheckpointError, match=r'x\.pt.*no known family.*rename the tensors'):
        open_checkpoint(tmp_path / 'x.pt')


def test_two_encoders_in_one_file_are_not_mixed(tmp_path):
    state = monai_names(net_of())
    torch.save(below('student.swinViT.', state) | below('teacher.swinViT.', state), tmp_path / 'x.pt')
    with pytest.raises(CheckpointError, match=r"x\.pt.*'student\.swinViT\.' and 'teacher\.swinViT\.'"):
        open_checkpoint(tmp_path / 'x.pt')


@pytest.mark.parametrize('merging', ['corners', 'repeated', 'raster'])
def test_the_order_of_merging_is_given_and_kept(tmp_path, merging):
    """It changes the features, and shapes are the same: the card has to carry it."""
    net = net_of(merging=merging)
    torch.save(monai_names(net), tmp_path / 'x.pt')
    opened = open_checkpoint(tmp_path / 'x.pt', arch_args={'merging': merging})
    assert opened.card.arch_args['merging'] == merging and any(repr(merging) in note for note in opened.card.notes)
    x = torch.randn(1, 1, 16, 16, 16)
    torch.testing.assert_close(features(build_net(opened)[0], x), features(net, x), rtol=0, atol=1e-6)
    others = [features(net_of(merging=other), x) for other in {'corners', 'repeated', 'raster'} - {merging}]
    assert all(not torch.allclose(features(net, x), other, atol=1e-2) for other in others)


@pytest.mark.parametrize(('merging', 'found'), [('repeated', 'repeated'), ('corners', 'corners')])
def test_weights_show_that_positions_were_taken_twice(merging, found):
    """40 updates of an autoencoder: the weights of two equal positions have moved together."""
    args = {'in_chans': 1, 'img_size': 16, 'depths': (1, 1, 1), 'num_heads': (3, 3, 3), 'window_size': (2, 2, 2)}
    torch.manual_seed(0)
    net = make_net('swin3d_small_patch2', merging=merging, **args)
    head = torch.nn.Linear(net.num_features, 512)
    assert merging_of(net.state_dict()) == 'corners'  # fresh weights tell nothing
    optimizer = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(40):
        blocks = torch.randn(8, 512)
        x = blocks.reshape(8, 1, 8, 8, 8).repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
        optimizer.zero_grad()
        (head(net(x).flatten(1, 3).mean(1)) - blocks).square().mean().backward()
        optimizer.step()
    assert merging_of(net.state_dict()) == found


def test_other_sizes_keep_all_tensors(tmp_path):
    """Windows do not grow with the volume: nothing is resized."""
    torch.save(monai_names(net_of()), tmp_path / 'x.pt')
    for side in (16, 24, 48):
        net, report = build_net(tmp_path / 'x.pt', image_size=(side, 16, 24))
        assert report.resized == [] and net.patch_embed.img_size == (side, 16, 24)
        assert features(net, torch.randn(1, 1, side, 16, 24)).shape == (1, side // 8 * 2 * 3, 48)


def test_verbs(tmp_path, capsys):
    """`mimbench convert`, `inspect` and `features`: what comes out of the exchange file is what went in."""
    net = net_of()
    file, kept, given, written = (
        str(tmp_path / name) for name in ('model_swinvit.pt', 'out.safetensors', 'x.npy', 'y.npy')
    )
    torch.save({'state_dict': pretraining_names(monai_names(net))}, file)
    assert main(['convert', file, kept]) == 0
    capsys.readouterr()
    assert main(['inspect', kept, '--json']) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown['card']['arch_args']['window_size'] == [3, 3, 3] and shown['coverage'] == 1
    x = torch.randn(2, 1, 16, 24, 32)
    np.save(given, x.numpy())
    assert main(['features', kept, '--input', given, '--output', written]) == 0
    np.testing.assert_allclose(np.load(written), features(net, x).numpy(), atol=1e-5)
    np.save(given, x[..., :20].numpy())
    capsys.readouterr()
    assert main(['features', kept, '--input', given, '--output', written]) == 2
    error = capsys.readouterr().err
    assert 'multiples of 8x8x8' in error and len(error.strip().splitlines()) == 1
