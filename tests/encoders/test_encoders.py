"""Masked encoders: nothing hidden leaks, nothing masked equals the plain network, names stay timm's."""

import pytest
import timm
import torch

from pretrain.encoders import CNNEncoder, SwinEncoder, ViTEncoder
from pretrain.encoders.net import create_net
from pretrain.errors import ConfigError
from pretrain.grid import TokenGrid
from pretrain.mask import Mask
from pretrain.masking import BlockMasking, RandomMasking

pytestmark = pytest.mark.unit

VIT = dict(arch='vit_tiny_patch16_224', patch_size=8, embed_dim=32, depth=2, num_heads=2, image_size=(32, 48))
BEIT = dict(VIT, arch='beit_base_patch16_224', use_abs_pos_emb=True, use_rel_pos_bias=False, init_values=0.1)
RELATIVE = dict(BEIT, use_abs_pos_emb=False, use_shared_rel_pos_bias=True, position='relative')
SWIN = dict(
    arch='swin_tiny_patch4_window7_224',
    embed_dim=16,
    depths=(1, 1),
    num_heads=(2, 2),
    window_size=4,
    image_size=(32, 48),
)
SWIN_3D = dict(arch='swin3d_tiny_patch2', depths=(2, 1), num_heads=(3, 3), window_size=3, image_size=(16, 24, 16))
CNN = dict(arch='resnet18', image_size=(64, 96))
CONVNEXT = dict(arch='convnext_atto', image_size=(64, 96))

CASES = {
    'vit-drop': lambda: ViTEncoder(masked='drop', position='sincos-xy', init='xavier', **VIT),
    'vit-drop-no-cls': lambda: ViTEncoder(masked='drop', class_token=False, global_pool='avg', **VIT),
    'vit-drop-registers': lambda: ViTEncoder(masked='drop', reg_tokens=2, **VIT),
    'vit-token': lambda: ViTEncoder(masked='token', **VIT),
    'vit-fill': lambda: ViTEncoder(masked='fill', **VIT),
    'vit-stage': lambda: ViTEncoder(masked='stage', **VIT),
    'beit-drop': lambda: ViTEncoder(masked='drop', **BEIT),
    'beit-token': lambda: ViTEncoder(masked='token', **RELATIVE),
    'swin-token': lambda: SwinEncoder(**SWIN),
    'swin3d-token': lambda: SwinEncoder(**SWIN_3D),
    'resnet-stage': lambda: CNNEncoder(masked='stage', **CNN),
    'resnet-fill': lambda: CNNEncoder(masked='fill', fill='zero', **CNN),
    'convnext-stage': lambda: CNNEncoder(masked='stage', **CONVNEXT),
}


def build(name):
    torch.manual_seed(0)
    encoder = CASES[name]().eval()
    for parameter in encoder.parameters():  # zero-initialised tokens and tables would hide mistakes
        if parameter.requires_grad and parameter.abs().max() == 0:
            torch.nn.init.normal_(parameter, std=0.1)
    return encoder


def random_mask(encoder, batch=2):
    """Units that no stage of any network splits."""
    unit = max(encoder.stride, encoder.grid.patch)
    return RandomMasking(0.5, unit=unit)(encoder.grid, batch)


@pytest.mark.parametrize('name', CASES)
def test_with_nothing_masked_latents_are_the_features(name):
    encoder = build(name)
    images = torch.randn(2, 3, *encoder.image_size)
    with torch.no_grad():
        latents = encoder(images, Mask.none(encoder.grid, 2))
        expected = encoder.features(images)
        if name.startswith('convnext'):  # pre-training norms the map; classification norms what it pooled
            expected = encoder.net.head.norm(encoder.net.forward_features(images)).flatten(2).transpose(1, 2)
        assert torch.allclose(latents[:, encoder.num_prefix :], expected, atol=1e-5)


@pytest.mark.parametrize('name', CASES)
def test_hidden_pixels_do_not_reach_the_latents(name):
    """Other hidden pixels, equal latents. A2MIM's mean fill is the one published way by which they do."""
    encoder = build(name)
    encoder.fill = 'zero'
    images = torch.randn(2, 3, *encoder.image_size)
    mask = random_mask(encoder)
    changed = torch.where(mask.units, torch.randn_like(images), images)
    with torch.no_grad():
        assert torch.allclose(encoder(images, mask), encoder(changed, mask), atol=1e-6)
        visible = torch.where(mask.units, images, torch.randn_like(images))
        assert not torch.allclose(encoder(images, mask), encoder(visible, mask), atol=1e-3)


@pytest.mark.parametrize('name', CASES)
def test_shapes(name):
    encoder = build(name)
    mask = random_mask(encoder)
    latents = encoder(torch.randn(2, 3, *encoder.image_size), mask)
    tokens = TokenGrid.over(encoder.image_size, encoder.stride).num_tokens
    assert latents.shape == (
        2,
        encoder.num_prefix + (mask.num_visible if encoder.visible_only else tokens),
        encoder.width,
    )


@pytest.mark.parametrize('name', CASES)
def test_the_exchange_state_loads_strictly_into_a_plain_timm_network(name):
    encoder = build(name)
    state, args = encoder.exchange()
    args.pop('final_norm', None)
    pooling = (
        {} if 'global_pool' in args or encoder.arch.startswith(('swin', 'res', 'conv')) else {'global_pool': 'token'}
    )
    net = timm.create_model(encoder.arch, num_classes=0, **pooling, **args).eval()
    net.load_state_dict(state, strict=True)
    images = torch.randn(2, 3, *encoder.image_size)
    with torch.no_grad():
        assert torch.allclose(net.forward_features(images), encoder.net.forward_features(images), atol=1e-5)


@pytest.mark.parametrize('name', ['vit-drop', 'vit-drop-no-cls', 'vit-drop-registers', 'beit-drop'])
def test_a_kept_token_keeps_its_own_position(name):
    """Without blocks the latents are the embeddings, and dropping must only choose among them."""
    encoder = build(name)
    encoder.net.blocks, encoder.net.norm = torch.nn.ModuleList(), torch.nn.Identity()
    images, mask = torch.randn(2, 3, *encoder.image_size), random_mask(encoder)
    with torch.no_grad():
        everything = encoder(images, Mask.none(encoder.grid, 2))[:, encoder.num_prefix :]
        kept = encoder(images, mask)[:, encoder.num_prefix :]
    assert torch.allclose(kept, mask.gather_visible(everything), atol=1e-5)


def test_samples_may_keep_different_numbers_of_tokens():
    """A sample's latents do not depend on how many tokens its neighbours keep."""
    encoder = build('vit-drop')
    images = torch.randn(3, 3, *encoder.image_size)
    state = torch.zeros(3, encoder.grid.num_tokens, dtype=torch.uint8)
    for row, hidden in enumerate((4, 9, 15)):
        state[row, torch.randperm(encoder.grid.num_tokens)[:hidden]] = 1
    mask = Mask(state, encoder.grid)
    assert mask.num_visible is None
    with torch.no_grad():
        together = encoder(images, mask)
        for row in range(3):
            alone = encoder(images[row : row + 1], Mask(state[row : row + 1], encoder.grid))
            assert torch.allclose(together[row, : alone.shape[1]], alone[0], atol=1e-5)


def test_published_blocks_give_ragged_masks_that_restore():
    torch.manual_seed(0)
    mask = BlockMasking(20, min_block=4)(TokenGrid.over((64, 64), 8), 16)
    assert mask.num_visible is None
    x = torch.randn(16, 64, 3)
    assert torch.equal(mask.restore(mask.gather_visible(x), torch.zeros(3))[mask.visible], x[mask.visible])


def test_a2mim_mean_fill_uses_the_image_mean_of_all_pixels():
    encoder = build('resnet-stage')
    images = torch.randn(2, 3, *encoder.image_size)
    mask = random_mask(encoder)
    filled = encoder.fill_hidden(images, mask)
    means = images.mean((2, 3))
    for b in range(2):
        hidden = mask.units[b, 0]
        assert torch.allclose(filled[b][:, hidden], means[b][:, None].expand(-1, int(hidden.sum())))
        assert torch.equal(filled[b][:, ~hidden], images[b][:, ~hidden])


def test_a2mim_token_replaces_masked_features_at_its_stage():
    """gamma starts at 1e-6: what enters the last stage at hidden positions is the token."""
    encoder = build('resnet-stage')
    mask = random_mask(encoder)
    features = torch.randn(2, 256, *encoder.grid.size)
    out = encoder._insert_token(features, mask)
    hidden = mask.hidden.reshape(2, *encoder.grid.size)
    assert torch.allclose(out.movedim(1, -1)[hidden], encoder.mask_token[0, 0].expand(int(hidden.sum()), -1), atol=1e-4)
    assert torch.equal(out.movedim(1, -1)[~hidden], features.movedim(1, -1)[~hidden])


def test_sincos_positions_are_fixed_and_column_first():
    encoder = build('vit-drop')
    table = encoder.net.pos_embed
    assert not table.requires_grad
    assert table[0, 0].abs().max() == 0, 'the cls row is zero'
    grid = table[0, 1:].reshape(*encoder.grid.size, -1)
    half = grid.shape[-1] // 2
    assert torch.equal(grid[0, :, :half], grid[1, :, :half]), 'the first half does not vary along rows'
    assert not torch.equal(grid[:, 0, :half], grid[:, 1, :half]), 'the first half varies along columns'


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: ViTEncoder(masked='hide', **VIT), 'allows drop, token, fill, stage'),
        (lambda: ViTEncoder(masked='drop', **RELATIVE), 'cannot drop tokens'),
        (lambda: ViTEncoder(position='rope', **VIT), 'encoder.position'),
        (lambda: ViTEncoder(arch='vit_tony_patch16', image_size=(32, 32)), 'unknown architecture'),
        (lambda: ViTEncoder(arch='swin_tiny_patch4_window7_224', image_size=(224, 224)), 'no plain ViT'),
        (lambda: SwinEncoder(arch='resnet18', image_size=(64, 64)), 'does not take these arguments|no Swin'),
        (lambda: CNNEncoder(arch='resnet18', stage=4, image_size=(64, 64)), 'allowed: 1 to 3'),
        (lambda: ViTEncoder(arch='vit_tiny_patch16_224', image_size=(30, 32)), 'not a multiple'),
        (lambda: ViTEncoder(arch='vit_tiny_patch16_224', dept=3, image_size=(32, 32)), 'does not take these arguments'),
    ],
)
def test_wrong_settings_name_the_mistake(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize('name', ['checkpoint_path', 'pretrained_cfg', 'cache_dir', 'features_only'])
def test_arguments_of_a_card_open_no_files(name: str) -> None:
    """timm's factory would load the pickle that `checkpoint_path` names, and older ones execute what is in it."""
    with pytest.raises(ConfigError, match=f'{name} is no argument of a network'):
        create_net('vit_tiny_patch16_224', **{name: 'weights.bin'})
