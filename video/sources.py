"""Where clips are: lists, folders of classes, frame folders, and the files that data sets are published with.

A source names videos and their labels, and opens none. `video/locate.py` finds the source for a path that a person
typed.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS

VIDEO_EXTENSIONS = ('.mp4', '.avi', '.mkv', '.webm', '.mov', '.m4v', '.mpg', '.mpeg', '.gif', '.ts', '.wmv', '.flv')
COLUMNS = ('auto', 'video', 'frames', 'start')


class ClipSource:
    """Videos in a fixed order.

    Attributes:
        classes: names in label order; None when unknown.
        groups: of each video what may not stand on both sides of a split; None when unknown.
    """

    classes: list[str] | None = None
    groups: list[str] | None = None

    def __init__(
        self,
        paths: Sequence[str],
        labels: Sequence[int | None],
        folders: Sequence[tuple[int | None, int]] | None = None,
    ):
        self.paths, self.labels = list(paths), list(labels)
        self.folders = [(None, 1)] * len(self.paths) if folders is None else list(folders)

    def __len__(self) -> int:
        return len(self.paths)

    def name(self, i: int) -> str:
        return self.paths[i]

    def label(self, i: int) -> int | None:
        return self.labels[i]

    def folder(self, i: int) -> tuple[int, int] | None:
        """Number of images of a frame folder and the number of its first one; None for a video file."""
        count, start = self.folders[i]
        return None if count is None else (count, start)


@DATASETS.register_module()
class ClipList(ClipSource):
    """One video per line: `path label`, `path`, or for frame folders `folder frames label`.

    Args:
        file: columns are separated by tabs or commas, or by any number of blanks before a number. Empty lines and `#`
            lines are skipped, and a first line that is a header: no number follows and no word is a path.
        root: folder that relative paths start from; by default that of `file`.
        columns: 'video', 'frames', 'start' (`folder start frames`, VideoMAE v2's pre-training on frame folders), or
            'auto', which tells the first two apart. `path 0 -1` (the same for video files) is read by all.
        classes: class names in label order.
        labels: False to leave them out, whatever they are (pre-training).

    Paths may contain blanks. Raises DataError for a line that cannot be read, naming file and line.
    """

    def __init__(
        self,
        file: str | Path,
        root: str | Path | None = None,
        columns: str = 'auto',
        classes: Sequence[str] | None = None,
        labels: bool = True,
    ):
        if columns not in COLUMNS:
            raise ConfigError(f'source.columns is {columns!r}; allowed: {", ".join(COLUMNS)}')
        path = existing(file, 'list of videos')
        folder = str(existing(root, 'root folder')) if root is not None else str(path.parent)
        lines = [(number, line) for number, line in lines_of(path) if number > 1 or not _is_header(line)]
        places = [f'{path}:{number}' for number, _ in lines]
        rows = [_row(line, columns, place) for (_, line), place in zip(lines, places, strict=True)]
        if not rows:
            raise DataError(f'list {str(path)!r} names no video; expected lines of `path label`')
        names, counts, starts, texts = zip(*rows, strict=True)
        numbers: list[int | None] = [None] * len(rows)
        if labels:
            numbers, self.classes = number_labels(texts, classes, places)
        paths = [os.path.join(folder, name) for name in names]
        super().__init__(paths, numbers, list(zip(counts, starts, strict=True)))


@DATASETS.register_module()
class ClipFolder(ClipSource):
    """Videos below a folder; each sub-folder is a class where `classes` is True, none is where it is False.

    Raises DataError where there is no video, or a class folder holds none.
    """

    def __init__(self, root: str | Path, classes: bool | Sequence[str] = True):
        folder = existing(root, 'folder of videos')
        if not classes:
            paths = [str(p) for p in _videos(folder)]
            super().__init__(paths, [None] * len(paths))
        else:
            names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith('.'))
            self.classes = names if classes is True else list(classes)
            found = [(str(p), i) for i, name in enumerate(self.classes) for p in _class(folder / name)]
            super().__init__([path for path, _ in found], [label for _, label in found])
        if not self.paths:
            raise DataError(f'no video in folder {str(folder)!r}; expected class sub-folders of video files')


@DATASETS.register_module()
class JoinedClips(ClipSource):
    """Several sources one after the other. Labels are dropped: they may mean different things."""

    def __init__(self, sources: Sequence):
        parts = [DATASETS.build(dict(s)) if isinstance(s, dict) else s for s in sources]
        paths = [path for part in parts for path in part.paths]
        super().__init__(paths, [None] * len(paths), [folder for part in parts for folder in part.folders])


def is_video(name: str) -> bool:
    return name.lower().endswith(VIDEO_EXTENSIONS)


def columns_of(line: str) -> list[str]:
    """The path of a line and what follows it: columns at tabs or commas, else at blanks before up to two numbers."""
    if re.search(r'[\t,]', line):
        return re.split(r'\s*[\t,]\s*', line)
    named = re.fullmatch(r'(.+\.\w+)\s+(\S*[^\W\d]\S*)', line)
    if named and is_video(named[1]) and not is_video(line):
        return [named[1], named[2]]
    path, numbers = re.fullmatch(r'(.+?)((?:\s+-?\d+){0,2})', line).groups()  # type: ignore[union-attr]
    return [path, *numbers.split()]


def _is_header(line: str) -> bool:
    """Whether a first line names columns: no number follows the first word, and no word is a video or a path."""
    _, *rest = columns_of(line)
    words = re.split(r'[\s,]+', line)
    return not any(re.fullmatch(r'-?\d+', word) for word in rest) and not any(is_video(w) or '/' in w for w in words)


def _row(line: str, columns: str, place: str) -> tuple[str, int | None, int, str | None]:
    """Path, number of frames of a folder, its first frame, and label."""
    name, *rest = columns_of(line)
    if len(rest) == 2 and is_video(name) and rest[1] == '-1':
        return name, None, 1, None
    if columns == 'start' and len(rest) == 2:
        return name, int(rest[1]), int(rest[0]), None
    if columns in ('auto', 'frames') and len(rest) == 2 and not is_video(name) and rest[0].isdigit():
        return name, int(rest[0]), 1, rest[1]
    if columns in ('auto', 'video') and len(rest) < 2 and (is_video(name) or columns == 'video'):
        return name, None, 1, rest[0] if rest else None
    raise DataError(
        f'{place}: {line!r} is neither `path label` of a video nor `folder frames label` of frames; correct it, '
        'or say what the columns are: source.columns'
    )


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Numbers and texts of the lines that say something."""
    with open(path, encoding='utf-8-sig', errors='surrogateescape') as file:
        for number, line in enumerate(file, start=1):
            if line.strip() and not line.startswith('#'):
                yield number, line.strip()


def number_labels(
    texts: Sequence[str | None], classes: Sequence[str] | None, places: Sequence[str]
) -> tuple[list[int | None], list[str] | None]:
    """Integer labels and class names from the texts of a list, whose `places` are `file:line`.

    Raises DataError naming the place of a label that is missing, negative (lists of test sets have -1 for "none") or
    none of the classes. Without any label all are None.
    """
    if all(text is None for text in texts):
        return [None] * len(texts), None
    for text, place in zip(texts, places, strict=True):
        if text is None or re.fullmatch(r'-\d+', text):
            shown = 'there is no label' if text is None else f'label {text} stands for none'
            raise DataError(
                f'{place}: {shown}; training and evaluation need the class of every video: give a list that has them, '
                'or remove the line'
            )
    known = [text for text in texts if text is not None]
    if all(re.fullmatch(r'\d+', text) for text in known):
        numbers = [int(text) for text in known]
        for number, place in zip(numbers, places, strict=True):
            if classes and number >= len(classes):
                raise DataError(f'{place}: label {number}, but the {len(classes)} classes count from 0; correct one')
        return list(numbers), list(classes) if classes else None
    names = list(classes) if classes else sorted(set(known))
    for text, place in zip(known, places, strict=True):
        if text not in names:
            raise DataError(f'{place}: label {text!r} is not one of the {len(names)} classes {names[:5]}; correct one')
    return [names.index(text) for text in known], names


def _class(folder: Path) -> list[Path]:
    found = list(_videos(existing(folder, 'class folder')))
    if not found:
        raise DataError(f'class folder {str(folder)!r} holds no video; fill or remove it')
    return found


def _videos(folder: Path) -> Iterator[Path]:
    yield from sorted(p for p in folder.rglob('*') if is_video(p.name) and p.is_file())
