"""The maps of a dense encoder are the tokens of the encoder, at every size and for every family."""

import pytest
import torch
from families import FAMILIES

from pretrain.checkpoint.load import build_net
from pretrain.dense import build_dense
from pretrain.encoders.net import features
from pretrain.errors import ConfigError

pytestmark = pytest.mark.parity
SIZES = [(224, 224), (512, 512), (480, 672)]


def pictures(size, seed=0):
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('size', SIZES, ids=lambda s: f'{s[0]}x{s[1]}')
@pytest.mark.parametrize('family', FAMILIES)
def test_the_last_map_is_what_the_encoder_computes(encoder_file, family, size):
    path = encoder_file(family)
    options = {'window_size': 7} if family == 'swin' else {}
    net, _ = build_net(path, size, **options)
    is_cnn = family in ('resnet50', 'convnext')
    last = {'levels': [3]} if family in ('swin', 'resnet50', 'convnext') else {}
    dense, start = build_dense(size, checkpoint=str(path), out_norm='none' if is_cnn else 'own', **last)
    assert start.report.coverage == 1.0
    images = pictures(size)
    (found,) = dense.eval()(images)
    expected = features(net, images)
    assert found.shape[-2:] == tuple(-(-side // dense.strides[0]) for side in size)
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), expected, atol=1e-5, rtol=1e-5)


def test_every_level_is_the_encoder_after_that_block(encoder_file):
    net, _ = build_net(encoder_file('layer scale'), 224)
    seen = []
    for block in net.blocks:
        block.register_forward_hook(lambda module, inputs, output: seen.append(output[:, 1:]))
    features(net, pictures((224, 224)))
    dense, start = build_dense(224, checkpoint=str(encoder_file('layer scale')), levels=(0, 1, 2))
    maps = dense.eval()(pictures((224, 224)))
    for found, expected in zip(maps, seen, strict=True):
        torch.testing.assert_close(found.flatten(2).transpose(1, 2), expected, atol=1e-5, rtol=1e-5)
    assert [entry['name'] for entry in start.report.dropped] == ['norm.bias', 'norm.weight']


def plain_windowed_vit(net, images, side, wide):
    """ViTDet's attention from its paper: windows of an image padded with zeros after the norm, no class token."""
    x = net.patch_embed.proj(images).permute(0, 2, 3, 1)
    batch, height, width, dim = x.shape
    old = net.patch_embed.grid_size
    table = net.pos_embed[:, 1:].reshape(1, *old, dim).permute(0, 3, 1, 2)
    table = torch.nn.functional.interpolate(table, size=(height, width), mode='bicubic', align_corners=False)
    x = x + table.permute(0, 2, 3, 1)
    for i, block in enumerate(net.blocks):
        y, step = block.norm1(x), (side, side) if i not in wide else (height, width)
        out = torch.zeros_like(x)
        for top in range(0, height, step[0]):
            for left in range(0, width, step[1]):
                piece = torch.zeros(batch, *step, dim)
                part = y[:, top : top + step[0], left : left + step[1]]
                piece[:, : part.shape[1], : part.shape[2]] = part
                q, k, v = block.attn.qkv(piece.flatten(1, 2)).chunk(3, dim=-1)
                heads = [
                    torch.softmax(a @ b.transpose(1, 2) / a.shape[-1] ** 0.5, dim=-1) @ c
                    for a, b, c in zip(*(t.split(dim // block.attn.num_heads, -1) for t in (q, k, v)), strict=True)
                ]
                done = block.attn.proj(torch.cat(heads, dim=-1)).reshape(batch, *step, dim)
                out[:, top : top + step[0], left : left + step[1]] = done[:, : part.shape[1], : part.shape[2]]
        x = x + out
        x = x + block.mlp(block.norm2(x))
    return x.permute(0, 3, 1, 2)


@pytest.mark.parametrize('size', [(224, 224), (272, 368)], ids=str)
def test_windows_are_those_of_vitdet(encoder_file, size):
    path = encoder_file('mae')
    net, _ = build_net(path)
    dense, _ = build_dense(size, checkpoint=str(path), window=5, global_blocks=[1], decomposed=True, prefix=False)
    images = pictures(size)
    (found,) = dense.eval()(images)
    expected = plain_windowed_vit(net.eval(), images, 5, {1})
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_decomposed_positions_against_a_loop(encoder_file):
    """The logit of query (y, x) and key (v, u) gains q . row[y - v] + q . column[x - u] (MViTv2, equation 3)."""
    from pretrain.dense.attention import Decomposed

    torch.manual_seed(0)
    positions = Decomposed((3, 4), 5)
    for table in positions.parameters():
        torch.nn.init.normal_(table)
    q = torch.randn(2, 3, 12, 5)
    found = positions.over((3, 4))(q)
    for query in range(12):
        for key in range(12):
            (y, x), (v, u) = divmod(query, 4), divmod(key, 4)
            table = positions.rel_pos_h[y - v + 2] + positions.rel_pos_w[x - u + 3]
            expected = q[:, :, query] @ table
            torch.testing.assert_close(found[:, :, query, key], expected)


def test_a_relative_table_serves_smaller_images_unresized(encoder_file):
    """A table for 14 x 14 tokens knows every distance of 10 x 14: the bias is a part of the large one."""
    from pretrain.dense.attention import relative_bias

    table = torch.randn(27 * 27 + 3, 2)
    whole = relative_bias(table, (14, 14), (14, 14), 1)
    part = relative_bias(table, (14, 14), (10, 14), 1)
    torch.testing.assert_close(part, whole[:, :, : 1 + 140, : 1 + 140])


def test_too_large_an_image_names_the_remedy(encoder_file):
    dense, _ = build_dense(224, checkpoint=str(encoder_file('beit')))
    with pytest.raises(ConfigError, match='image_size'):
        dense(pictures((240, 224)))


@pytest.mark.parametrize(
    ('choices', 'message'),
    [
        ({'window': 7, 'prefix': True}, 'class token'),
        ({'decomposed': True}, 'prefix=False'),
        ({'tables': 'own'}, 'no relative tables'),
        ({'levels': [3]}, 'blocks 0 to 2'),
        ({'out_norm': 'old'}, 'allowed: none, own, new'),
    ],
)
def test_wrong_choices(encoder_file, choices, message):
    with pytest.raises(ConfigError, match=message):
        build_dense(224, checkpoint=str(encoder_file('mae')), **choices)
