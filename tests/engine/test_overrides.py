"""Overrides: words that say what was meant, and sections over keys within them."""

import copy
import datetime
import math

import pytest
from mmengine.config import Config

from pretrain.errors import ConfigError
from pretrain.overrides import apply_overrides, join_overrides, override_words, parse_overrides

pytestmark = pytest.mark.unit

VALUES = [
    '224',
    '1e-3',
    'true',
    'none',
    'None',
    'a word',
    "it's",
    3,
    0.5,
    True,
    None,
    [1, 'x'],
    {'a': (1, 2)},
    '[1',
    '',
]


@pytest.mark.parametrize('value', VALUES, ids=repr)
def test_words_are_read_as_what_was_written(value) -> None:
    found = parse_overrides(override_words({'a.b': value}))
    assert found == {'a.b': value} and type(found['a.b']) is type(value)


@pytest.mark.parametrize('value', [math.inf, math.nan, [1, math.inf], datetime.date(2024, 1, 2)], ids=repr)
def test_what_no_word_can_say_is_refused(value) -> None:
    with pytest.raises(ConfigError, match=r'^a\.b is .* no command line can say'):
        override_words({'a.b': value})


MASKING = {'type': 'RandomMasking', 'ratio': 0.75, 'rounding': 'floor'}


@pytest.mark.parametrize(
    ('given', 'joined', 'expected'),
    [
        ([{'m.ratio': 0.6}, {'m.ratio': 0.5}], {'m.ratio': 0.5}, {**MASKING, 'ratio': 0.5}),
        ([{'m.ratio': 0.6}, {'m': {'ratio': 0.4}}], {'m': {'ratio': 0.4}}, {**MASKING, 'ratio': 0.4}),
        ([{'m.rounding': 'up'}, {'m': {'ratio': 0.4}}], {'m': {'rounding': 'up', 'ratio': 0.4}}, None),
        ([{'m.ratio': 0.6}, {'m': {'type': 'Grid', '_delete_': True}}], None, {'type': 'Grid'}),
        ([{'m': {'type': 'Grid', '_delete_': True}}, {'m.step': 2}], None, {'type': 'Grid', 'step': 2}),
        ([{'m': {'ratio': 0.4}}, {'m': {'rounding': 'up'}}], {'m': {'ratio': 0.4, 'rounding': 'up'}}, None),
        ([{'m.ratio': 0.6}, {'m': None}], {'m': None}, None),
        ([{'m.a.b': 1, 'm.a.c': 2}, {'m.a': {'b': 3}}], {'m.a': {'b': 3, 'c': 2}}, None),
    ],
)
def test_the_later_wins_as_if_applied_one_after_the_other(given, joined, expected) -> None:
    found = join_overrides(*given)
    assert joined is None or found == joined
    words = parse_overrides(override_words(found))
    one, by_words, in_turn = (Config({'m': dict(MASKING)}) for _ in range(3))
    apply_overrides(one, found)
    apply_overrides(by_words, words)
    for overrides in given:
        in_turn.merge_from_dict(copy.deepcopy(overrides))
    assert one.to_dict() == by_words.to_dict() == in_turn.to_dict()
    assert expected is None or one.to_dict() == {'m': expected}


def test_what_is_given_stays_as_it_is() -> None:
    """A default of one study must not become that of the next."""
    section, inner = {'m': {'type': 'Grid', '_delete_': True}}, {'m.step': {'x': 1}}
    for _ in range(2):
        cfg = Config({'m': dict(MASKING)})
        apply_overrides(cfg, join_overrides(section, inner))
        assert cfg.to_dict() == {'m': {'type': 'Grid', 'step': {'x': 1}}}
    assert section == {'m': {'type': 'Grid', '_delete_': True}} and inner == {'m.step': {'x': 1}}


def test_a_key_within_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match=r'm\.ratio is set, and m is None'):
        join_overrides({'m': None}, {'m.ratio': 0.5})
