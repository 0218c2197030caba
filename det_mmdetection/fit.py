"""Channels and strides of the parts after the backbone: filled in where a config leaves them open, else checked."""

from collections.abc import Sequence
from typing import Any

from pretrain.errors import ConfigError


def fit_to_backbone(model: dict, channels: Sequence[int], strides: Sequence[int]) -> None:
    """Fit neck, anchors and RoI extractors of a detector's config to the maps of its backbone.

    Args:
        model: the config; None stands for a value to be filled in.
        channels, strides: of the maps that come out of the backbone.

    A wrong stride would only cost accuracy, in silence. Raises ConfigError naming the key, its value and the right one.
    """
    neck = model.get('neck')
    if neck is not None:
        strides = _fit_neck(neck, list(channels), list(strides))
    head = model.get('rpn_head') or model.get('bbox_head') or {}
    if 'anchor_generator' in head:
        _set(head['anchor_generator'], 'strides', strides, 'anchor_generator')
    roi = model.get('roi_head', {})
    for name in ('bbox_roi_extractor', 'mask_roi_extractor'):
        for extractor in _as_list(roi.get(name)):
            levels = len(extractor.get('featmap_strides') or strides[:4])
            if levels > len(strides):
                raise ConfigError(f'{name}.featmap_strides has {levels} levels, the neck gives {len(strides)}')
            _set(extractor, 'featmap_strides', strides[:levels], name)


def _fit_neck(neck: dict, channels: list[int], strides: list[int]) -> list[float]:
    """The strides after the neck."""
    if neck['type'] == 'SimpleFeaturePyramid':
        if len(channels) != 1:
            raise ConfigError(
                f'SimpleFeaturePyramid takes one map, the backbone gives {len(channels)}; set levels=[-1]'
            )
        _set(neck, 'width', channels[0], 'neck')
        out = [_whole(strides[0] / scale) for scale in neck.get('scales', (4, 2, 1, 0.5))]
        return out + [out[-1] * 2 ** (i + 1) for i in range(neck.get('extra', 1))]
    if neck['type'] == 'FPN':
        _set(neck, 'in_channels', channels, 'neck')
        first = neck.get('start_level', 0)
        out = [*strides[first:]]
        return out + [out[-1] * 2 ** (i + 1) for i in range(neck['num_outs'] - len(out))]
    return list(strides)


def _set(part: dict, key: str, right: Any, name: str) -> None:
    found = part.get(key)
    if found is None:
        part[key] = right
    elif found != right and list(_as_list(found)) != list(_as_list(right)):
        raise ConfigError(f'{name}.{key} is {found}; what comes in has {right}: change it, or leave it None')


def _as_list(value: Any) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value
