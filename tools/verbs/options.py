"""Options that several verbs share."""

import argparse
import ast
from pathlib import Path

from pretrain.errors import UserError


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Options of every verb that trains."""
    parser.add_argument('config', help='config file; `mimbench list configs` shows them')
    parser.add_argument('--work-dir', help='run directory; default: a folder in runs/ named after the config')
    parser.add_argument('--seed', type=int, help='seed of data order, augmentation and initialisation; default 0')
    parser.add_argument('--launcher', choices=('none', 'pytorch', 'slurm'), help='default: found from the environment')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override config values: model.masking.ratio=0.5',
    )


def parse_overrides(pairs: list[str], option: str = '--cfg-options') -> dict:
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


def _literal(text: str):
    try:
        return ast.literal_eval(text.title() if text in ('true', 'false') else text)
    except (ValueError, SyntaxError):
        return text


def default_folder(config: str) -> Path:
    """`runs/<config name>`, or `runs/mini/<config name>`: a recipe and its twin have the same name."""
    path = Path(config)
    return Path('runs') / ('mini' if path.parent.name == 'mini' else '') / path.stem


def add_card_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--card', metavar='FILE', help='dataset_card.json, or its folder: what `mimbench card` measured of the images'
    )
