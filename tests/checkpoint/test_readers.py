"""Every layout of every family: read, complete, and the same function as the official encoder."""

import pytest
import torch
from foreign_files import FAMILIES, SIDE
from safetensors.torch import save_file

from pretrain.checkpoint import exchange, load
from pretrain.encoders.net import features

pytestmark = pytest.mark.unit


def store(row, folder):
    path = folder / f'anything{row.suffix}'
    if row.suffix == '.safetensors':
        save_file(row.content, path)
    else:
        torch.save(row.content, path)
    return path


@pytest.fixture(params=FAMILIES)
def row(request):
    torch.manual_seed(0)
    return FAMILIES[request.param]()


@pytest.fixture
def opened(row, tmp_path):
    return load.open_checkpoint(store(row, tmp_path), student=row.student, arch_args=row.arch_args)


def test_features_equal_the_official_encoder(row, opened):
    images = torch.randn(2, 3, row.side, row.side)
    net, _ = load.build_net(opened)
    torch.testing.assert_close(features(net, images), row.features(images), rtol=0, atol=1e-5)


def test_every_tensor_is_accounted_for(row, opened):
    report = opened.report
    assert report.coverage == 1
    assert not report.missing and not report.unexpected
    told = {source for entry in report.renamed for source in entry['source'].split(' + ')}
    told |= {name for name in report.loaded if name not in {entry['target'] for entry in report.renamed}}
    told |= {entry['name'] for entry in report.dropped}
    for name in row.weights(row.content):
        plain = name.removeprefix('module.')
        assert name in told or plain in told, f'{name} is in no list'


def test_the_card_states_what_the_file_tells(row, opened):
    card = opened.card
    assert (card.family, card.arch, card.position) == (row.family, row.arch, row.position)
    assert card.relative_bias == any('relative_position_bias_table' in name for name in opened.state)
    assert card.image_size == (row.side, row.side)
    assert card.channels == 3 and card.patch == (4, 4)
    assert card.source_sha256 == opened.sha256
    assert card.data_seen is None and card.source_licence is None


def test_converting_keeps_features_and_card(row, opened, tmp_path):
    target = tmp_path / 'exchange.safetensors'
    exchange.write(target, opened.state, opened.card)
    again = load.open_checkpoint(target)
    assert again.card == opened.card
    images = torch.randn(2, 3, row.side, row.side)
    first, second = load.build_net(opened)[0], load.build_net(again)[0]
    assert torch.equal(features(first, images), features(second, images))


def test_a_missing_tensor_is_named(row, tmp_path):
    del row.weights(row.content)[row.encoder_key]
    with pytest.raises(load.CheckpointError, match='missing') as error:
        load.open_checkpoint(store(row, tmp_path), student=row.student, arch_args=row.arch_args)
    assert '\n' not in str(error.value)


def test_a_misspelt_prefix_is_named(row, tmp_path):
    state = row.weights(row.content)
    wrong = row.encoder_key.replace('blocks', 'blcks').replace('stages', 'stges').replace('layers.1.f', 'layrs.1.f')
    wrong = wrong.replace('layers.0.d', 'layrs.0.d').replace('layers.1.d', 'layrs.1.d').replace('s.1.gam', '.1.gam')
    assert wrong != row.encoder_key
    state[wrong] = state.pop(row.encoder_key)
    with pytest.raises(load.CheckpointError) as error:
        load.open_checkpoint(store(row, tmp_path), student=row.student, arch_args=row.arch_args)
    assert wrong.removeprefix('module.').removeprefix('encoder.') in str(error.value)
    assert 'missing' in str(error.value)


def test_a_tensor_that_nothing_explains_is_refused(row, tmp_path):
    extra = row.encoder_key.rpartition('.')[0] + '.surprise'
    row.weights(row.content)[extra] = torch.zeros(2)
    with pytest.raises(load.CheckpointError, match='1 unexpected') as error:
        load.open_checkpoint(store(row, tmp_path), student=row.student, arch_args=row.arch_args)
    assert extra.removeprefix('module.') in str(error.value)


def test_a_wrong_shape_is_named_with_both_shapes(row, tmp_path):
    state = row.weights(row.content)
    state[row.encoder_key] = torch.randn(5)
    with pytest.raises(load.CheckpointError, match=r'\(5,\).*needs \(') as error:
        load.open_checkpoint(store(row, tmp_path), student=row.student, arch_args=row.arch_args)
    assert row.encoder_key in str(error.value).replace('module.', '') or row.encoder_key.startswith('module.')


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
@pytest.mark.parametrize('family', ['mae encoder', 'ibot student', 'timm safetensors'])
def test_a_weight_that_is_no_number_is_named(family, tmp_path, value):
    row = FAMILIES[family]()
    state = row.weights(row.content)
    state[row.encoder_key] = state[row.encoder_key].clone()
    state[row.encoder_key].view(-1)[3] = value
    with pytest.raises(load.CheckpointError, match='NaN or infinity') as error:
        load.open_checkpoint(store(row, tmp_path), student=row.student, arch_args=row.arch_args)
    assert row.encoder_key.removeprefix('module.') in str(error.value)


def test_the_teacher_is_read_unless_the_student_is_asked_for(tmp_path):
    row = FAMILIES['ibot teacher']()
    path = store(row, tmp_path)
    args = {'num_heads': 3}
    teacher, student = (load.open_checkpoint(path, student=s, arch_args=args) for s in (False, True))
    assert torch.equal(teacher.state['norm.bias'], row.content['teacher']['backbone.norm.bias'])
    assert torch.equal(student.state['norm.bias'], row.content['student']['module.backbone.norm.bias'])
    dropped = {entry['name'] for entry in teacher.report.dropped}
    assert 'student.module.backbone.norm.bias' in dropped


def test_a_student_cannot_be_had_from_a_single_encoder(tmp_path):
    row = FAMILIES['mae encoder']()
    with pytest.raises(load.CheckpointError, match='--student'):
        load.open_checkpoint(store(row, tmp_path), student=True, arch_args=row.arch_args)


def test_layer_scale_matters():
    """The reference itself must notice a lost gamma, otherwise the parity above proves nothing about it."""
    row = FAMILIES['beit']()
    images = torch.randn(1, 3, SIDE, SIDE)
    with_gamma = row.features(images)
    import reference_nets

    state = {n: t for n, t in row.content['model'].items() if 'gamma' not in n}
    assert (reference_nets.vit(images, state, 3) - with_gamma).abs().max() > 0.1


def test_a_transposed_fixed_grid_is_told_apart(tmp_path):
    for name, position in (('mae encoder', 'sincos-xy'), ('cae', 'sincos-yx')):
        row = FAMILIES[name]()
        opened = load.open_checkpoint(store(row, tmp_path), arch_args=row.arch_args)
        assert opened.card.position == position


def test_attention_masks_tell_the_image_size_of_a_swin(tmp_path):
    """Without them 32 px are assumed for this one; with them the true 64 px are found."""
    row = FAMILIES['swin']()
    row.content['model']['layers.0.blocks.1.attn_mask'] = torch.zeros(16, 16, 16)
    assert load.open_checkpoint(store(row, tmp_path)).card.image_size == (64, 64)
    del row.content['model']['layers.0.blocks.1.attn_mask']
    assert load.open_checkpoint(store(row, tmp_path)).card.image_size == (32, 32)


def test_a_fused_bias_or_timm_scale_in_a_beit_becomes_beits(tmp_path):
    """Some exports keep one bias for q, k and v although they have tables; the key part has no effect."""
    row = FAMILIES['timm beit']()
    images = torch.randn(1, 3, SIDE, SIDE)
    expected = row.features(images)
    for i in range(2):
        q, v = (row.content.pop(f'blocks.{i}.attn.{part}_bias') for part in 'qv')
        row.content[f'blocks.{i}.attn.qkv.bias'] = torch.cat([q, torch.randn(48), v])
        for n in '12':
            row.content[f'blocks.{i}.ls{n}.gamma'] = row.content.pop(f'blocks.{i}.gamma_{n}')
    opened = load.open_checkpoint(store(row, tmp_path))
    assert opened.report.coverage == 1
    torch.testing.assert_close(features(load.build_net(opened)[0], images), expected, rtol=0, atol=1e-5)


def test_heads_of_known_widths_need_no_argument(tmp_path):
    from pretrain.encoders.net import create_net

    for width, heads in ((192, 3), (384, 6), (512, 8)):
        net = create_net('vit_tiny_patch16_224', img_size=16, patch_size=8, embed_dim=width, depth=1, num_heads=heads)
        torch.save({'model': net.state_dict()}, tmp_path / 'x.pth')
        assert load.open_checkpoint(tmp_path / 'x.pth').card.arch_args['num_heads'] == heads


def test_heads_of_an_odd_width_must_be_given(tmp_path):
    row = FAMILIES['mae encoder']()
    with pytest.raises(load.CheckpointError, match='num_heads'):
        load.open_checkpoint(store(row, tmp_path))


def test_cae_small_has_twelve_heads(tmp_path):
    from pretrain.encoders.net import create_net

    net = create_net('beit_base_patch16_224', img_size=16, patch_size=8, embed_dim=384, depth=1, num_heads=12,
                     use_rel_pos_bias=False, use_abs_pos_emb=True)  # fmt: skip
    state = {f'encoder.{n}': t for n, t in net.state_dict().items()}
    torch.save({'model': {**state, 'pretext_neck.x': torch.zeros(2)}}, tmp_path / 'x.pth')
    assert load.open_checkpoint(tmp_path / 'x.pth').card.arch_args['num_heads'] == 12


def test_a_rectangle_needs_its_size(tmp_path):
    row = FAMILIES['timm vit']()
    row.content['pos_embed'] = torch.randn(1, 1 + 2 * 6, 48)
    path = store(row, tmp_path)
    with pytest.raises(load.CheckpointError, match='img_size'):
        load.open_checkpoint(path, arch_args=row.arch_args)
    opened = load.open_checkpoint(path, arch_args={**row.arch_args, 'img_size': [8, 24]})
    assert opened.card.grid == (2, 6)
    assert features(load.build_net(opened)[0], torch.randn(1, 3, 8, 24)).shape == (1, 12, 48)


def test_an_encoder_without_positions_is_refused(tmp_path):
    for name in ('mae encoder', 'beit', 'simmim vit'):
        row = FAMILIES[name]()
        state = row.weights(row.content)
        for key in [k for k in state if 'pos_embed' in k or 'rel_pos_bias' in k]:
            del state[key]
        with pytest.raises(load.CheckpointError, match='pos_embed'):
            load.open_checkpoint(store(row, tmp_path), arch_args=row.arch_args)


def test_allowing_a_missing_tensor_is_recorded(tmp_path):
    row = FAMILIES['mae encoder']()
    del row.content['model']['norm.bias']
    path = store(row, tmp_path)
    opened = load.open_checkpoint(path, arch_args=row.arch_args, allow_missing=['norm.*'])
    assert opened.report.allowed == ['norm.bias'] and opened.report.coverage < 1
    net, report = load.build_net(opened, allow_missing=['norm.*'])
    assert report.allowed == ['norm.bias'] and torch.isfinite(net.norm.bias).all()
    with pytest.raises(load.CheckpointError, match=r'norm\.bias'):
        load.build_net(opened)
