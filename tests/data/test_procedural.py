"""The drawn set: on disk in real formats, the same for everyone, and its classes told apart by form alone."""

import numpy as np
import pytest

from pretrain.data import FolderSource, TarSource, load_card
from pretrain.data.decode import decode_pil
from pretrain.data.procedural import CLASSES, SIZE, draw, write_set

pytestmark = pytest.mark.unit


def test_the_set_reads_back_through_the_sources(tmp_path):
    folder = write_set(tmp_path / 'set', unlabelled=10, train=16, val=8)
    shard, train = TarSource(str(folder / 'unlabelled' / '*.tar')), FolderSource(folder / 'train')
    assert (len(shard), len(train), len(FolderSource(folder / 'val'))) == (10, 16, 8)
    assert tuple(train.classes) == CLASSES
    assert [train.label(i) for i in range(16)] == [i // 2 for i in range(16)]
    assert decode_pil(shard.read(3)).size == (SIZE, SIZE)
    assert load_card(folder).classes == CLASSES


def test_parts_share_no_image_and_a_second_call_changes_nothing(tmp_path):
    folder = write_set(tmp_path / 'set', unlabelled=8, train=8, val=8)
    shard = TarSource(str(folder / 'unlabelled' / '*.tar'))
    parts = [shard, FolderSource(folder / 'train'), FolderSource(folder / 'val')]
    assert len({bytes(source.read(i)) for source in parts for i in range(8)}) == 24
    stamp = (folder / 'unlabelled' / 'shard-000.tar').stat().st_mtime_ns
    write_set(folder, unlabelled=8, train=8, val=8)
    assert (folder / 'unlabelled' / 'shard-000.tar').stat().st_mtime_ns == stamp


def test_colours_do_not_give_the_class_away():
    """Mean colours of the classes differ by no more than chance."""
    means = [
        np.mean([np.asarray(draw(c, np.random.default_rng(i))) for i in range(60)], axis=(0, 1, 2)) for c in CLASSES
    ]
    assert np.ptp(means, axis=0).max() < 45, 'one class mean of 60 varies by about 8'
