"""Options that several verbs share."""

import argparse
from pathlib import Path


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


def default_folder(config: str) -> Path:
    """`runs/<config name>`, or `runs/mini/<config name>`: a recipe and its twin have the same name."""
    path = Path(config)
    return Path('runs') / ('mini' if path.parent.name == 'mini' else '') / path.stem


def add_card_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--card', metavar='FILE', help='dataset_card.json, or its folder: what `mimbench card` measured of the images'
    )
