"""Frames by their place, exactly; and every way in which a video can be broken is an error with its path."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numbered_video import write_numbered

from pretrain.errors import ConfigError, DataError, UserError
from video import decode
from video.decode import backend, describe, open_video
from video.encode import write_video
from video.procedural import frames

pytestmark = pytest.mark.unit


def levels(frames: np.ndarray) -> np.ndarray:
    return np.rint(frames.reshape(len(frames), -1).mean(1) / 4).astype(int)


# Suffix, codec, and whether seeking is tried. avi, ts and mpg seek by times of decoding.
CONTAINERS = [
    ('mp4', 'libx264', True),
    ('mkv', 'libx264', True),
    ('avi', 'mpeg4', True),
    ('avi', 'libx264', True),
    ('ts', 'libx264', True),
    ('ts', 'mpeg2video', True),
    ('mpg', 'mpeg2video', False),
    ('mpg', 'mpeg1video', False),
]


@pytest.mark.parametrize(('suffix', 'codec', 'seeks'), CONTAINERS)
def test_any_place_in_any_order(
    tmp_path: Path, suffix: str, codec: str, seeks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every frame alone and some together, out of short groups with B-frames; a seek is enough wherever it is tried."""
    path = write_numbered(tmp_path / f'numbered.{suffix}', codec)
    with open_video(path) as video:
        assert video.num_frames == 60 and video.timed
        assert len(video.keys) > 4 if seeks else not video.keys, 'several key frames, or seeking is not tested'
        if seeks:
            monkeypatch.setattr(video, '_open', lambda: pytest.fail('the seek went wrong'))
        for places in (range(60), [30, 3, 3, 58], [8, 9, 10], *([i] for i in range(60))):
            assert levels(video.frames(list(places))).tolist() == list(places)


def test_a_seek_that_ends_elsewhere(numbered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not found after a seek is looked for from the beginning before a video is called damaged."""
    with open_video(numbered) as video:
        for wrong in (0, 40_000):
            monkeypatch.setattr(video, 'keys', [(20, wrong, 24)])
            assert levels(video.frames([30, 31])).tolist() == [30, 31]


def trimmed(numbered: Path, path: Path, first: int) -> Path:
    """A stream copy whose times begin before 0: an edit list leaves out what comes before."""
    import av

    with av.open(str(numbered)) as source, av.open(str(path), 'w') as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        packets = [p for p in source.demux(stream) if p.size]
        zero = sorted(p.pts for p in packets)[first]
        for packet in packets:
            packet.pts, packet.dts, packet.stream = packet.pts - zero, packet.dts - zero, copied
            target.mux(packet)
    return path


@pytest.mark.parametrize('first', [3, 13])
def test_an_edit_list_leaves_frames_out(numbered: Path, tmp_path: Path, first: int) -> None:
    """The container counts frames that are not shown; such a file is whole."""
    with open_video(trimmed(numbered, tmp_path / 'trimmed.mp4', first)) as video:
        assert video.stream.frames == 60 and video.num_frames == 60 - first
        for places in (list(range(60 - first)), [0], [1, 20], [59 - first]):
            assert levels(video.frames(places)).tolist() == [first + i for i in places]


def test_a_download_that_stopped(numbered: Path, tmp_path: Path) -> None:
    """With the index in front a file that is cut off still opens."""
    import av

    path = tmp_path / 'front.mp4'
    with av.open(str(numbered)) as source, av.open(str(path), 'w', options={'movflags': '+faststart'}) as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copied
                target.mux(packet)
    with open_video(path) as video:
        assert video.num_frames == 60
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b'mdat') + (len(data) - data.index(b'mdat')) // 2])
    with pytest.raises(DataError, match=r'front\.mp4.*cut off: \d\d of 60'), open_video(path):
        pass


def test_only_what_is_needed_is_decoded(numbered: Path) -> None:
    with open_video(numbered) as video:
        seen = []
        demux = video.container.demux

        class Container:
            seek = video.container.seek

            @staticmethod
            def demux(stream):
                for packet in demux(stream):
                    seen.append(packet)
                    yield packet

        whole, video.container = video.container, Container
        video.frames([40, 41])
        video.container = whole
    assert len(seen) < 20


def test_a_place_that_does_not_exist(numbered: Path) -> None:
    with open_video(numbered) as video, pytest.raises(IndexError):
        video.frames([60])


def broken(numbered: Path, folder: Path, how: str) -> Path:
    data, path = bytearray(numbered.read_bytes()), folder / f'{how}.mp4'
    middle = data.index(b'mdat') + (len(data) - data.index(b'mdat')) // 3
    if how == 'bits':
        for i in range(middle, middle + 300):
            data[i] ^= 0x5A
    path.write_bytes({'bits': bytes(data), 'cut': bytes(data[:middle]), 'text': b'no video ' * 99, 'empty': b''}[how])
    return path


@pytest.mark.parametrize('how', ['bits', 'cut', 'text', 'empty'])
def test_undecodable(numbered: Path, tmp_path: Path, how: str) -> None:
    path = broken(numbered, tmp_path, how)
    with pytest.raises(DataError, match=f'{how}.mp4') as caught, open_video(path) as video:
        video.frames(range(video.num_frames))
    assert '\n' not in str(caught.value) and 'replace or remove' in str(caught.value)


def test_missing_and_without_frames(tmp_path: Path) -> None:
    import av

    with pytest.raises(DataError, match=r'absent\.mp4.*does not exist'), open_video(tmp_path / 'absent.mp4'):
        pass
    with av.open(str(tmp_path / 'sound.mkv'), 'w') as container:
        stream = container.add_stream('pcm_s16le', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format='s16', layout='mono')
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(DataError, match=r'sound\.mkv.*no video stream'), open_video(tmp_path / 'sound.mkv'):
        pass


def test_the_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MIMBENCH_VIDEO_DECODER', 'pyav')
    assert backend() == 'pyav' and describe().startswith('PyAV ') and 'FFmpeg' in describe()
    monkeypatch.setenv('MIMBENCH_VIDEO_DECODER', 'decord')
    with pytest.raises(ConfigError, match='pyav, torchcodec'):
        backend()


def test_a_package_that_is_installed_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'torchcodec').mkdir()
    (tmp_path / 'torchcodec' / '__init__.py').write_text('')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv('MIMBENCH_VIDEO_DECODER', raising=False)
    assert backend() == 'pyav'


def test_torchcodec_that_cannot_load_its_libraries(
    numbered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's fault is not every video's: one error, which says what to do."""
    (tmp_path / 'torchcodec').mkdir()
    (tmp_path / 'torchcodec' / '__init__.py').write_text("raise RuntimeError('\\nCould not load libtorchcodec\\nlong')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.split('.')[0] == 'torchcodec']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv('MIMBENCH_VIDEO_DECODER', 'torchcodec')
    decode._load_torchcodec.cache_clear()
    try:
        message = r'Could not load libtorchcodec.*MIMBENCH_VIDEO_DECODER=pyav'
        with pytest.raises(UserError, match=message) as caught, open_video(numbered):
            pass
        assert '\n' not in str(caught.value) and not isinstance(caught.value, DataError)
        monkeypatch.setenv('MIMBENCH_VIDEO_DECODER', 'pyav')
        with open_video(numbered) as video:
            assert video.num_frames == 60
    finally:
        decode._load_torchcodec.cache_clear()


def test_equal_frames_give_equal_files(tmp_path: Path) -> None:
    """A drawn clip follows from its seed. x264's macroblock tree gave about ten files in twelve attempts."""
    files = set()
    for _ in range(20):
        path = write_video(tmp_path / 'clip.mp4', frames('left', np.random.default_rng(0), 24, 96), quality=10)
        files.add(path.read_bytes())
    assert len(files) == 1


def test_frames_that_the_decoder_marks_as_damaged(tmp_path: Path) -> None:
    """Three wrong bytes seldom stop a decoder; it marks what it made up, and most of that is noticed."""
    path, rng = tmp_path / 'clip.mp4', np.random.default_rng(0)
    write_video(path, frames('left', rng, 24, 64), quality=10)
    whole = path.read_bytes()
    start, noticed = whole.index(b'mdat') + 1200, 0
    for _ in range(20):
        data = bytearray(whole)
        for i in rng.integers(start, start + (len(whole) - start) // 2, 3):
            data[i] ^= int(rng.integers(1, 255))
        path.write_bytes(bytes(data))
        try:
            with open_video(path) as opened:
                opened.frames(range(opened.num_frames))
        except DataError:
            noticed += 1
    assert noticed > 8
