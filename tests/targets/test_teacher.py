"""Teachers: the moving average and the features of frozen networks."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pretrain.checkpoint.card import Card
from pretrain.checkpoint.exchange import write
from pretrain.encoders.net import create_net, features
from pretrain.errors import ConfigError
from pretrain.registry import MODELS
from pretrain.targets.ema import EMATeacher
from pretrain.targets.teacher import TeacherFeatures

pytestmark = pytest.mark.unit

ARCH = 'vit_tiny_patch16_224'
ARGS = {'img_size': (16, 24), 'patch_size': 8, 'embed_dim': 24, 'depth': 3, 'num_heads': 3}
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
SHAPE = {'patch': 8, 'image_size': (16, 24)}


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = create_net(ARCH, **ARGS, drop_path_rate=0.5).train()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


@pytest.fixture
def checkpoint(net, tmp_path):
    card = Card(family='mimbench', arch=ARCH, arch_args=ARGS, grid=(2, 3), patch=(8, 8), prefix_tokens=1)
    card = card.model_copy(update={'position': 'learned', 'mean': MEAN, 'std': STD})
    write(tmp_path / 'teacher.safetensors', net.state_dict(), card)
    return str(tmp_path / 'teacher.safetensors')


def _moved(net):
    other = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(torch.randn_like(parameter))
    return other


# --- moving average ---------------------------------------------------------------------------------------------------


def test_update_is_the_formula():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    teacher, other = EMATeacher(net, momentum=0.9), _moved(net)
    before = {name: value.clone() for name, value in teacher.net.named_parameters()}
    other.train()(torch.randn(8, 3))  # changes the running statistics and the counter
    teacher.update(other, progress=0.5)
    for name, value in teacher.net.named_parameters():
        torch.testing.assert_close(value, 0.9 * before[name] + 0.1 * dict(other.named_parameters())[name])
    for name, value in teacher.net.named_buffers():
        assert torch.equal(value, dict(other.named_buffers())[name])
    assert teacher.net[1].num_batches_tracked == 1


@pytest.mark.parametrize(
    ('args', 'progress', 'expected'),
    [
        ({'momentum': 0.99}, 0.7, 0.99),
        ({'momentum': 0.9, 'final_momentum': 1.0, 'ramp': 'linear'}, 0.25, 0.925),
        ({'momentum': 0.9, 'final_momentum': 1.0, 'ramp': 'cosine'}, 0.5, 0.95),
        ({'momentum': 0.9, 'final_momentum': 1.0, 'ramp': 'cosine'}, 0.25, 1 - 0.1 * (1 + 2**-0.5) / 2),
        ({'momentum': 0.9, 'final_momentum': 0.98, 'ramp': 'linear', 'until': 0.5}, 0.25, 0.94),
        ({'momentum': 0.9, 'final_momentum': 0.98, 'ramp': 'linear', 'until': 0.5}, 0.9, 0.98),
        ({'momentum': 0.9, 'final_momentum': 1.0, 'ramp': 'cosine'}, 1.0, 1.0),
    ],
)
def test_momentum_ramps(args, progress, expected):
    assert EMATeacher(nn.Linear(1, 1), **args).momentum_at(progress) == pytest.approx(expected)


def test_teacher_is_a_frozen_copy_in_eval_mode(net):
    teacher = EMATeacher(net).train()
    assert not any(module.training for module in teacher.modules())
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert all(parameter.requires_grad for parameter in net.parameters())
    teacher.update(_moved(net), 0.1)
    assert not torch.equal(teacher.net.cls_token, net.cls_token)
    resumed = EMATeacher(net)
    resumed.load_state_dict(teacher.state_dict())
    assert torch.equal(resumed.net.cls_token, teacher.net.cls_token)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match='bias'):
        EMATeacher(nn.Linear(2, 2)).update(nn.Linear(2, 2, bias=False), 0.1)


@pytest.mark.parametrize(('args', 'message'), [({'ramp': 'step'}, 'allowed: constant'), ({'momentum': 2}, r'0\.\.1')])
def test_wrong_arguments_of_the_teacher_are_named(args, message):
    with pytest.raises(ConfigError, match=message):
        EMATeacher(nn.Linear(1, 1), **args)


# --- features ---------------------------------------------------------------------------------------------------------


def _normalised(pixels, mean, std):
    return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def test_features_of_a_checkpoint_are_the_networks(net, checkpoint):
    """The batch is normalised in its own way; the teacher gets its images as its card says."""
    pixels = torch.rand(2, 3, 16, 24)
    target = TeacherFeatures(checkpoint, normalise='none', mean=[0.5] * 3, std=[0.25] * 3, **SHAPE)
    goal = target({'image': _normalised(pixels, [0.5] * 3, [0.25] * 3)})
    expected = features(net, _normalised(pixels, MEAN, STD))
    assert (target.dim, goal.shape, goal.dtype) == (24, (2, 6, 24), torch.float32)
    torch.testing.assert_close(goal, expected, atol=1e-5, rtol=1e-5)
    assert not goal.requires_grad


def test_layer_norm_has_no_weights(net, checkpoint):
    image = torch.rand(2, 3, 16, 24)
    statistics = {'mean': MEAN, 'std': STD}
    goal = TeacherFeatures(checkpoint, **statistics, **SHAPE)({'image': image})
    torch.testing.assert_close(goal, F.layer_norm(features(net, image), (24,)), atol=1e-4, rtol=1e-4)


def test_mean_of_the_last_blocks(net, checkpoint):
    image = torch.rand(2, 3, 16, 24)
    outputs = []
    for block in net.blocks:
        block.register_forward_hook(lambda module, args, output: outputs.append(output[:, 1:]))
    features(net, image)
    shape = {'mean': MEAN, 'std': STD, **SHAPE}
    plain = TeacherFeatures(checkpoint, layers=2, normalise='none', **shape)({'image': image})
    torch.testing.assert_close(plain, (outputs[1] + outputs[2]) / 2, atol=1e-4, rtol=1e-4)
    normed = TeacherFeatures(checkpoint, layers=2, **shape)({'image': image})
    each = (F.layer_norm(outputs[1], (24,)) + F.layer_norm(outputs[2], (24,))) / 2
    torch.testing.assert_close(normed, F.layer_norm(each, (24,)), atol=1e-4, rtol=1e-4)


def test_frozen_checkpoint_stays_out_of_the_training_run(checkpoint):
    target = TeacherFeatures(checkpoint, **SHAPE).train()
    assert not target.state_dict() and not list(target.parameters())
    assert not target.frozen.net.training


def test_ema_teacher_follows(net):
    teacher = EMATeacher(net, momentum=0.5)
    target = MODELS.build({'type': 'TeacherFeatures', 'teacher': 'ema', 'normalise': 'none', **SHAPE})
    assert target.needs_teacher
    target.attach(teacher)
    image = torch.rand(1, 3, 16, 24)
    before = target({'image': image})
    torch.testing.assert_close(before, features(net, image))
    teacher.update(_moved(net), 0.1)
    after = target({'image': image})
    torch.testing.assert_close(after, features(teacher.net, image))
    assert not torch.allclose(before, after)
    assert target.dim == 24 and not list(target.parameters())


def test_teacher_of_another_grid_is_named(net):
    target = TeacherFeatures(teacher='ema', patch=4, image_size=(16, 24))
    target.attach(EMATeacher(net))
    with pytest.raises(ConfigError, match=r'teacher gives 6 tokens.* prediction has 24'):
        target({'image': torch.rand(1, 3, 16, 24)})


def test_checkpoint_that_does_not_tell_its_statistics_is_named(net, tmp_path):
    path = str(tmp_path / 'silent.safetensors')
    write(path, net.state_dict(), Card(family='x', arch=ARCH, arch_args=ARGS, grid=(2, 3), patch=(8, 8)))
    with pytest.raises(ConfigError, match=r'silent\.safetensors .* teacher_mean'):
        TeacherFeatures(path, **SHAPE)
    assert TeacherFeatures(path, teacher_mean=MEAN, teacher_std=STD, **SHAPE).dim == 24


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ({}, 'either checkpoint=FILE or'),
        ({'teacher': 'ema', 'checkpoint': 'x'}, 'either checkpoint=FILE or'),
        ({'teacher': 'ema', 'normalise': 'batch'}, 'allowed: layer, none'),
        ({'teacher': 'ema', 'layers': 0}, "allowed: 'last' or a number"),
    ],
)
def test_wrong_arguments_of_the_target_are_named(args, message):
    with pytest.raises(ConfigError, match=message):
        TeacherFeatures(**args, **SHAPE)


def test_more_layers_than_the_teacher_has_are_named(net):
    target = TeacherFeatures(teacher='ema', layers=4, **SHAPE)
    with pytest.raises(ConfigError, match='layers=4'):
        target.attach(EMATeacher(net))
    with pytest.raises(ConfigError, match=r"teacher=dict\(type='EMATeacher'\)"):
        target.attach(None)


def test_published_config_builds_on_the_meta_device_without_its_file():
    with torch.device('meta'):
        assert TeacherFeatures('absent.safetensors', dim=768).dim == 768


def test_the_teacher_sees_positions_that_are_put_together() -> None:
    """Separable positions train in three parts; what the teacher copies is the table of all."""
    parts = {
        'masking': {'type': 'RandomMasking', 'ratio': 0.5},
        'encoder': {
            'type': 'ViTEncoder',
            'arch': 'vit3d_tiny_patch16',
            'patch_size': (2, 4, 4),
            'embed_dim': 24,
            'depth': 1,
            'num_heads': 2,
            'masked': 'drop',
            'position': 'separable',
        },
        'head': {'type': 'TransformerDecoder', 'width': 24, 'depth': 1, 'heads': 2, 'position': 'sincos-1d'},
        'target': {'type': 'TeacherFeatures', 'teacher': 'ema'},
        'loss': {'type': 'MSE'},
        'teacher': {'type': 'EMATeacher', 'momentum': 0.0},
    }
    model = MODELS.build({'type': 'MaskedModel', 'image_size': (4, 8, 8), **parts})
    x = torch.randn(2, 3, 4, 8, 8)
    before = features(model.teacher.net, x)
    with torch.no_grad():
        model.encoder.position_rest.add_(torch.linspace(-1, 1, 24))
    model.after_update(0.5)
    after = features(model.teacher.net, x)
    assert not torch.allclose(before, after, atol=1e-2)
    assert torch.allclose(after, model.encoder.eval().features(x), atol=1e-6)
