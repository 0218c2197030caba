"""Our volumetric Swin is MONAI's, level by level, and our SwinUNETR gives its logits."""

import importlib.util

import pytest
import torch
from foreign_swin import pretraining_names
from monai.networks.nets import swin_unetr
from monai.networks.nets.swin_unetr import SwinUNETR
from rearrange import Rearrange

from medical.segmenter import VolumeSegmenter
from medical.swinunetr import SwinUnetr, SwinUnetrDecoder
from pretrain.checkpoint.load import build_net, open_checkpoint
from pretrain.encoders.net import create_net, features
from pretrain.errors import ConfigError

pytestmark = pytest.mark.parity
SIZE = (64, 32, 32)  # padded windows on the way, and grids smaller than a window at its end


@pytest.fixture(autouse=True)
def _einops(monkeypatch):
    if importlib.util.find_spec('einops') is None:
        monkeypatch.setattr(swin_unetr, 'rearrange', lambda x, pattern: Rearrange(pattern)(x))


class RepeatedMerging(swin_unetr.PatchMergingV2):
    """What `merging` was in MONAI 1.4: two positions of a block come twice."""

    def forward(self, x):
        at = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 0, 1), (1, 1, 1)]
        return self.reduction(self.norm(torch.cat([x[:, a::2, b::2, c::2] for a, b, c in at], dim=-1)))


def monai_net(seed: int = 1, **args) -> SwinUNETR:
    torch.manual_seed(seed)
    net = SwinUNETR(2, 3, feature_size=12, **args).eval()
    for parameter in net.parameters():  # norms that are not 1 and 0
        torch.nn.init.normal_(parameter, std=0.1)
    return net


def volume() -> torch.Tensor:
    torch.manual_seed(5)
    return torch.randn(2, 2, *SIZE)


@pytest.mark.parametrize(
    ('merging', 'downsample'), [('corners', 'merging'), ('raster', 'mergingv2'), ('repeated', RepeatedMerging)]
)
@pytest.mark.parametrize('use_v2', [False, True])
def test_all_five_levels(tmp_path, merging, downsample, use_v2):
    theirs = monai_net(downsample=downsample, use_v2=use_v2)
    torch.save({'state_dict': theirs.state_dict()}, tmp_path / 'net.pt')
    ours, report = build_net(open_checkpoint(tmp_path / 'net.pt', arch_args={'merging': merging}))
    assert not report.missing and not report.unexpected
    with torch.no_grad():
        found, expected = ours.eval().levels(volume()), theirs.swinViT(volume(), True)
        assert [m.shape[1] for m in found] == [12, 24, 48, 96, 192]
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
        tokens = expected[4].flatten(2).transpose(1, 2)
        torch.testing.assert_close(features(ours, volume()), tokens, atol=1e-5, rtol=1e-5)


def test_the_released_layout_gives_what_load_from_gives(tmp_path):
    """`module.layers1...fc1` beside heads: the same encoder, and the same logits under the same decoder."""
    torch.save({'state_dict': pretraining_names(monai_net(2).swinViT.state_dict())}, tmp_path / 'model_swinvit.pt')
    theirs = monai_net(3)
    theirs.load_from(torch.load(tmp_path / 'model_swinvit.pt', weights_only=True))
    swin, report = build_net(tmp_path / 'model_swinvit.pt')
    assert not report.missing and not report.unexpected
    ours = SwinUnetr(swin, 2, 3).eval()
    decoder = {name: tensor for name, tensor in theirs.state_dict().items() if not name.startswith('swinViT.')}
    ours.decoder.load_state_dict(decoder, strict=True)
    with torch.no_grad():
        torch.testing.assert_close(ours(volume()), theirs(volume()), atol=1e-5, rtol=1e-5)


def test_decoder_has_the_modules_of_monai():
    theirs = {n: tuple(t.shape) for n, t in monai_net().state_dict().items() if not n.startswith('swinViT.')}
    ours = {n: tuple(t.shape) for n, t in SwinUnetrDecoder(2, 12, 4, 3).state_dict().items()}
    assert ours == theirs


@pytest.mark.parametrize('stages', [1, 2, 3])
def test_fewer_stages_reach_full_resolution(stages):
    net = create_net(
        'swin3d_tiny_patch2', in_chans=1, depths=(1,) * stages, num_heads=(3,) * stages, window_size=2, img_size=32
    )
    with torch.no_grad():
        assert SwinUnetr(net, 1, 2)(torch.randn(1, 1, 32, 32, 32)).shape == (1, 2, 32, 32, 32)


def test_every_parameter_has_its_layer():
    """Blocks counted through the stages; what comes before a stage's first block goes with it, its merging with its
    last."""
    args = dict(depths=(2, 1), num_heads=(3, 3), window_size=(2, 2, 2), use_v2=True)
    encoder = dict(arch='swin3d_tiny_patch2', arch_args=args)
    model = VolumeSegmenter(encoder, classes=['background', 'liver'], head='swinunetr', image_size=(16, 16, 16))
    assert model.num_layers == 4
    expected = {
        'patch_embed.': 0,
        'layers.0.conv.': 1,
        'layers.0.blocks.0.': 1,
        'layers.0.blocks.1.': 2,
        'layers.0.downsample.': 2,
        'layers.1.conv.': 3,
        'layers.1.blocks.0.': 3,
        'layers.1.downsample.': 3,
    }
    seen = set()
    for name, _ in model.named_parameters():
        part, _, inner = name.removeprefix('network.').partition('.')
        place = next((p for p in expected if part == 'swin' and inner.startswith(p)), None)
        assert model.layer_id(name) == (expected[place] if place else 4), name
        assert place or part == 'decoder', name
        seen.add(place)
    assert seen == {*expected, None}


def small(head='swinunetr', arch='swin3d_tiny_patch2', args=None, **more):
    args = dict(depths=(1, 1), num_heads=(3, 3), window_size=(2, 2, 2)) if args is None else args
    more = {'classes': ['background', 'liver'], 'image_size': (16, 16, 16), **more}
    return VolumeSegmenter(dict(arch=arch, arch_args=args), head=head, **more)


def test_a_frozen_swin_stays_as_it_is():
    model = small(frozen=True).train()
    assert not model.network.swin.training and model.network.decoder.training
    batch = {'image': torch.rand(1, 1, 16, 16, 16), 'label': torch.randint(0, 2, (1, 16, 16, 16))}
    model.loss(batch)['loss'].backward()
    assert all(p.grad is None for p in model.network.swin.parameters())
    assert all(p.grad is not None for p in model.network.decoder.parameters())


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (dict(head='unetr'), "swin3d_tiny_patch2 does not fit; set model.head='swinunetr'"),
        (dict(head='unet'), "allowed: 'unetr', 'swinunetr'"),
        (dict(taps=(1, 2)), "are UNETR's"),
        (dict(image_size=(16, 16, 20)), 'multiples of 8x8x8'),
        (dict(args=dict(patch_size=(4, 4, 4), depths=(1,), num_heads=(3,))), 'needs patches of 2 voxels'),
        (dict(args=dict(merging='corner')), "allowed: 'corners', 'repeated', 'raster'"),
        (dict(arch='vit3d_tiny_patch16', args=dict(patch_size=(8, 8, 8))), "set model.head='unetr'"),
        (dict(arch='vit_tiny_patch16_224', args={}, image_size=(224, 224)), 'inflate an image encoder'),
    ],
)
def test_wrong_arguments(args, message):
    with pytest.raises(ConfigError, match=message):
        small(**args)
