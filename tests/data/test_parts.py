"""Two parts of a labelled set: no common sample, the same classes in the same order."""

import pytest

from pretrain.data.parts import count_classes, identity
from pretrain.errors import DataError

pytestmark = pytest.mark.unit


class Samples:
    """A data set and its source in one."""

    def __init__(self, names, labels, classes=None):
        self.names, self.labels, self.classes, self.source = names, labels, classes, self

    def __len__(self):
        return len(self.names)

    def name(self, i):
        return self.names[i]

    def label(self, i):
        return self.labels[i]


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
