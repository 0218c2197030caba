"""torchcodec beside PyAV, where it is installed with FFmpeg libraries: equal frames, equal reports, or a refusal."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from numbered_video import write_numbered

from pretrain.errors import DataError, UserError
from video.decode import describe, open_video
from video.encode import write_video
from video.procedural import frames

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(importlib.util.find_spec('torchcodec') is None, reason='torchcodec is not installed'),
]


@pytest.fixture
def by(monkeypatch: pytest.MonkeyPatch):
    """`by('pyav', path, places)`: frames at these places, or all, and how many there are."""

    def read(decoder: str, path: Path, places: list[int] | None = None) -> tuple[np.ndarray, int]:
        monkeypatch.setenv('MIMBENCH_VIDEO_DECODER', decoder)
        with open_video(path) as video:
            return video.frames(range(video.num_frames) if places is None else places), video.num_frames

    return read


@pytest.mark.parametrize(
    ('suffix', 'codec'),
    [
        ('mp4', 'libx264'),
        ('mp4', 'mpeg4'),
        ('mov', 'libx264'),
        ('mkv', 'libx264'),
        ('webm', 'libvpx'),
        ('flv', 'libx264'),
    ],
)
def test_equal_frames(tmp_path: Path, suffix: str, codec: str, by) -> None:
    path = write_numbered(tmp_path / f'numbered.{suffix}', codec)
    for places in (None, [30, 3, 3, 58], [59]):
        (ours, number), (theirs, count) = by('pyav', path, places), by('torchcodec', path, places)
        assert number == count == 60 and np.array_equal(ours, theirs)


def test_drawn_clips(tmp_path: Path, by) -> None:
    path = write_video(tmp_path / 'clip.mp4', frames('grow', np.random.default_rng(0)))
    assert np.array_equal(by('pyav', path)[0], by('torchcodec', path)[0])
    assert describe().startswith('torchcodec ')


@pytest.mark.parametrize(
    ('suffix', 'codec'), [('avi', 'mpeg4'), ('avi', 'libx264'), ('ts', 'libx264'), ('mpg', 'mpeg1video')]
)
def test_containers_without_times_of_display_are_refused(tmp_path: Path, suffix: str, codec: str, by) -> None:
    """Without this avi files give frames up to 2 places off, ts files 8. It is not for training to replace them."""
    path = write_numbered(tmp_path / f'numbered.{suffix}', codec)
    with pytest.raises(UserError, match=r'numbered.*MIMBENCH_VIDEO_DECODER=pyav') as caught:
        by('torchcodec', path, [30])
    assert not isinstance(caught.value, DataError)


def test_broken_files_are_reported_alike(numbered: Path, tmp_path: Path, by) -> None:
    import av

    data = numbered.read_bytes()
    middle = data.index(b'mdat') + (len(data) - data.index(b'mdat')) // 3
    (tmp_path / 'cut.mp4').write_bytes(data[:middle])
    (tmp_path / 'text.mp4').write_bytes(b'no video ' * 99)
    (tmp_path / 'empty.mp4').write_bytes(b'')
    front = tmp_path / 'front.mp4'
    with av.open(str(numbered)) as source, av.open(str(front), 'w', options={'movflags': '+faststart'}) as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copied
                target.mux(packet)
    whole = front.read_bytes()
    front.write_bytes(whole[: whole.index(b'mdat') + (len(whole) - whole.index(b'mdat')) // 2])
    with av.open(str(tmp_path / 'sound.mkv'), 'w') as container:
        sound = container.add_stream('pcm_s16le', rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format='s16', layout='mono')
        frame.sample_rate = 8000
        container.mux(sound.encode(frame))
    for name, message in (
        ('cut.mp4', 'cannot be decoded'),
        ('text.mp4', 'cannot be decoded'),
        ('empty.mp4', 'cannot be decoded'),
        ('front.mp4', r'is cut off: \d\d of 60'),
        ('sound.mkv', 'no video stream'),
        ('absent.mp4', 'does not exist'),
    ):
        for decoder in ('pyav', 'torchcodec'):
            with pytest.raises(DataError, match=f'{name}.*{message}') as caught:
                by(decoder, tmp_path / name, [0])
            assert '\n' not in str(caught.value)
