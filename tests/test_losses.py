"""Losses against the formulas of their sources, on boolean-indexed tensors where the sources have none."""

import pytest
import torch
import torch.nn.functional as F

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.losses import L1, MSE, Cosine, CrossEntropy, FocalL1, SmoothL1, SoftCrossEntropy, select
from pretrain.mask import Mask

pytestmark = pytest.mark.unit

GRID = TokenGrid((3, 4), (2, 2))
VALUES = 12
REGRESSION = [MSE, L1, SmoothL1, Cosine, FocalL1]


def _even_mask():
    """Two samples with five tokens to predict, one ignored and six visible each."""
    state = torch.tensor([[1, 0, 0, 1, 1, 0, 2, 0, 1, 0, 0, 1], [0, 1, 1, 0, 2, 0, 1, 1, 0, 0, 1, 0]])
    return Mask(state.to(torch.uint8), GRID)


def _ragged_mask():
    """Five, two and eleven tokens to predict."""
    state = torch.zeros(3, 12, dtype=torch.uint8)
    state[0, [0, 3, 4, 8, 11]] = 1
    state[1, [2, 7]] = 1
    state[2, 1:] = 1
    mask = Mask(state, GRID)
    assert mask.num_predict is None
    return mask


def _pair(mask, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (len(mask), 12, VALUES)
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)


def test_mse_is_maes_formula():
    mask = _even_mask()
    prediction, goal = _pair(mask)
    masked = mask.predict.float()
    expected = (((prediction - goal) ** 2).mean(-1) * masked).sum() / masked.sum()
    torch.testing.assert_close(MSE()(prediction, goal, mask), expected)


def test_l1_is_simmims_formula_on_images():
    mask = _even_mask()
    mask.state[mask.state == 2] = 1
    prediction, goal = _pair(mask)
    p, g = GRID.unpatchify(prediction), GRID.unpatchify(goal)
    pixels = mask.units.float()
    expected = ((p - g).abs() * pixels).sum() / (pixels.sum() + 1e-5) / 3
    torch.testing.assert_close(L1()(prediction, goal, mask), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ('loss', 'plain'),
    [
        (SmoothL1(beta=2.0), lambda p, g: F.smooth_l1_loss(p, g, beta=2.0)),
        (SmoothL1(), lambda p, g: F.smooth_l1_loss(p, g)),
        (Cosine(), lambda p, g: 1 - ((p * g).sum(-1) / (p.norm(dim=-1) * g.norm(dim=-1))).mean()),
        (FocalL1(), lambda p, g: ((p - g).abs() * (2 / (1 + torch.exp(-0.2 * (p - g).abs())) - 1)).mean()),
        (MSE(weight=0.25), lambda p, g: 0.25 * F.mse_loss(p, g)),
    ],
)
def test_regression_losses_on_the_masked_tokens(loss, plain):
    mask = _even_mask()
    prediction, goal = _pair(mask)
    torch.testing.assert_close(loss(prediction, goal, mask), plain(prediction[mask.predict], goal[mask.predict]))


def test_gradient_of_focal_l1_flows_through_its_weight():
    mask = Mask(torch.ones(1, 12, dtype=torch.uint8), GRID)
    prediction = torch.full((1, 12, VALUES), 3.0, requires_grad=True)
    FocalL1()(prediction, torch.zeros(1, 12, VALUES), mask).backward()
    s = torch.sigmoid(torch.tensor(0.6))
    expected = (2 * s - 1 + 3 * 2 * 0.2 * s * (1 - s)) / (12 * VALUES)
    torch.testing.assert_close(prediction.grad, expected.expand(1, 12, VALUES))


@pytest.mark.parametrize('make_mask', [_even_mask, _ragged_mask])
def test_cross_entropy_equals_torch_on_indexed_tokens(make_mask):
    mask = make_mask()
    scores, _ = _pair(mask)
    ids = torch.randint(0, VALUES, (len(mask), 12), generator=torch.Generator().manual_seed(1))
    loss = CrossEntropy()
    torch.testing.assert_close(loss(scores, ids, mask), F.cross_entropy(scores[mask.predict], ids[mask.predict]))
    accuracy = loss.metrics(scores, ids, mask)['accuracy']
    expected = (scores[mask.predict].argmax(-1) == ids[mask.predict]).float().mean()
    torch.testing.assert_close(accuracy, expected)


def test_soft_cross_entropy_equals_torch_on_indexed_tokens():
    mask = _ragged_mask()
    scores, other = _pair(mask)
    soft = other.softmax(-1)
    torch.testing.assert_close(
        SoftCrossEntropy()(scores, soft, mask), F.cross_entropy(scores[mask.predict], soft[mask.predict])
    )
    one_hot = F.one_hot(soft.argmax(-1), VALUES).float()
    hard = CrossEntropy()(scores, soft.argmax(-1), mask)
    torch.testing.assert_close(SoftCrossEntropy()(scores, one_hot, mask), hard)


@pytest.mark.parametrize('loss_type', [*REGRESSION, SoftCrossEntropy])
@pytest.mark.parametrize('mean', ['tokens', 'sample'])
@pytest.mark.parametrize('make_mask', [_even_mask, _ragged_mask])
def test_both_layouts_give_one_loss(loss_type, mean, make_mask):
    mask, loss = make_mask(), loss_type(mean=mean)
    prediction, goal = _pair(mask)
    full = loss(prediction, goal, mask)
    torch.testing.assert_close(loss(mask.gather_predict(prediction), goal, mask), full)


@pytest.mark.parametrize('loss_type', REGRESSION)
def test_padding_counts_for_nothing(loss_type):
    mask, loss = _ragged_mask(), loss_type()
    prediction, goal = _pair(mask)
    gathered = mask.gather_predict(prediction)
    expected = loss(gathered, goal, mask)
    gathered[mask.predict_padding] = float('inf')
    gathered.requires_grad_()
    got = loss(gathered, goal, mask)
    torch.testing.assert_close(got, expected)


def test_mean_over_samples_differs_from_tokens_on_ragged_counts():
    mask = _ragged_mask()
    prediction, goal = _pair(mask)
    each = [F.mse_loss(prediction[b][mask.predict[b]], goal[b][mask.predict[b]]) for b in range(3)]
    torch.testing.assert_close(MSE(mean='sample')(prediction, goal, mask), torch.stack(each).mean())
    assert not torch.isclose(MSE(mean='sample')(prediction, goal, mask), MSE(mean='tokens')(prediction, goal, mask))


@pytest.mark.parametrize('on', ['visible', 'all'])
def test_other_tokens_can_count(on):
    mask = _even_mask()
    prediction, goal = _pair(mask)
    chosen = mask.visible if on == 'visible' else torch.ones_like(mask.visible)
    torch.testing.assert_close(MSE(on=on)(prediction, goal, mask), F.mse_loss(prediction[chosen], goal[chosen]))


def test_tokens_that_do_not_count_get_no_gradient():
    mask = _even_mask()
    prediction, goal = _pair(mask)
    prediction.requires_grad_()
    MSE()(prediction, goal, mask).backward()
    assert (prediction.grad[~mask.predict] == 0).all()
    assert (prediction.grad[mask.predict] != 0).all()


def test_nothing_to_predict_is_zero_not_nan():
    mask = Mask.none(GRID, 2)
    prediction, goal = _pair(mask)
    for mean in ('tokens', 'sample'):
        assert MSE(mean=mean)(prediction, goal, mask) == 0


@pytest.mark.parametrize('loss_type', REGRESSION)
def test_loss_is_fp32_for_a_half_precision_prediction(loss_type):
    mask = _even_mask()
    prediction, goal = _pair(mask)
    half = prediction.bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        loss = loss_type()(half, goal, mask)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, loss_type()(half.float(), goal, mask))


def test_select_orders_goals_as_the_mask_does():
    mask = _even_mask()
    goal = torch.randn(2, 12, 5)
    assert torch.equal(select(goal, mask), goal[mask.predict].view(2, 5, 5))
    ids = torch.arange(24).view(2, 12)
    assert torch.equal(select(ids, mask), ids[mask.predict].view(2, 5))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: MSE(on='hidden'), "on='hidden'; allowed: masked"),
        (lambda: MSE(mean='batch'), "mean='batch'; allowed: tokens"),
        (lambda: MSE(on='all')(torch.zeros(2, 5, 3), torch.zeros(2, 12, 3), _even_mask()), 'masked tokens only'),
        (lambda: MSE()(torch.zeros(2, 4, 3), torch.zeros(2, 12, 3), _even_mask()), '4 tokens predicted, 5 to predict'),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


@pytest.mark.parametrize('loss_type', REGRESSION)
def test_compiles_without_a_graph_break(loss_type):
    mask, loss = _even_mask(), loss_type()
    prediction, goal = _pair(mask)
    compiled = torch.compile(loss, backend='eager', fullgraph=True)
    torch.testing.assert_close(compiled(prediction, goal, mask), loss(prediction, goal, mask))
