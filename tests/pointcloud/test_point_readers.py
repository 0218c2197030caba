"""Foreign point checkpoints: every tensor told, features equal to a plain statement of the published forward pass."""

import pytest
import torch
import torch.nn.functional as F
from point_files import ARGS, DEPTH, HEADS, D, checkpoint

from pretrain.checkpoint import exchange, load
from pretrain.checkpoint.point_shapes import points
from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.shapes import Shapes
from pretrain.encoders.net import features
from pretrain.encoders.point_net import PointTransformer
from pretrain.errors import CheckpointError
from pretrain.points import group_points

pytestmark = pytest.mark.parity
HINTS = dict(num_heads=HEADS, num_groups=8, group_size=6)
FAMILIES = ('point-mae', 'point-bert', 'maskpoint')
PREFIX = {'point-mae': 'MAE_encoder.', 'point-bert': 'transformer_q.', 'maskpoint': 'transformer_q.'}


def stored(family, path, wrap=True, change=None):
    state = checkpoint(family)
    if change:
        change(state)
    table = {f'module.{name}': t for name, t in state.items()} if wrap else state
    torch.save(
        {'base_model': table, 'epoch': 299, 'metrics': {'acc': 0.9}, 'best_metrics': {}} if wrap else table, path
    )
    return state


def published(state, prefix, points):
    """models/Point_MAE.py read out in plain torch: mini-PointNet, position before every block, final norm."""
    s = {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
    groups = group_points(points, 8, 6)

    def conv(name, x):
        return F.conv1d(x, s[f'{name}.weight'], s[f'{name}.bias'])

    def bn(name, x):
        args = (s[f'{name}.{k}'] for k in ('running_mean', 'running_var', 'weight', 'bias'))
        return F.batch_norm(x, *args)

    def norm(name, x):
        return F.layer_norm(x, (D,), s[f'{name}.weight'], s[f'{name}.bias'], eps=1e-5)

    def linear(name, x):
        return F.linear(x, s[f'{name}.weight'], s.get(f'{name}.bias'))

    x = groups.neighbours.reshape(-1, 6, 3).transpose(1, 2)
    x = conv('encoder.first_conv.3', F.relu(bn('encoder.first_conv.1', conv('encoder.first_conv.0', x))))
    x = torch.cat([x.max(2, keepdim=True)[0].expand(-1, -1, 6), x], 1)
    x = conv('encoder.second_conv.3', F.relu(bn('encoder.second_conv.1', conv('encoder.second_conv.0', x))))
    x = x.max(2)[0].reshape(len(points), 8, -1)
    if 'reduce_dim.weight' in s:
        x = linear('reduce_dim', x)
    position = linear('pos_embed.2', F.gelu(linear('pos_embed.0', groups.centres)))
    if 'cls_token' in s:
        x = torch.cat([s['cls_token'].expand(len(x), -1, -1), x], 1)
        position = torch.cat([s['cls_pos'].expand(len(x), -1, -1), position], 1)
    for i in range(DEPTH):
        x = x + position
        q, k, v = linear(f'blocks.blocks.{i}.attn.qkv', norm(f'blocks.blocks.{i}.norm1', x)).chunk(3, -1)
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in (q, k, v))
        weight = (q @ k.transpose(-1, -2) / (D // HEADS) ** 0.5).softmax(-1)
        x = x + linear(f'blocks.blocks.{i}.attn.proj', (weight @ v).transpose(1, 2).flatten(2))
        y = linear(f'blocks.blocks.{i}.mlp.fc1', norm(f'blocks.blocks.{i}.norm2', x))
        x = x + linear(f'blocks.blocks.{i}.mlp.fc2', F.gelu(y))
    return norm('norm', x)[:, 1 if 'cls_token' in s else 0 :]


@pytest.mark.parametrize('family', FAMILIES)
def test_features_equal_the_published_forward_pass(family, tmp_path):
    state = stored(family, tmp_path / 'file.pth')
    opened = load.open_checkpoint(tmp_path / 'file.pth', arch_args=HINTS)
    net, report = load.build_net(opened)
    points = torch.randn(2, 40, 3)
    expected = published(state, PREFIX[family], points)
    torch.testing.assert_close(features(net, points), expected, rtol=0, atol=2e-5)
    assert report.coverage == 1 and not report.missing and not report.unexpected
    card = opened.card
    assert (card.family, card.position, card.grid, card.epochs) == (family, 'coordinates', (8,), 300)
    assert card.prefix_tokens == (0 if family == 'point-mae' else 1) and card.initial_stage == 'mim'


@pytest.mark.parametrize('family', FAMILIES)
def test_every_tensor_is_told(family, tmp_path):
    state = stored(family, tmp_path / 'file.pth')
    report = load.open_checkpoint(tmp_path / 'file.pth', arch_args=HINTS).report
    told = {s for e in report.renamed for s in e['source'].split(' + ')} | {e['name'] for e in report.dropped}
    assert set(state) <= told | set(report.loaded)


@pytest.mark.parametrize('family', FAMILIES)
def test_a_missing_or_unknown_tensor_fails(family, tmp_path):
    stored(family, tmp_path / 'a.pth', change=lambda s: s.pop(f'{PREFIX[family]}blocks.blocks.1.mlp.fc1.bias'))
    with pytest.raises(CheckpointError, match='missing'):
        load.open_checkpoint(tmp_path / 'a.pth', arch_args=HINTS)
    stored(family, tmp_path / 'b.pth', change=lambda s: s.update({f'{PREFIX[family]}extra': torch.ones(2)}))
    with pytest.raises(CheckpointError, match='unexpected'):
        load.open_checkpoint(tmp_path / 'b.pth', arch_args=HINTS)


def test_fine_tuned_file_keeps_its_class_token(tmp_path):
    state = {n.removeprefix('MAE_encoder.'): t for n, t in checkpoint('point-mae').items() if n.startswith('MAE_enc')}
    state |= {'cls_token': torch.randn(1, 1, D), 'cls_pos': torch.randn(1, 1, D)}
    state |= {'cls_head_finetune.0.weight': torch.randn(4, 2 * D), 'cls_head_finetune.0.bias': torch.randn(4)}
    torch.save({'base_model': state}, tmp_path / 'ft.pth')
    opened = load.open_checkpoint(tmp_path / 'ft.pth', arch_args=HINTS)
    assert opened.card.prefix_tokens == 1 and opened.card.initial_stage == 'unknown'
    assert {e['name'] for e in opened.report.dropped} == {'cls_head_finetune.0.weight', 'cls_head_finetune.0.bias'}


def test_a_pretraining_file_of_maskpoint_loses_what_it_must_with_reasons(tmp_path):
    """Momentum copy, queue, decoder and both heads: a genuine file has them all."""
    state = stored('maskpoint', tmp_path / 'file.pth')
    opened = load.open_checkpoint(tmp_path / 'file.pth', arch_args=HINTS)
    assert opened.card.family == opened.card.method == 'maskpoint'
    reasons = {e['name']: e['reason'] for e in opened.report.dropped}
    kept = ('encoder', 'reduce_dim', 'pos_embed', 'blocks', 'norm', 'cls_token', 'cls_pos')
    ours = {n for n in state if n.startswith('transformer_q.') and n.split('.')[1] in kept}
    assert set(reasons) == set(state) - ours
    told = {'transformer_k.decoder.blocks.0.attn.q_proj.weight': 'momentum', 'queue_ptr': 'contrast'}
    told |= {'transformer_q.bin_cls_head.2.bias': 'prediction head', 'transformer_q.decoder.blocks.0.norm1.bias': 'dec'}
    assert all(word in reasons[name] for name, word in told.items())


def test_exchange_round_trip_and_another_cut(tmp_path):
    stored('point-mae', tmp_path / 'file.pth')
    opened = load.open_checkpoint(tmp_path / 'file.pth', arch_args=HINTS)
    exchange.write(tmp_path / 'x.safetensors', opened.state, opened.card)
    points = torch.randn(2, 40, 3)
    one, two = (load.build_net(tmp_path / name)[0] for name in ('x.safetensors', 'x.safetensors'))
    assert torch.equal(features(one, points), features(two, points))
    other, _ = load.build_net(tmp_path / 'x.safetensors', num_groups=12)
    assert features(other, points).shape == (2, 12, D)
    assert ARGS['num_groups'] == opened.card.arch_args['num_groups'] == 8


def test_shapes_tell_the_whole_network():
    """Another width inside the group embedding, and a bias that published networks lack."""
    net = PointTransformer(8, 6, embed_dim=48, depth=2, num_heads=HEADS, group_inner=(8, 16, 24), qkv_bias=True)
    reading = Reading('point-mae', 'points', net.state_dict(), {})
    _, args = points(Shapes(reading.tensors, 'net'), reading, {'num_heads': HEADS})
    PointTransformer(8, 6, **args).load_state_dict(net.state_dict())
