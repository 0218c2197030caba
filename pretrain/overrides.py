"""Overrides of config values, `{'model.masking.ratio': 0.5}`: read from words, written as words, joined and applied."""

import ast
import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pretrain.errors import ConfigError, UserError

DELETE = '_delete_'
"""Key of a section that replaces what it would else be merged into, as mmengine has it."""


def parse_overrides(pairs: Sequence[str], option: str = '--cfg-options') -> dict[str, Any]:
    """`['a.b=1', 'c=[1,2]', 'd=word']` to a dict of Python values. UserError for a pair without `=`.

    `None` is Python's; `none` is a word, as several options have it for a value.
    """
    found = {}
    for pair in pairs:
        key, equals, text = pair.partition('=')
        if not equals or not key:
            raise UserError(f'{option} takes KEY=VALUE pairs, not {pair!r}')
        found[key] = _literal(text)
    return found


def override_words(overrides: Mapping[str, Any]) -> list[str]:
    """The words that `parse_overrides` reads as these overrides, sorted.

    Raises ConfigError for a value that is no plain value of Python, such as infinity or a date.
    """
    words = []
    for key, value in sorted(overrides.items()):
        text = value if isinstance(value, str) and _literal(value) == value else repr(value)
        if _literal(text) != value:
            raise ConfigError(f'{key} is {value!r}, which no command line can say; write it into a config of your own')
        words.append(f'{key}={text}')
    return words


def join_overrides(*given: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides that are applied one after the other, as one dict in which no key lies within another.

    A section is merged into what came before, or replaces it where it has `_delete_`. Raises ConfigError for a key
    within a value that is no section.
    """
    found: dict[str, Any] = {}
    for overrides in given:
        for key, value in overrides.items():
            around = next((outer for outer in found if key.startswith(f'{outer}.')), key)
            if around != key:
                if not isinstance(found[around], Mapping):
                    raise ConfigError(f'{key} is set, and {around} is {found[around]!r}; set one of them')
                value = _nested(key[len(around) + 1 :], value)
            for name in [name for name in found if name.startswith(f'{around}.')]:
                before = _nested(name[len(around) + 1 :], found.pop(name))
                found[around] = _merged(found.get(around, {}), before)
            found[around] = _merged(found.get(around), copy.deepcopy(value))
    return found


def apply_overrides(cfg: Any, overrides: Mapping[str, Any]) -> None:
    """Change an mmengine Config in place. Raises TypeError, KeyError, IndexError or ConfigError where they do not fit.

    `overrides` stay as they are, though mmengine takes `_delete_` out of what it merges.
    """
    cfg.merge_from_dict(join_overrides(overrides))


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text.title() if text in ('true', 'false') else text)
    except (ValueError, SyntaxError):
        return text


def _nested(path: str, value: Any) -> dict[str, Any]:
    """`{'a': {'b': value}}` of 'a.b'."""
    for name in reversed(path.split('.')):
        value = {name: value}
    return value


def _merged(low: Any, high: Any) -> Any:
    """A section over another, its own keys first; anything else replaces what was there."""
    if not (isinstance(low, Mapping) and isinstance(high, Mapping)) or high.get(DELETE):
        return high
    return {**low, **{name: _merged(low.get(name), value) for name, value in high.items()}}
