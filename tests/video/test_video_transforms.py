"""One draw for all frames: what stands still in a video stands still in a clip."""

import random

import numpy as np
import pytest
import torch

from pretrain.errors import ConfigError
from video.mixing import ClipMixing
from video.transforms import CORNERS, ClipFinetune, ClipPretrain, ClipViews, multiscale_box

pytestmark = pytest.mark.unit


def still(height: int = 60, width: int = 80, count: int = 6) -> np.ndarray:
    frame = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.repeat(frame[None], count, 0)


def seeded(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@pytest.mark.parametrize(
    'transform',
    [
        ClipPretrain(32),
        ClipPretrain(32, crop='resized', flip=0.5),
        ClipFinetune(32),
        ClipFinetune(32, rand_augment='rand-m7-n4-mstd0.5-inc1'),
    ],
    ids=['multiscale', 'resized', 'plain', 'randaugment'],
)
def test_a_still_video_stays_still(transform) -> None:
    found = []
    for seed in range(8):
        seeded(seed)
        clip = transform(still())
        assert clip.shape == (1, 3, 6, 32, 32) and clip.dtype == torch.uint8 and clip.is_contiguous()
        assert (clip == clip[:, :, :1]).all(), 'all frames get the same operations'
        found.append(clip)
    assert len({c.float().mean().item() for c in found}) > 4, 'and another video others'


def test_multiscale_boxes() -> None:
    """Sides are 1, .875, .75 or .66 of the shorter side, at most one step apart, at 13 places."""
    torch.manual_seed(0)
    sides, places = set(), set()
    for _ in range(3000):
        top, left, h, w = multiscale_box(320, 400, 224)
        assert 0 <= top <= 320 - h and 0 <= left <= 400 - w
        sides.add((h, w))
        places.add((top * 4 // max(320 - h, 4), left * 4 // max(400 - w, 4)))
    scale = [320, 280, 240, 211]
    assert sides == {(h, w) for i, h in enumerate(scale) for j, w in enumerate(scale) if abs(i - j) <= 1}
    assert len(CORNERS) == len(set(CORNERS)) == 13 and len(places) >= 13
    snapped = {multiscale_box(256, 400, 224)[2:] for _ in range(400)}
    assert (224, 224) in snapped


def test_mirroring() -> None:
    seeded(0)
    frames = still()
    once, always = (ClipPretrain(32, crop='resized', area=(1, 1), ratio=(4 / 3, 4 / 3), flip=p) for p in (0, 1))
    assert torch.equal(once(frames), always(frames).flip(-1))


def test_views_are_the_ends_and_the_middle_of_the_longer_side() -> None:
    frames = np.zeros((2, 20, 50, 3), np.uint8)
    frames[..., 0] = np.arange(50)
    views = ClipViews(20, crops=3)(frames)
    assert views.shape == (3, 3, 2, 20, 20)
    assert [int(v[0, 0, 0, 0]) for v in views] == [0, 15, 30]
    tall = ClipViews(20, crops=3)(frames.transpose(0, 2, 1, 3))
    assert torch.equal(tall.transpose(-1, -2), views)
    assert torch.equal(ClipViews(20)(frames)[0], views[1])
    with pytest.raises(ConfigError, match='size <= resize'):
        ClipViews(20, 24)


def test_erasing_and_mixing_are_the_same_in_all_frames() -> None:
    clips = torch.randn(4, 3, 1, 24, 24).expand(-1, -1, 5, -1, -1).contiguous()
    seeded(0)
    erased, labels = ClipMixing(3, 0, 0, 1.0, 0.1)(clips.clone(), torch.tensor([0, 1, 2, 0]))
    changed = (erased != clips).any(1)
    assert changed.flatten(1).any(1).all() and (changed == changed[:, :1]).all()
    assert labels.tolist() == [0, 1, 2, 0]
    for mixup, cutmix in ((0.8, 0.0), (0.0, 1.0)):
        seeded(3)
        mixed, target = ClipMixing(3, mixup, cutmix, 0, 0.1)(clips.clone(), torch.tensor([0, 1, 2, 0]))
        assert mixed.shape == clips.shape and torch.equal(mixed, mixed[:, :, :1].expand_as(mixed))
        assert not torch.equal(mixed, clips) and target.shape == (4, 3)
        torch.testing.assert_close(target.sum(1), torch.ones(4))
    with pytest.raises(ConfigError, match='even number of clips'):
        ClipMixing(3, 0.8, 0, 0, 0)(clips[:3], torch.zeros(3, dtype=torch.long))


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match='multiscale'):
        ClipPretrain(32, crop='centre')
    with pytest.raises(ConfigError, match="'auto' is not understood by timm; try rand-m9"):
        ClipFinetune(32, rand_augment='auto')
