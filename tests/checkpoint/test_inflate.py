"""An image checkpoint over three axes: a static clip or volume gives the image encoder's features."""

from pathlib import Path

import pytest
import torch

from pretrain.checkpoint import exchange
from pretrain.checkpoint.describe import card_for_net
from pretrain.checkpoint.inflate import change_channels, inflate, inflate_kernel
from pretrain.checkpoint.initial import initial_net
from pretrain.checkpoint.load import Opened, build_net, open_checkpoint
from pretrain.checkpoint.nets import make_net
from pretrain.checkpoint.positions import fixed
from pretrain.encoders.net import features
from pretrain.errors import CheckpointError, ConfigError
from tools.main import main

pytestmark = pytest.mark.unit
SIDE, PATCH, WIDTH = 16, 4, 24
TINY = {'embed_dim': WIDTH, 'num_heads': 2, 'depth': 2, 'patch_size': PATCH, 'img_size': SIDE}


def image_checkpoint(folder: Path, arch: str = 'vit_tiny_patch16_224', **args) -> Opened:
    torch.manual_seed(0)
    args = {**TINY, **args}
    net = make_net(arch, **args)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    card = card_for_net(net, arch, args, mean=(0.5,) * 3, std=(0.25,) * 3, initial_stage='mim')
    exchange.write(folder / 'image.safetensors', net.state_dict(), card)
    return open_checkpoint(folder / 'image.safetensors')


def both(opened: Opened, image: torch.Tensor, places: int, **rules) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of the image, repeated, and of the static input."""
    found = inflate(opened, (places, SIDE, SIDE), **rules)
    clip = image.unsqueeze(2).expand(-1, -1, places, -1, -1)
    times = places // rules['patch']
    return features(build_net(opened)[0], image).repeat(1, times, 1), features(build_net(found)[0], clip)


@pytest.mark.parametrize('rule', ['mean', 'centre'])
@pytest.mark.parametrize(
    'args',
    [{}, {'class_token': False}, {'reg_tokens': 2}, {'no_embed_class': True}, {'init_values': 0.1, 'qkv_bias': False}],
    ids=str,
)
def test_a_static_clip_gives_the_features_of_the_image(tmp_path: Path, rule: str, args: dict) -> None:
    image = torch.randn(2, 3, SIDE, SIDE)
    expected, found = both(image_checkpoint(tmp_path, **args), image, 8, patch=2, rule=rule)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_moving_clip_does_not(tmp_path: Path) -> None:
    opened = image_checkpoint(tmp_path)
    net, _ = build_net(inflate(opened, (8, SIDE, SIDE), patch=2))
    still = torch.randn(1, 3, 1, SIDE, SIDE).expand(-1, -1, 8, -1, -1).clone()
    moving = still.clone()
    moving[:, :, 5] += 1
    assert (features(net, still) - features(net, moving)).abs().max() > 1e-2


def test_one_class_token_alone_would_lose_its_share(tmp_path: Path) -> None:
    """Why the default repeats it: attention of a patch to one class token is diluted by the copies of the patches."""
    image = torch.randn(2, 3, SIDE, SIDE)
    expected, found = both(image_checkpoint(tmp_path), image, 8, patch=2, prefix='keep')
    assert (found - expected).abs().max() > 1e-3


def test_grey_volumes(tmp_path: Path) -> None:
    """Channels are summed: a grey volume gives what an image with three equal channels gave. Cubic patches."""
    opened = image_checkpoint(tmp_path)
    grey = torch.randn(2, 1, SIDE, SIDE)
    found = inflate(opened, (8, SIDE, SIDE), patch=PATCH, channels=1)
    assert found.card.patch == (4, 4, 4) and found.card.channels == 1 and found.card.mean is None
    volume = features(build_net(found)[0], grey.unsqueeze(2).expand(-1, -1, 8, -1, -1))
    image = features(build_net(opened)[0], grey.expand(-1, 3, -1, -1)).repeat(1, 2, 1)
    torch.testing.assert_close(volume, image, atol=1e-5, rtol=0)
    assert any('channels 3 to 1' in note for note in found.card.notes)


def test_fixed_positions_and_another_plane(tmp_path: Path) -> None:
    opened = image_checkpoint(tmp_path)
    for kind in ('sincos-1d', 'sincos-3d'):
        found = inflate(opened, (4, 24, 32), patch=2, position=kind, prefix='drop')
        assert found.card.position == kind and found.card.grid == (2, 6, 8) and found.card.prefix_tokens == 0
        torch.testing.assert_close(found.state['pos_embed'][0], fixed(kind, (2, 6, 8), WIDTH))
        assert {entry['name'] for entry in found.report.dropped} == {'cls_token'}
    timed = inflate(opened, (4, 24, 32), patch=2, position='image+time', prefix='keep').state['pos_embed']
    plain = inflate(opened, (4, 24, 32), patch=2, prefix='keep').state['pos_embed']
    difference = (timed - plain)[0, 1:].unflatten(0, (2, 48))
    torch.testing.assert_close(difference[:, 0], fixed('sincos-1d', (2, 1, 1), WIDTH), atol=1e-5, rtol=0)
    assert torch.allclose(difference, difference[:, :1], atol=1e-5)


@pytest.mark.parametrize('prefix', ['repeat', 'keep', 'drop'])
def test_an_image_network_without_positions(tmp_path: Path, prefix: str) -> None:
    """There is no table to repeat; the advice that the error gives works, and prefix tokens get no position."""
    opened = image_checkpoint(tmp_path, pos_embed='none')
    assert 'pos_embed' not in opened.state
    with pytest.raises(CheckpointError, match='use position sincos-1d or sincos-3d'):
        inflate(opened, (4, SIDE, SIDE), patch=2, prefix=prefix)
    for kind in ('sincos-1d', 'sincos-3d'):
        found = inflate(opened, (4, SIDE, SIDE), patch=2, position=kind, prefix=prefix)
        count = {'repeat': 2, 'keep': 1, 'drop': 0}[prefix]
        assert found.card.position == kind and found.card.prefix_tokens == count
        assert (found.state['pos_embed'][0, :count] == 0).all()
        torch.testing.assert_close(found.state['pos_embed'][0, count:], fixed(kind, (2, 4, 4), WIDTH))
        assert features(build_net(found)[0], torch.randn(1, 3, 4, SIDE, SIDE)).shape == (1, 32, WIDTH)


def test_the_load_is_audited_and_the_card_says_what_was_done(tmp_path: Path) -> None:
    opened = image_checkpoint(tmp_path)
    found = inflate(opened, (8, SIDE, SIDE), patch=2, rule='centre')
    report = found.report
    assert report.coverage == 1 and not report.missing and not report.unexpected
    assert [entry['target'] for entry in report.resized] == ['patch_embed.proj.weight', 'pos_embed']
    assert {'source': 'cls_token', 'target': 'reg_token'} in report.renamed
    card = found.card
    assert card.arch == 'vit3d_tiny_patch16' and card.patch == (2, 4, 4) and card.grid == (4, 4, 4)
    assert card.initial_stage == 'mim' and card.mean == (0.5,) * 3 and card.prefix_tokens == 4
    assert 'centre' in card.notes[-1] and '8x16x16' in card.notes[-1] and 'prefix tokens repeat' in card.notes[-1]
    exchange.write(tmp_path / 'clip.safetensors', found.state, card)
    again = open_checkpoint(tmp_path / 'clip.safetensors')
    assert again.card.grid == (4, 4, 4) and torch.equal(again.state['pos_embed'], found.state['pos_embed'])


def test_a_lost_tensor_is_found(tmp_path: Path) -> None:
    opened = image_checkpoint(tmp_path)
    del opened.state['blocks.1.mlp.fc2.bias']
    with pytest.raises(CheckpointError, match=r'blocks\.1\.mlp\.fc2\.bias'):
        inflate(opened, (8, SIDE, SIDE), patch=2)
    opened = image_checkpoint(tmp_path)
    del opened.state['pos_embed']
    with pytest.raises(CheckpointError, match=r'1 of \d+ tensors missing \(pos_embed'):
        inflate(opened, (8, SIDE, SIDE), patch=2)


def test_what_cannot_be_inflated(tmp_path: Path) -> None:
    opened = image_checkpoint(tmp_path)
    with pytest.raises(ConfigError, match='rule'):
        inflate(opened, (8, SIDE, SIDE), patch=2, rule='median')
    with pytest.raises(ConfigError, match=r'inflate\.position'):
        inflate(opened, (8, SIDE, SIDE), patch=2, position='rope')
    with pytest.raises(ConfigError, match='not a multiple'):
        inflate(opened, (7, SIDE, SIDE), patch=2)
    with pytest.raises(CheckpointError, match='only plain image ViTs'):
        inflate(inflate(opened, (8, SIDE, SIDE), patch=2), (8, SIDE, SIDE), patch=2)
    quick = image_checkpoint(tmp_path, act_layer='quick_gelu')
    with pytest.raises(CheckpointError, match='parts that vit3d has not'):
        inflate(quick, (8, SIDE, SIDE), patch=2)


def test_kernels() -> None:
    weight = torch.randn(5, 3, 2, 2)
    for rule in ('mean', 'centre'):
        torch.testing.assert_close(inflate_kernel(weight, 4, rule).sum(2), weight)
    assert torch.equal(inflate_kernel(weight, 4, 'centre')[:, :, 2], weight)
    assert torch.equal(change_channels(weight, 3), weight)
    torch.testing.assert_close(change_channels(weight, 1), weight.sum(1, keepdim=True))
    torch.testing.assert_close(change_channels(weight, 4), weight.mean(1, keepdim=True).repeat(1, 4, 1, 1) * 3 / 4)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image_checkpoint(tmp_path)
    words = ['convert', 'image.safetensors', 'clip.safetensors', '--image-size', '8x16x16', '--inflate']
    assert main([*words, '{"patch": 2, "rule": "centre"}']) == 0
    assert open_checkpoint('clip.safetensors').card.grid == (4, 4, 4)
    assert main([*words, '{"patch": 2, "rules": "centre"}']) == 2
    assert 'it takes patch, rule' in capsys.readouterr().err
    assert main(['convert', 'image.safetensors', 'clip.safetensors', '--inflate', '{"patch": 2}']) == 2
    assert '--image-size 16x224x224' in capsys.readouterr().err


def test_a_checkpoint_of_another_input_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    image_checkpoint(tmp_path)
    clip = {**TINY, 'img_size': [4, SIDE, SIDE], 'patch_size': [2, PATCH, PATCH]}
    cloud = {'embed_dim': WIDTH, 'depth': 2, 'num_heads': 2, 'num_groups': 8, 'group_size': 4}
    for name, arch, args in (('clip', 'vit3d_tiny_patch16', clip), ('cloud', 'point_tiny', cloud)):
        net = make_net(arch, **args)
        exchange.write(tmp_path / f'{name}.safetensors', net.state_dict(), card_for_net(net, arch, args))
    for name, size, message in (
        ('clip', SIDE, 'takes clips or volumes, the config images'),
        ('cloud', SIDE, 'takes point clouds, the config images'),
        ('cloud', (4, SIDE, SIDE), 'takes point clouds, the config clips or volumes'),
        ('image', (4, SIDE, SIDE), r'takes images, the config clips or volumes; .* how images are inflated'),
    ):
        with pytest.raises(CheckpointError, match=message):
            initial_net(size, 3, checkpoint=str(tmp_path / f'{name}.safetensors'))
