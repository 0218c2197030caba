"""The classifier: what it loads, drops and initialises, its layers, its control, its loss, its average."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from classification.loss import ClassLoss, Mixing
from classification.model import Classifier
from pretrain.checkpoint.initial import initial_net
from pretrain.checkpoint.load import build_net
from pretrain.checkpoint.nets import make_net
from pretrain.data.finetune import FinetuneAugment
from pretrain.encoders.layers import Layers
from pretrain.encoders.net import forward_tokens
from pretrain.errors import CheckpointError, ConfigError
from pretrain.model import TrainableModel

pytestmark = pytest.mark.unit

TINY = {'embed_dim': 24, 'num_heads': 2, 'depth': 2, 'patch_size': 4}


def classifier(file: Path | None = None, encoder: dict | None = None, **args) -> Classifier:
    encoder = {'checkpoint': str(file)} if file else encoder or {'arch': 'vit_tiny_patch16_224', 'arch_args': TINY}
    return Classifier(encoder, **{'num_classes': 3, 'image_size': 16, **args})


def test_mean_pooling_drops_the_final_norm_and_says_so(encoder_file: Path) -> None:
    model = classifier(encoder_file)
    report = model.initial.report
    assert {entry['name'] for entry in report.dropped} == {'norm.weight', 'norm.bias'}
    assert all('fc_norm' in entry['reason'] for entry in report.dropped)
    assert isinstance(model.network.net.norm, nn.Identity)
    full, _ = build_net(encoder_file)
    full.norm = nn.Identity()
    x = torch.randn(2, 3, 16, 16)
    pooled = forward_tokens(full.eval(), x).mean(1)
    normed = nn.functional.layer_norm(pooled, (24,), eps=1e-6)
    model.eval()
    with torch.no_grad():
        model.network.head.weight.normal_()
        assert torch.allclose(model.network(x), normed @ model.network.head.weight.T, atol=1e-5)


def test_class_token_keeps_the_final_norm(encoder_file: Path) -> None:
    model = classifier(encoder_file, pool='cls').eval()
    assert not model.initial.report.dropped and isinstance(model.network.fc_norm, nn.Identity)
    full, _ = build_net(encoder_file)
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        model.network.head.weight.normal_()
        token = full.eval().forward_features(x)[:, 0]
        assert torch.allclose(model.network(x), token @ model.network.head.weight.T, atol=1e-5)


def test_head_starts_small(encoder_file: Path) -> None:
    head = classifier(encoder_file, num_classes=300).network.head
    assert head.weight.std().item() == pytest.approx(2e-5, rel=0.05) and not head.bias.any()


@pytest.mark.parametrize(
    ('arch', 'args'),
    [
        ('vit_tiny_patch16_224', {**TINY, 'img_size': 16}),
        ('beit_base_patch16_224', {**TINY, 'img_size': 16, 'init_values': 0.1, 'use_rel_pos_bias': True}),
        ('resnet18', {'in_chans': 3}),
    ],
)
def test_control_is_the_same_network(write_encoder: Callable[..., Path], arch: str, args: dict) -> None:
    file = write_encoder(3, arch, **args)
    loaded, control = classifier(file), classifier(encoder={'like': str(file)})
    shapes = [{n: tuple(t.shape) for n, t in m.state_dict().items()} for m in (loaded, control)]
    assert shapes[0] == shapes[1] and control.initial.report is None
    weight = 'network.net.' + next(n for n, t in loaded.network.net.state_dict().items() if t.ndim > 1)
    assert not torch.equal(loaded.state_dict()[weight], control.state_dict()[weight])


def test_control_has_the_fixed_positions_of_its_architecture() -> None:
    source = {'arch': 'vit_tiny_patch16_224', 'arch_args': TINY}
    fixed = initial_net(16, 3, position='sincos-xy', **source).net.pos_embed
    assert torch.equal(fixed, initial_net(16, 3, position='sincos-xy', **source).net.pos_embed)
    assert not fixed[:, 0].any() and fixed[0, 1, :6].tolist() == [0.0] * 6
    assert fixed.requires_grad


def test_another_image_size_resizes_positions(encoder_file: Path) -> None:
    model = classifier(encoder_file, image_size=32)
    assert [entry['target'] for entry in model.initial.report.resized] == ['pos_embed']
    assert model.network(torch.randn(1, 3, 32, 32)).shape == (1, 3)
    with pytest.raises(ConfigError, match='multiple of the patch'):
        classifier(encoder_file, image_size=30)


def test_wrong_channels(encoder_file: Path) -> None:
    with pytest.raises(CheckpointError, match='takes 3 channels'):
        classifier(encoder_file, channels=1, mean=[0.5], std=[0.5])


def test_pooling_that_the_network_has_not(write_encoder: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match='no class token'):
        classifier(write_encoder(0, 'resnet18', in_chans=3), pool='cls')
    with pytest.raises(ConfigError, match='Swin and CNNs'):
        classifier(pool='gap')


# Swin: microsoft/SimMIM get_swin_layer. Plain transformers: BEiT's get_num_layer_for_vit.
LAYERS = {
    'vit_base_patch16_224': (13, {'cls_token': 0, 'pos_embed': 0, 'patch_embed.proj.bias': 0, 'blocks.0.norm1.bias': 1}
                             | {'blocks.11.mlp.fc2.weight': 12, 'norm.weight': 13}),
    'beit_base_patch16_224': (13, {'patch_embed.proj.bias': 0, 'blocks.4.attn.relative_position_bias_table': 5}),
    'swin_base_patch4_window7_224': (
        25,
        {'patch_embed.norm.weight': 0, 'layers.0.blocks.1.norm1.weight': 2, 'layers.1.downsample.reduction.weight': 2}
        | {'layers.1.blocks.0.attn.qkv.bias': 3, 'layers.2.downsample.norm.bias': 4, 'layers.2.blocks.0.norm1.bias': 5}
        | {'layers.3.downsample.norm.bias': 22, 'layers.3.blocks.1.mlp.fc1.weight': 24, 'norm.weight': 25},
    ),
    'resnet50': (5, {'conv1.weight': 0, 'bn1.bias': 0, 'layer1.0.conv1.weight': 1, 'layer4.2.bn3.weight': 4}),
    'convnext_small': (5, {'stem.0.weight': 0, 'stages.0.blocks.0.gamma': 1, 'stages.3.downsample.1.weight': 4}
                       | {'head.norm.weight': 5}),
}  # fmt: skip


@pytest.mark.parametrize('arch', LAYERS)
def test_layer_ids(arch: str) -> None:
    with torch.device('meta'):
        net = make_net(arch)
    layers, (last, expected) = Layers(net), LAYERS[arch]
    assert layers.num_layers == last
    assert {name: layers.id(name) for name in expected} == expected
    assert set(expected) - {'norm.weight'} <= set(net.state_dict())
    ids = {layers.id(name) for name, _ in net.named_parameters()}
    assert ids | {last} == set(range(last + 1))


def test_head_and_pooled_norm_are_the_last_layer() -> None:
    model = classifier()
    assert isinstance(model, TrainableModel)
    assert {model.layer_id(f'network.{n}') for n in ('fc_norm.weight', 'head.weight', 'head.bias')} == {3}
    assert model.layer_id('network.net.blocks.1.norm1.weight') == 2


def test_loss_falls_and_average_follows() -> None:
    model = classifier(ema=0.5, smoothing=0.1)
    assert not any(p.requires_grad for p in model.average.parameters())
    x, y = torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2] * 2)
    start = [p.clone() for p in model.average.parameters()]
    optimizer = torch.optim.AdamW(model.network.parameters(), 1e-2)
    losses = []
    for _ in range(8):
        loss = model.loss({'image': x.clone(), 'label': y})['loss']
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 0.3
    model.after_update(1.0)
    for old, kept, now in zip(start, model.average.parameters(), model.network.parameters()):
        assert torch.allclose(kept, (old + now) / 2, atol=1e-6)
    expected = model.eval().average(x)
    assert torch.equal(model.predict({'image': x})['logits'], expected)


def test_average_covers_batch_norm(write_encoder: Callable[..., Path]) -> None:
    model = classifier(write_encoder(0, 'resnet18', in_chans=3), ema=0.9, image_size=32)
    model.train().network(torch.randn(4, 3, 32, 32) + 3)
    model.after_update(1.0)
    mean = model.network.net.bn1.running_mean
    assert torch.allclose(model.average.net.bn1.running_mean, 0.1 * mean, atol=1e-6)
    assert model.average.net.bn1.num_batches_tracked == 1


def test_cross_entropy_and_bce_against_plain_statements() -> None:
    logits, label = torch.randn(4, 5), torch.tensor([0, 2, 4, 2])
    soft = torch.softmax(torch.randn(4, 5), 1)
    log = torch.log_softmax(logits, 1)
    hot = torch.full((4, 5), 0.1 / 5).scatter_(1, label[:, None], 0.9 + 0.1 / 5)
    assert torch.allclose(ClassLoss(smoothing=0.1)(logits, label), -(hot * log).sum(1).mean())
    assert torch.allclose(ClassLoss(smoothing=0.1)(logits, soft), -(soft * log).sum(1).mean())
    share = torch.sigmoid(logits)
    binary = -(soft * share.log() + (1 - soft) * (1 - share).log()).mean()
    assert torch.allclose(ClassLoss('bce')(logits, soft), binary, atol=1e-6)
    assert torch.allclose(ClassLoss('bce', 0.1)(logits, label), ClassLoss('bce')(logits, hot))
    with pytest.raises(ConfigError, match='allowed: cross-entropy, bce'):
        ClassLoss('hinge')


def test_mixing_is_a_function_of_the_seed() -> None:
    mixing = Mixing(3, mixup=0.8, cutmix=1.0, probability=1.0, erase=0.5, smoothing=0.1)
    x, y = torch.randn(6, 3, 16, 16), torch.tensor([0, 1, 2, 0, 1, 2])

    def mixed():
        import random

        random.seed(5), np.random.seed(5), torch.manual_seed(5)
        return mixing(x.clone(), y)

    (a, target), (b, again) = mixed(), mixed()
    assert torch.equal(a, b) and torch.equal(target, again) and not torch.equal(a, x)
    assert target.shape == (6, 3) and torch.allclose(target.sum(1), torch.ones(6))
    with pytest.raises(ConfigError, match='even number'):
        mixing(x[:5].clone(), y[:5])
    nothing = Mixing(3, 0.0, 0.0, 1.0, 0.0, 0.1)
    assert nothing(x, y)[0] is x and nothing(x, y)[1] is y


def test_augmentation() -> None:
    from PIL import Image

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 40, 3)).astype(np.uint8))
    augment = FinetuneAugment(16, rand_augment='rand-m9-mstd0.5-inc1')
    found = augment(picture)['image']
    assert found.shape == (3, 16, 16) and found.dtype == torch.uint8
    assert len({augment(picture)['image'].float().mean().item() for _ in range(4)}) > 1
    whole = FinetuneAugment((30, 40), scale=(1.0, 1.0), ratio=(4 / 3, 4 / 3), flip=1.0)(picture)['image']
    assert np.array_equal(whole.permute(1, 2, 0).numpy(), np.asarray(picture)[:, ::-1])
    grey = picture.convert('L')
    for seed in range(20):  # every kind of operation is drawn
        torch.manual_seed(seed)
        assert augment(grey)['image'].shape == (1, 16, 16)
    for wrong in ({'rand_augment': 'rand-m9', 'color_jitter': 0.4}, {'interpolation': 'nearest'}):
        with pytest.raises(ConfigError):
            FinetuneAugment(16, **wrong)


def test_too_few_classes() -> None:
    with pytest.raises(ConfigError, match='at least 2'):
        classifier(num_classes=None)
    assert math.isfinite(classifier(num_classes=2).network(torch.randn(1, 3, 16, 16)).sum().item())
