"""Frames by their place, exactly; and every way in which a video can be broken is an error with its path."""

from pathlib import Path

import numpy as np
import pytest

from pretrain.errors import ConfigError, DataError
from video.decode import backend, describe, open_video, write_video
from video.procedural import frames

pytestmark = pytest.mark.unit


def levels(frames: np.ndarray) -> np.ndarray:
    return np.rint(frames.reshape(len(frames), -1).mean(1) / 4).astype(int)


def test_any_place_in_any_order(numbered: Path) -> None:
    with open_video(numbered) as video:
        assert video.num_frames == 60 and len(video.keys) > 4, 'several key frames, or seeking is not tested'
        for places in (range(60), [59], [30, 3, 3, 58], [8, 9, 10], [0]):
            assert levels(video.frames(list(places))).tolist() == list(places)


def test_only_what_is_needed_is_decoded(numbered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_video(numbered) as video:
        seen = []
        decode = video.container.decode

        class Container:
            seek = video.container.seek

            @staticmethod
            def decode(stream):
                for frame in decode(stream):
                    seen.append(frame)
                    yield frame

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
