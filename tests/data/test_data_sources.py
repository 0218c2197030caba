import io
import json
import multiprocessing
import pickle
import tarfile

import numpy as np
import pytest

from pretrain.data import ArraySource, FolderSource, ListSource, ParquetSource, TarSource
from pretrain.data.locate import source_config
from pretrain.data.names import PackedStrings
from pretrain.data.sources.tar import expand_shards
from pretrain.errors import DataError, UserError

pytestmark = pytest.mark.unit

LABELS = [i // 4 for i in range(12)]


def assert_same(source, pictures):
    assert len(source) == 12
    assert [source.read(i) for i in range(12)] == pictures
    assert [source.label(i) for i in range(12)] == LABELS
    assert len({source.name(i) for i in range(12)}) == 12


def write_parquet(path, pictures, as_struct=True, rows_per_group=5, paths=None):
    pa = pytest.importorskip('pyarrow')
    import pyarrow.parquet as pq

    column = [{'bytes': p, 'path': None} for p in pictures] if as_struct else pictures
    if paths:
        column = [{'bytes': None, 'path': p} for p in paths]
    names = {'label': {'names': ['a', 'b', 'c'], '_type': 'ClassLabel'}}
    table = pa.table({'image': column, 'label': LABELS[: len(column)]})
    table = table.replace_schema_metadata({'huggingface': json.dumps({'info': {'features': names}})})
    pq.write_table(table, path, row_group_size=rows_per_group)


def test_folder(folder, pictures):
    source = FolderSource(folder)
    assert_same(source, pictures)
    assert source.classes == ['a', 'b', 'c']
    assert source.name(5) == str(folder / 'b' / '005.JPEG')


def test_folder_given_classes_set_the_labels(folder):
    source = FolderSource(folder, classes=['c', 'a'])
    assert len(source) == 8
    assert source.label(0) == 0 and source.name(0).endswith('c/008.jpg')


def test_folder_flat_and_hidden(folder):
    (folder / 'a' / '.hidden.jpg').write_bytes(b'')
    (folder / 'a' / 'notes.txt').write_text('no image')
    flat = FolderSource(folder / 'a')
    assert len(flat) == 4 and flat.label(0) is None and flat.classes is None
    assert len(FolderSource(folder, layout='flat')) == 12


def test_folder_with_links_in_a_circle(folder):
    """A link to a folder above, one to a folder beside, and one to itself."""
    (folder / 'a' / 'above').symlink_to('..')
    (folder / 'a' / 'more').mkdir()
    (folder / 'a' / 'more' / 'again').symlink_to('../../a')
    (folder / 'b' / 'itself').symlink_to('itself')
    source = FolderSource(folder)
    assert len(source) == 12 and [source.label(i) for i in range(12)] == LABELS
    assert len(FolderSource(folder, layout='flat')) == 12
    (folder / 'd').symlink_to('c')
    assert len(FolderSource(folder)) == 16, 'a class may be a link'


def test_folder_errors(folder, tmp_path):
    with pytest.raises(DataError, match='nowhere'):
        FolderSource(tmp_path / 'nowhere')
    (folder / 'd').mkdir()
    with pytest.raises(DataError, match=r"images/d' holds no image"):
        FolderSource(folder)
    (folder / 'top.jpg').write_bytes(b'x')
    with pytest.raises(DataError, match='both directly and in sub-folders'):
        FolderSource(folder)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match='no image in folder'):
        FolderSource(tmp_path / 'empty', layout='flat')


@pytest.mark.parametrize(('suffix', 'separator'), [('.txt', ' '), ('.csv', ','), ('.tsv', '\t')])
def test_list(folder, pictures, tmp_path, suffix, separator):
    file = tmp_path / f'list{suffix}'
    paths = [FolderSource(folder).name(i) for i in range(12)]
    header = f'path{separator}label\n' if suffix != '.txt' else '# path label\n'
    relative = [p.removeprefix(str(folder) + '/') for p in paths]
    file.write_text(header + ''.join(f'{p}{separator}{i // 4}\n' for i, p in enumerate(relative)))
    assert_same(ListSource(file, root=folder), pictures)


@pytest.mark.parametrize(('suffix', 'separator'), [('.txt', ' '), ('.csv', ','), ('.tsv', '\t')])
def test_list_with_a_byte_order_mark(folder, pictures, tmp_path, suffix, separator):
    file = tmp_path / f'list{suffix}'
    file.write_text(f'a/000.jpg{separator}0\nb/004.jpg{separator}1\n', encoding='utf-8-sig')
    source = ListSource(file, root=folder)
    assert [source.read(i) for i in range(2)] == [pictures[0], pictures[4]]


def test_list_class_names_and_spaces(folder, tmp_path):
    (folder / 'my picture.jpg').write_bytes(b'x')
    (tmp_path / 'l.txt').write_text('my picture.jpg\n')
    source = ListSource(tmp_path / 'l.txt', root=folder)
    assert source.read(0) == b'x' and source.label(0) is None
    (tmp_path / 'l.csv').write_text('a/000.jpg,dog\nb/004.jpg,cat\n')
    source = ListSource(tmp_path / 'l.csv', root=folder)
    assert source.classes == ['cat', 'dog'] and [source.label(0), source.label(1)] == [1, 0]
    with pytest.raises(DataError, match=r"'cat' .* not one of"):
        ListSource(tmp_path / 'l.csv', root=folder, classes=['dog'])


def test_list_errors(tmp_path):
    (tmp_path / 'l.txt').write_text('a.jpg 1\nb.jpg\n')
    with pytest.raises(DataError, match='1 of 2 images have no label'):
        ListSource(tmp_path / 'l.txt')
    (tmp_path / 'e.txt').write_text('\n')
    with pytest.raises(DataError, match='names no image'):
        ListSource(tmp_path / 'e.txt')


def test_tar(shards, pictures):
    source = TarSource(shards)
    assert_same(source, pictures)
    assert source.name(7).endswith('shard-001.tar:000007.jpg')
    assert [source.read(i) for i in reversed(range(12))] == pictures[::-1]


def test_tar_as_webdataset_reads_it(shards):
    webdataset = pytest.importorskip('webdataset')
    samples = list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False))
    source = TarSource(shards)
    assert [s['jpg'] for s in samples] == [source.read(i) for i in range(len(source))]
    theirs = [int(s['cls']) if 'cls' in s else json.loads(s['json'])['label'] for s in samples]
    assert theirs == [source.label(i) for i in range(len(source))]


def test_tar_key_ends_at_the_first_dot_of_the_name(tmp_path, pictures):
    """As webdataset: `dir.x/a.big.jpg` and `dir.x/a.cls` belong together."""
    with tarfile.open(tmp_path / 's.tar', 'w') as tar:
        members = (
            ('dir.x/a.cls', b'4'),
            ('dir.x/a.big.jpg', pictures[0]),
            ('dir.x/b.png', b'p'),
            ('dir.x/b.cls', b'2'),
        )
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    source = TarSource(tmp_path / 's.tar')
    assert [source.label(i) for i in range(2)] == [4, 2]
    assert source.read(0) == pictures[0]


def test_tar_errors(tmp_path):
    with pytest.raises(DataError, match='no tar shard'):
        TarSource(str(tmp_path / 'none-*.tar'))
    (tmp_path / 'bad.tar').write_bytes(b'not a tar file' * 100)
    with pytest.raises(DataError, match=r'bad\.tar'):
        TarSource(tmp_path / 'bad.tar')
    with tarfile.open(tmp_path / 'c.tar.gz', 'w:gz') as tar:
        tar.add(tmp_path / 'bad.tar', 'x.jpg')
    with pytest.raises(DataError, match='uncompressed'):
        TarSource(tmp_path / 'c.tar.gz')


def test_tar_opens_few_files(shards, monkeypatch):
    monkeypatch.setattr('pretrain.data.sources.tar._MAX_OPEN', 1)
    source = TarSource(shards)
    for i in (0, 11, 1, 10):
        source.read(i)
        assert len(source._open) == 1


def test_brace_patterns(tmp_path):
    for name in ('a-08', 'a-09', 'a-10', 'b-08'):
        (tmp_path / f'{name}.tar').touch()
    found = expand_shards(str(tmp_path / '{b,a}-{08..08}.tar'))
    assert [f[-8:] for f in found] == ['b-08.tar', 'a-08.tar']
    assert [f[-8:] for f in expand_shards(str(tmp_path / 'a-{08..10}.tar'))] == ['a-08.tar', 'a-09.tar', 'a-10.tar']
    assert len(expand_shards([str(tmp_path / 'a-*.tar'), tmp_path / 'b-08.tar'])) == 4


@pytest.mark.parametrize('as_struct', [True, False])
def test_parquet(tmp_path, pictures, as_struct):
    write_parquet(tmp_path / 'x.parquet', pictures, as_struct)
    source = ParquetSource(tmp_path / 'x.parquet', cache_dir=tmp_path / 'cache')
    assert_same(source, pictures)
    assert source.classes == ['a', 'b', 'c']


def test_parquet_many_files_and_batches(tmp_path, pictures, monkeypatch):
    """Record batches of the cache cross row groups and files."""
    monkeypatch.setattr('pretrain.data.sources.parquet._ROWS', 4)
    write_parquet(tmp_path / 'x-0.parquet', pictures[:7], rows_per_group=3)
    write_parquet(tmp_path / 'x-1.parquet', pictures[7:])
    source = ParquetSource(tmp_path / 'x-*.parquet', cache_dir=tmp_path / 'cache')
    assert [source.read(i) for i in range(12)] == pictures
    assert source.name(6).endswith('x-0.parquet:6') and source.name(7).endswith('x-1.parquet:0')


def test_parquet_cache_is_keyed_by_the_files(tmp_path, pictures):
    import os

    path = tmp_path / 'x.parquet'
    write_parquet(path, pictures)
    first = ParquetSource(path, cache_dir=tmp_path / 'cache').cache
    stamp = first.stat().st_mtime_ns
    again = ParquetSource(path, cache_dir=tmp_path / 'cache').cache
    assert again == first and again.stat().st_mtime_ns == stamp
    write_parquet(path, pictures[::-1])
    os.utime(path, ns=(1, 1))
    changed = ParquetSource(path, cache_dir=tmp_path / 'cache')
    assert changed.cache != first and changed.read(0) == pictures[-1]
    assert not list((tmp_path / 'cache').glob('.building*'))


def test_parquet_rows_with_paths(folder, tmp_path, pictures):
    write_parquet(tmp_path / 'x.parquet', [], paths=['a/000.jpg', 'b/004.jpg'])
    source = ParquetSource(tmp_path / 'x.parquet', root=folder, cache_dir=tmp_path / 'cache')
    assert [source.read(0), source.read(1)] == [pictures[0], pictures[4]]


def test_parquet_errors(tmp_path, pictures, monkeypatch):
    write_parquet(tmp_path / 'x.parquet', pictures)
    with pytest.raises(DataError, match="no column 'img'; it has image, label"):
        ParquetSource(tmp_path / 'x.parquet', image='img', cache_dir=tmp_path / 'cache')
    (tmp_path / 'bad.parquet').write_bytes(b'junk')
    with pytest.raises(DataError, match=r'bad\.parquet'):
        ParquetSource(tmp_path / 'bad.parquet', cache_dir=tmp_path / 'cache')
    monkeypatch.setitem(__import__('sys').modules, 'pyarrow', None)
    with pytest.raises(UserError, match='uv pip install pyarrow'):
        ParquetSource(tmp_path / 'x.parquet')


def test_npz(tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (5, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / 'm.npz', train_images=images, train_labels=np.arange(5, dtype=np.uint8)[:, None])
    source = ArraySource(tmp_path / 'm.npz', classes='abcde')
    assert len(source) == 5 and source.label(3) == 3
    assert np.array_equal(source.read(2), images[2])
    assert np.array_equal(pickle.loads(pickle.dumps(source)).read(4), images[4])
    assert len(pickle.dumps(source)) < 1000, 'images must not be pickled'
    with pytest.raises(DataError, match="no array 'val_images'; it has train_images"):
        ArraySource(tmp_path / 'm.npz', images='val_images')
    np.savez(tmp_path / 'multi.npz', train_images=images, train_labels=np.zeros((5, 3), np.int64))
    with pytest.raises(DataError, match='one integer class per image'):
        ArraySource(tmp_path / 'multi.npz')


def test_npy_stack_and_npy_files(tmp_path):
    images = np.random.RandomState(0).rand(3, 6, 7, 5)
    np.save(tmp_path / 'stack.npy', images)
    stack = ArraySource(tmp_path / 'stack.npy')
    assert stack.label(0) is None
    (tmp_path / 'files').mkdir()
    for i, image in enumerate(images):
        np.save(tmp_path / 'files' / f'{i}.npy', image)
    files = FolderSource(tmp_path / 'files')
    for i in range(3):
        assert np.array_equal(stack.read(i), images[i]) and np.array_equal(files.read(i), images[i])


def _read_in_child(source, queue):
    queue.put([source.read(i) for i in range(len(source))])


@pytest.mark.parametrize(('kind', 'method'), [('tar', 'fork'), ('parquet', 'fork'), ('tar', 'spawn')])
def test_sources_travel_to_processes(kind, method, shards, pictures, tmp_path):
    if kind == 'tar':
        source = TarSource(shards)
    else:
        write_parquet(tmp_path / 'x.parquet', pictures)
        source = ParquetSource(tmp_path / 'x.parquet', cache_dir=tmp_path / 'cache')
    source.read(0)  # opens a file in this process
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_read_in_child, args=(source, queue))
    child.start()
    assert queue.get(timeout=60) == pictures
    child.join()


def test_packed_strings():
    names = ['a', '', 'ü/x.jpg', 'b' * 300, 'bad\udcff']
    packed = PackedStrings(names)
    assert list(packed) == names
    assert list(pickle.loads(pickle.dumps(packed))) == names
    with pytest.raises(IndexError):
        packed[5]
    many = PackedStrings(f'{i:08d}.jpg' for i in range(10000))
    assert len(pickle.dumps(many)) < 10000 * 21


def test_real_tar_shard(shared_data):
    source = TarSource(shared_data / 'tiny_imagenet_unlabelled' / '*.tar')
    assert len(source) == 5000
    with tarfile.open(next((shared_data / 'tiny_imagenet_unlabelled').glob('*.tar'))) as tar:
        for i in (0, 1234, 4999):
            member = source.name(i).rpartition(':')[2]
            assert tar.extractfile(member).read() == source.read(i)


def test_real_folder_and_npz(shared_data):
    source = FolderSource(shared_data / 'tiny_imagenet_sub' / 'val')
    assert len(source) == 2500 and len(source.classes) == 100 and source.label(2499) == 99
    arrays = ArraySource(shared_data / 'pneumoniamnist' / 'pneumoniamnist_trainval.npz')
    assert len(arrays) == 4708 and arrays.read(0).shape == (28, 28)


def test_a_folder_with_shards_of_several_splits_is_refused(tmp_path):
    for name in ('train-00000-of-00001', 'test-00000-of-00001'):
        (tmp_path / f'{name}.parquet').touch()
    with pytest.raises(DataError, match=r'test and train.*train\*\.parquet'):
        source_config(tmp_path)
    (tmp_path / 'test-00000-of-00001.parquet').unlink()
    assert source_config(tmp_path)['files'].endswith('*.parquet')


def test_arrays_of_the_part_that_is_asked_for(tmp_path):
    np.savez(tmp_path / 'set.npz', val_images=np.zeros((2, 4, 4), np.uint8))
    assert source_config(tmp_path / 'set.npz', 'val')['images'] == 'val_images'
    assert source_config(tmp_path / 'set.npz')['images'] == 'train_images'
