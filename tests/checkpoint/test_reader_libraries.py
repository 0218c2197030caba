"""Readers against the libraries whose files they read: Hugging Face transformers, torchvision and timm."""

import json

import pytest
import timm
import torch
import torchvision
from torch import nn

from pretrain.checkpoint import exchange, load
from pretrain.encoders.net import features, forward_tokens

pytestmark = pytest.mark.parity
transformers = pytest.importorskip('transformers')

PLAIN = {
    'hidden_size': 48,
    'num_hidden_layers': 2,
    'num_attention_heads': 3,
    'intermediate_size': 96,
    'image_size': 20,
    'patch_size': 4,
}
SHARED, BLOCKS = {'use_shared_relative_position_bias': True}, {'use_relative_position_bias': True}
ABSOLUTE = {'use_absolute_position_embeddings': True}
SWIN = {'image_size': 32, 'patch_size': 4, 'embed_dim': 12, 'depths': [2, 2], 'num_heads': [2, 4], 'window_size': 4}


def stir(net):
    """Random values everywhere: tables and scales that start constant would hide a mix-up."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if 'running_var' in name:
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point() and 'pos_embed' not in name:
                value.add_(torch.randn_like(value) * 0.1)
    return net.eval()


def tokens(output):
    return output.last_hidden_state


def vit_mae(cls):
    config = transformers.ViTMAEConfig(**PLAIN, mask_ratio=0.0, decoder_hidden_size=32, decoder_num_hidden_layers=1,
                                       decoder_num_attention_heads=2, decoder_intermediate_size=64)  # fmt: skip
    net = stir(cls(config))
    body = getattr(net, 'vit', net)

    def read_out(images):
        noise = torch.arange(25.0).expand(len(images), -1)  # the order of noise is the order of tokens
        return tokens(body(images, noise=noise))[:, 1:]

    return net, read_out


def vit(cls):
    net = stir(cls(transformers.ViTConfig(**PLAIN)))
    body = getattr(net, 'vit', net)
    return net, lambda images: tokens(body(images))[:, 1:]


def beit(cls, **options):
    net = stir(cls(transformers.BeitConfig(**PLAIN, vocab_size=20, use_mask_token=True, **options)))
    body = getattr(net, 'beit', net)

    def read_out(images):
        x = tokens(body(images))
        final = getattr(net, 'layernorm', None)
        return (final(x) if body is not net and final is not None else x)[:, 1:]

    return net, read_out


def data2vec(cls):
    net = stir(cls(transformers.Data2VecVisionConfig(**PLAIN, **SHARED)))
    return net, lambda images: tokens(net(images))[:, 1:]


def swin(cls):
    net = stir(cls(transformers.SwinConfig(**SWIN)))
    body = getattr(net, 'swin', net)
    return net, lambda images: tokens(body(images))


MODELS = {
    'vitmae pre-training': (lambda: vit_mae(transformers.ViTMAEForPreTraining), 20),
    'vitmae model': (lambda: vit_mae(transformers.ViTMAEModel), 20),
    'vit model': (lambda: vit(transformers.ViTModel), 20),
    'vit classifier': (lambda: vit(transformers.ViTForImageClassification), 20),
    'vit masked': (lambda: vit(transformers.ViTForMaskedImageModeling), 20),
    'beit masked, shared table': (lambda: beit(transformers.BeitForMaskedImageModeling, **SHARED), 20),
    'beit masked, absolute': (lambda: beit(transformers.BeitForMaskedImageModeling, **ABSOLUTE), 20),
    'beit classifier': (lambda: beit(transformers.BeitForImageClassification, **BLOCKS), 20),
    'beit model': (lambda: beit(transformers.BeitModel, **BLOCKS), 20),
    'beit model, normed': (lambda: beit(transformers.BeitModel, **BLOCKS, **ABSOLUTE, use_mean_pooling=False), 20),
    'data2vec': (lambda: data2vec(transformers.Data2VecVisionModel), 20),
    'swin model': (lambda: swin(transformers.SwinModel), 32),
    'swin masked': (lambda: swin(transformers.SwinForMaskedImageModeling), 32),
    'swin classifier': (lambda: swin(transformers.SwinForImageClassification), 32),
}


@pytest.mark.parametrize('name', MODELS)
@pytest.mark.parametrize('stored', ['by save_pretrained', 'as a state dict'])
def test_hugging_face(name, stored, tmp_path):
    make, side = MODELS[name]
    net, read_out = make()
    if stored == 'by save_pretrained':
        net.save_pretrained(tmp_path)
        path, args = tmp_path / 'model.safetensors', {}
    else:
        path, args = tmp_path / 'net.pth', {'num_heads': 3} if side == 20 else {}
        torch.save(net.state_dict(), path)
    images = torch.randn(2, 3, side, side)
    opened = load.open_checkpoint(path, arch_args=args)
    assert opened.card.family == 'huggingface' and opened.report.coverage == 1
    with torch.no_grad():
        torch.testing.assert_close(features(load.build_net(opened)[0], images), read_out(images), rtol=0, atol=1e-5)
    exchange.write(tmp_path / 'x.safetensors', opened.state, opened.card)
    again = load.open_checkpoint(tmp_path / 'x.safetensors')
    assert again.card == opened.card
    assert torch.equal(features(load.build_net(again)[0], images), features(load.build_net(opened)[0], images))


def test_hugging_face_statistics_and_rectangles(tmp_path):
    net = stir(transformers.ViTModel(transformers.ViTConfig(**{**PLAIN, 'image_size': (12, 20)})))
    net.save_pretrained(tmp_path)
    processor = {'image_mean': [0.5, 0.5, 0.5], 'image_std': [0.25, 0.25, 0.25]}
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(processor))
    opened = load.open_checkpoint(tmp_path / 'model.safetensors')
    assert (opened.card.mean, opened.card.std) == ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    assert opened.card.grid == (3, 5)
    images = torch.randn(1, 3, 12, 20)
    with torch.no_grad():
        expected = tokens(net(images))[:, 1:]
    torch.testing.assert_close(features(load.build_net(opened)[0], images), expected, rtol=0, atol=1e-5)


def cnn_tokens(net):
    """Positions of the last stage of a torchvision ResNet, in raster order."""
    body = nn.Sequential(*list(net.children())[:-2])
    return lambda images: body(images).flatten(2).transpose(1, 2)


def tv_vit():
    net = stir(torchvision.models.VisionTransformer(20, 4, 2, 3, 48, 96))
    body = net.encoder

    def read_out(images):
        x = net._process_input(images)
        return body(torch.cat([net.class_token.expand(len(x), -1, -1), x], dim=1))[:, 1:]

    with torch.no_grad():
        body.pos_embedding.normal_()
    return net, read_out


def tv_swin():
    net = stir(torchvision.models.SwinTransformer([4, 4], 12, [2, 2], [2, 4], [4, 4]))
    return net, lambda images: net.norm(net.features(images)).flatten(1, 2)


def tv_resnet(build):
    net = stir(build())
    return net, cnn_tokens(net)


def shallow(**options):
    return torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [1, 2, 1, 1], **options)


def wrap(prefix, more=None):
    return lambda net: {'state_dict': {**{prefix + n: t for n, t in net.state_dict().items()}, **(more or {})}}


TORCHVISION = {
    'resnet18': (lambda: tv_resnet(torchvision.models.resnet18), None, 'torchvision', 64),
    'bottleneck': (lambda: tv_resnet(shallow), None, 'torchvision', 64),
    'resnext': (lambda: tv_resnet(lambda: shallow(groups=32, width_per_group=4)), None, 'torchvision', 64),
    'vit': (tv_vit, None, 'torchvision', 20),
    'swin': (tv_swin, None, 'torchvision', 32),
    'mmpretrain resnet': (lambda: tv_resnet(shallow), wrap('backbone.'), 'mmpretrain', 64),
    'a2mim resnet': (
        lambda: tv_resnet(shallow),
        wrap('backbone.', {'backbone.mask_token': torch.zeros(1, 1024, 1, 1), 'neck.decoder.0.bias': torch.zeros(3)}),
        'a2mim',
        64,
    ),
}


@pytest.mark.parametrize('name', TORCHVISION)
def test_torchvision(name, tmp_path):
    make, wrapping, family, side = TORCHVISION[name]
    net, read_out = make()
    if wrapping:  # OpenMMLab and OpenMixup name the classifier differently
        content = wrapping(net)
        for part in ('weight', 'bias'):
            content['state_dict'][f'head.fc.{part}'] = content['state_dict'].pop(f'backbone.fc.{part}')
    else:
        content = net.state_dict()
    torch.save(content, tmp_path / 'x.pth')
    opened = load.open_checkpoint(tmp_path / 'x.pth', arch_args={'num_heads': 3} if name == 'vit' else {})
    assert opened.card.family == family and opened.report.coverage == 1
    images = torch.randn(1, 3, side, side)
    with torch.no_grad():
        torch.testing.assert_close(features(load.build_net(opened)[0], images), read_out(images), rtol=1e-4, atol=1e-5)


TIMM = {
    'wide_resnet50_2': {'layers': (1, 1, 1, 1)},
    'convnextv2_atto': {},
    'convnext_atto': {},
    'vit_tiny_patch16_224': {'img_size': 32, 'depth': 3},
    'deit3_small_patch16_224': {'img_size': 32, 'depth': 2},
    'vit_small_patch14_reg4_dinov2': {'img_size': 28, 'depth': 2},
    'vit_base_patch32_224': {'img_size': 64, 'embed_dim': 256, 'depth': 2, 'num_heads': 4, 'class_token': False,
                             'global_pool': 'avg', 'fc_norm': False},
    'beitv2_base_patch16_224': {'img_size': 48, 'embed_dim': 128, 'depth': 2, 'num_heads': 2},
    'swin_tiny_patch4_window7_224': {'embed_dim': 24, 'depths': (1, 1, 2, 1), 'num_heads': (1, 2, 3, 4)},
}  # fmt: skip


@pytest.mark.parametrize('arch', TIMM)
def test_timm(arch, tmp_path):
    net = stir(timm.create_model(arch, **TIMM[arch]))
    torch.save({'state_dict': net.state_dict()}, tmp_path / 'x.pth')
    opened = load.open_checkpoint(tmp_path / 'x.pth')
    images = torch.randn(1, 3, *net.patch_embed.img_size) if hasattr(net, 'patch_embed') else torch.randn(1, 3, 64, 64)
    built, report = load.build_net(opened)
    assert report.coverage == 1
    with torch.no_grad():
        torch.testing.assert_close(features(built, images), forward_tokens(net, images), rtol=1e-5, atol=1e-5)


def test_windows_that_differ_between_stages_are_refused_or_right(tmp_path):
    """Swin-S3 has windows of 7, 7, 14 and 7: one number cannot say that."""
    net = stir(timm.create_model('swin_s3_tiny_224', embed_dim=12, depths=(1, 1, 1, 1), num_heads=(1, 1, 1, 1)))
    torch.save({'state_dict': net.state_dict()}, tmp_path / 'x.pth')
    with pytest.raises(load.CheckpointError, match='relative_position_bias_table'):
        load.open_checkpoint(tmp_path / 'x.pth')


def test_positions_without_rows_for_prefix_tokens_are_resized_whole(tmp_path):
    """DINOv2 with registers has five prefix tokens and positions for none of them."""
    net = stir(timm.create_model('vit_small_patch14_reg4_dinov2', img_size=28, depth=1))
    torch.save(net.state_dict(), tmp_path / 'x.pth')
    built, report = load.build_net(tmp_path / 'x.pth', image_size=(42, 28))
    assert [entry['to'] for entry in report.resized] == [[1, 6, 384]]
    assert features(built, torch.randn(1, 3, 42, 28)).shape == (1, 6, 384)
