"""Sampling, neighbours, groups and Chamfer against plain NumPy."""

import numpy as np
import pytest
import torch

from pretrain import points as core
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.masking import RandomMasking
from pretrain.points import chamfer, farthest_points, gather_points, group_points, nearest_points

pytestmark = pytest.mark.unit


def plain_farthest(points, count, skip=False):
    chosen = [0]
    while len(chosen) < count:
        distance = np.min([((points - points[i]) ** 2).sum(1) for i in chosen], axis=0)
        if skip:
            distance[(points**2).sum(1) <= 1e-3] = -1
        chosen.append(int(distance.argmax()))
    return chosen


@pytest.mark.parametrize('skip', [False, True])
def test_farthest_points_equal_numpy(skip):
    points = torch.randn(3, 50, 3)
    points[:, 10:14] *= 1e-3
    found = farthest_points(points, 50 if not skip else 30, skip)
    for row, cloud in zip(found.tolist(), points.numpy(), strict=True):
        assert row == plain_farthest(cloud, len(row), skip)
    near = {10, 11, 12, 13}
    assert bool(near & set(found[0].tolist())) != skip


def test_farthest_points_are_nested_and_begin_at_zero():
    points = torch.randn(2, 40, 3)
    few, many = farthest_points(points, 8), farthest_points(points, 20)
    assert torch.equal(few, many[:, :8]) and (few[:, 0] == 0).all()
    inside = gather_points(points, many)
    assert torch.equal(farthest_points(inside, 8), torch.arange(8).expand(2, -1))


def test_equal_points_take_the_smaller_index():
    points = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]]])
    assert farthest_points(points, 4).tolist() == [[0, 1, 0, 0]]


def test_nearest_points_equal_numpy_and_chunks_change_nothing(monkeypatch):
    queries, points = torch.randn(5, 7, 3), torch.randn(5, 30, 3)
    distance, index = nearest_points(queries, points, 4)
    plain = ((queries.numpy()[:, :, None] - points.numpy()[:, None]) ** 2).sum(-1)
    assert np.array_equal(index.numpy(), plain.argsort(-1)[..., :4])
    assert np.allclose(distance.numpy(), np.sort(plain, -1)[..., :4], atol=1e-6)
    monkeypatch.setattr(core, 'CHUNK', 1)
    again = nearest_points(queries, points, 4)
    assert torch.equal(again[1], index) and torch.equal(again[0], distance)


def test_equal_distances_go_to_the_smaller_index():
    """On a grid most distances are equal; NumPy's stable sort says which neighbours are the first."""
    points = torch.randint(0, 4, (3, 700, 3)).float()
    plain = ((points.numpy()[:, :40, None] - points.numpy()[:, None]) ** 2).sum(-1)
    for count in (1, 32):
        distance, index = nearest_points(points[:, :40], points, count)
        assert np.array_equal(index.numpy(), plain.argsort(-1, kind='stable')[..., :count])
        assert np.array_equal(distance.numpy(), np.sort(plain, -1)[..., :count])
    for row, cloud in zip(farthest_points(points, 60).tolist(), points.numpy(), strict=True):
        assert row == plain_farthest(cloud, 60)


def test_no_piece_is_larger_than_said(monkeypatch):
    """One large cloud alone must not exceed the bound, neither of neighbours nor of Chamfer."""
    held = []
    plain = core._distances
    monkeypatch.setattr(core, '_distances', lambda a, b: held.append(len(a) * a.shape[1] * b.shape[1]) or plain(a, b))
    one, other = torch.randn(2, 50, 3), torch.randn(2, 40, 3)
    whole = chamfer(one, other), nearest_points(one, other, 3)
    monkeypatch.setattr(core, 'CHUNK', 400)
    held.clear()
    again = chamfer(one, other), nearest_points(one, other, 3)
    assert max(held) <= 400 and len(held) > 10
    assert torch.equal(whole[0], again[0]) and torch.equal(whole[1][1], again[1][1])


def test_far_from_the_origin_neighbours_stay_right():
    """The expanded form of the distance loses all digits here."""
    points = torch.randn(1, 64, 3)
    shifted = points + 1000
    assert (nearest_points(shifted[:, :5], shifted, 1)[1][0, :, 0] == torch.arange(5)).all()


def test_groups():
    points = torch.randn(2, 60, 3)
    groups = group_points(points, 10, 5)
    assert groups.centres.shape == (2, 10, 3) and groups.neighbours.shape == (2, 10, 5, 3)
    assert torch.equal(groups.centres[:, 0], points[:, 0])
    assert groups.neighbours[:, :, 0].abs().max() == 0  # the nearest neighbour of a centre is itself
    own = gather_points(points, groups.index) - groups.centres.unsqueeze(2)
    assert torch.equal(own, groups.neighbours)


@pytest.mark.parametrize(('call', 'words'), [((8, 70), '70 neighbours of 60'), ((61, 5), '61 points cannot')])
def test_too_few_points_are_an_error(call, words):
    with pytest.raises(ConfigError, match=words):
        group_points(torch.randn(1, 60, 3), *call)


def test_chamfer_equals_numpy():
    one, other = torch.randn(4, 6, 3), torch.randn(4, 9, 3)
    square = ((one.numpy()[:, :, None] - other.numpy()[:, None]) ** 2).sum(-1)
    there, back = square.min(2), square.min(1)
    assert np.allclose(chamfer(one, other), there.mean(1) + back.mean(1), atol=1e-6)
    plain = (np.sqrt(there).mean(1) + np.sqrt(back).mean(1)) / 2
    assert np.allclose(chamfer(one, other, 'l1'), plain, atol=1e-6)


@pytest.mark.parametrize('norm', ['l2', 'l1'])
def test_chamfer_gradient_is_finite_at_coincident_points_and_correct(norm):
    one = torch.randn(2, 5, 3, dtype=torch.float32, requires_grad=True)
    chamfer(one, one.detach().clone(), norm).sum().backward()
    assert torch.equal(one.grad, torch.zeros_like(one))
    start, goal, step = torch.randn(1, 4, 3), torch.randn(1, 4, 3), torch.randn(1, 4, 3)
    x = start.clone().requires_grad_()
    chamfer(x, goal, norm).sum().backward()
    ahead, behind = (chamfer(start + s * 1e-3 * step, goal, norm).sum() for s in (1, -1))
    assert float((ahead - behind) / 2e-3) == pytest.approx(float((x.grad * step).sum()), rel=2e-2, abs=1e-3)


def test_mask_counts_of_point_mae():
    mask = RandomMasking(0.6, rounding='floor(hidden)')(TokenGrid((64,)), 3)
    assert mask.num_predict == 38 and mask.num_visible == 26
    assert (mask.predict.sum(1) == 38).all() and mask.visible_index.shape == (3, 26)
    assert RandomMasking(0.6)(TokenGrid((64,)), 1).num_predict == 39  # MAE's rounding is another
