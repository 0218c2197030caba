"""Drawn sets: begun anew after an interruption, never mixed with other files, and nothing of a person's deleted."""

import importlib
from pathlib import Path

import pytest

from pretrain.data import drawn
from pretrain.data.drawn import MARKER, draw_once
from pretrain.errors import DataError

pytestmark = pytest.mark.unit

NAMES = ('a', 'b.txt')


def two(settings: dict, calls: list):
    def draw(folder: Path) -> None:
        calls.append(settings)
        (folder / 'a').mkdir()
        for i in range(settings['count']):
            (folder / 'a' / f'{i}.txt').write_text(str(settings))
        (folder / 'b.txt').write_text('b')

    return draw


def test_equal_settings_are_drawn_once_and_others_leave_no_file_of_the_first(tmp_path):
    calls: list[dict] = []
    for count in (3, 3, 2):
        assert draw_once(tmp_path / 's', {'count': count}, NAMES, two({'count': count}, calls)) == tmp_path / 's'
    assert calls == [{'count': 3}, {'count': 2}]
    assert sorted(p.name for p in (tmp_path / 's' / 'a').iterdir()) == ['0.txt', '1.txt']


def test_an_interrupted_drawing_is_begun_anew(tmp_path):
    """Also where the set that was there before it had the settings that are now asked for."""
    folder, calls = tmp_path / 's', list[dict]()
    draw_once(folder, {'count': 1}, NAMES, two({'count': 1}, calls))

    def stops(folder: Path) -> None:
        (folder / 'a').mkdir()
        (folder / 'a' / '7.txt').write_text('half')
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_once(folder, {'count': 9}, NAMES, stops)
    draw_once(folder, {'count': 1}, NAMES, two({'count': 1}, calls))
    assert len(calls) == 2 and [p.name for p in (folder / 'a').iterdir()] == ['0.txt']
    (folder / MARKER).write_text('{"count":')
    draw_once(folder, {'count': 1}, NAMES, two({'count': 1}, calls))
    assert len(calls) == 3


def test_files_of_a_person_are_neither_deleted_nor_mixed_in(tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'mine.txt').write_text('mine')
    with pytest.raises(DataError, match=r"/a' exists, and no set.json.*remove it, or name another folder"):
        draw_once(tmp_path, {'count': 1}, NAMES, two({'count': 1}, []))
    assert (tmp_path / 'a' / 'mine.txt').read_text() == 'mine' and not (tmp_path / MARKER).exists()
    other = tmp_path / 'other'
    other.mkdir()
    (other / 'notes.txt').write_text('mine')
    for count in (1, 2):
        draw_once(other, {'count': count}, NAMES, two({'count': count}, []))
    assert (other / 'notes.txt').read_text() == 'mine'


# Module and call that draws a small set, the name of its last file, and the libraries that it needs.
SETS = {
    'images': ('pretrain.data.procedural', 'write_set(folder, 4, 2, 2)', 'train/bars/000000.jpg', ()),
    'scenes': ('pretrain.data.scenes', 'write_scenes(folder, 2, 2)', 'annotations/instances_val.json', ()),
    'clips': ('video.procedural', 'write_set(folder, 3, 6, 6)', 'val/shrink/00005.mp4', ('av',)),
    'clouds': ('pointcloud.procedural', 'write_demo(folder, 4, 2, 2)', 'parts/04379243/test0001.txt', ('h5py',)),
    'volumes': ('medical.procedural', 'write_volumes(folder, 3, 2, 16)', 'labelsTr/case_004.nii.gz', ('monai',)),
}


@pytest.mark.parametrize('name', SETS)
def test_every_drawn_set_survives_an_interruption(name, tmp_path, monkeypatch):
    """It comes when all files but the marker are there; the next call draws what an undisturbed one does."""
    module, call, last, needed = SETS[name]
    for library in needed:
        pytest.importorskip(library)
    drawing = importlib.import_module(module)
    folder, whole = tmp_path / 'stopped', tmp_path / 'whole'
    write = drawn._write

    def stopped(marker: Path, settings: dict | None) -> None:
        if settings:
            raise KeyboardInterrupt
        write(marker, settings)

    def draw(place: Path) -> None:
        eval(call, vars(drawing) | {'folder': place})

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(drawn, '_write', stopped)
        draw(folder)
    (folder / last).write_bytes(b'half')
    (folder / last).with_name('extra').write_bytes(b'of another drawing')
    draw(folder)
    draw(whole)
    assert sizes(folder) == sizes(whole)
    stamp = (whole / last).stat().st_mtime_ns
    draw(whole)
    assert (whole / last).stat().st_mtime_ns == stamp


def sizes(folder: Path) -> dict[Path, int]:
    return {p.relative_to(folder): p.stat().st_size for p in folder.rglob('*') if p.is_file()}
