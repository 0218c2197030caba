"""Maskings hide exactly what the published ones hide."""

import math

import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.masking import BlockMasking, CubeMasking, RandomMasking, RunningCellMasking, TubeMasking

pytestmark = pytest.mark.unit
IMAGE = TokenGrid.over((224, 224), 16)
VIDEO = TokenGrid.over((16, 224, 224), (2, 16, 16))


@pytest.mark.parametrize(
    ('masking', 'grid', 'hidden'),
    [
        (RandomMasking(0.75), IMAGE, 147),  # MAE: int(196 * 0.25) = 49 visible
        (RandomMasking(0.75), TokenGrid.over((224, 224), 14), 192),  # ViT-H/14
        (RandomMasking(0.75), TokenGrid.over((224, 224), 32), 37),  # GreenMIM: int(49 * 0.25) = 12 visible
        (RandomMasking(0.6, unit=32, rounding='ceil(hidden)'), TokenGrid.over((192, 192), 4), 22 * 64),  # SimMIM Swin
        (RandomMasking(0.6, unit=32, rounding='ceil(hidden)'), IMAGE, 30 * 4),  # SimMIM ViT: ceil(49 * 0.6)
        (BlockMasking(98, exact=True), IMAGE, 98),  # CAE
        (BlockMasking(120, exact=True, max_block=60), IMAGE, 120),  # BootMAE
        (TubeMasking(0.9), VIDEO, 1408),  # VideoMAE: int(0.9 * 196) = 176 in each of 8
        (RandomMasking(0.9), VIDEO, 1412),  # MAE-ST: 156 visible
        (CubeMasking(0.4), VIDEO, 627),
    ],
)
def test_counts(masking, grid, hidden):
    torch.manual_seed(0)
    mask = masking(grid, 3)
    assert mask.num_predict == hidden
    assert mask.hidden.sum(1).tolist() == [hidden] * 3
    assert mask.num_visible == grid.num_tokens - hidden


@pytest.mark.parametrize(('count', 'min_block', 'mean', 'exact'), [(75, 16, 74.49, 0.675), (78, 15, 77.56, 0.701)])
def test_published_blocks_miss_their_count_as_often_as_the_original(count, min_block, mean, exact):
    """Means and shares of the reference were measured on 4000 draws of the published generators."""
    torch.manual_seed(0)
    hidden = BlockMasking(count, min_block=min_block)(IMAGE, 4000).hidden.sum(1).double()
    assert abs(hidden.mean() - mean) < 0.1
    assert abs((hidden == count).double().mean() - exact) < 0.03
    assert hidden.max() == count


def test_a_block_never_spans_a_side():
    """The published comparisons are strict: on two rows no block of 16 fits, because its aspect makes it two high."""
    torch.manual_seed(0)
    assert BlockMasking(16, min_block=16)(TokenGrid((2, 30), (16, 16)), 200).hidden.sum() == 0
    assert BlockMasking(16, min_block=16)(TokenGrid((6, 30), (16, 16)), 200).hidden.any(1).all()


def test_units_are_hidden_whole():
    mask = RandomMasking(0.6, unit=32, rounding='ceil(hidden)')(IMAGE, 4)
    units = mask.hidden.reshape(4, 7, 2, 7, 2)
    assert torch.equal(units.amin((2, 4)), units.amax((2, 4)))


def test_tubes_hide_the_same_place_in_every_frame():
    frames = TubeMasking(0.9)(VIDEO, 2).hidden.reshape(2, 8, 196)
    assert (frames == frames[:, :1]).all()


def test_samples_differ_unless_shared():
    apart, shared = RandomMasking(0.5)(IMAGE, 8), RandomMasking(0.5, shared=True)(IMAGE, 8)
    assert len(apart.hidden.unique(dim=0)) == 8
    assert len(shared.hidden.unique(dim=0)) == 1


@pytest.mark.parametrize('masking', [RandomMasking(0.5), BlockMasking(75), TubeMasking(0.5), CubeMasking(0.3)])
def test_a_seed_fixes_the_mask_and_another_changes_it(masking):
    grid = IMAGE if isinstance(masking, (RandomMasking, BlockMasking)) else VIDEO

    def draw(seed):
        torch.manual_seed(seed)
        return masking(grid, 4).state

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_every_token_is_hidden_equally_often():
    torch.manual_seed(0)
    share = RandomMasking(0.75)(TokenGrid.over((16, 16), 4), 8000).hidden.double().mean(0)
    assert (share - 0.75).abs().max() < 5 * math.sqrt(0.75 * 0.25 / 8000)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match='between 0 and 1'):
        RandomMasking(75)
    with pytest.raises(ConfigError, match='rounding'):
        RandomMasking(0.5, rounding='up')
    with pytest.raises(ConfigError, match='needs an image grid with more tokens'):
        BlockMasking(200)(IMAGE, 1)
    with pytest.raises(ConfigError, match='not a multiple'):
        RandomMasking(0.6, unit=48)(IMAGE, 1)


@pytest.mark.parametrize('kind', [RandomMasking, TubeMasking, CubeMasking, RunningCellMasking])
@pytest.mark.parametrize('ratio', [1.5, 1, 0, -0.5, 'half'])
def test_a_ratio_that_hides_all_or_nothing_is_named(kind, ratio):
    with pytest.raises(ConfigError, match=rf'masking\.ratio is {ratio!r}; it must lie between 0 and 1'):
        kind(ratio)
