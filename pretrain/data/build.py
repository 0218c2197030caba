"""Data sets from configs: ours, and those of OpenMMLab's frameworks made to behave like ours."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mmengine.dataset import BaseDataset

from pretrain.data.openmmlab import OpenMMLabSet
from pretrain.registry import DATASETS

_kept: dict[str, Any] | None = None


def build_dataset(cfg: Mapping[str, Any]) -> Any:
    """The data set of a config; inside `shared_datasets`, the same object for the same config."""
    key = json.dumps(cfg, sort_keys=True, default=repr)
    if _kept is not None and key in _kept:
        return _kept[key]
    dataset = DATASETS.build(dict(cfg))
    if isinstance(dataset, BaseDataset):
        dataset = OpenMMLabSet(dataset)
    if _kept is not None:
        _kept[key] = dataset
    return dataset


@contextmanager
def shared_datasets() -> Iterator[None]:
    """Reads every annotation file once, although checks, training and evaluation each ask for their data set."""
    global _kept
    before, _kept = _kept, {} if _kept is None else _kept
    try:
        yield
    finally:
        _kept = before
