"""Two parts of a labelled set: no common sample, the same classes in the same order."""

import os

import pytest

from pretrain.data.parts import count_classes, identity, labelled_data
from pretrain.data.whereabouts import Whereabouts, shared_samples
from pretrain.errors import DataError

pytestmark = pytest.mark.unit


class Samples:
    """A data set and its source in one."""

    def __init__(self, names, numbers, classes=None):
        self.names, self.numbers, self.classes, self.source = names, numbers, classes, self
        self.labels = True

    def __len__(self):
        return len(self.names)

    def name(self, i):
        return self.names[i]

    def label(self, i):
        return self.numbers[i]


def test_classes_are_counted():
    named = Samples(['a'], [0], ['cat', 'dog'])
    assert count_classes(named, named) == 2
    assert count_classes(Samples(['a', 'b'], [0, 2]), Samples(['c'], [1])) == 3
    with pytest.raises(DataError, match='same class list'):
        count_classes(named, Samples(['b'], [0], ['dog', 'cat']))
    with pytest.raises(DataError, match='go up to 2'):
        count_classes(Samples(['a'], [1]), Samples(['b'], [2]))
    with pytest.raises(DataError, match=r'has model\.num_classes=7'):
        count_classes(named, named, wanted=7)


def test_named_and_numbered_classes_do_not_meet():
    """A list with `b.mp4 0` and `a.mp4 1` beside folders a and b would exchange the classes without a word."""
    named, numbered = Samples(['a'], [0], ['a', 'b']), Samples(['b'], [1])
    with pytest.raises(DataError, match='training data names its classes, validation data numbers'):
        count_classes(named, numbered)
    with pytest.raises(DataError, match='validation data names its classes, training data numbers'):
        count_classes(numbered, named)


def test_identity_is_that_of_names_below_their_folder_and_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here, there = (Samples([f'{root}/x/1.png', f'{root}/y/2.png'], [0, 1]) for root in ('/data/one', '/other'))
    assert identity(here, 'images') == identity(there, 'images') and identity(here, 'images')['images'] == 2
    assert identity(Samples(here.names, [1, 0]), 'images') != identity(here, 'images')
    assert identity(Samples([*here.names[:1], '/data/one/y/3.png'], [0, 1]), 'images') != identity(here, 'images')
    mixed = Samples([str(tmp_path / 'x/1.png'), 'y/2.png'], [0, 1])
    assert identity(mixed, 'images') == identity(here, 'images'), 'absolute and relative paths in one list'


@pytest.mark.parametrize('spelling', ['absolute', 'roundabout', 'linked folder', 'linked file', 'linked shard'])
def test_a_sample_under_two_names_is_found(tmp_path, monkeypatch, spelling):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'data' / 'a').mkdir(parents=True)
    for name in ('1.png', 's.tar'):
        (tmp_path / 'data' / 'a' / name).touch()
    (tmp_path / 'link').symlink_to('data/a')
    (tmp_path / 'data' / '2.png').symlink_to('a/1.png')
    (tmp_path / 't.tar').symlink_to('data/a/s.tar')
    one, other = {
        'absolute': ('data/a/1.png', str(tmp_path / 'data/a/1.png')),
        'roundabout': ('data/a/1.png', 'data/../data/a/1.png'),
        'linked folder': ('data/a/1.png', 'link/1.png'),
        'linked file': ('data/a/1.png', 'data/2.png'),
        'linked shard': ('data/a/s.tar:x:1/0.png', 't.tar:x:1/0.png'),
    }[spelling]
    assert shared_samples(['data/a/0.png', one], ['data/1.png', other]) == [(one, other)]
    monkeypatch.setattr('pretrain.data.parts.build_dataset', lambda name: Samples([name], [0], ['a']))
    cfg = {f'{part}_dataloader': {'dataset': name} for part, name in (('train', one), ('val', other))}
    with pytest.raises(DataError, match='1 images are in training and validation data'):
        labelled_data({**cfg, 'model': {}}, 'images')


def test_the_file_of_a_sample(tmp_path):
    """A colon may stand in a folder, in a file and in a member; the longest part that is a file counts."""
    folder = tmp_path / 'run 10:30'
    folder.mkdir()
    for name in ('x.tar', 'x.tar:y', 'stack.npy', 'a:b.png'):
        (folder / name).touch()
    where = Whereabouts()
    found = {
        'x.tar:dir/0.png': 'x.tar',
        'x.tar:y:0.png': 'x.tar:y',
        'x.tar://0.png': 'x.tar',
        'stack.npy[3]': 'stack.npy',
        'a:b.png': 'a:b.png',
    }
    assert {name: where.file(f'{folder}/{name}') for name in found} == {n: f'{folder}/{f}' for n, f in found.items()}
    assert where.file(f'{folder}/none.png') == '' == where.file('synthetic:3')


def test_real_names_are_those_of_the_system(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'a' / 'b').mkdir(parents=True)
    (tmp_path / 'a' / '1.png').touch()
    links = {
        'above': 'a/b/..',
        'a/b/2.png': '../1.png',
        'a/3.png': 'b/2.png',
        '4.png': str(tmp_path / 'above' / '3.png'),
        'dead.png': 'none/5.png',
        'itself.png': 'itself.png',
        'there.png': 'back.png',
        'back.png': 'there.png',
    }
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    where = Whereabouts()
    for name in (*links, 'above/b/2.png', './a/../4.png', 'none/6.png', 'a/1.png', 'synthetic:3'):
        assert where.real(name) == os.path.realpath(name), name


def test_identity_notices_a_replaced_shard_below_a_folder_with_a_colon(tmp_path):
    shard = tmp_path / 'run 10:30' / 'x.tar'
    shard.parent.mkdir()
    shard.write_bytes(b'one')
    source = Samples([f'{shard}:0.png'], [0])
    before = identity(source, 'images', files=True)
    shard.write_bytes(b'another')
    assert identity(source, 'images', files=True) != before


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    for number in range(50):
        (tmp_path / f'{number}.png').touch()
    looks = []
    for name in ('stat', 'lstat', 'scandir', 'readlink'):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, f=original, **k: (looks.append(a), f(*a, **k))[1])
    names = [f'{tmp_path}/{number}.png' for number in range(50)]
    assert len(shared_samples(names, names)) == 50
    assert len(looks) < 40
