"""Lists saved by a spreadsheet or an editor of Windows begin with a byte-order mark, which belongs to no name."""

import numpy as np
import pytest

from medical.lists import _read
from pointcloud.files import _off, _text
from pointcloud.sources import PointList, _h5_paths
from video.locate import _has_header
from video.sources import lines_of
from video.tables import _table

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ('read', 'text', 'found'),
    [
        (lambda path: list(lines_of(path)), '# clips\na.mp4 0\n', [(2, 'a.mp4 0')]),
        (_has_header, 'path\tlabel\na.mp4\t0\n', True),
        (lambda path: _table(path, ['path'])[1], 'path\tlabel\na.mp4\t0\n', [{'path': 'a.mp4', 'label': '0'}]),
        (_read, '{"training": []}', {'training': []}),
        (lambda path: _text(path).tolist(), '1 2 3\n', [[1, 2, 3]]),
        (lambda path: len(_off(path)), 'OFF\n2 0 0\n0 0 0\n1 0 0\n', 2),
        (lambda path: _h5_paths(str(path))[0][-5:], 'a.npy\n', 'a.npy'),
        (lambda path: PointList(str(path)).name(0)[-5:], 'c.npy\n', 'c.npy'),
    ],
)
def test_the_mark_is_left_out(tmp_path, read, text, found):
    for name in 'ac':
        np.save(tmp_path / f'{name}.npy', np.zeros((4, 3), np.float32))
    for encoding in ('utf-8', 'utf-8-sig'):
        path = tmp_path / f'{encoding}.txt'
        path.write_text(text, encoding=encoding)
        assert read(path) == found
