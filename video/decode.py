"""Frames of encoded videos, by PyAV or torchcodec. Each wanted frame is found by its place in display order, exactly.

PyAV reads the packets once without decoding them, which gives the number of frames and the key frames; then it decodes
from the last key frame before the first wanted one to the last wanted one, or from the beginning where a seek does not
give the packets that were counted. torchcodec, which is taken only where it is asked for, does the same with
`seek_mode='exact'` in the containers of `EXACT`, with equal pixels there (see video/README.md).
"""

import errno
import functools
import importlib
import importlib.util
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pretrain.errors import ConfigError, DataError, UserError

BACKENDS = ('pyav', 'torchcodec')
CHOICE = 'MIMBENCH_VIDEO_DECODER'
"""Environment variable that names the decoder; without it PyAV is taken."""
EXACT = {'mp4': (4, b'ftyp'), 'mkv and webm': (0, b'\x1aE\xdf\xa3'), 'flv': (0, b'FLV')}
"""Containers in which torchcodec finds frames by their place, known by the bytes at an offset. Their packets say when a
frame is shown; in avi, ts and mpg (0.17) it gives other frames than the ones asked for, or stops."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""The machine's fault, not the video's."""


@functools.cache
def _load_torchcodec() -> None:
    """Import it once: it may be installed and yet find no FFmpeg libraries that it can load."""
    try:
        importlib.import_module('torchcodec.decoders')
    except Exception as error:  # it raises whatever the loader of its libraries says
        cause = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise UserError(
            f'torchcodec is installed but cannot be loaded ({cause.strip()}); install the FFmpeg libraries that it '
            f'needs, or take PyAV: {CHOICE}=pyav'
        ) from error


def backend() -> str:
    """The decoder in use.

    Raises ConfigError for an unknown name, UserError where none is installed, or torchcodec cannot load its libraries.
    """
    wanted = os.environ.get(CHOICE, 'pyav')
    if wanted not in BACKENDS:
        raise ConfigError(f'{CHOICE} is {wanted!r}; allowed: {", ".join(BACKENDS)}')
    module = {'pyav': 'av'}.get(wanted, wanted)
    if importlib.util.find_spec(module) is None:
        raise UserError(f'the video decoder {wanted} is not installed: pip install {module}')
    if wanted == 'torchcodec':
        _load_torchcodec()
    return wanted


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
def readable(name: str, what: str = 'video') -> Iterator[None]:
    """Whatever a decoder raises becomes a DataError with the path of the video or image."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything on foreign bytes
        if getattr(error, 'errno', None) in _EXHAUSTED:
            raise
        cause = ' '.join(str(error).split()) or type(error).__name__
        raise DataError(f'{what} {name!r} cannot be decoded: {cause}; replace or remove it') from error


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
    """By PyAV. A video whose packets carry no times is decoded from its beginning and counted that way; an MPEG program
    stream (.mpg) is decoded from its beginning too.

    What the decoder notices is an error, frames that it marks as damaged too. Damage that leaves a valid stream gives
    wrong pixels that nobody notices.
    """

    def __init__(self, name: str):
        from av.video.reformatter import VideoReformatter

        self.name = name
        self._open()
        # A frame's own `to_ndarray(format=...)` sets up swscale anew: 5 ms a frame, 70 times the conversion itself.
        self.colours = VideoReformatter()
        packets = [p for p in self.container.demux(self.stream) if p.size]
        _check_whole(name, self.stream.frames, len(packets))
        shown = [p for p in packets if not _discarded(p)]
        self.num_frames = len(shown)
        self.packets = [(p.pts, p.size) for p in packets]
        times = [p.pts for p in shown]
        self.timed = all(t is not None for t in times) and len(set(times)) == len(times)
        self.place = {t: i for i, t in enumerate(sorted(times))} if self.timed else {}
        # After a seek the demuxer of MPEG program streams gives packets the times of others.
        seekable = self.timed and self.container.format.name != 'mpeg'
        self.keys = _keys(packets, self.place) if seekable else []

    def read(self, wanted: list[int]) -> dict[int, np.ndarray]:
        key = max((key for key in self.keys if key[0] <= wanted[0]), default=None)
        if key is not None:
            _, time, number = key
            self.container.seek(time, stream=self.stream)
            found = self._decoded(wanted, self.packets[number:])
            if len(found) == len(wanted):
                return found
        self.container.close()
        self._open()  # what a seek did not reach may be there when everything before it is decoded
        return self._decoded(wanted)

    def _decoded(self, wanted: list[int], expected: Sequence[tuple] = ()) -> dict[int, np.ndarray]:
        """The wanted frames, from the first expected packet on, or from here.

        After a seek a demuxer may be anywhere: packets before the first expected one are left out, and the first one
        that was not expected ends it.
        """
        found: dict[int, np.ndarray] = {}
        left, number, due = set(wanted), -1, list(reversed(expected))
        reached = not due
        for packet in self.container.demux(self.stream):
            if due and packet.size:
                same = (packet.pts, packet.size) == due[-1]
                if reached and not same:
                    break
                if same:
                    reached = True
                    due.pop()
            for frame in packet.decode() if reached else ():
                number += 1
                place = self.place.get(frame.pts) if self.timed else number
                if place in left and not frame.is_corrupt:
                    found[place] = self.colours.reformat(frame, format='rgb24', threads=1).to_ndarray()
                    left.discard(place)
            if not left:
                break
        return found

    def _open(self) -> None:
        import av

        self.container = av.open(self.name)
        if not self.container.streams.video:
            raise DataError(f'video {self.name!r} has no video stream; replace or remove it')
        self.stream = self.container.streams.video[0]
        self.stream.thread_type = 'NONE'  # loaders have a process for each core already

    def close(self) -> None:
        self.container.close()


def _time(packet) -> int | None:
    """What seeks go by: most demuxers look for times of decoding."""
    return packet.pts if packet.dts is None else packet.dts


def _check_whole(name: str, promised: int | None, found: int) -> None:
    """Raise DataError for an mp4 file whose index promises frames that are not there."""
    if promised and found < promised and name.lower().endswith(('.mp4', '.mov', '.m4v')):
        stored = _stored_packets(name)
        if stored < promised:
            raise DataError(f'video {name!r} is cut off: {stored} of {promised} frames; download it again')


def _stored_packets(name: str) -> int:
    """Packets of the video stream, with all that the container's edit list leaves out (trimmed files)."""
    import av

    with av.open(name, options={'ignore_editlist': '1'}) as container:
        return sum(1 for p in container.demux(container.streams.video[0]) if p.size)


def _discarded(packet) -> bool:
    """Packets that the edit list leaves out, but which others need."""
    return bool(getattr(packet, 'is_discard', False))


def _keys(packets: Sequence, place: dict[int, int]) -> list[tuple[int, int, int]]:
    """Of each key frame the place of the first frame that is shown from it on, its time for seeking, and its number."""
    times, keys = sorted(place), list[tuple[int, int, int]]()
    for number, packet in enumerate(packets):
        time = _time(packet)
        if packet.is_keyframe and packet.pts is not None and time is not None:
            keys.append((bisect_left(times, packet.pts), time, number))
    return keys


class TorchcodecVideo(Video):
    """By torchcodec, from the containers of `EXACT`; UserError for another one.

    Frames that the decoder marks as damaged pass, unlike in PyAVVideo.
    """

    def __init__(self, name: str):
        from torchcodec.decoders import VideoDecoder

        self.name = name
        try:
            self.decoder = VideoDecoder(name, dimension_order='NHWC', seek_mode='exact', num_ffmpeg_threads=1)
        except ValueError as error:  # so it says that there is no video stream
            raise DataError(f'video {name!r} has no video stream; replace or remove it') from error
        with open(name, 'rb') as file:
            head = file.read(16)
        if not any(head[start:].startswith(mark) for start, mark in EXACT.values()):
            raise UserError(
                f'video {name!r}: torchcodec finds frames exactly in {", ".join(EXACT)} files only; take PyAV: '
                f'{CHOICE}=pyav'
            )
        self.num_frames = len(self.decoder)
        _check_whole(name, self.decoder.metadata.num_frames_from_header, self.num_frames)

    def read(self, wanted: list[int]) -> dict[int, np.ndarray]:
        frames = self.decoder.get_frames_at(wanted).data.numpy()
        return dict(zip(wanted, frames, strict=True))
