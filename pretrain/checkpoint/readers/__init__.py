"""Readers of foreign checkpoints, one family per file.

A reader is a module of this package with `FAMILY: str`, `detect(source) -> int` and `read(source) -> Reading`. `detect`
looks at the names (and shapes) of tensors, never at the file's name, and answers how specific its match is: 0 for no,
higher for a more telling sign. The highest answer reads the file. Adding a family is adding a file.
"""

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from pretrain.checkpoint.readers.reading import Reading
from pretrain.checkpoint.source import Source
from pretrain.errors import CheckpointError


@cache
def readers() -> dict[str, ModuleType]:
    """Every reader module by its family name."""
    modules = [importlib.import_module(f'{__name__}.{info.name}') for info in pkgutil.iter_modules(__path__)]
    return {module.FAMILY: module for module in modules if hasattr(module, 'FAMILY')}


def read(source: Source) -> Reading:
    """Let the family that recognises `source` read it. CheckpointError when none does."""
    scores = {family: reader.detect(source) for family, reader in readers().items()}
    family = max(scores, key=lambda name: scores[name])
    if scores[family] == 0:
        first = ', '.join(sorted(source.state)[:4])
        raise CheckpointError(
            f'{source.path} is of no known family (tensors: {first}, ...); known: {", ".join(sorted(scores))}; '
            'rename the tensors to timm names, or add a reader'
        )
    return readers()[family].read(source)
