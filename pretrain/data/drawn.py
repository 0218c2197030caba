"""Sets that are drawn, not downloaded: each once, and what an interrupted drawing left is never taken for a set."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from pretrain.errors import DataError
from pretrain.files import atomic

MARKER = 'set.json'


def draw_once(folder: str | Path, settings: dict, names: Sequence[str], draw: Callable[[Path], None]) -> Path:
    """The folder after `draw(folder)`, which is not called again for equal settings.

    `set.json` says what was drawn: nothing until the drawing is complete, so that one that was interrupted, and one
    with other settings, is begun anew without the files of the earlier one.

    Args:
        settings: everything that the drawn files follow from, as JSON knows it.
        names: the files and folders directly below `folder` that `draw` makes.

    Raises DataError where one of the names is there, but no `set.json`: it is not ours to delete.
    """
    folder = Path(folder)
    marker = folder / MARKER
    if marker.is_file():
        if _settings(marker) == settings:
            return folder
    else:
        foreign = next((name for name in names if (folder / name).exists()), None)
        if foreign is not None:
            raise DataError(
                f'{str(folder / foreign)!r} exists, and no {MARKER} beside it says that it was drawn; '
                'remove it, or name another folder'
            )
    folder.mkdir(parents=True, exist_ok=True)
    _write(marker, None)
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    draw(folder)
    _write(marker, settings)
    return folder


def _settings(marker: Path) -> dict | None:
    try:
        return json.loads(marker.read_text())
    except ValueError:  # cut off: not complete
        return None


def _write(marker: Path, settings: dict | None) -> None:
    with atomic(marker) as temporary:
        temporary.write_text(json.dumps(settings) + '\n')
