"""Suites: which transfers a checkpoint is measured by, as small YAML files in `suites/`."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from benchmark.command import ROOT
from benchmark.drawn import DRAWN, Place, draw
from pretrain.errors import UserError
from pretrain.overrides import join_overrides

FOLDER = Path(__file__).with_name('suites')
Model = TypeVar('Model', bound=BaseModel)
Kind = Literal['image', 'clip', 'points', 'volume']


class Strict(BaseModel):
    model_config = ConfigDict(extra='forbid')


class Entry(Strict):
    """One transfer of a suite."""

    name: str = Field(pattern=r'^[a-z0-9-]+$')
    config: str = Field(description='path from the root of mimbench, or from the working folder')
    takes: list[Kind] = Field(description='kinds of checkpoint that the config takes', min_length=1)
    data: str | None = Field(default=None, description="name of a data set; None for the config's own")
    options: dict[str, Any] = Field(default_factory=dict, description='as --cfg-options')

    @field_validator('options')
    @classmethod
    def _in_order(cls, options: dict[str, Any]) -> dict[str, Any]:
        return join_overrides(options)

    @property
    def path(self) -> Path:
        """The config file. UserError when there is none."""
        return find_config(self.config)


class Suite(Strict):
    """A list of transfers.

    The data set of an entry is the one that the command line names, else the drawn one of that name where `drawn` says
    so, else the one that its config names.
    """

    about: str
    drawn: bool = False
    entries: list[Entry] = Field(min_length=1)

    @field_validator('entries')
    @classmethod
    def _names_differ(cls, entries: list[Entry]) -> list[Entry]:
        if twice := repeated(entry.name for entry in entries):
            raise ValueError(f'two entries are called {twice!r}')
        return entries

    def chosen(self, names: list[str] | None) -> 'Suite':
        """Only the entries of these names. UserError for an unknown one."""
        if not names:
            return self
        if twice := repeated(names):
            raise UserError(f'entry {twice!r} is named twice')
        known = [entry.name for entry in self.entries]
        if unknown := [name for name in names if name not in known]:
            raise UserError(f'the suite has no entry {unknown[0]!r}; it has {", ".join(known)}')
        return self.model_copy(update={'entries': [e for e in self.entries if e.name in names]})

    def place(self, name: str | None, given: dict[str, Place]) -> Place:
        """Where the data set of an entry lies; an empty Place for the config's own."""
        if name in given:
            return given[name]
        return draw(name) if name in DRAWN and self.drawn else Place()


def repeated(values: Iterable[Any]) -> Any:
    """The first value that comes a second time; None without one."""
    seen: list[Any] = []
    for value in values:
        if value in seen:
            return value
        seen.append(value)
    return None


def find_config(name: str) -> Path:
    """A config by its path from the working folder or the root of mimbench. UserError when there is none."""
    for path in (Path(name), ROOT / name):
        if path.is_file():
            return path.resolve()
    raise UserError(f'{name}: no such config; `mimbench list configs` shows them')


def suite_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob('*.yaml'))


def read_suite(name: str) -> Suite:
    """A suite by its name, or by the path of a YAML file. UserError naming the line that is wrong."""
    path = FOLDER / f'{name}.yaml' if name in suite_names() else Path(name)
    if path.suffix not in ('.yaml', '.yml') or not path.is_file():
        raise UserError(f'no suite {name!r}; there are {", ".join(suite_names())}, or give the path of a YAML file')
    return parse(Suite, read_yaml(path), path)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 has `1e-3` as a number; PyYAML, of YAML 1.1, wants a point in it and would give text."""


_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float', re.compile(r'[-+]?[0-9]+[eE][-+]?[0-9]+$'), list('-+0123456789')
)


def _no_key_twice(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    if twice := repeated(key for key in keys if isinstance(key, str)):
        raise yaml.YAMLError(f'{twice!r} is there twice, on line {node.start_mark.line + 1} and after')
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


_Loader.add_constructor('tag:yaml.org,2002:map', _no_key_twice)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file. UserError where it is none."""
    try:
        return yaml.load(path.read_text(encoding='utf-8'), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f'{path}: not YAML: {" ".join(str(error).split())}') from error


def parse(kind: type[Model], content: Any, path: Path) -> Model:
    """Content of a file as a pydantic model. UserError naming file, field and what is allowed."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = '.'.join(map(str, first['loc'])) or 'the file'
        raise UserError(f'{path}: {place}: {first["msg"]}') from error
