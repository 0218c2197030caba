"""Lists in every format that the field has, published splits, tables split by group."""

import json
from pathlib import Path

import numpy as np
import pytest

from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS
from video.locate import clip_source, pretraining_source
from video.published import SomethingSomething, SplitList
from video.sources import ClipFolder, ClipList, JoinedClips
from video.tables import ClipTable, group_folds

pytestmark = pytest.mark.unit


def listed(folder: Path, text: str, name: str = 'list.csv', **args) -> list:
    (folder / name).write_text(text)
    source = ClipList(folder / name, **args)
    return [
        (Path(source.name(i)).relative_to(folder).as_posix(), source.label(i), source.folder(i))
        for i in range(len(source))
    ]


@pytest.mark.parametrize(
    'line', ['a/b.mp4 7', 'a/b.mp4  7', 'a/b.mp4\t7', 'a/b.mp4,7', 'a/b.mp4, 7', '  a/b.mp4 7  '], ids=repr
)
def test_any_separator(tmp_path: Path, line: str) -> None:
    """Two blanks give pandas a third column, and every label is lost."""
    assert listed(tmp_path, f'{line}\n\n# remark\n') == [('a/b.mp4', 7, None)]


def test_rows_of_all_kinds(tmp_path: Path) -> None:
    assert listed(tmp_path, 'my clip 3.mp4 5\n') == [('my clip 3.mp4', 5, None)]
    assert listed(tmp_path, 'a.mp4\nb.webm\n') == [('a.mp4', None, None), ('b.webm', None, None)]
    assert listed(tmp_path, 'dir/x 120 3\ndir/y, 80, 4\n') == [('dir/x', 3, (120, 1)), ('dir/y', 4, (80, 1))]
    assert listed(tmp_path, 'a.mp4 0 -1\n') == [('a.mp4', None, None)]
    assert listed(tmp_path, 'dir/x 5 120\n', columns='start') == [('dir/x', None, (120, 5))]
    assert listed(tmp_path, 'path,label\na.mp4,dance\nb.mp4,box\n') == [('a.mp4', 1, None), ('b.mp4', 0, None)]
    assert listed(tmp_path, 'a.mp4 dance\nb.mp4 box\n', classes=['dance', 'box'])[0][1] == 0
    assert listed(tmp_path, 'sub/a.mp4 1\n', root=tmp_path)[0][0] == 'sub/a.mp4'


def test_what_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'list\.csv:2.*neither'):
        listed(tmp_path, 'a.mp4 1\nfolder 2\n')
    with pytest.raises(DataError, match='names no video'):
        listed(tmp_path, '# nothing\n')
    with pytest.raises(DataError, match=r'list\.csv:1.*neither'):
        listed(tmp_path, 'a.mp4 two words\nb.mp4 1\n')
    with pytest.raises(DataError, match=r'list\.csv:1.*neither'):
        listed(tmp_path, 'dir/x dance\nb.mp4 1\n')
    with pytest.raises(DataError, match="'jump' is not one of the 1 classes"):
        listed(tmp_path, 'a.mp4,jump\n', classes=['dance'])
    with pytest.raises(DataError, match='does not exist'):
        ClipList(tmp_path / 'absent.csv')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a.mp4 1\n# remark\nb.mp4\n', 'list.csv:3: there is no label'),
        ('a.mp4 1\n\nb.mp4 0 -1\n', 'list.csv:3: there is no label'),
        ('a.mp4 0\nb.mp4 -1\n', 'list.csv:2: label -1 stands for none'),
        ('a.mp4 -1\nb.mp4 -1\n', 'list.csv:1: label -1 stands for none'),
        ('a.mp4,dance\nb.mp4,-1\n', 'list.csv:2: label -1 stands for none'),
        ('a.mp4 dance\nb.mp4 -1\n', 'list.csv:2: label -1 stands for none'),
        ('dir/x 8 3\ndir/y 8 -1\n', 'list.csv:2: label -1 stands for none'),
    ],
)
def test_test_lists_carry_minus_one(tmp_path: Path, text: str, message: str) -> None:
    """It is no class, whatever the others are: numbers, names or nothing. Pre-training leaves it out."""
    with pytest.raises(DataError, match=message):
        listed(tmp_path, text)
    assert {label for _, label, _ in listed(tmp_path, text, labels=False)} == {None}


def test_a_label_outside_the_given_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'list\.csv:2: label 2, but the 2 classes count from 0'):
        listed(tmp_path, 'a.mp4 1\nb.mp4 2\n', classes=['dance', 'jump'])
    with pytest.raises(DataError, match=r"list\.csv:2: label 'run' is not one of the 2 classes"):
        listed(tmp_path, 'a.mp4,jump\nb.mp4,run\n', classes=['dance', 'jump'])


def test_a_table_names_the_line_of_a_label_that_is_none(tmp_path: Path) -> None:
    (tmp_path / 'clips.tsv').write_text('path\tlabel\na.mp4\tdance\n\nb.mp4\t-1\n')
    with pytest.raises(DataError, match=r'clips\.tsv:4: label -1 stands for none'):
        ClipTable(tmp_path / 'clips.tsv')
    assert ClipTable(tmp_path / 'clips.tsv', labels=False).labels == [None, None]


@pytest.mark.parametrize('columns', ['auto', 'video'])
def test_a_header_is_no_video(tmp_path: Path, columns: str) -> None:
    for header in ('path label', 'path,label', 'video'):
        assert listed(tmp_path, f'{header}\na.mp4 1\n', columns=columns) == [('a.mp4', 1, None)]
    assert listed(tmp_path, 'folder frames label\nx 8 1\n') == [('x', 1, (8, 1))]
    assert listed(tmp_path, 'dir/x 1\n', columns='video') == [('dir/x', 1, None)]


def test_pretraining_needs_no_labels(tmp_path: Path) -> None:
    """Whatever stands where a label would: -1, a number of some, a missing group is still one."""
    for text in ('a.mp4 -1\nb.mp4 -1\n', 'a.mp4 1\nb.mp4\n', 'path\tlabel\na.mp4\t-1\nb.mp4\t\n'):
        suffix = '.tsv' if text.startswith('path') else '.txt'
        file = tmp_path / f'list{suffix}'
        file.write_text(text)
        source = DATASETS.build(pretraining_source([file]))
        assert source.labels == [None, None] and source.classes is None
        assert source.paths == [str(tmp_path / 'a.mp4'), str(tmp_path / 'b.mp4')]


def test_folders(clips: Path) -> None:
    source = ClipFolder(clips / 'train')
    assert source.classes == ['down', 'still', 'up'] and len(source) == 24
    assert [source.label(i) for i in (0, 8, 23)] == [0, 1, 2] and source.name(8).endswith('still/00.mp4')
    assert ClipFolder(clips / 'train', classes=False).label(0) is None
    with pytest.raises(DataError, match='no video'):
        ClipFolder(clips / 'train' / 'up')


def test_ucf101_and_hmdb51(tmp_path: Path) -> None:
    videos, notes = tmp_path / 'videos', tmp_path / 'splits'
    videos.mkdir(), notes.mkdir()
    (notes / 'classInd.txt').write_text('1 Archery\n2 Biking\n')
    (notes / 'trainlist01.txt').write_text('Archery/v_a.avi 1\nBiking/v_b.avi 2\n')
    (notes / 'testlist01.txt').write_text('Biking/v_c.avi\n')
    train, test = (SplitList(videos, notes, 1, part) for part in ('train', 'test'))
    assert train.classes == ['Archery', 'Biking'] and train.labels == [0, 1]
    assert test.labels == [1] and test.name(0) == str(videos / 'Biking' / 'v_c.avi')
    (notes / 'testlist01.txt').write_text('Rowing/v_c.avi\n')
    with pytest.raises(DataError, match=r"testlist01.txt:1: class 'Rowing'"):
        SplitList(videos, notes, 1, 'test')
    (notes / 'classInd.txt').write_text('1 Archery\n\nBiking\n')
    with pytest.raises(DataError, match=r"classInd.txt:3: 'Biking' is not"):
        SplitList(videos, notes, 1, 'train')
    hmdb = tmp_path / 'hmdb'
    hmdb.mkdir()
    (hmdb / 'brush_hair_test_split2.txt').write_text('a b.avi 1\nc.avi 2\nd.avi 0\n')
    (hmdb / 'catch_test_split2.txt').write_text('e.avi 1\n')
    found = SplitList(videos, hmdb, 2, 'train')
    assert found.classes == ['brush_hair', 'catch'] and found.labels == [0, 1]
    assert found.name(0) == str(videos / 'brush_hair' / 'a b.avi')
    assert SplitList(videos, hmdb, 2, 'test').paths == [str(videos / 'brush_hair' / 'c.avi')]
    with pytest.raises(DataError, match='neither'):
        SplitList(videos, hmdb, 3, 'train')


def test_something_something(tmp_path: Path) -> None:
    (tmp_path / 'videos').mkdir()
    labels = {'Pushing something from left to right': '1', 'Holding something': '0'}
    (tmp_path / 'something-something-v2-labels.json').write_text(json.dumps(labels))
    file = tmp_path / 'train.json'
    file.write_text(json.dumps([{'id': '12', 'template': 'Pushing [something] from left to right'}]))
    source = SomethingSomething(tmp_path / 'videos', file)
    assert source.labels == [1] and source.name(0) == str(tmp_path / 'videos' / '12.webm')
    assert source.classes == ['Holding something', 'Pushing something from left to right']
    file.write_text(json.dumps([{'id': '12', 'template': 'Eating [something]'}]))
    with pytest.raises(DataError, match='Eating something'):
        SomethingSomething(tmp_path / 'videos', file)
    file.write_text(json.dumps([{'id': '12'}]))
    with pytest.raises(DataError, match='video 12 has no template'):
        SomethingSomething(tmp_path / 'videos', file)
    file.write_text(json.dumps([{'template': 'Holding [something]'}]))
    with pytest.raises(DataError, match='entry 0 has no id'):
        SomethingSomething(tmp_path / 'videos', file)
    file.write_text('[]')
    (tmp_path / 'something-something-v2-labels.json').write_text('{"Holding something": "first"}')
    with pytest.raises(DataError, match=r'labels\.json is not a mapping'):
        SomethingSomething(tmp_path / 'videos', file)


def table(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    lines = ['# path\tlabel\tgroup\tother'] + ['\t'.join((*row, 'x')) for row in rows]
    (folder / 'clips.tsv').write_text('\n'.join(lines) + '\n')
    return folder / 'clips.tsv'


def test_a_table_is_split_by_group(tmp_path: Path) -> None:
    rows = [(f'dev/{i}.mp4', 'abc'[i // 12 % 3], f'p{i // 3}') for i in range(36)]
    file = table(tmp_path, rows)
    seen: list[str] = []
    for fold in range(4):
        train, val = (ClipTable(file, part=part, folds=4, fold=fold, seed=1) for part in ('train', 'val'))
        assert train.classes == val.classes == ['a', 'b', 'c']
        assert not set(train.groups) & set(val.groups) and len(train) + len(val) == 36
        assert np.bincount(val.labels).tolist() == [3, 3, 3], 'classes are spread evenly'
        seen += val.paths
    assert len(set(seen)) == 36, 'every clip is validated once'
    others = {tuple(ClipTable(file, part='val', folds=4, fold=0, seed=seed).paths) for seed in range(4)}
    assert len(others) > 1, 'the seed decides'
    for fold in range(4):
        blind, seen_by_transfer = (ClipTable(file, part='train', folds=4, fold=fold, labels=b) for b in (False, True))
        assert blind.paths == seen_by_transfer.paths and blind.label(0) is None and blind.classes is None
    with pytest.raises(DataError, match='fewer'):
        group_folds([0, 0, 1], ['a', 'a', 'b'], 3)
    with pytest.raises(ConfigError, match='fold'):
        ClipTable(file, part='val', folds=4, fold=4)


def test_a_table_that_moved_with_its_videos(tmp_path: Path) -> None:
    (tmp_path / 'covid').mkdir()
    (tmp_path / 'covid' / 'a.mp4').write_bytes(b'x')
    file = table(tmp_path, [('dev/covid/a.mp4', 'c', 'p'), ('dev/gone.mp4', 'd', 'q')])
    found = ClipTable(file)
    assert found.paths == [str(tmp_path / 'covid' / 'a.mp4'), str(tmp_path / 'dev' / 'gone.mp4')]
    (tmp_path / 'plain.tsv').write_text('name\tclass\n')
    with pytest.raises(DataError, match='path and label'):
        ClipTable(tmp_path / 'plain.tsv')


def test_a_table_with_and_without_groups(tmp_path: Path) -> None:
    """Row numbers are no groups: two tables without the column share none. With it, every row has one."""
    file = tmp_path / 'clips.tsv'
    file.write_text('path\tlabel\n' + ''.join(f'{i}.mp4\t{"ab"[i % 2]}\n' for i in range(8)))
    train, val = (ClipTable(file, part=part, folds=4) for part in ('train', 'val'))
    assert train.groups is None and val.groups is None and ClipTable(file).groups is None
    assert (len(train), len(val)) == (6, 2) and not set(train.paths) & set(val.paths)
    for row in ('8.mp4\ta\t', '8.mp4\ta', '8.mp4\ta\t '):
        file.write_text(f'path\tlabel\tgroup\n0.mp4\ta\tp\n{row}\n')
        with pytest.raises(DataError, match=r'clips\.tsv:3 has no group'):
            ClipTable(file)
    file.write_text('path\tgroup\tlabel\n0.mp4\tp\ta\n1.mp4\tp\n')
    with pytest.raises(DataError, match=r'clips\.tsv:3 has no label'):
        ClipTable(file)


def test_paths_of_the_command_line(clips: Path, tmp_path: Path) -> None:
    assert clip_source(clips, 'val') == {'type': 'ClipFolder', 'root': str(clips / 'val')}
    assert clip_source(clips / 'val', 'val') == clip_source(clips, 'val')
    file = table(tmp_path, [('a.mp4', 'a', 'p')])
    assert clip_source(tmp_path, 'val', split=True) == {'type': 'ClipTable', 'file': str(file), 'part': 'val'}
    assert clip_source(tmp_path, 'val') == {'type': 'ClipTable', 'file': str(file)}
    joined = pretraining_source([clips / 'train', file])
    assert joined['type'] == 'JoinedClips' and joined['sources'][0]['classes'] is False
    assert len(JoinedClips(joined['sources'])) == 25
    with pytest.raises(DataError, match='no data at'):
        clip_source(tmp_path / 'absent', 'train')
    (tmp_path / 'covid.json').touch()
    with pytest.raises(DataError, match='understood are'):
        clip_source(tmp_path / 'covid.json', 'train')


def test_parts_of_a_folder(clips: Path, tmp_path: Path) -> None:
    """The validation part is never the training list, and what is not there is asked for."""
    for part in ('train', 'val'):
        (tmp_path / f'{part}.csv').write_text('a.mp4 1\n')
        assert clip_source(tmp_path, part) == {'type': 'ClipList', 'file': str(tmp_path / f'{part}.csv')}
    assert pretraining_source([tmp_path]) == {
        'type': 'ClipList',
        'file': str(tmp_path / 'train.csv'),
        'labels': False,
    }
    (tmp_path / 'val.csv').unlink()
    with pytest.raises(DataError, match=r'train\.csv but no val\.csv.*--val'):
        clip_source(tmp_path, 'val')
    assert pretraining_source([clips]) == {'type': 'ClipFolder', 'root': str(clips / 'train'), 'classes': False}
    one = tmp_path / 'one'
    (one / 'train' / 'up').mkdir(parents=True)
    with pytest.raises(DataError, match=r'train/ but no val/.*--val'):
        clip_source(one, 'val')
    assert clip_source(one, 'train')['root'] == str(one / 'train')
    vehicles = tmp_path / 'vehicles'
    (vehicles / 'train').mkdir(parents=True), (vehicles / 'plane').mkdir()
    (vehicles / 'train' / 'a.mp4').touch()
    assert clip_source(vehicles, 'val')['root'] == str(vehicles), 'a class is called train'


def test_published_layouts_by_folder(tmp_path: Path) -> None:
    ucf, ssv2 = tmp_path / 'ucf101', tmp_path / 'ssv2'
    for folder in (ucf / 'videos', ucf / 'splits', ssv2 / 'videos', ssv2 / 'annotations'):
        folder.mkdir(parents=True)
    (ucf / 'splits' / 'classInd.txt').write_text('1 Archery\n')
    (ucf / 'splits' / 'trainlist01.txt').write_text('Archery/v_a.avi 1\n')
    (ucf / 'splits' / 'testlist01.txt').write_text('Archery/v_b.avi\n')
    (ssv2 / 'annotations' / 'something-something-v2-labels.json').write_text('{"Holding something": "0"}')
    for number, part in enumerate(('train', 'validation')):
        entries = [{'id': str(number), 'template': 'Holding [something]'}]
        (ssv2 / 'annotations' / f'something-something-v2-{part}.json').write_text(json.dumps(entries))
    found = [DATASETS.build(clip_source(root, part)).paths for root in (ucf, ssv2) for part in ('train', 'val')]
    assert [Path(path).name for (path,) in found] == ['v_a.avi', 'v_b.avi', '0.webm', '1.webm']
    assert [DATASETS.build(pretraining_source([root])).paths for root in (ucf, ssv2)] == [found[0], found[2]]
