"""From a path that a person typed to the source that reads it."""

from collections.abc import Sequence
from pathlib import Path

from pretrain.data.parts import PARTS
from pretrain.errors import DataError
from video.sources import is_video

TABLE = 'clips.tsv'
SOMETHING = {'train': 'something-something-v2-train.json', 'val': 'something-something-v2-validation.json'}


def clip_source(path: str | Path, part: str, split: bool = False) -> dict:
    """The config of the source for a path.

    A folder is, in this order: one with the lists `train.csv` and `val.csv` (VideoMAE), one with a table `clips.tsv`,
    one with `videos/` and `splits/` (UCF101, HMDB51; split 1) or `videos/` and `annotations/` (Something-Something),
    one with `train/` and `val/`, or one with a sub-folder of videos per class. A `.tsv` file with a header is a table,
    a `.txt` or `.csv` file a list.

    Args:
        part: 'train' or 'val': which list or sub-folder of a folder.
        split: take this part of a table that is split by group, and not the whole table.

    Raises DataError naming the layouts that are understood, or the part that a folder has not.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f'no data at {str(path)!r}; give a folder of videos, a list, or a table clips.tsv')
    if path.is_dir():
        return _folder(path, part, split)
    if path.suffix == '.tsv' and _has_header(path):
        return {'type': 'ClipTable', 'file': str(path), **({'part': part} if split else {})}
    if path.suffix in ('.tsv', '.txt', '.csv'):
        return {'type': 'ClipList', 'file': str(path)}
    raise DataError(f'{str(path)!r} is no set of videos; understood are folders, .txt, .csv and .tsv')


def pretraining_source(paths: Sequence[str | Path]) -> dict:
    """One source over one or several paths, for pre-training: training parts of folders, labels left out."""
    configs = []
    for path in paths:
        config = clip_source(path, 'train')
        if config['type'] == 'ClipFolder':
            config['classes'] = False
        elif config['type'] in ('ClipList', 'ClipTable'):
            config['labels'] = False
        configs.append(config)
    return configs[0] if len(configs) == 1 else {'type': 'JoinedClips', 'sources': configs}


def _folder(path: Path, part: str, split: bool) -> dict:
    if any((path / f'{name}.csv').is_file() for name in PARTS):
        _demand(path, part, '.csv')
        return {'type': 'ClipList', 'file': str(path / f'{part}.csv')}
    if (path / TABLE).is_file():
        return clip_source(path / TABLE, part, split)
    videos, splits, notes = path / 'videos', path / 'splits', path / 'annotations'
    if videos.is_dir() and splits.is_dir():
        published = {'train': 'train', 'val': 'test'}[part]
        return {'type': 'SplitList', 'root': str(videos), 'annotations': str(splits), 'part': published}
    if videos.is_dir() and any((notes / name).is_file() for name in SOMETHING.values()):
        return {'type': 'SomethingSomething', 'root': str(videos), 'file': str(notes / SOMETHING[part])}
    if _in_parts(path):
        _demand(path, part, '/')
        return {'type': 'ClipFolder', 'root': str(path / part)}
    return {'type': 'ClipFolder', 'root': str(path)}


def _in_parts(path: Path) -> bool:
    """Whether sub-folders are parts. One that holds videos itself, alone, is a class of that name."""
    found = [path / name for name in PARTS if (path / name).is_dir()]
    return len(found) == len(PARTS) or any(not any(is_video(p.name) for p in folder.iterdir()) for folder in found)


def _demand(path: Path, part: str, suffix: str) -> None:
    if not (path / f'{part}{suffix}').exists():
        other = next(name for name in PARTS if name != part)
        what, option = ('training', '--data') if part == 'train' else ('validation', '--val')
        raise DataError(
            f'{str(path)!r} has {other}{suffix} but no {part}{suffix}; give the {what} videos with {option} PATH'
        )


def _has_header(path: Path) -> bool:
    with open(path, encoding='utf-8-sig', errors='replace') as file:
        first = file.readline().lstrip('# ').rstrip('\n').split('\t')
    return 'path' in first and 'label' in first
