"""Data sets that are drawn on first use, so that a suite runs anywhere: images, scenes, clips, clouds and volumes."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pretrain.errors import UserError
from pretrain.files import cache_folder
from pretrain.occupancy import occupy


@dataclass(frozen=True)
class Place:
    """Where a data set lies, as the words of `--data`, `--val` and `--card`.

    Args:
        train: labelled training data, or the folder or list that holds both parts.
        val: None where `train` holds it.
        unlabelled: for pre-training.
        card: what `mimbench card` would measure.
    """

    train: str | None = None
    val: str | None = None
    unlabelled: str | None = None
    card: str | None = None


def _images(folder: Path) -> Place:
    from pretrain.data.procedural import write_set

    data = write_set(folder, 4000, 400, 400)
    return Place(str(data / 'train'), str(data / 'val'), str(data / 'unlabelled'), str(data))


def _scenes(folder: Path) -> Place:
    from pretrain.data.scenes import write_scenes

    return Place(str(write_scenes(folder, 160, 60)))


def _clips(folder: Path) -> Place:
    from video.procedural import write_set

    data = write_set(folder, 400, 60, 120)
    return Place(str(data / 'train'), str(data / 'val'), str(data / 'unlabelled'))


def _clouds(folder: Path) -> Place:
    from pointcloud.procedural import write_demo

    write_demo(folder, 400, 12, 40)
    return Place(str(folder / 'train'), str(folder / 'val'), str(folder / 'unlabelled'))


def _volumes(folder: Path) -> Place:
    from medical.procedural import write_volumes

    return Place(str(write_volumes(folder, 32, 10)), unlabelled=str(folder / 'dataset.json'))


DRAWN: dict[str, Callable[[Path], Place]] = {
    'images': _images,
    'scenes': _scenes,
    'clips': _clips,
    'clouds': _clouds,
    'volumes': _volumes,
}
"""By name. Each writes its set below a folder once, and says where its parts are."""


def draw(name: str, folder: Path | None = None) -> Place:
    """Where a drawn set lies, below `folder` or the cache; it is written now if it is not there."""
    if name not in DRAWN:
        raise UserError(f'no drawn data set {name!r}; there are {", ".join(DRAWN)}')
    place = (folder or cache_folder('drawn')) / name
    with occupy(place, wait=600):  # two commands may want the same set
        return DRAWN[name](place)


def check_names(given: dict[str, Place], names: Iterable[str | None], drawn: Iterable[str | None]) -> None:
    """Raise UserError for a data set that the command line gives and nothing asks for, or that nobody can give.

    Args:
        names: that the entries of a suite, or a study, ask for; None for a config's own data.
        drawn: those of them that are drawn where they are not given.
    """
    known = dict.fromkeys(name for name in names if name)
    for name in given:
        if name not in known:
            asked = f'it asks for {", ".join(known)}' if known else 'it asks for none'
            raise UserError(f'--data {name}: no such data set in this plan; {asked}')
    for wanted in drawn:
        if wanted and wanted not in given and wanted not in DRAWN:
            there = ', '.join(DRAWN)
            raise UserError(f'data {wanted!r} is not drawn (there are {there}); give --data {wanted}=TRAIN,VAL')


def parse_places(words: list[str]) -> dict[str, Place]:
    """`NAME=TRAIN`, `NAME=TRAIN,VAL` or `NAME=TRAIN,VAL,UNLABELLED` to places; paths become absolute."""
    found = {}
    for word in words:
        name, equals, paths = word.partition('=')
        parts = [str(Path(part).absolute()) if part else None for part in paths.split(',')]
        if not equals or not name or not 1 <= len(parts) <= 3 or not any(parts):
            raise UserError(f'--data takes NAME=TRAIN[,VAL[,UNLABELLED]], not {word!r}')
        for part in parts:
            if part and not os.path.exists(part) and not any(mark in part for mark in '*{'):
                raise UserError(f'--data {name}: no data at {part!r}')
        found[name] = Place(*[*parts, None, None][:3])
    return found
