"""The files that UCF101, HMDB51 and Something-Something v2 are published with."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pretrain.data.sources.base import existing
from pretrain.errors import ConfigError, DataError
from pretrain.registry import DATASETS
from video.sources import ClipSource, lines_of


@DATASETS.register_module()
class SplitList(ClipSource):
    """UCF101 and HMDB51 as they are published.

    Args:
        root: the folder with one sub-folder of videos per class.
        annotations: the folder of the split files: `classInd.txt`, `trainlist01.txt`, `testlist01.txt` (UCF101), or
            `<class>_test_split1.txt` with 1 for training, 2 for test and 0 for neither (HMDB51).
        split: 1, 2 or 3.
        part: 'train' or 'test'.
    """

    def __init__(self, root: str | Path, annotations: str | Path, split: int = 1, part: str = 'train'):
        if part not in ('train', 'test') or split not in (1, 2, 3):
            raise ConfigError(f"source.part is {part!r}, split {split}; allowed: 'train', 'test'; 1, 2, 3")
        folder, notes = existing(root, 'folder of videos'), existing(annotations, 'folder of split files')
        if (notes / 'classInd.txt').is_file():
            rows = _ucf(notes, split, part)
            self.classes = [name for name, _ in sorted(_class_index(notes).items(), key=lambda item: item[1])]
        else:
            files = sorted(notes.glob(f'*_test_split{split}.txt'))
            if not files:
                raise DataError(
                    f'{str(notes)!r} has neither classInd.txt nor *_test_split{split}.txt; unpack the splits'
                )
            self.classes = [re.sub(r'_test_split\d$', '', file.stem) for file in files]
            rows = list(_hmdb(files, self.classes, '1' if part == 'train' else '2'))
        super().__init__([str(folder / name) for name, _ in rows], [label for _, label in rows])


@DATASETS.register_module()
class SomethingSomething(ClipSource):
    """Something-Something v2 as it is published.

    Args:
        root: the folder of `<id>.webm` (or .mp4) files.
        file: `something-something-v2-train.json` or `-validation.json`.
        labels: `something-something-v2-labels.json`; by default beside `file`.
    """

    def __init__(self, root: str | Path, file: str | Path, labels: str | Path | None = None):
        folder, path = existing(root, 'folder of videos'), existing(file, 'annotation file')
        names = labels or path.parent / 'something-something-v2-labels.json'
        numbers = _label_numbers(existing(names, 'list of labels'))
        self.classes = [name for name, _ in sorted(numbers.items(), key=lambda item: item[1])]
        paths, found = [], []
        suffix = '.mp4' if next(folder.glob('*.mp4'), None) else '.webm'
        for number, entry in enumerate(_json(path)):
            if not isinstance(entry, dict) or 'id' not in entry:
                raise DataError(f'{path}: entry {number} has no id; download it again')
            if 'template' not in entry:
                raise DataError(
                    f'{path}: video {entry["id"]} has no template; the test part is published without labels'
                )
            template = re.sub(r'[\[\]]', '', entry['template'])
            if template not in numbers:
                raise DataError(f'{path}: template {template!r} of video {entry["id"]} is not in {names}')
            paths.append(str(folder / f'{entry["id"]}{suffix}'))
            found.append(numbers[template])
        super().__init__(paths, found)


def _label_numbers(path: Path) -> dict[str, int]:
    """Class names to numbers, of Something-Something's file of labels."""
    found = _json(path)
    if not isinstance(found, dict) or not all(str(number).isdigit() for number in found.values()):
        raise DataError(f'{path} is not a mapping from templates to numbers; download it again')
    return {name: int(number) for name, number in found.items()}


def _class_index(notes: Path) -> dict[str, int]:
    file, numbers = notes / 'classInd.txt', dict[str, int]()
    for number, line in lines_of(file):
        words = line.split()
        if len(words) != 2 or not words[0].isdigit():
            raise DataError(f'{file}:{number}: {line!r} is not `number class`')
        numbers[words[1]] = int(words[0]) - 1
    return numbers


def _ucf(notes: Path, split: int, part: str) -> list[tuple[str, int]]:
    """`ApplyEyeMakeup/v_..avi 1` in training lists, without the number in test lists; the folder is the class."""
    numbers, file = _class_index(notes), existing(notes / f'{part}list{split:02d}.txt', 'split file')
    rows = []
    for number, line in lines_of(file):
        name = line.split()[0]
        label = numbers.get(name.split('/')[0])
        if label is None:
            raise DataError(f'{file}:{number}: class {name.split("/")[0]!r} is not in classInd.txt')
        rows.append((name, label))
    return rows


def _hmdb(files: Sequence[Path], classes: list[str], mark: str) -> Iterator[tuple[str, int]]:
    for label, file in enumerate(files):
        for number, line in lines_of(file):
            words = line.rsplit(maxsplit=1)
            if len(words) != 2 or words[1] not in ('0', '1', '2'):
                raise DataError(f'{file}:{number}: {line!r} is not `video.avi 0|1|2`')
            if words[1] == mark:
                yield f'{classes[label]}/{words[0]}', label


def _json(path: Path):
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f'{path} is not valid JSON ({error}); download it again') from error
