"""Token grids: cutting and pasting are inverse, in the published value order, for images and volumes."""

import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(('size', 'patch'), [((8, 12), 4), ((8, 12), (2, 3)), ((4, 8, 6), (2, 4, 3))])
def test_unpatchify_inverts_patchify(size, patch):
    grid = TokenGrid.over(size, patch)
    x = torch.randn(2, 3, *size)
    tokens = grid.patchify(x)
    assert tokens.shape == (2, grid.num_tokens, grid.patch_volume * 3)
    assert torch.equal(grid.unpatchify(tokens), x)


def test_value_order_is_row_column_channel():
    """MAE: token (i, j) holds x[c, i*p + u, j*p + v] at (u * p + v) * C + c."""
    grid = TokenGrid.over((4, 6), 2)
    x = torch.arange(2 * 4 * 6.0).reshape(1, 2, 4, 6)
    token = grid.patchify(x)[0, 1 * 3 + 2]
    expected = [x[0, c, 2 + u, 4 + v] for u in range(2) for v in range(2) for c in range(2)]
    assert token.tolist() == [value.item() for value in expected]


def test_resample_repeats_and_subsamples():
    coarse, fine = TokenGrid.over((4, 4), 2), TokenGrid.over((4, 4), 1)
    values = torch.tensor([[1, 2, 3, 4]])
    spread = coarse.resample(values, fine)
    assert spread.reshape(4, 4).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert torch.equal(fine.resample(spread, coarse), values)


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(ConfigError, match='not a multiple'):
        TokenGrid.over((224, 220), 16)
    with pytest.raises(ConfigError, match='does not fit'):
        TokenGrid.over((8, 8), 4).patchify(torch.zeros(1, 3, 8, 4))
    with pytest.raises(ConfigError, match='no whole multiple'):
        TokenGrid((4, 4), (3, 3)).resample(torch.zeros(1, 16), TokenGrid((3, 3), (4, 4)))
