"""What tensors cannot tell: heads, activation, rotary positions, method; and config files beside them that can."""

import json

import pytest
import timm
import torch
from foreign_files import FAMILIES
from test_reader_libraries import stir, tokens

from pretrain.checkpoint import exchange
from pretrain.checkpoint.load import CheckpointError, build_net, open_checkpoint
from pretrain.encoders.net import create_net, features, forward_tokens

pytestmark = pytest.mark.unit

TINY = {'img_size': 16, 'patch_size': 8, 'depth': 1}
SIGLIP = {'class_token': False, 'global_pool': 'map'}


def store(folder, net, config=None):
    torch.save(net.state_dict() if hasattr(net, 'state_dict') else net, folder / 'x.pth')
    if config is not None:
        (folder / 'config.json').write_text(json.dumps(config))
    return folder / 'x.pth'


def refusal(path, **arguments):
    with pytest.raises(CheckpointError) as error:
        open_checkpoint(path, **arguments)
    assert '\n' not in str(error.value)
    return str(error.value)


def meets(path, net, **arguments):
    """Whether the opened network computes what `net` does."""
    images = torch.randn(1, 3, *net.patch_embed.img_size)
    opened = open_checkpoint(path, **arguments)
    assert opened.report.coverage == 1
    with torch.no_grad():
        torch.testing.assert_close(
            features(build_net(opened)[0], images), forward_tokens(net, images), rtol=0, atol=1e-5
        )
    return opened.card


@pytest.mark.parametrize(('width', 'heads'), [(512, 8), (1152, 16), (1536, 16)])
def test_siglip_has_its_published_heads(width, heads, tmp_path):
    net = stir(timm.create_model('vit_base_patch16_224', **TINY, **SIGLIP, embed_dim=width, num_heads=heads))
    card = meets(store(tmp_path, net), net)
    assert card.arch_args['num_heads'] == heads


def test_dinov2_giant_keeps_its_heads(tmp_path):
    net = timm.create_model('vit_base_patch16_224', **TINY, embed_dim=1536, num_heads=24, num_classes=0)
    assert open_checkpoint(store(tmp_path, net)).card.arch_args['num_heads'] == 24


@pytest.mark.parametrize('width', [64, 128, 1088])
def test_heads_of_an_unpublished_width_must_be_given(width, tmp_path):
    """The small twins of the recipes have 4 heads at 128 channels: one per 64 channels would be another network."""
    net = create_net('vit_tiny_patch16_224', **TINY, embed_dim=width, num_heads=4)
    path = store(tmp_path, net)
    assert 'num_heads' in refusal(path)
    assert open_checkpoint(path, arch_args={'num_heads': 4}).card.arch_args['num_heads'] == 4


def test_assumed_heads_are_noted_where_published_networks_differ(tmp_path):
    net = timm.create_model('vit_base_patch16_gap_224', **TINY, num_classes=0)
    path = store(tmp_path, net)
    assert 'heads assumed: 12' in open_checkpoint(path).card.notes
    assert not open_checkpoint(path, arch_args={'num_heads': 16}).card.notes
    assert not open_checkpoint(store(tmp_path, create_net('vit_base_patch16_224', **TINY))).card.notes


def test_timm_config_gives_heads_and_statistics(tmp_path):
    net = stir(timm.create_model('vit_base_patch16_gap_224', **TINY))
    config = {'architecture': 'vit_base_patch16_gap_224', 'num_classes': 1000, 'global_pool': 'avg', 'model_args': TINY}
    config['pretrained_cfg'] = {'mean': [0.1, 0.2, 0.3], 'std': [0.5, 0.5, 0.6]}
    card = meets(store(tmp_path, net, config), net)
    assert (card.arch, card.arch_args['num_heads']) == ('vit_base_patch16_gap_224', 16) and not card.notes
    assert (card.mean, card.std) == ((0.1, 0.2, 0.3), (0.5, 0.5, 0.6))


def test_timm_config_gives_the_activation_and_survives_conversion(tmp_path):
    net = stir(timm.create_model('vit_giantopt_patch16_siglip_256', **TINY))
    path = store(tmp_path, net, {'architecture': 'vit_giantopt_patch16_siglip_256', 'model_args': TINY})
    card = meets(path, net)
    opened = open_checkpoint(path)
    exchange.write(tmp_path / 'y.safetensors', opened.state, opened.card)
    assert meets(tmp_path / 'y.safetensors', net) == card


def test_model_args_of_a_timm_config_are_used_and_the_user_wins(tmp_path):
    net = stir(timm.create_model('vit_tiny_patch16_224', **TINY, embed_dim=128, num_heads=4))
    args = {**TINY, 'embed_dim': 128, 'num_heads': 4}
    path = store(tmp_path, net, {'architecture': 'vit_tiny_patch16_224', 'model_args': args})
    meets(path, net)
    assert open_checkpoint(path, arch_args={'num_heads': 8}).card.arch_args['num_heads'] == 8


@pytest.mark.parametrize(('arch', 'args', 'side'), [
    ('beitv2_base_patch16_224', {'img_size': 32, 'depth': 1}, 32),
    ('swin_tiny_patch4_window7_224', {'embed_dim': 24, 'depths': [1, 1], 'num_heads': [1, 2]}, 224),
    ('resnet18', {}, 64),
    ('convnextv2_atto', {}, 64),
])  # fmt: skip
def test_timm_config_beside_other_networks(arch, args, side, tmp_path):
    net = stir(timm.create_model(arch, **{n: tuple(v) if isinstance(v, list) else v for n, v in args.items()}))
    opened = open_checkpoint(store(tmp_path, net, {'architecture': arch, 'model_args': args}))
    assert opened.card.arch == arch
    images = torch.randn(1, 3, side, side)
    with torch.no_grad():
        expected = forward_tokens(net, images)
    torch.testing.assert_close(features(build_net(opened)[0], images), expected, rtol=1e-5, atol=1e-5)


def test_a_timm_config_of_another_network_is_refused(tmp_path):
    net = create_net('vit_small_patch16_224', **TINY)
    line = refusal(store(tmp_path, net, {'architecture': 'vit_base_patch16_224', 'model_args': {'depth': 1}}))
    assert 'width 768' in line and 'width 384' in line
    line = refusal(store(tmp_path, net, {'architecture': 'vit_small_patch16_224'}))
    assert '12 blocks' in line and '1 blocks' in line
    assert 'vit_unheard_of' in refusal(store(tmp_path, net, {'architecture': 'vit_unheard_of'}))
    assert open_checkpoint(tmp_path / 'x.pth', arch_args={'arch': 'vit_small_patch16_224'}).report.coverage == 1


@pytest.mark.parametrize('arch', ['vit_small_patch16_rope_ape_224', 'vit_small_patch16_rope_224'])
def test_rotary_positions_named_by_a_config_are_refused(arch, tmp_path):
    net = timm.create_model(arch, depth=1, img_size=32)
    line = refusal(store(tmp_path, net, {'architecture': arch, 'model_args': {'depth': 1, 'img_size': 32}}))
    assert arch in line and 'config.json' in line


@pytest.mark.parametrize('name', ['rope.freqs', 'rope.periods', 'rope_embed.periods', 'freqs', 'freqs_t_x'])
def test_rotary_positions_among_the_tensors_are_refused(name, tmp_path):
    state = {**FAMILIES['timm vit']().content, name: torch.ones(3)}
    assert 'rotary positions (RoPE)' in refusal(store(tmp_path, state), arch_args={'num_heads': 3})


def hugging_face(folder, kind='ViT', **config):
    transformers = pytest.importorskip('transformers')
    sizes = {'hidden_size': 48, 'num_hidden_layers': 2, 'num_attention_heads': 3, 'intermediate_size': 96,
             'image_size': 20, 'patch_size': 4}  # fmt: skip
    if kind == 'Swin':
        sizes = {'image_size': 32, 'patch_size': 4, 'embed_dim': 12, 'depths': [2, 2], 'num_heads': [2, 4],
                 'window_size': 4}  # fmt: skip
    made = getattr(transformers, f'{kind}Config')(**{**sizes, **config})
    net = stir(getattr(transformers, f'{kind}Model')(made))
    net.save_pretrained(folder)
    return net


def rewrite(folder, **changes):
    file = folder / 'config.json'
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return folder / 'model.safetensors'


@pytest.mark.parametrize('kind', ['ViT', 'Beit', 'Swin', 'VideoMAE'])
def test_another_activation_is_refused(kind, tmp_path):
    hugging_face(tmp_path, kind)
    assert 'hidden_act' in refusal(rewrite(tmp_path, hidden_act='gelu_new'))


def test_an_activation_named_by_the_user_is_honoured(tmp_path):
    net = hugging_face(tmp_path, hidden_act='relu')
    images = torch.randn(1, 3, 20, 20)
    opened = open_checkpoint(tmp_path / 'model.safetensors', arch_args={'act_layer': 'relu'})
    with torch.no_grad():
        expected = tokens(net(images))[:, 1:]
    torch.testing.assert_close(features(build_net(opened)[0], images), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('kind', 'changes', 'told'),
    [
        ('ViT', {'num_hidden_layers': 3}, ('num_hidden_layers 3', 'has 2')),
        ('ViT', {'hidden_size': 96}, ('hidden_size 96', 'has 48')),
        ('VideoMAE', {'num_hidden_layers': 3}, ('num_hidden_layers 3', 'has 2')),
        ('Swin', {'depths': [2, 3]}, ('depths [2, 3]', 'has [2, 2]')),
    ],
)
def test_a_hugging_face_config_of_another_size_is_refused(kind, changes, told, tmp_path):
    hugging_face(tmp_path, kind)
    line = refusal(rewrite(tmp_path, **changes))
    assert all(words in line for words in told)


def test_a_headless_vit_under_model_is_of_no_known_method(tmp_path):
    net = create_net('vit_tiny_patch16_224', **TINY)
    card = open_checkpoint(store(tmp_path, {'model': net.state_dict()})).card
    assert (card.method, card.initial_stage, card.mean, card.std) == ('unknown', 'unknown', None, None)


@pytest.mark.parametrize('row', ['mae encoder', 'mae full', 'mae fine-tuned'])
def test_signs_of_mae_claim_the_method(row, tmp_path):
    path = store(tmp_path, FAMILIES[row]().content)
    card = open_checkpoint(path, arch_args={'num_heads': 3}).card
    stage = 'unknown' if row == 'mae fine-tuned' else 'mim'
    assert (card.method, card.initial_stage, card.mean) == ('mae', stage, (0.485, 0.456, 0.406))


def test_a_mask_token_alone_claims_the_method(tmp_path):
    state = {**create_net('vit_tiny_patch16_224', **TINY).state_dict(), 'mask_token': torch.zeros(1, 1, 192)}
    assert open_checkpoint(store(tmp_path, {'model': state})).card.method == 'mae'
