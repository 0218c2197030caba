"""Pixel targets against the formulas of their sources, written out plainly."""

import numpy as np
import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.registry import MODELS
from pretrain.targets.pixels import NORMALISE, Pixels

pytestmark = pytest.mark.unit

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
PATCH = 4


@pytest.fixture
def batch():
    """Two rectangular images of 8x12 pixels, normalised."""
    torch.manual_seed(0)
    pixels = torch.rand(2, 3, 8, 12)
    return {'image': (pixels - _column(MEAN)) / _column(STD), 'pixels': pixels}


def _column(values):
    return torch.tensor(values).reshape(1, 3, 1, 1)


def _target(normalise, **args):
    return Pixels(normalise, patch=PATCH, image_size=(8, 12), mean=MEAN, std=STD, **args)


def _patches(image):
    """Each patch as `(B, N, rows, columns, C)` in raster order, cut by plain slicing."""
    image = image.double().numpy()
    cut = [
        image[:, :, top : top + PATCH, left : left + PATCH].transpose(0, 2, 3, 1)
        for top in range(0, image.shape[2], PATCH)
        for left in range(0, image.shape[3], PATCH)
    ]
    return np.stack(cut, axis=1)


def _joint(batch):
    x = _patches(batch['image'])
    mu = x.mean((2, 3, 4), keepdims=True)
    var = x.var((2, 3, 4), keepdims=True, ddof=1)
    return (x - mu) / np.sqrt(var + 1e-6)


def _channel_biased(batch):
    x = _patches(batch['image'])
    return (x - x.mean((2, 3), keepdims=True)) / np.sqrt(x.var((2, 3), keepdims=True) + 1e-5)


def _channel_unbiased(batch):
    x = _patches(batch['pixels'])
    return (x - x.mean((2, 3), keepdims=True)) / (x.std((2, 3), keepdims=True, ddof=1) + 1e-6)


@pytest.mark.parametrize(
    ('normalise', 'plain'),
    [
        ('none', lambda batch: _patches(batch['image'])),
        ('patch', _joint),
        ('patch-channel-biased', _channel_biased),
        ('patch-channel-unbiased', _channel_unbiased),
    ],
)
def test_matches_the_plain_formula(batch, normalise, plain):
    goal = _target(normalise)(batch)
    expected = plain(batch).reshape(2, 6, PATCH * PATCH * 3)
    assert goal.shape == (2, 6, 48)
    np.testing.assert_allclose(goal.numpy(), expected, atol=2e-5)


def test_sliding_window_counts_only_pixels_of_the_image(batch):
    window, image = 5, batch['image'].double().numpy()
    expected = np.empty_like(image)
    for row in range(8):
        for column in range(12):
            rows = slice(max(row - 2, 0), row + 3)
            columns = slice(max(column - 2, 0), column + 3)
            around = image[:, :, rows, columns]
            sigma = np.sqrt(around.var((2, 3), ddof=1) + 1e-6)
            expected[:, :, row, column] = (image[:, :, row, column] - around.mean((2, 3))) / sigma
    target = _target('sliding', window=window)
    np.testing.assert_allclose(target.grid.unpatchify(target(batch)).numpy(), expected, atol=1e-4)


def test_joint_and_channel_statistics_differ(batch):
    goals = {name: _target(name)(batch) for name in NORMALISE}
    names = list(goals)
    for first in range(len(names)):
        for second in range(first):
            assert (goals[names[first]] - goals[names[second]]).abs().max() > 0.01


@pytest.mark.parametrize(('normalise', 'count'), [('patch', 48), ('patch-channel-unbiased', 16)])
def test_variance_is_unbiased(batch, normalise, count):
    values = _target(normalise)(batch).double()
    values = values if normalise == 'patch' else values.unflatten(-1, (16, 3)).transpose(2, 3)
    biased = values.var(-1, correction=0)
    torch.testing.assert_close(biased, torch.full_like(biased, (count - 1) / count), atol=1e-3, rtol=0)
    assert abs((count - 1) / count - 1) > 1e-2


@pytest.mark.parametrize('normalise', NORMALISE)
def test_a_perfect_prediction_gives_the_clean_picture(batch, normalise):
    target = _target(normalise, window=5)
    picture = target.to_image(target(batch).to(torch.float32), batch)
    torch.testing.assert_close(picture, batch['pixels'], atol=1e-5, rtol=0)


def test_picture_stays_between_zero_and_one(batch):
    target = _target('patch')
    picture = target.to_image(torch.full((2, 6, 48), 50.0), batch)
    assert picture.min() >= 0 and picture.max() == 1


@pytest.mark.parametrize('normalise', NORMALISE)
def test_goal_is_fp32_without_gradient_under_autocast(batch, normalise):
    target = _target(normalise, window=5)
    image = batch['image'].clone().requires_grad_()
    with torch.autocast('cpu', torch.bfloat16):
        goal = target({'image': image})
    assert goal.dtype == torch.float32
    assert not goal.requires_grad
    torch.testing.assert_close(goal, target(batch))


def test_constant_patch_gives_zero(batch):
    batch['image'] = torch.ones(1, 3, 8, 12)
    for normalise in NORMALISE[1:]:
        assert _target(normalise)(batch).abs().max() == 0


def test_target_leaves_the_checkpoint_empty():
    assert not _target('patch').state_dict()


def test_built_from_a_config():
    target = MODELS.build({'type': 'Pixels', 'normalise': 'patch', 'patch': 8, 'image_size': 16, 'channels': 1})
    assert (target.dim, target.grid.patch, target.grid.num_tokens) == (64, (8, 8), 4)


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ({'normalise': 'joint'}, 'allowed: none, patch'),
        ({'image_size': 30}, 'multiple of the patch'),
        ({'mean': [0.5]}, '1 values for 3 channels'),
        ({'mean': [123.0, 116.0, 103.0]}, 'divide it by 255'),
        ({'normalise': 'sliding', 'window': 8}, 'odd'),
    ],
)
def test_wrong_arguments_are_named(args, message):
    with pytest.raises(ConfigError, match=message):
        Pixels(**{'patch': 4, 'image_size': 8, **args})


def test_image_of_another_size_is_refused(batch):
    batch['image'] = torch.zeros(2, 3, 12, 12)
    with pytest.raises(ConfigError, match='does not fit a grid'):
        _target('patch')(batch)
