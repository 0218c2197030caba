"""The labelled images of a transfer, compared before anything trains."""

from collections.abc import Mapping

from pretrain.data.parts import PARTS, LabelledData, labelled_data
from pretrain.errors import ConfigError


def labelled_images(cfg: Mapping) -> LabelledData:
    """Both sets of a config. DataError or ConfigError naming what does not fit."""
    data = labelled_data(cfg, 'images')
    channels = cfg['model'].get('channels', 3)
    for part in PARTS:
        found = getattr(data, part).channels
        if found != channels:
            raise ConfigError(
                f'{part}_dataloader.dataset.channels is {found}, model.channels {channels}; make them equal'
            )
    return data
