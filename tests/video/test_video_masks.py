"""Counts of the published masks over a (8, 14, 14) grid of 16 x 224 x 224 pixels, and what the decoder gets."""

import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import IGNORE, PREDICT, VISIBLE, Mask
from pretrain.registry import MODELS, register_all

pytestmark = pytest.mark.unit
register_all()
GRID = TokenGrid.over((16, 224, 224), (2, 16, 16))


def draw(grid: TokenGrid = GRID, batch: int = 3, **cfg):
    torch.manual_seed(0)
    return MODELS.build(cfg)(grid, batch)


def test_counts_of_the_reference() -> None:
    assert GRID.num_tokens == 1568
    tube = draw(type='TubeMasking', ratio=0.9)
    assert (tube.num_visible, tube.num_predict) == (160, 1408)
    assert draw(type='TubeMasking', ratio=0.75).num_predict == 147 * 8
    random = draw(type='RandomMasking', ratio=0.9)
    assert random.num_visible == 156
    cube = draw(type='CubeMasking', ratio=0.4)
    assert cube.num_predict == int(0.4 * 1568) == int(cube.predict[0].sum())


def test_a_tube_hides_the_same_places_at_all_times() -> None:
    hidden = draw(type='TubeMasking', ratio=0.9).hidden.unflatten(1, GRID.size)
    assert (hidden == hidden[:, :1]).all() and not torch.equal(hidden[0], hidden[1])
    free = draw(type='RandomMasking', ratio=0.9).hidden.unflatten(1, GRID.size)
    assert not (free == free[:, :1]).all()


@pytest.mark.parametrize(
    ('size', 'patch', 'visible', 'predicted'),
    [((16, 224, 224), (2, 16, 16), 160, 704), ((16, 224, 224), (2, 14, 14), 208, 920)],
    ids=['base', 'giant'],
)
def test_running_cells(size: tuple, patch: tuple, visible: int, predicted: int) -> None:
    """The encoder sees a tenth; half of the hidden rest goes to the decoder, the same number in every sample."""
    grid = TokenGrid.over(size, patch)
    mask = draw(grid, 4, type='RunningCellMasking', ratio=0.9, decoder=0.5)
    assert (mask.num_visible, mask.num_predict) == (visible, predicted)
    for state, count in ((VISIBLE, visible), (PREDICT, predicted), (IGNORE, predicted)):
        assert ((mask.state == state).sum(1) == count).all()
    hidden = mask.hidden.unflatten(1, grid.size)
    assert (hidden == hidden[:, :1]).all()


def test_every_place_is_kept_half_of_the_time_and_never_rests() -> None:
    mask = draw(type='RunningCellMasking', ratio=0.9, decoder=0.5)
    kept = mask.predict.unflatten(1, GRID.size)
    tubes = mask.hidden.unflatten(1, GRID.size)[:, 0]
    assert (kept.sum(1)[tubes] == 4).all()
    assert not (kept[:, 1:] == kept[:, :-1]).flatten(2).all(2).any()


def test_cells_run_in_raster_order() -> None:
    """As in the published generator: a row of four places, read round from the next one at every time step."""
    grid = TokenGrid.over((8, 8, 8), (2, 4, 4))
    kept = draw(grid, 16, type='RunningCellMasking', ratio=0.9, decoder=0.5).state.eq(PREDICT).unflatten(1, (4, 4))
    hidden = draw(grid, 16, type='RunningCellMasking', ratio=0.9, decoder=0.5).hidden.unflatten(1, (4, 4))[:, 0]
    row = torch.tensor([False, False, True, True])
    starts = set()
    for cells, tubes in zip(kept, hidden, strict=True):
        expected = [torch.stack([row.roll(-start - t) for t in range(4)]) & tubes for start in range(4)]
        found = [start for start in range(4) if torch.equal(cells, expected[start])]
        assert found
        starts |= set(found)
    assert starts == {0, 1, 2, 3}


def test_what_running_cells_need() -> None:
    with pytest.raises(ConfigError, match='multiple of 4'):
        draw(TokenGrid.over((12, 32, 32), (2, 8, 8)), type='RunningCellMasking', ratio=0.9)
    with pytest.raises(ConfigError, match='decoder'):
        draw(type='RunningCellMasking', ratio=0.9, decoder=0.6)


def small(masking: dict, **head) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='MaskedModel',
            image_size=(8, 16, 16),
            masking=masking,
            encoder=dict(
                type='ViTEncoder',
                arch='vit3d_tiny_patch16',
                patch_size=(2, 4, 4),
                embed_dim=24,
                depth=1,
                num_heads=2,
                class_token=False,
                position='sincos-1d',
            ),
            head=dict(
                type='TransformerDecoder', width=24, depth=1, heads=2, position='sincos-1d', masked_only=True, **head
            ),
            target=dict(type='Pixels', normalise='patch-channel-unbiased'),
            loss=dict(type='MSE', on='masked'),
        )
    )


def test_the_loss_of_dual_masking_against_a_plain_statement() -> None:
    """Only tokens that are hidden and kept count, and only they, with the visible ones, are in the decoder."""
    model = small(dict(type='RunningCellMasking', ratio=0.75)).eval()
    clip = torch.rand(2, 3, 8, 16, 16)
    torch.manual_seed(1)
    loss = model.loss({'image': clip})['loss']
    torch.manual_seed(1)
    mask = model.masking(model.grid, 2)
    prediction, _ = model.reconstruct(clip, mask)
    assert prediction.shape[1] == mask.num_predict == 24
    pixels = clip * torch.tensor(model.std).view(3, 1, 1, 1) + torch.tensor(model.mean).view(3, 1, 1, 1)
    errors = []
    for b in range(2):
        m = 0
        for n in range(64):
            if mask.state[b, n] != PREDICT:
                continue
            t, y, x = n // 16, n // 4 % 4, n % 4
            cube = pixels[b, :, 2 * t : 2 * t + 2, 4 * y : 4 * y + 4, 4 * x : 4 * x + 4].flatten(1)
            goal = (cube - cube.mean(1, keepdim=True)) / (cube.std(1, keepdim=True) + 1e-6)
            errors.append((prediction[b, m] - goal.t().flatten()).square().mean())
            m += 1
    torch.testing.assert_close(loss, torch.stack(errors).mean(), atol=1e-5, rtol=1e-5)


def test_ignored_tokens_are_not_in_the_decoder() -> None:
    """With them in it, the same token would get another prediction."""
    model = small(dict(type='RunningCellMasking', ratio=0.75)).eval()
    clip = torch.rand(1, 3, 8, 16, 16)
    mask = model.masking(model.grid, 1)
    whole = Mask(torch.where(mask.state == IGNORE, PREDICT, mask.state), mask.grid)
    token = int(mask.predict_index[0, 0])
    place = whole.predict_index[0].tolist().index(token)
    with torch.no_grad():
        alone, among = model.reconstruct(clip, mask)[0][0, 0], model.reconstruct(clip, whole)[0][0, place]
        assert not torch.allclose(alone, among, atol=1e-4)
        latents = model.encoder(clip, mask)
        full = model.head.embed(latents)
        tokens = mask.restore(full, model.head.mask_token) + model.head.position
        kept = torch.cat([mask.gather_visible(tokens), mask.gather_predict(tokens)], 1)
        expected = model.head.prediction(model.head.norm(model.head.blocks[0](kept)))[0, mask.num_visible]
    torch.testing.assert_close(alone, expected, atol=1e-5, rtol=1e-5)
