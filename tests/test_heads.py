"""Heads: shapes, what they see, and the value order of their predictions."""

import pytest
import torch
from torch.nn import functional as F

from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.heads import LinearHead, PixelShuffleHead, TransformerDecoder
from pretrain.masking import BlockMasking, RandomMasking

pytestmark = pytest.mark.unit
GRID = TokenGrid.over((16, 24), 4)


def test_decoder_predicts_every_token_from_visible_ones():
    head = TransformerDecoder(
        width=16, depth=1, heads=2, in_width=12, out_width=5, grid=GRID, num_prefix=1, visible_only=True
    )
    mask = RandomMasking(0.75)(GRID, 2)
    latents = torch.randn(2, 1 + mask.num_visible, 12)
    assert head(latents, mask).shape == (2, GRID.num_tokens, 5)


def test_decoder_puts_latents_at_their_own_places():
    """Without blocks the prediction at a visible place is that of its own latent with its own position."""
    head = TransformerDecoder(width=16, depth=0, heads=2, in_width=16, out_width=16, grid=GRID, visible_only=True)
    torch.nn.init.eye_(head.embed.weight)
    torch.nn.init.eye_(head.prediction.weight)
    head.norm = torch.nn.Identity()
    mask = RandomMasking(0.5)(GRID, 2)
    x = torch.randn(2, GRID.num_tokens, 16)
    out = head(mask.gather_visible(x), mask) - head.position
    assert torch.allclose(out[mask.visible], x[mask.visible], atol=1e-5)
    hidden = out[mask.hidden]
    assert torch.allclose(hidden, head.mask_token[0].expand_as(hidden), atol=1e-5)


def test_pixel_shuffle_equals_the_image_form():
    """SimMIM predicts an image; its tokens must be that image's patches."""
    head = PixelShuffleHead(in_width=8, out_width=4 * 4 * 3, grid=GRID)
    latents = torch.randn(2, GRID.num_tokens, 8)
    image = F.pixel_shuffle(head.projection(latents.transpose(1, 2).reshape(2, 8, *GRID.size)), 4)
    assert torch.allclose(GRID.unpatchify(head(latents, RandomMasking(0.5)(GRID, 2))), image)


@pytest.mark.parametrize('masking', [RandomMasking(0.5), BlockMasking(8, min_block=4)])
def test_masked_only_equals_the_masked_part_of_all(masking):
    torch.manual_seed(0)
    mask = masking(GRID, 6)
    every = LinearHead(in_width=8, out_width=5, grid=GRID, num_prefix=1)
    some = LinearHead(masked_only=True, in_width=8, out_width=5, grid=GRID, num_prefix=1)
    some.load_state_dict(every.state_dict())
    latents = torch.randn(6, 1 + GRID.num_tokens, 8)
    assert torch.allclose(some(latents, mask), mask.gather_predict(every(latents, mask)), atol=1e-6)


@pytest.mark.parametrize('head', [LinearHead, PixelShuffleHead])
def test_shallow_heads_refuse_visible_tokens_alone(head):
    with pytest.raises(ConfigError, match='needs all tokens'):
        head(in_width=8, out_width=48, grid=GRID, visible_only=True)
