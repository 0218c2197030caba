"""`mimbench card`: measure what a recipe must know of a data set, and write it down beside the data."""

import argparse
import tempfile
from pathlib import Path

from pretrain.errors import ConfigError

HELP = """Count the images of a data set and measure channels, mean and standard deviation. They go into
dataset_card.json, which `mimbench pretrain --card` and `mimbench transfer --card` read.

examples:
  mimbench card data/xray --licence CC-BY-4.0
  mimbench card 'shards/*.tar' --sample 10000 --out cards/shards
  mimbench card scans.npz --value-range 0,4095"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'data', nargs='+', help='image folder, list file, .tar shards, .parquet or .npz; several add up'
    )
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='default: the data folder, or that of the data file')
    parser.add_argument('--name', help='of the data set; default: the name of the folder or file')
    parser.add_argument('--licence', default='', help='of the data: an SPDX name or a phrase')
    parser.add_argument('--channels', type=count, help='default: the most that one of a hundred images has')
    parser.add_argument('--sample', type=count, metavar='N', help='measure N images instead of all')
    parser.add_argument(
        '--value-range', type=value_range, metavar='LOW,HIGH', help='of 16-bit and float images: what becomes 0 and 1'
    )


def count(text: str) -> int:
    """A whole number from 1; argparse reports anything else."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} is no number from 1 upwards')
    return int(text)


def value_range(text: str) -> tuple[float, float]:
    """Two numbers, the smaller first; argparse reports anything else."""
    try:
        low, high = (float(part) for part in text.split(','))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is no range; write 0,4095') from error
    if low >= high:
        raise argparse.ArgumentTypeError(f'{text!r} is empty; write the smaller number first')
    return low, high


def run(args: argparse.Namespace) -> int:
    from pretrain.data.card import measure_card
    from pretrain.data.locate import joined_config
    from pretrain.registry import DATASETS, register_all

    register_all()
    first = Path(args.data[0])
    source = DATASETS.build(joined_config(args.data))
    folder = args.out or (first if first.is_dir() else first.parent)
    check_writable(folder)  # now, and not after hours of measuring
    card = measure_card(
        source,
        name=args.name or first.stem,
        channels=args.channels,
        max_images=args.sample,
        value_range=args.value_range,
        licence=args.licence,
    )
    print(f'{card.num_images:,} images, {len(card.classes) or "no"} classes, channels {card.channels}')
    print(f'mean {_numbers(card.mean)}')
    print(f'std  {_numbers(card.std)}')
    print(f'written: {card.save(folder)}')
    return 0


def check_writable(folder: Path) -> None:
    """Make the folder. Raises ConfigError where it cannot hold a file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(
            f'no card can be written into {str(folder)!r}: {error.strerror or error}; name another folder with --out'
        ) from error


def _numbers(values: tuple[float, ...]) -> str:
    return '  '.join(f'{value:.4f}' for value in values)
