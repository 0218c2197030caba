"""Small COCO sets for the detection tests."""

import json
from pathlib import Path

from pretrain.data.scenes import write_scenes


def scenes(folder: Path, train: int = 12, val: int = 6) -> Path:
    return write_scenes(folder, train, val)


def edit(folder: Path, change, part: str = 'train') -> Path:
    """Change the annotation file of a part: `change(content)`; gives its path."""
    path = folder / 'annotations' / f'instances_{part}.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path
