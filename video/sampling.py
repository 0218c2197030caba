"""Which frames of a video make a clip: `train` draws one clip, `test` gives all clips of an evaluation.

All draws come from torch's global generator, which the data set seeds for every sample. A video that is shorter than
what a clip spans holds its last frame.
"""

from collections.abc import Sequence

import numpy as np
import torch

from pretrain.errors import ConfigError
from pretrain.registry import TRANSFORMS

SPACING = ('steps', 'linspace')


class FrameSampling:
    """Base.

    Args:
        frames: T of a clip.
        clips: in an evaluation.
    """

    name = ''

    def __init__(self, frames: int = 16, clips: int = 1):
        if frames < 1 or clips < 1:
            raise ConfigError(f'sampling.frames is {frames} and clips {clips}; both must be at least 1')
        self.frames, self.clips = frames, clips

    def train(self, num_frames: int) -> np.ndarray:
        """The places `(T,)` of a random clip in a video of `num_frames`."""
        raise NotImplementedError

    def test(self, num_frames: int) -> np.ndarray:
        """The places `(clips, T)` of an evaluation; nothing is drawn."""
        raise NotImplementedError


@TRANSFORMS.register_module()
class DenseSampling(FrameSampling):
    """Neighbouring frames, `stride` apart (Kinetics, UCF101, HMDB51).

    Args:
        stride: frames between two of a clip.
        spacing: of a training clip. 'steps': every `stride`-th frame from a random start (pre-training of VideoMAE).
            'linspace': T places spread evenly from the beginning to the end of a random window of `T * stride` frames,
            the end itself being its last frame, rounded down: a little further apart. A video that is not longer than
            the window gives `n // stride` places spread over all its n frames and then holds the last one (fine-tuning
            of VideoMAE, kinetics.py).

    An evaluation takes every `stride`-th frame of the whole video and from these `clips` windows of T, the first at the
    beginning and the last at the end.
    """

    name = 'dense'

    def __init__(self, frames: int = 16, stride: int = 4, clips: int = 1, spacing: str = 'steps'):
        super().__init__(frames, clips)
        if stride < 1 or spacing not in SPACING:
            raise ConfigError(
                f'sampling.stride is {stride}, spacing {spacing!r}; allowed: at least 1, and {" or ".join(SPACING)}'
            )
        self.stride, self.spacing = stride, spacing

    def train(self, num_frames: int) -> np.ndarray:
        span = self.frames * self.stride
        if self.spacing == 'steps':
            start = _draw(max(num_frames - span, 0) + 1)
            return np.minimum(start + self.stride * np.arange(self.frames), num_frames - 1)
        if num_frames > span:
            start = _draw(num_frames - span)
            return start + _spread(span, self.frames)
        places = _spread(num_frames, num_frames // self.stride)
        return np.pad(places, (0, self.frames - len(places)), constant_values=num_frames - 1)

    def test(self, num_frames: int) -> np.ndarray:
        every = np.arange(0, num_frames, self.stride)
        every = np.pad(every, (0, max(self.frames - len(every), 0)), mode='edge')
        spare = len(every) - self.frames
        if self.clips == 1:
            starts = [spare // 2]
        else:
            starts = [int(i * spare / (self.clips - 1)) for i in range(self.clips)]
        return np.stack([every[s : s + self.frames] for s in starts])


@TRANSFORMS.register_module()
class SegmentSampling(FrameSampling):
    """One frame from each of T equal parts of the whole video (TSN; Something-Something).

    Training draws a place in each part; the i-th begins at frame `i * n / T`, rounded down, and of a video with fewer
    frames than parts some parts share one. An evaluation of k clips takes k evenly spaced places in each part and gives
    clip i the i-th of them: of two clips the first has the beginnings and the second the middles (VideoMAE's 32
    places, `frames[k::2]`). One clip has the middles.
    """

    name = 'segments'

    def train(self, num_frames: int) -> np.ndarray:
        edges = [i * num_frames // self.frames for i in range(self.frames + 1)]
        return np.array([edges[i] + _draw(max(edges[i + 1] - edges[i], 1)) for i in range(self.frames)])

    def test(self, num_frames: int) -> np.ndarray:
        size = num_frames / self.frames
        offsets: Sequence[float] = [0.5] if self.clips == 1 else [i / self.clips for i in range(self.clips)]
        return np.stack([(size * (np.arange(self.frames) + offset)).astype(int) for offset in offsets])


def _spread(span: int, count: int) -> np.ndarray:
    """`count` places spread evenly over `span` frames, from the first to the last."""
    return np.minimum(np.linspace(0, span, count), span - 1).astype(int)


def _draw(count: int) -> int:
    """A number from 0 to `count` - 1."""
    return int(torch.randint(count, (1,)))
