"""From a path that a person typed to the source that reads it."""

from collections.abc import Sequence
from pathlib import Path

from pretrain.errors import DataError
from video.sources import is_video

TABLE = 'clips.tsv'


def clip_source(path: str | Path, part: str | None = None) -> dict:
    """The config of the source for a path.

    A folder is one with `<part>.csv` within (VideoMAE), one with a table `clips.tsv`, or one with a sub-folder of
    videos per class. A `.tsv` file with a header is a table, a `.txt` or `.csv` file a list.

    Args:
        part: 'train' or 'val': which half of a table to take, and which list of a folder; None takes all.

    Raises DataError naming the layouts that are understood.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f'no data at {str(path)!r}; give a folder of videos, a list, or a table clips.tsv')
    if path.is_dir():
        for name in [f'{part}.csv'] if part else ['train.csv']:
            if (path / name).is_file():
                return clip_source(path / name, part)
        if (path / TABLE).is_file():
            return clip_source(path / TABLE, part)
        if part and (path / part).is_dir():
            return {'type': 'ClipFolder', 'root': str(path / part)}
        return {'type': 'ClipFolder', 'root': str(path)}
    if path.suffix == '.tsv' and _has_header(path):
        return {'type': 'ClipTable', 'file': str(path), **({'part': part} if part else {})}
    if path.suffix in ('.tsv', '.txt', '.csv'):
        return {'type': 'ClipList', 'file': str(path)}
    raise DataError(f'{str(path)!r} is no set of videos; understood are folders, .txt, .csv and .tsv')


def pretraining_source(paths: Sequence[str | Path]) -> dict:
    """One source over one or several paths, for pre-training: labels are left out."""
    configs = []
    for path in paths:
        config = clip_source(path)
        if config['type'] == 'ClipFolder':
            config['classes'] = False
        configs.append(config)
    return configs[0] if len(configs) == 1 else {'type': 'JoinedClips', 'sources': configs}


def is_clip(path: Path) -> bool:
    return path.is_file() and is_video(path.name)


def _has_header(path: Path) -> bool:
    with open(path, encoding='utf-8', errors='replace') as file:
        first = file.readline().lstrip('# ').rstrip('\n').split('\t')
    return 'path' in first and 'label' in first
