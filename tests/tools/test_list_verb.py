"""`mimbench list` reads names and docstrings; it never runs a config."""

import json
from pathlib import Path

import pytest

from pretrain.errors import UserError
from tools.verbs.list import find_configs, matching, parse_name, summary

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ('stem', 'fields'),
    [
        (
            'mae_vit-base-p16_dec512x8_8xb512-800e_in1k',
            ('mae', 'vit-base-p16', 'dec512x8', 8, 512, '800e', 'in1k'),
        ),
        ('a2mim_resnet50_pixelshuffle_8xb256-300e_in1k', ('a2mim', 'resnet50', 'pixelshuffle', 8, 256, '300e', 'in1k')),
        ('mae_vit-base_1xb32-amp-10e_in1k-192px', ('mae', 'vit-base', None, 1, 32, 'amp-10e', 'in1k-192px')),
    ],
)
def test_names_are_read(stem: str, fields: tuple) -> None:
    parsed = parse_name(stem)
    assert tuple(parsed[k] for k in ('method', 'arch', 'head', 'gpus', 'batch', 'schedule', 'dataset')) == fields


@pytest.mark.parametrize('stem', ['mae', 'mae_vit', 'mae_vit_8xb-800e_in1k', '_base_', 'mae_vit_xb4-1e_in1k'])
def test_other_names_give_nothing(stem: str) -> None:
    assert parse_name(stem) == {}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    base = tmp_path / 'pretrain' / 'configs'
    (base / 'mini').mkdir(parents=True)
    (base / '_base_').mkdir()
    name = 'mae_vit-base-p16_dec512x8_8xb512-800e_in1k.py'
    (base / name).write_text('"""MAE, published.\n\nMore."""\nraise SystemExit("a config was executed")\n')
    (base / 'mini' / name).write_text('"""MAE, on a CPU."""\n')
    (base / 'mini' / 'simmim_swin_linear_1xb8-1e_demo.py').write_text('x = 1\n')
    (base / '_base_' / 'data.py').write_text('"""A part."""\n')
    (base / 'broken_vit_linear_1xb8-1e_demo.py').write_text('def (:\n')
    return tmp_path


def test_parts_are_left_out_and_twins_are_found(tree: Path) -> None:
    configs = {(config.name, config.mini): config for config in find_configs(tree)}
    assert len(configs) == 4
    published = configs['mae_vit-base-p16_dec512x8_8xb512-800e_in1k', False]
    assert (published.summary, published.has_mini, published.gpus) == ('MAE, published.', True, 8)
    assert published.path == f'pretrain/configs/{published.name}.py'
    assert not configs['mae_vit-base-p16_dec512x8_8xb512-800e_in1k', True].has_mini
    assert configs['broken_vit_linear_1xb8-1e_demo', False].summary.startswith('unreadable')


def test_patterns(tree: Path) -> None:
    configs = find_configs(tree)
    assert {c.method for c in matching(configs, 'mae')} == {'mae'}
    assert {c.method for c in matching(configs, '*_linear_*')} == {'simmim', 'broken'}
    assert matching(configs, None) == configs
    with pytest.raises(UserError, match=r"no config matches 'simmin'; near it: simmim"):
        matching(configs, 'simmin')


def test_no_docstring_gives_an_empty_summary(tree: Path) -> None:
    assert summary(tree / 'pretrain/configs/mini/simmim_swin_linear_1xb8-1e_demo.py') == ''


def test_json_and_text_name_the_same_configs(mimbench) -> None:
    rows = json.loads(mimbench('list', '--json').stdout)
    text = mimbench('list').stdout
    assert rows
    assert all(row['name'] in text for row in rows)
    assert {'name', 'path', 'folder', 'summary', 'method', 'arch', 'gpus', 'batch', 'schedule', 'has_mini'} <= set(
        rows[0]
    )


@pytest.mark.parametrize('kind', ['methods', 'archs', 'datasets'])
def test_counts_add_up(mimbench, kind: str) -> None:
    counted = sum(row['configs'] for row in json.loads(mimbench('list', kind, '--json').stdout))
    assert counted == sum(not config.mini for config in find_configs())


def test_unknown_kind_is_a_mistake(mimbench) -> None:
    done = mimbench('list', 'things', 'mae')
    assert done.returncode == 2
    assert "cannot list 'things'" in done.stderr
