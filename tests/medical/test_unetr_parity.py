"""Our UNETR is MONAI's: the same modules, and the same logits from the same weights."""

import importlib.util

import pytest
import torch
from monai.networks.blocks import patchembedding, selfattention
from monai.networks.nets import UNETR, ViT
from rearrange import Rearrange

from medical.unetr import Unetr, UnetrDecoder, steps_of
from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.encoders.net import features
from pretrain.errors import ConfigError

pytestmark = pytest.mark.parity
SIZE = (32, 32, 48)


@pytest.fixture(autouse=True)
def _einops(monkeypatch):
    if importlib.util.find_spec('einops') is None:
        for module in (patchembedding, selfattention):
            monkeypatch.setattr(module, 'Rearrange', Rearrange)


def monai_unetr(qkv_bias: bool = True) -> UNETR:
    torch.manual_seed(1)
    net = UNETR(2, 3, SIZE, feature_size=4, hidden_size=24, mlp_dim=48, num_heads=3, qkv_bias=qkv_bias).eval()
    for parameter in net.parameters():  # norms and positions that are not 1 and 0
        torch.nn.init.normal_(parameter, std=0.2)
    return net


@pytest.mark.parametrize('qkv_bias', [True, False])
def test_the_same_weights_give_the_same_logits(tmp_path, qkv_bias):
    theirs = monai_unetr(qkv_bias)
    torch.save({'state_dict': theirs.vit.state_dict()}, tmp_path / 'vit.pt')
    hints = {'img_size': list(SIZE), 'num_heads': 3}
    vit, report = build_net(open_checkpoint(tmp_path / 'vit.pt', arch_args=hints))
    assert not report.missing and not report.unexpected
    ours = Unetr(vit, 2, 3, taps=(3, 6, 9), feature_size=4).eval()
    decoder = {name: tensor for name, tensor in theirs.state_dict().items() if not name.startswith('vit.')}
    ours.decoder.load_state_dict(decoder, strict=True)
    x = torch.randn(2, 2, *SIZE)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('proj', ['conv', 'perceptron'])
def test_vit_features(tmp_path, proj):
    torch.manual_seed(2)
    theirs = ViT(1, (16, 24, 16), 8, hidden_size=24, mlp_dim=48, num_layers=2, num_heads=3, proj_type=proj).eval()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    torch.save(theirs.state_dict(), tmp_path / 'vit.pt')
    hints = {'img_size': [16, 24, 16], 'num_heads': 3, 'patch_size': [8, 8, 8], 'in_chans': 1}
    ours, _ = build_net(open_checkpoint(tmp_path / 'vit.pt', arch_args=hints))
    x = torch.randn(2, 1, 16, 24, 16)
    with torch.no_grad():
        torch.testing.assert_close(features(ours, x), theirs(x)[0], atol=1e-5, rtol=1e-5)


def test_decoder_has_the_modules_of_monai():
    theirs = {n: tuple(t.shape) for n, t in monai_unetr().state_dict().items() if not n.startswith('vit.')}
    ours = {n: tuple(t.shape) for n, t in UnetrDecoder(2, 24, 3, 16, 4).state_dict().items()}
    assert ours == theirs


@pytest.mark.parametrize('patch', [4, 8, 32])
def test_other_patches_reach_full_resolution(patch):
    decoder = UnetrDecoder(1, 12, 2, patch, 2)
    state = torch.randn(1, 12, 1, 2, 1)
    out = decoder(torch.randn(1, 1, patch, 2 * patch, patch), [state] * (steps_of(patch) - 1), state)
    assert out.shape == (1, 2, patch, 2 * patch, patch)


@pytest.mark.parametrize('patch', [2, 12, 0])
def test_patches_without_a_decoder(patch):
    with pytest.raises(ConfigError, match='4, 8, 16 or 32'):
        steps_of(patch)
