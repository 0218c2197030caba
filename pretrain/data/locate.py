"""From a path that a person typed to the source that reads it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pretrain.errors import DataError
from pretrain.registry import DATASETS


def source_config(path: str | Path, part: str = 'train') -> dict:
    """The config of the source for a folder, list file, tar shards, parquet files or `.npz` arrays.

    `part` matters for `.npz` alone, whose arrays are `{part}_images` and `{part}_labels` as in MedMNIST.

    Raises DataError naming the layouts that are understood.
    """
    path = Path(path)
    if any(c in path.name for c in '*?[{') and not path.exists():
        kind = 'ParquetSource' if path.suffix == '.parquet' else 'TarSource'
        return {'type': kind, 'files' if kind == 'ParquetSource' else 'shards': str(path)}
    if path.is_dir():
        if any(path.glob('*.parquet')):
            _one_split(path, '*.parquet')
            return {'type': 'ParquetSource', 'files': str(path / '*.parquet')}
        if any(path.glob('*.tar')):
            _one_split(path, '*.tar')
            return {'type': 'TarSource', 'shards': str(path / '*.tar')}
        return {'type': 'FolderSource', 'root': str(path)}
    if not path.exists():
        raise DataError(f'no data at {str(path)!r}; give an image folder, list file, .tar, .parquet or .npz')
    by_suffix = {
        '.tar': ('TarSource', 'shards'),
        '.parquet': ('ParquetSource', 'files'),
        '.npz': ('ArraySource', 'file'),
        '.txt': ('ListSource', 'file'),
        '.csv': ('ListSource', 'file'),
        '.tsv': ('ListSource', 'file'),
    }
    if path.suffix not in by_suffix:
        raise DataError(f'{str(path)!r} is no image set; understood are folders and {", ".join(by_suffix)}')
    kind, argument = by_suffix[path.suffix]
    arrays = {'images': f'{part}_images', 'labels': f'{part}_labels'} if kind == 'ArraySource' else {}
    return {'type': kind, argument: str(path), **arrays}


def _one_split(folder: Path, pattern: str) -> None:
    """DataError for a folder with shards of several splits, as Hugging Face's `data/`: one of them is the test set."""
    stems = {path.stem.split('-')[0].split('_')[0].lower() for path in folder.glob(pattern)}
    splits = sorted(stems & {'train', 'training', 'val', 'valid', 'validation', 'test'})
    if len(splits) > 1:
        raise DataError(
            f'{str(folder)!r} holds shards of {" and ".join(splits)}; name those of one: {folder}/{splits[-1]}{pattern}'
        )


def joined_config(paths: Sequence[str | Path]) -> dict:
    """One source over one or several paths."""
    configs = [source_config(path) for path in paths]
    return configs[0] if len(configs) == 1 else {'type': 'JoinedSource', 'sources': configs}


def place_data(settings: dict, paths: Sequence[str | Path]) -> None:
    """Write the source over several paths into the config of a data set: as its class says (`locate`), or of images.

    What the class does not name of a source of the same type, such as its fold, stays as it is; so does its part.
    """
    found = getattr(DATASETS.get(settings['type']), 'locate', joined_config)(paths)
    settings['source'] = keep_arguments(settings.get('source') or {}, found)


def keep_arguments(kept: Mapping, found: Mapping) -> dict:
    """The source `found` at a path, with what `kept`, the config's source, says beside the place if it has its type.

    Which `part` of the data is read is for the config to say: the protocol depends on it.
    """
    if kept.get('type') != found['type']:
        return dict(found)
    return {**kept, **found, **({'part': kept['part']} if 'part' in kept else {})}


@DATASETS.register_module()
class JoinedSource:
    """Several sources one after the other, as one. Labels are dropped: they may mean different things."""

    classes = None

    def __init__(self, sources: Sequence):
        self.sources = [DATASETS.build(s) if isinstance(s, dict) else s for s in sources]

    def __len__(self) -> int:
        return sum(len(source) for source in self.sources)

    def name(self, i: int) -> str:
        source, i = self._find(i)
        return source.name(i)

    def read(self, i: int):
        source, i = self._find(i)
        return source.read(i)

    def label(self, i: int) -> None:
        return None

    def _find(self, i: int):
        for source in self.sources:
            if i < len(source):
                return source, i
            i -= len(source)
        raise IndexError(i)
