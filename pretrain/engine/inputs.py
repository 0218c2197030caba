"""What a training reads beside its recipe: the recipe names files, and a file may be another one when it resumes."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from torch import distributed as dist

from pretrain.engine.processes import is_main
from pretrain.files import sha256

MOST_NAMES = 10_000
"""Of a data set that are looked at, evenly spread: a list of millions takes seconds."""


def inputs_of(model: Mapping[str, Any], dataset: Any) -> dict[str, Any]:
    """Number and names of the samples, and the sha256 of every file that the model's config names; as JSON.

    All processes get what the first one found.

    Args:
        model: config of the model, which names checkpoints, teachers and tokenizers.
        dataset: training samples; names are those of its `source`, where it has one.
    """
    found: list[dict[str, Any] | None] = [None]
    if is_main():
        files = sorted({path for path in _strings(model) if os.path.splitext(path)[1] and os.path.isfile(path)})
        found = [{'samples': len(dataset), 'names': _names(dataset), 'files': {path: sha256(path) for path in files}}]
    if dist.is_available() and dist.is_initialized():
        dist.broadcast_object_list(found)
    return found[0]  # type: ignore[return-value]


def changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """In words, how the inputs of two starts differ; None where they do not."""
    for path in then['files'].keys() | now['files'].keys():
        if then['files'].get(path) != now['files'].get(path):
            return f'{path} is another file now'
    if then['samples'] != now['samples']:
        return f'the training data has {now["samples"]:,} samples, and had {then["samples"]:,}'
    if then['names'] != now['names']:
        return 'the training data has samples of other names now'
    return None


def _names(dataset: Any) -> str:
    source: Any = getattr(dataset, 'source', None)
    if not hasattr(source, 'name'):
        return ''
    digest, count = hashlib.sha256(), len(source)
    for i in range(0, count, max(1, count // MOST_NAMES)):
        digest.update(os.path.basename(source.name(i)).encode(errors='replace') + b'\0')
    return digest.hexdigest()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)
