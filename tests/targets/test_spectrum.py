"""The Fourier target and its loss (A2MIM) against NumPy's FFT and the formulas written out."""

import numpy as np
import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.losses import FocalFrequency
from pretrain.mask import Mask
from pretrain.targets.pixels import Pixels
from pretrain.targets.spectrum import Spectrum

pytestmark = pytest.mark.unit


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return {'image': torch.randn(2, 3, 8, 12)}


@pytest.fixture
def mask():
    state = torch.tensor([[1, 0, 0, 1, 1, 0], [0, 1, 1, 0, 0, 1]], dtype=torch.uint8)
    return Mask(state, TokenGrid((2, 3), (4, 4)))


def _target(**args):
    return Spectrum(patch=4, image_size=(8, 12), **args)


def test_is_the_orthonormal_transform(batch):
    goal = _target()(batch)
    expected = np.fft.fft2(batch['image'].double().numpy(), norm='ortho')
    assert goal.shape == (2, 3, 8, 12, 2)
    np.testing.assert_allclose(goal[..., 0], expected.real, atol=1e-5)
    np.testing.assert_allclose(goal[..., 1], expected.imag, atol=1e-5)
    assert not goal.requires_grad


def test_loss_of_the_clean_image_is_zero(batch, mask):
    target = _target()
    prediction = Pixels(patch=4, image_size=(8, 12))(batch).requires_grad_()
    loss = FocalFrequency()(target.view(prediction, batch, mask), target(batch), mask)
    assert loss < 1e-10
    loss.backward()
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize('live', [0.0, 1e-3])
def test_mixed_composition(batch, mask, live):
    target = _target(live=live)
    prediction = torch.randn(2, 6, 48, requires_grad=True)
    grid = TokenGrid((2, 3), (4, 4))
    predicted, hidden = grid.unpatchify(prediction.detach()), mask.units.float()
    substitute = 0.5 * predicted + 0.5 * batch['image']
    visible = live * predicted + (1 - live) * substitute
    expected = np.fft.fft2((predicted * hidden + visible * (1 - hidden)).numpy(), norm='ortho')

    got = target.view(prediction, batch, mask)
    np.testing.assert_allclose(got[..., 0].detach(), expected.real, atol=1e-5)
    np.testing.assert_allclose(got[..., 1].detach(), expected.imag, atol=1e-5)

    image = torch.fft.ifft2(torch.view_as_complex(got), norm='ortho').real
    image.sum().backward()
    share = mask.predict.float() + (1 - mask.predict.float()) * live
    torch.testing.assert_close(prediction.grad, share.unsqueeze(-1).expand(-1, -1, 48), atol=1e-5, rtol=0)


@pytest.mark.parametrize('visible', ['image', 'prediction', 'mean'])
def test_other_substitutes(batch, mask, visible):
    prediction = torch.randn(2, 6, 48)
    predicted = TokenGrid((2, 3), (4, 4)).unpatchify(prediction)
    substitute = {
        'image': batch['image'],
        'prediction': predicted,
        'mean': batch['image'].mean((2, 3), keepdim=True).expand(-1, -1, 8, 12),
    }[visible]
    expected = torch.view_as_real(torch.fft.fft2(torch.where(mask.units, predicted, substitute), norm='ortho'))
    torch.testing.assert_close(_target(visible=visible).view(prediction, batch, mask), expected)


@pytest.mark.parametrize('batch_mean', [True, False])
def test_focal_weight_is_the_plain_formula(batch_mean):
    torch.manual_seed(1)
    prediction, goal = torch.randn(4, 3, 5, 6, 2), torch.randn(4, 3, 5, 6, 2)
    p, g = prediction.double().numpy(), goal.double().numpy()
    if batch_mean:
        p, g = p.mean(0, keepdims=True), g.mean(0, keepdims=True)
    distance = np.hypot(*np.moveaxis(p - g, -1, 0))
    weight = np.log(1 + distance)
    expected = 0.5 * (weight / weight.max() * distance**2).mean()
    loss = FocalFrequency(weight=0.5, batch_mean=batch_mean)(prediction, goal, None)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_focal_weight_has_no_gradient():
    prediction, goal = torch.randn(1, 1, 2, 2, 2, requires_grad=True), torch.zeros(1, 1, 2, 2, 2)
    FocalFrequency()(prediction, goal, None).backward()
    weight = torch.log1p(prediction.detach().norm(dim=-1))
    expected = (weight / weight.max()).unsqueeze(-1) * 2 * prediction.detach() / 4
    torch.testing.assert_close(prediction.grad, expected)


def test_prediction_of_masked_tokens_alone_is_refused(batch, mask):
    with pytest.raises(ConfigError, match='all 6 tokens, got 3'):
        _target().view(torch.zeros(2, 3, 48), batch, mask)


@pytest.mark.parametrize(('args', 'message'), [({'visible': 'x'}, 'allowed: mixed'), ({'live': 2}, 'between 0 and 1')])
def test_wrong_arguments_are_named(args, message):
    with pytest.raises(ConfigError, match=message):
        _target(**args)
