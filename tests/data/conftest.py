"""The same twelve small images in every storage layout."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).resolve().parents[3] / 'shared' / 'data'


@pytest.fixture(scope='session')
def shared_data():
    if not SHARED.exists():
        pytest.skip(f'the real data folder {SHARED} is not here')
    return SHARED


def encode(array, format='JPEG', **options):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, **options)
    return buffer.getvalue()


@pytest.fixture(scope='session')
def encoder():
    return encode


@pytest.fixture(scope='session')
def pictures():
    """Twelve smooth JPEGs of unequal sizes (bytes)."""
    rng = np.random.RandomState(0)
    files = []
    for i in range(12):
        coarse = Image.fromarray(rng.randint(0, 256, (5, 6, 3), dtype=np.uint8))
        files.append(encode(np.asarray(coarse.resize((40 + 3 * i, 36 + i), Image.BICUBIC)), quality=90))
    return files


@pytest.fixture
def folder(tmp_path, pictures):
    """Three class folders of four images, one of them with an upper-case extension."""
    for i, data in enumerate(pictures):
        path = tmp_path / 'images' / 'abc'[i // 4] / f'{i:03d}{".JPEG" if i == 5 else ".jpg"}'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / 'images'


@pytest.fixture
def shards(tmp_path, pictures):
    """Two tar shards; labels in `.cls` in the first, in `.json` in the second. A pattern for both."""
    for number in range(2):
        with tarfile.open(tmp_path / f'shard-{number:03d}.tar', 'w') as tar:
            for i in range(number * 6, number * 6 + 6):
                label = i // 4
                extra = ('cls', str(label)) if number == 0 else ('json', json.dumps({'label': label}))
                for name, data in ((f'{i:06d}.jpg', pictures[i]), (f'{i:06d}.{extra[0]}', extra[1].encode())):
                    member = tarfile.TarInfo(name)
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    return str(tmp_path / 'shard-{000..001}.tar')


@pytest.fixture
def damage():
    """Cut a file to its first half."""

    def cut(path):
        data = Path(path).read_bytes()
        Path(path).write_bytes(data[: len(data) // 2])

    return cut
