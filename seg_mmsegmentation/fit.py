"""What a segmenter's config takes from its data and its network, and what must agree with them."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from pretrain.checkpoint.card import Card
from pretrain.checkpoint.nets import meta_net
from pretrain.encoders.net import family
from pretrain.errors import ConfigError

HEADS = ('decode_head', 'auxiliary_head')
TEST_KEYS = {'slide': {'mode', 'crop_size', 'stride'}, 'whole': {'mode'}}


def heads(model: Mapping) -> Iterator[tuple[str, Any]]:
    """Name and config of every head."""
    for name in HEADS:
        found = model.get(name) or ()
        for i, head in enumerate(found if isinstance(found, list) else [found] if found else []):
            yield (f'model.{name}.{i}' if isinstance(found, list) else f'model.{name}'), head


def fit_classes(model: Mapping, number: int) -> None:
    """Give every head the number of classes, where it has None. ConfigError where it has another one."""
    for name, head in heads(model):
        said = head.get('num_classes')
        if said is not None and said != number:
            raise ConfigError(
                f'{name}.num_classes is {said}, the data has {number} classes; set it to None or correct it'
            )
        head['num_classes'] = number


def fit_channels(model: Mapping, channels: list[int], arch: str) -> None:
    """Give every head the channels of the maps that it takes, where it has None. ConfigError where it has others.

    Args:
        channels: of all maps.
        arch: of the network, for the message.
    """
    for name, head in heads(model):
        index = head.get('in_index', -1)
        levels = list(index) if isinstance(index, (list, tuple)) else [index]
        if not all(-len(channels) <= level < len(channels) for level in levels):
            raise ConfigError(f'{name}.in_index is {index}, the backbone gives {len(channels)} maps')
        wanted = [channels[level] for level in levels]
        said = head.get('in_channels')
        if said is not None and (list(said) if isinstance(said, (list, tuple)) else [said]) != wanted:
            raise ConfigError(
                f'{name}.in_channels is {said}, but the maps of {arch} have {wanted} channels; take the config of that '
                'architecture'
            )
        head['in_channels'] = wanted if isinstance(index, (list, tuple)) else wanted[0]
        if head.get('channels') is None:
            head['channels'] = sum(wanted)  # a linear head: nothing lies between the maps and the classifier


def check_test(cfg: Config) -> None:
    """Raise ConfigError for a `model.test_cfg` that would fail at the first evaluation."""
    test = cfg.model.get('test_cfg') or {}
    mode = test.get('mode')
    if mode not in TEST_KEYS:
        raise ConfigError(f"model.test_cfg.mode is {mode!r}; allowed: 'slide', 'whole'")
    wrong = sorted(set(test) ^ TEST_KEYS[mode])
    if wrong:
        raise ConfigError(f'model.test_cfg has wrong or missing keys for {mode!r}: {", ".join(wrong)}')
    if mode == 'slide' and any(step > side for step, side in zip(test.stride, test.crop_size)):
        raise ConfigError(f'model.test_cfg.stride {test.stride} is larger than its crop_size {test.crop_size}')


def check_sizes(cfg: Config, card: Card) -> None:
    """Raise ConfigError where images come that are larger than the relative tables of a plain ViT."""
    backbone = cfg.model.backbone
    plain = family(meta_net(card.arch, card.arch_args)) in ('vit', 'beit')
    if not plain or not (card.relative_bias or backbone.get('tables') == 'zero'):
        return
    size = backbone.image_size
    largest = (size, size) if isinstance(size, int) else tuple(size)
    test = cfg.model.test_cfg
    if test.mode == 'whole':
        raise ConfigError(
            f"model.test_cfg.mode is 'whole', but relative tables are made for {largest[0]}x{largest[1]} pixels; use "
            f'dict(mode=slide, crop_size={largest}, stride=...)'
        )
    crops = {'model.test_cfg.crop_size': test.crop_size}
    for i, step in enumerate(cfg.train_dataloader.dataset.pipeline):
        if step.get('crop_size'):
            crops[f'train_dataloader.dataset.pipeline.{i}.crop_size'] = step['crop_size']
    if cfg.model.data_preprocessor.get('size'):
        crops['model.data_preprocessor.size'] = cfg.model.data_preprocessor['size']
    for name, crop in crops.items():
        if any(side > most for side, most in zip(crop, largest)):
            raise ConfigError(
                f'{name} is {tuple(crop)}, larger than model.backbone.image_size {largest} that relative tables are '
                'made for; make them equal'
            )
