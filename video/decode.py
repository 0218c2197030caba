"""Frames of encoded videos, by PyAV or torchcodec. Each wanted frame is found by its place in display order, exactly.

PyAV reads the packets once without decoding them, which gives the number of frames and the key frames; then it decodes
from the last key frame before the first wanted one to the last wanted one. torchcodec does the same with
`seek_mode='exact'`. The two may differ by 1 or 2 of 255 levels, because each converts colours in its own way.
"""

import errno
import importlib.util
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pretrain.errors import ConfigError, DataError, UserError

BACKENDS = ('pyav', 'torchcodec')
CHOICE = 'MIMBENCH_VIDEO_DECODER'
"""Environment variable that names the decoder; without it torchcodec is taken where it is installed, else PyAV."""


_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""The machine's fault, not the video's."""


def backend() -> str:
    """The decoder in use. Raises ConfigError for an unknown name, UserError where none is installed."""
    wanted = os.environ.get(CHOICE)
    if wanted is not None and wanted not in BACKENDS:
        raise ConfigError(f'{CHOICE} is {wanted!r}; allowed: {", ".join(BACKENDS)}')
    modules = {'pyav': 'av', 'torchcodec': 'torchcodec'}
    for name in [wanted] if wanted else ['torchcodec', 'pyav']:
        if importlib.util.find_spec(modules[name]) is not None:
            return name
    raise UserError(f'no video decoder ({wanted or "PyAV"} is not installed): pip install av')


def describe() -> str:
    """The decoder with its version, for the record of a run: `PyAV 18.1.0, FFmpeg 8.1.2`."""
    if backend() == 'torchcodec':
        import torchcodec

        return f'torchcodec {torchcodec.__version__}'
    import av

    return f'PyAV {av.__version__}, FFmpeg {getattr(av, "ffmpeg_version_info", "unknown")}'


@contextmanager
def open_video(path: str | Path) -> Iterator['Video']:
    """A video to read frames from. Raises DataError naming the path when it is missing, broken or has no frame."""
    name = str(path)
    if not Path(name).is_file():
        raise DataError(f'video {name!r} does not exist; correct the list, or its root folder')
    kind = PyAVVideo if backend() == 'pyav' else TorchcodecVideo
    with readable(name):
        video = kind(name)
    try:
        if video.num_frames == 0:
            raise DataError(f'video {name!r} has no frames; replace or remove it')
        yield video
    finally:
        video.close()


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Whatever a decoder raises becomes a DataError with the path."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on foreign bytes
        if getattr(error, 'errno', None) in _EXHAUSTED:
            raise
        cause = ' '.join(str(error).split()) or type(error).__name__
        raise DataError(f'video {name!r} cannot be decoded: {cause}; replace or remove it') from error


class Video:
    """An open video.

    Attributes:
        num_frames: frames in it; they are numbered from 0 in display order.
    """

    name: str
    num_frames: int

    def frames(self, indices: Sequence[int]) -> np.ndarray:
        """RGB frames uint8 `(T, H, W, 3)` at these places, which may repeat and need no order.

        Raises DataError for a frame that cannot be decoded, IndexError for a place that does not exist.
        """
        wanted = sorted({int(i) for i in indices})
        if not wanted or wanted[0] < 0 or wanted[-1] >= self.num_frames:
            raise IndexError(f'frames {wanted[:1]} to {wanted[-1:]} of {self.num_frames}')
        with readable(self.name):
            found = self.read(wanted)
        missing = [i for i in wanted if i not in found]
        if missing:
            raise DataError(
                f'video {self.name!r} cannot be decoded: {len(missing)} of {len(wanted)} wanted frames are damaged, '
                f'the first is {missing[0]} of {self.num_frames}; replace or remove it'
            )
        first = found[wanted[0]].shape
        if any(found[i].shape != first for i in wanted):
            raise DataError(f'video {self.name!r} changes its size after frame {wanted[0]}; encode it again')
        return np.stack([found[int(i)] for i in indices])

    def read(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Frames by place, for sorted distinct places."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the file back."""


class PyAVVideo(Video):
    """By PyAV. A video whose packets carry no times is decoded from its beginning and counted that way.

    What the decoder notices is an error, frames that it marks as damaged too. Damage that leaves a valid stream gives
    wrong pixels that nobody notices.
    """

    def __init__(self, name: str):
        import av
        from av.video.reformatter import VideoReformatter

        self.name = name
        self.container = av.open(name)
        if not self.container.streams.video:
            raise DataError(f'video {name!r} has no video stream; replace or remove it')
        self.stream = self.container.streams.video[0]
        self.stream.thread_type = 'NONE'  # loaders have a process for each core already
        # A frame's own `to_ndarray(format=...)` sets up swscale anew: 5 ms a frame, 70 times the conversion itself.
        self.colours = VideoReformatter()
        packets = [p for p in self.container.demux(self.stream) if p.size and not _discarded(p)]
        promised = self.stream.frames
        if promised and len(packets) < promised and name.lower().endswith(('.mp4', '.mov', '.m4v')):
            raise DataError(f'video {name!r} is cut off: {len(packets)} of {promised} frames; download it again')
        self.num_frames = len(packets)
        times = [p.pts for p in packets]
        self.timed = all(t is not None for t in times) and len(set(times)) == len(times)
        self.place = {t: i for i, t in enumerate(sorted(times))} if self.timed else {}
        self.keys = sorted((self.place[p.pts], p.pts) for p in packets if p.is_keyframe) if self.timed else []

    def read(self, wanted: list[int]) -> dict[int, np.ndarray]:
        start = max((pts for place, pts in self.keys if place <= wanted[0]), default=None)
        self.container.seek(start if start is not None else 0, stream=self.stream if start is not None else None)
        found: dict[int, np.ndarray] = {}
        left = set(wanted)
        for number, frame in enumerate(self.container.decode(self.stream)):
            place = self.place.get(frame.pts) if self.timed else number
            if place in left and not frame.is_corrupt:
                found[place] = self.colours.reformat(frame, format='rgb24', threads=1).to_ndarray()
                left.discard(place)
            if not left:
                break
        return found

    def close(self) -> None:
        self.container.close()


def _discarded(packet) -> bool:
    """Packets that a container's edit list leaves out."""
    return bool(getattr(packet, 'is_discard', False))


class TorchcodecVideo(Video):
    """By torchcodec."""

    def __init__(self, name: str):
        from torchcodec.decoders import VideoDecoder

        self.name = name
        self.decoder = VideoDecoder(name, dimension_order='NHWC', seek_mode='exact', num_ffmpeg_threads=1)
        self.num_frames = len(self.decoder)

    def read(self, wanted: list[int]) -> dict[int, np.ndarray]:
        frames = self.decoder.get_frames_at(wanted).data.numpy()
        return dict(zip(wanted, frames, strict=True))


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: int = 10, quality: int = 18) -> Path:
    """Encode uint8 `(H, W, 3)` frames as H.264 in an mp4 file, or as the suffix says. Height and width are even."""
    import av

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), 'w') as container:
        stream = None
        for frame in frames:
            if stream is None:
                stream = container.add_stream(
                    'libx264', rate=fps, options={'crf': str(quality), 'preset': 'veryfast', 'threads': '1'}
                )
                stream.height, stream.width, stream.pix_fmt = frame.shape[0], frame.shape[1], 'yuv420p'
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        if stream is not None:
            container.mux(stream.encode())
    return path
