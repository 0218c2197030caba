"""Tar shards as people and their tools write them: links, leftovers, odd names, and shards that are cut off."""

import io
import re
import tarfile

import pytest

from pretrain.data import TarSource
from pretrain.data.locate import source_config
from pretrain.data.sources.tar import expand_shards
from pretrain.errors import DataError
from pretrain.registry import DATASETS

pytestmark = pytest.mark.unit


def write(path, members, format=tarfile.PAX_FORMAT):
    """A shard of `(name, bytes)`, or `(name, (type, target))` for links."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, 'w', format=format) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                member.type, member.linkname = content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return path


def test_frames_whose_key_ends_too_early_are_refused(tmp_path):
    shard = write(tmp_path / 's.tar', [(f'frame.{i:04d}.png', b'x') for i in range(10)])
    with pytest.raises(DataError, match=r"'frame\.0000\.png' and 'frame\.0001\.png' are two images .* key 'frame'"):
        TarSource(shard)


def test_links_are_read_as_what_they_lead_to(tmp_path):
    members = [
        ('./one/a.png', b'picture'),
        ('./one/a.cls', b'3'),
        ('one/b.png', (tarfile.LNKTYPE, './one/a.png')),
        ('one/b.cls', (tarfile.LNKTYPE, './one/a.cls')),
        ('two/c.png', (tarfile.SYMTYPE, '../one/b.png')),
        ('two/c.cls', b'4'),
        ('two/folder', (tarfile.SYMTYPE, '../one')),
    ]
    source = TarSource(write(tmp_path / 's.tar', members))
    assert [source.read(i) for i in range(len(source))] == [b'picture'] * 3
    assert [source.label(i) for i in range(3)] == [3, 3, 4]
    assert source.name(2).endswith('s.tar:two/c.png')


@pytest.mark.parametrize('target', ['elsewhere.png', 'b.png'])
def test_a_dead_link_is_named(tmp_path, target):
    shard = write(tmp_path / 's.tar', [('a.png', b'x'), ('b.png', (tarfile.SYMTYPE, target))])
    with pytest.raises(DataError, match=f"'b.png' is a link to '{target}', which is no file of this shard"):
        TarSource(shard)


def test_what_macos_adds_is_left_out(tmp_path):
    members = [('d/._a.png', b'fork'), ('d/a.png', b'x'), ('d/._a.cls', b'fork'), ('d/a.cls', b'1')]
    source = TarSource(write(tmp_path / 's.tar', members))
    assert len(source) == 1 and source.read(0) == b'x' and source.label(0) == 1


@pytest.mark.parametrize('format', [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_a_shard_that_is_cut_off_is_refused_wherever_it_was_cut(tmp_path, format):
    """Behind a member, within a header, within the data, and behind a header; the end itself may be short."""
    whole = write(tmp_path / 's.tar', [(f'{i}.png', b'x' * 600) for i in range(3)], format).read_bytes()
    ends = 3 * (512 + 1024)
    for size in (1536, 1537, 1536 + 100, 1536 + 512, 1536 + 700, 3072, ends - 1, ends):
        (tmp_path / 'cut.tar').write_bytes(whole[:size])
        with pytest.raises(DataError, match=r'cut\.tar'):
            TarSource(tmp_path / 'cut.tar')
    (tmp_path / 'cut.tar').write_bytes(whole[: ends + 512])
    assert len(TarSource(tmp_path / 'cut.tar')) == 3
    (tmp_path / 'cut.tar').write_bytes(whole[:1536] + b'\xff' * 512 + whole[2048:])
    with pytest.raises(DataError, match='damaged at byte 1,536'):
        TarSource(tmp_path / 'cut.tar')


@pytest.mark.parametrize('name', ['set [v1]', 'set {a,b}', 'what?', 'x*'])
def test_what_exists_is_no_pattern(tmp_path, name):
    shards = [write(tmp_path / name / f'{i}.tar', [(f'{i}.png', b'x')]) for i in (1, 2)]
    odd = write(tmp_path / name / f'{name}.tar', [('3.png', b'x')])
    assert expand_shards(str(tmp_path / name / '{1,2}.tar')) == [str(path) for path in shards]
    assert expand_shards(odd) == [str(odd)]
    assert len(expand_shards(str(tmp_path / name / '*.tar'))) == 3
    assert len(DATASETS.build(source_config(tmp_path / name))) == 3
    assert len(DATASETS.build(source_config(odd))) == 1
    assert len(DATASETS.build(source_config(str(tmp_path / name / '[12].tar')))) == 2


@pytest.mark.parametrize('name', ['a.cls', 'a.json'])
def test_a_label_that_is_no_text(tmp_path, name):
    shard = write(tmp_path / 's.tar', [('a.png', b'x'), (name, b'\xff\xfe3')])
    with pytest.raises(DataError, match=re.escape(f's.tar:{name} holds')):
        TarSource(shard)
    shard = write(tmp_path / 's.tar', [('a.png', b'x'), ('a.cls', b'\xef\xbb\xbf3')])
    assert TarSource(shard).label(0) == 3
