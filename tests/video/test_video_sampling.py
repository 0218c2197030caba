"""Which frames: windows and segments against the statements of the reference."""

import numpy as np
import pytest
import torch

from pretrain.errors import ConfigError
from video.sampling import DenseSampling, SegmentSampling

pytestmark = pytest.mark.unit


def draws(sampling, frames: int, count: int = 200) -> np.ndarray:
    torch.manual_seed(0)
    return np.stack([sampling.train(frames) for _ in range(count)])


def test_dense_steps() -> None:
    found = draws(DenseSampling(16, 4), 300)
    assert (np.diff(found) == 4).all() and found.min() >= 0 and found.max() <= 299
    assert found[:, 0].min() < 10 and found[:, 0].max() > 225, 'windows all over the video'


def test_dense_linspace_covers_its_window() -> None:
    """The official rule: `np.linspace(start, start + span, T)`, cut at the window's last frame."""
    found = draws(DenseSampling(16, 4, spacing='linspace'), 300, 3000)
    start = found[:, :1]
    assert (found == start + np.clip(np.linspace(0, 64, 16), 0, 63).astype(int)).all()
    assert (found[:, -1] == start[:, 0] + 63).all() and (start.min(), start.max()) == (0, 300 - 64 - 1)


@pytest.mark.parametrize('length', [64, 63, 40, 20, 3, 1])
def test_dense_linspace_of_a_short_video(length: int) -> None:
    """`n // stride` places over the whole video, then its last frame."""
    found = draws(DenseSampling(16, 4, spacing='linspace'), length, 3)
    spread = np.linspace(0, length, num=length // 4)
    official = np.clip(np.concatenate([spread, np.full(16 - length // 4, length)]), 0, length - 1).astype(int)
    assert (found == official).all()


def test_short_videos_hold_their_last_frame() -> None:
    found = draws(DenseSampling(16, 4), 20, 3)
    assert found.min() == 0 and found.max() == 19 and (np.diff(found) >= 0).all() and (found[:, -3:] == 19).all()
    assert (draws(SegmentSampling(16), 1, 3) == 0).all()
    assert (DenseSampling(16, 4, clips=5).test(1) == 0).all()


def test_dense_test_of_five_windows() -> None:
    """Every 4th frame of the whole video, 5 windows of 16 with the same distance, from the first to the last."""
    found = DenseSampling(16, 4, clips=5).test(300)
    every = list(range(0, 300, 4))
    step = (len(every) - 16) / 4
    assert found.tolist() == [every[int(i * step) : int(i * step) + 16] for i in range(5)]
    assert found[0, 0] == 0 and found[-1, -1] == 296
    middle = DenseSampling(16, 4).test(300)
    assert middle.shape == (1, 16) and abs(middle.mean() - 150) < 5


def test_segments_draw_one_frame_from_each_part() -> None:
    found = draws(SegmentSampling(16), 160)
    parts = np.arange(16) * 10
    assert ((found >= parts) & (found < parts + 10)).all() and len(np.unique(found)) == 160


@pytest.mark.parametrize('length', [5, 16, 25, 47])
def test_every_frame_is_in_a_part(length: int) -> None:
    """To the end of the video, also where its length is no multiple of the parts."""
    found = draws(SegmentSampling(16), length, 600)
    assert np.unique(found).tolist() == list(range(length)) and (np.diff(found) >= 0).all()


def test_segments_test_is_every_second_of_32_places() -> None:
    tick = 100 / 16
    places = sorted([int(tick / 2 + tick * i) for i in range(16)] + [int(tick * i) for i in range(16)])
    found = SegmentSampling(16, clips=2).test(100)
    assert found[0].tolist() == places[0::2] and found[1].tolist() == places[1::2]
    assert SegmentSampling(16).test(100)[0].tolist() == [int(tick / 2 + tick * i) for i in range(16)]


def test_wrong_settings() -> None:
    with pytest.raises(ConfigError, match='at least 1'):
        DenseSampling(0)
    with pytest.raises(ConfigError, match='steps or linspace'):
        DenseSampling(spacing='random')
