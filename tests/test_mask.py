"""The mask: indices restore exactly, with equal and with differing counts, on every grid."""

import pytest
import torch

from pretrain.grid import TokenGrid
from pretrain.mask import IGNORE, PREDICT, VISIBLE, Mask

pytestmark = pytest.mark.unit
GRID = TokenGrid.over((12, 20), 4)


def random_mask(equal: bool, seed: int = 0) -> Mask:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(4, GRID.num_tokens, generator=generator)
    if equal:
        state = (noise.argsort(1) < 9).to(torch.uint8)
    else:
        state = (noise > torch.tensor([[0.3], [0.5], [0.7], [0.9]])).to(torch.uint8)
    return Mask(state, GRID)


@pytest.mark.parametrize('equal', [True, False])
@pytest.mark.parametrize('seed', range(5))
def test_restore_puts_visible_tokens_back_and_fills_the_rest(equal, seed):
    mask = random_mask(equal, seed)
    assert (mask.num_visible is not None) == equal
    x = torch.randn(4, GRID.num_tokens, 6)
    fill = torch.randn(1, 1, 6)
    back = mask.restore(mask.gather_visible(x), fill)
    assert torch.equal(back, torch.where(mask.visible.unsqueeze(-1), x, fill))


def test_visible_tokens_keep_raster_order():
    mask = random_mask(True)
    assert (mask.visible_index.diff(dim=1) > 0).all()


def test_padding_marks_exactly_the_missing_tokens():
    mask = random_mask(False)
    assert torch.equal((~mask.visible_padding).sum(1), mask.visible.sum(1))
    assert torch.equal((~mask.predict_padding).sum(1), mask.predict.sum(1))
    chosen = mask.gather_predict(torch.arange(GRID.num_tokens).expand(4, -1).unsqueeze(-1))[..., 0]
    for row, padding, want in zip(chosen, mask.predict_padding, mask.predict, strict=True):
        assert row[~padding].tolist() == want.nonzero().flatten().tolist()


def test_ignored_tokens_are_hidden_but_not_predicted():
    state = torch.tensor([[VISIBLE, PREDICT, IGNORE, VISIBLE]], dtype=torch.uint8)
    mask = Mask(state, TokenGrid.over((2, 2), 1))
    assert mask.hidden.tolist() == [[False, True, True, False]]
    assert mask.predict.tolist() == [[False, True, False, False]]
    assert (mask.num_visible, mask.num_predict) == (2, 1)


def test_pixels_and_other_grids_show_the_same_units():
    coarse = TokenGrid.over((12, 20), 4)
    mask = random_mask(True)
    fine = mask.on(coarse.with_patch(2))
    assert fine.num_visible == mask.num_visible * 4
    assert torch.equal(fine.units, mask.units)
    assert torch.equal(fine.on(coarse).state, mask.state)


def test_one_mask_for_the_whole_batch():
    mask = Mask.none(GRID, 3)
    x = torch.randn(3, GRID.num_tokens, 2)
    assert len(mask) == 3
    assert torch.equal(mask.gather_visible(x), x)
