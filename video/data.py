"""The labelled videos of a transfer: compared, and held against the protocol of their data set."""

from collections.abc import Mapping
from dataclasses import dataclass

from pretrain.data.parts import PARTS, LabelledData, labelled_data
from pretrain.errors import ConfigError, DataError
from video.dataset import ClipDataset
from video.decode import describe


@dataclass(frozen=True)
class DatasetProtocol:
    """How a data set is trained on and tested, 16 frames of 224 pixels, and how many videos it has as published.

    Attributes:
        sampling: 'dense', every fourth frame, or 'segments'.
        clips, crops: of the test.
        flip: whether training may mirror clips.
        videos: training and validation videos; None where our sources do not say.
    """

    sampling: str
    clips: int
    crops: int
    flip: bool = True
    videos: tuple[int, int] | None = None


PROTOCOLS = {
    'k400': DatasetProtocol('dense', 5, 3, videos=(240_436, 19_796)),
    'k400-7x3': DatasetProtocol('dense', 7, 3, videos=(240_436, 19_796)),
    'k400-8x3': DatasetProtocol('dense', 8, 3, videos=(240_436, 19_796)),
    'k600': DatasetProtocol('dense', 5, 3, videos=(366_006, 27_935)),
    'k700': DatasetProtocol('dense', 5, 3),
    'k710': DatasetProtocol('dense', 5, 3, videos=(658_340, 66_803)),
    'ssv2': DatasetProtocol('segments', 2, 3, flip=False, videos=(168_913, 24_777)),
    'ucf101': DatasetProtocol('dense', 5, 3),
    'hmdb51': DatasetProtocol('dense', 5, 3),
}
"""VideoMAE's tests (run_class_finetuning.py and the scripts of each data set), SlowFast's 7 x 3 for MAE-ST and V-JEPA's
8 x 3; sizes from VideoMAE's DATASET.md."""


def labelled_clips(cfg: Mapping, name: str | None = None) -> LabelledData:
    """Both sets of a config, compared with each other, the model and the protocol of their data set.

    Args:
        name: of the data set, whose protocol must then be followed, see `PROTOCOLS`.

    Raises DataError or ConfigError naming what differs.
    """
    data = labelled_data(cfg, 'videos')
    train, val = data.train, data.val
    groups = set(train.source.groups or ()) & set(val.source.groups or ())
    if groups:
        raise DataError(f'{len(groups)} groups are in training and validation data, for example {min(groups)!r}')
    wanted, *_ = cfg['model'].get('image_size', (16, 224, 224))
    for part in PARTS:
        frames = getattr(data, part).sampling.frames
        if frames != wanted:
            raise ConfigError(
                f'{part}_dataloader samples {frames} frames, model.image_size has {wanted}; make them equal'
            )
    notes = [f'each tested with {val.sampling.clips} clips x {crops(val)} crops', f'decoded with {describe()}']
    if name is not None:
        notes += check_protocol(name, train, val)
    if train.repeats > 1:
        notes.append(f'{train.repeats} clips of every video in a batch, not counted in batch size and learning rate')
    data.notes = notes
    return data


def crops(dataset: ClipDataset) -> int:
    return getattr(dataset.transform, 'crops', 1)


def check_protocol(name: str, train: ClipDataset, val: ClipDataset) -> list[str]:
    """Notes on the size of a data set. Raises ConfigError where sampling, views or mirroring are not its protocol's."""
    if name not in PROTOCOLS:
        raise ConfigError(f'task.dataset is {name!r}; known protocols: {", ".join(PROTOCOLS)}, or None')
    rule = PROTOCOLS[name]
    if not rule.flip and getattr(train.transform, 'flip', 0):
        raise ConfigError(
            f'train_dataloader.dataset.transform.flip is {train.transform.flip}; classes of {name} know the side: 0'
        )
    found = {
        'train_dataloader.dataset.sampling': (train.sampling.name, rule.sampling),
        'val_dataloader.dataset.sampling': (val.sampling.name, rule.sampling),
        'val_dataloader.dataset.sampling.clips': (val.sampling.clips, rule.clips),
        'val_dataloader.dataset.transform.crops': (crops(val), rule.crops),
        'train_dataloader.dataset.sampling.frames': (train.sampling.frames, 16),
        'train_dataloader.dataset.transform.size': (train.transform.size, 224),
        'val_dataloader.dataset.transform.size': (val.transform.size, 224),
    }
    if rule.sampling == 'dense':
        found['train_dataloader.dataset.sampling.stride'] = (getattr(train.sampling, 'stride', None), 4)
        found['val_dataloader.dataset.sampling.stride'] = (getattr(val.sampling, 'stride', None), 4)
    for place, (value, expected) in found.items():
        if value != expected:
            raise ConfigError(
                f'{place} is {value!r}, the protocol of {name} has {expected!r}; set task.dataset=None to differ'
            )
    counts = (len(train), len(val))
    if rule.videos and counts != rule.videos:
        return ['{} as published has {:,} and {:,} videos, here are {:,} and {:,}'.format(name, *rule.videos, *counts)]
    return []
