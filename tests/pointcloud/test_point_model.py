"""The masked model on points: shapes, loss against a plain statement, gradients, exchange file, pictures."""

import numpy as np
import pytest
import torch
from point_files import ARGS, D

import pointcloud  # noqa: F401  (registers)
from pointcloud.datasets import PointDataset
from pointcloud.pictures import check_up, draw_clouds
from pretrain.checkpoint import exchange, load
from pretrain.data.loader import collate
from pretrain.encoders.net import create_net, features
from pretrain.encoders.point_net import BatchNorm
from pretrain.errors import ConfigError
from pretrain.points import chamfer
from pretrain.registry import MODELS

pytestmark = pytest.mark.unit


def model(masked='drop', **changes):
    cfg = dict(
        type='MaskedPoints',
        num_points=64,
        masking=dict(type='RandomMasking', ratio=0.6, rounding='floor(hidden)'),
        encoder=dict(type='PointEncoder', arch='point_tiny', masked=masked, **ARGS),
        head=dict(type='PointDecoder', depth=1, heads=4),
        target=dict(type='GroupPoints'),
        loss=dict(type='ChamferLoss', norm='l2', on='masked'),
    )
    return MODELS.build({**cfg, **changes})


def batch(m, b=3):
    return m.data_preprocessor({'points': torch.randn(b, 64, 3)})


def test_loss_equals_a_plain_statement():
    m = model()
    m.eval()
    x = batch(m)
    torch.manual_seed(3)
    loss = m.loss(x)['loss']
    torch.manual_seed(3)
    found = m.predict(x)
    mask, groups = found['mask'], x['groups']
    assert mask.num_predict == 4 and found['prediction'].shape == (3, 4, 18)
    total = []
    for b in range(3):
        for j, g in enumerate(mask.predict_index[b].tolist()):
            a, t = found['prediction'][b, j].detach().numpy().reshape(6, 3), groups.neighbours[b, g].numpy()
            square = ((a[:, None] - t[None]) ** 2).sum(-1)
            total.append(square.min(1).mean() + square.min(0).mean())
    assert float(loss) == pytest.approx(np.mean(total), rel=1e-5)
    assert float(chamfer(torch.zeros(1, 2, 3), torch.ones(1, 2, 3))) == 6


def test_every_parameter_gets_a_gradient_and_the_loss_falls():
    m = model()
    x = batch(m)
    optimizer = torch.optim.AdamW(m.parameters(), 1e-3)
    losses = []
    for _ in range(6):
        torch.manual_seed(1)
        loss = m.loss(x)['loss']
        losses.append(float(loss))
        optimizer.zero_grad()
        loss.backward()
        assert not [n for n, p in m.named_parameters() if p.grad is None]
        optimizer.step()
    assert losses[-1] < losses[0]


def test_hidden_groups_do_not_reach_the_encoder():
    """With statistics fixed, a change of a hidden group's points changes no latent."""
    m = model().eval()
    x = batch(m, 1)
    mask = m.draw_mask(x)
    before = m.encoder(x['groups'], mask)
    x['groups'].neighbours[0, mask.predict_index[0]] += 5
    assert torch.equal(before, m.encoder(x['groups'], mask))
    x['groups'].neighbours[0, mask.visible_index[0, 0]] += 5
    assert not torch.equal(before, m.encoder(x['groups'], mask))


def test_the_decoder_does_not_see_hidden_points_but_their_centres():
    m = model().eval()
    x = batch(m, 1)
    mask = m.draw_mask(x)
    before, _ = m.reconstruct(x['groups'], mask)
    x['groups'].neighbours[0, mask.predict_index[0]] += 5
    assert torch.equal(before, m.reconstruct(x['groups'], mask)[0])
    x['groups'].centres[0, mask.predict_index[0, 0]] += 1
    assert not torch.equal(before, m.reconstruct(x['groups'], mask)[0])


def test_prediction_order_is_that_of_the_mask():
    """Moving the centre of the first hidden group changes its own row most."""
    m = model().eval()
    x = batch(m, 1)
    mask = m.draw_mask(x)
    before, _ = m.reconstruct(x['groups'], mask)
    x['groups'].centres[0, mask.predict_index[0, 2]] += 3
    change = (m.reconstruct(x['groups'], mask)[0] - before).norm(dim=-1)[0]
    assert int(change.argmax()) == 2


def test_nothing_masked_equals_features():
    from pretrain.mask import Mask

    m = model().eval()
    points = torch.randn(2, 64, 3)
    groups = m.encoder.net.group(points)
    tokens = m.encoder(groups, Mask.none(m.encoder.grid, 2))
    torch.testing.assert_close(tokens, features(m.encoder.net, points), rtol=0, atol=1e-5)


def test_exchange_checkpoint_gives_the_same_features(tmp_path):
    m = model()
    m.loss(batch(m))['loss'].backward()  # running statistics move
    path = m.export(tmp_path, {'method': 'Point-MAE', 'data': 'x', 'epochs': 1}, 'hash')
    net, report = load.build_net(path)
    points = torch.randn(2, 64, 3)
    assert torch.equal(features(net, points), features(m.encoder.net, points))
    card = exchange.read_card(path)
    assert (card.position, card.grid, card.patch, card.arch_args['group_size']) == ('coordinates', (8,), (), 6)
    assert report.coverage == 1 and 'patch_embed.first_conv.1.running_var' in report.loaded


def test_features_are_in_centre_order_and_ignore_the_order_of_points():
    net = create_net('point_tiny', **ARGS).eval()
    points = torch.randn(1, 64, 3)
    order = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(63)])
    torch.testing.assert_close(features(net, points), features(net, points[:, order]), rtol=0, atol=1e-5)


def test_position_before_every_block_or_once():
    torch.manual_seed(0)
    every = create_net('point_tiny', **ARGS).eval()
    once = create_net('point_tiny', **ARGS, position='once').eval()
    once.load_state_dict(every.state_dict())
    points = torch.randn(1, 64, 3)
    assert not torch.allclose(features(every, points), features(once, points), atol=1e-3)
    with pytest.raises(ConfigError, match='allowed for points'):
        create_net('point_tiny', **ARGS, position='learned')


def test_first_batches_are_not_drowned_by_the_initial_variance():
    """torch's rule would leave 0.9 of the initial 1 after one batch."""
    norm = BatchNorm(4)
    x = 1e-3 * torch.randn(64, 4)
    norm(x)
    assert torch.allclose(norm.running_var, x.var(0), rtol=1e-4)
    for _ in range(30):
        norm(x)
    usual = torch.nn.BatchNorm1d(4)
    usual.load_state_dict(norm.state_dict())
    other = 1e-2 * torch.randn(64, 4)
    norm(other), usual(other)
    assert torch.equal(norm.running_var, usual.running_var)
    resumed = BatchNorm(4)
    resumed.load_state_dict(norm.state_dict())
    norm(other), resumed(other)
    assert torch.equal(norm.running_var, resumed.running_var)


def test_pictures_stand_upright_and_are_no_mirror_images():
    """Turned by the rotation that takes y to z, a cloud with z up looks as before."""
    points = torch.randn(2, 30, 3) * torch.tensor([1.0, 3, 0.5])
    turn = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    assert torch.linalg.det(turn) == 1 and (turn @ torch.tensor([0.0, 1, 0])).tolist() == [0, 0, 1]
    turned = points @ turn.T
    y, z = torch.tensor([1, 1]), torch.tensor([2, 2])
    assert torch.equal(draw_clouds(turned, turned, up=z), draw_clouds(points, points, up=y))
    assert not torch.equal(draw_clouds(points, points, up=z), draw_clouds(points, points))
    with pytest.raises(ConfigError, match="up is 'x'"):
        check_up('x')


def test_the_data_say_what_is_up(tmp_path):
    """ModelNet's meshes have z up, its resampled clouds y; a config may know better. Only pictures turn."""
    for part in ('train', 'test'):
        for name in ('bed', 'car'):
            (tmp_path / 'meshes' / name / part).mkdir(parents=True)
            for i in range(2):
                text = 'OFF\n40 0 0\n' + '0 0 1\n1 2 3\n' * 20
                (tmp_path / 'meshes' / name / part / f'{i}.off').write_text(text)
    plain = dict(type='PointTransform', num_points=32, sample='first')
    meshes = dict(type='PointFolder', root=str(tmp_path / 'meshes'), part='train')
    held = dict(type='HeldOut', source=meshes, share=0.5)
    one = dict(type='PointFolder', root=str(tmp_path / 'meshes' / 'bed' / 'train'))
    found = [
        PointDataset(source, plain, **args)
        for source, args in ((meshes, {}), (held, {}), (one, {}), (one, {'up': 'z'}))
    ]
    assert [data[0]['up'] for data in found] == [2, 2, 1, 2]
    assert torch.equal(found[2][0]['points'].sort(0).values, found[3][0]['points'].sort(0).values)
    m = model(num_points=32).eval()
    pictures = []
    for data in found[2:]:
        torch.manual_seed(0)
        pictures.append(m.pictures(m.data_preprocessor(collate([data[0], data[1]])))['original'])
    assert not torch.equal(*pictures)


def test_pictures():
    m = model()
    columns = m.eval().pictures(batch(m))
    assert set(columns) == {'original', 'masked', 'reconstruction', 'prediction'}
    shown = {name: float((c < 0.99).any(1).float().mean()) for name, c in columns.items()}
    assert 0 < shown['masked'] < shown['original'] and columns['original'].shape == (3, 3, 128, 128)


def test_wrong_sizes_are_named():
    with pytest.raises(ConfigError, match='8 groups of 6 cannot be cut from 4 points'):
        model(num_points=4)
    with pytest.raises(ConfigError, match=r'expected \(B, N, 3\)'):
        model().data_preprocessor({'points': torch.randn(2, 3, 64)})
    with pytest.raises(ConfigError, match="masked='drop'"):
        model(masked='token')
    assert D % 4 == 0
