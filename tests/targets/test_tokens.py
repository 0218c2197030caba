"""The ids and probabilities that a target makes of a frozen tokenizer."""

import pytest
import torch

from pretrain.errors import ConfigError
from pretrain.registry import MODELS
from pretrain.targets.tokens import TokenIds
from pretrain.tokenizers import save_tokenizer

pytestmark = pytest.mark.unit


def test_target_ids_of_the_second_view(dalle):
    target = TokenIds(dalle, patch=16, image_size=(32, 48))
    second = torch.rand(2, 3, 16, 24)
    goal = target({'image': torch.zeros(2, 3, 32, 48), 'second': second})
    assert (target.dim, target.view_size) == (8192, (16, 24))
    assert goal.shape == (2, 6) and goal.dtype == torch.int64
    assert torch.equal(goal, dalle.scores(second).argmax(1).flatten(1))


def test_target_ids_of_the_image_take_the_statistics_out(vq):
    mean, std = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]
    target = TokenIds(vq, view='image', patch=4, image_size=16, mean=mean, std=std)
    pixels = torch.rand(2, 3, 16, 16)
    image = (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert (target({'image': image}) == vq.encode_ids(pixels)).float().mean() > 0.95


def test_soft_target_is_a_tempered_softmax(vq):
    pixels = torch.rand(2, 3, 16, 16)
    goal = TokenIds(vq, view='image', patch=4, image_size=16, soft=True, temperature=4.0)({'image': pixels})
    expected = (vq.scores(pixels) / 4).softmax(1).flatten(2).transpose(1, 2)
    torch.testing.assert_close(goal, expected)
    torch.testing.assert_close(goal.sum(-1), torch.ones(2, 16))
    assert not goal.requires_grad


def test_target_keeps_its_tokenizer_to_itself(vq):
    target = TokenIds(vq, view='image', patch=4, image_size=16).train()
    assert not target.state_dict() and not list(target.parameters())
    assert not target.tokenizer.net.training
    moved = TokenIds(vq, view='image', patch=4, image_size=16).to(torch.float64)
    assert next(moved.tokenizer.net.parameters()).dtype == torch.float64


def test_ids_do_not_follow_autocast(dalle):
    target = TokenIds(dalle, patch=16, image_size=64)
    batch = {'image': torch.zeros(1, 3, 64, 64), 'second': torch.rand(1, 3, 32, 32)}
    with torch.autocast('cpu', torch.bfloat16):
        inside = target(batch)
    assert torch.equal(inside, target(batch))


@pytest.mark.parametrize('name', ['dalle', 'vq'])
def test_lower_precision_changes_few_ids(name, request):
    tokenizer = request.getfixturevalue(name)
    args = {'patch': 2 * tokenizer.stride, 'image_size': 16 * tokenizer.stride}
    batch = {
        'image': torch.zeros(2, 3, *[args['image_size']] * 2),
        'second': torch.rand(2, 3, *[args['image_size'] // 2] * 2),
    }
    exact = TokenIds(tokenizer, **args)(batch)
    rounded = TokenIds(tokenizer, precision='bf16', **args)(batch)
    assert 0.5 < (exact == rounded).float().mean() < 1


def test_target_from_a_config_and_a_file(vq, tmp_path):
    path = str(tmp_path / 't.safetensors')
    save_tokenizer(vq, path)
    shape = {'view': 'image', 'patch': 4, 'image_size': 16}
    for tokenizer in (path, {'type': 'VQTokenizer', 'checkpoint': path}):
        assert MODELS.build({'type': 'TokenIds', 'tokenizer': tokenizer, **shape}).dim == 20
    with pytest.raises(ConfigError, match="holds a VQTokenizer, the config asks for type='DalleEncoder'"):
        TokenIds({'type': 'DalleEncoder', 'checkpoint': path}, **shape)
    with pytest.raises(ConfigError, match='no checkpoint'):
        TokenIds({'type': 'DalleEncoder'}, **shape)


def test_published_config_builds_on_the_meta_device_without_its_file():
    with torch.device('meta'):
        target = TokenIds({'type': 'DalleEncoder', 'checkpoint': 'absent/encoder.pkl'})
    assert (target.dim, target.view_size) == (8192, (112, 112))


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ({'view': 'third'}, 'allowed: second, image'),
        ({'precision': 'int8'}, 'allowed: fp32, bf16, fp16'),
        ({'view': 'image', 'patch': 8}, r'stride 8 .*has 4.* \(8, 8\) pixels'),
        ({'channels': 1}, 'tokenizer for 3 channels, images have 1'),
    ],
)
def test_wrong_arguments_are_named(vq, args, message):
    with pytest.raises(ConfigError, match=message):
        TokenIds(vq, **{'patch': 4, 'image_size': 16, **args})


def test_missing_or_wrong_second_view_is_named(vq):
    target = TokenIds(vq, patch=8, image_size=16)
    with pytest.raises(ConfigError, match=r"'second' is missing; .* \(8, 8\)"):
        target({'image': torch.zeros(1, 3, 16, 16)})
    with pytest.raises(ConfigError, match=r"'second' has \(16, 16\) pixels"):
        target({'image': torch.zeros(1, 3, 16, 16), 'second': torch.zeros(1, 3, 16, 16)})
