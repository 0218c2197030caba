"""`mimbench convert`: any known checkpoint to an exchange file, at its own or another image size."""

import argparse
from pathlib import Path

from tools.verbs.inspect import add_reading_options, arch_args

HELP = 'turn a foreign checkpoint into an exchange file'

# Fields of the card that a file rarely tells and its user may know.
FACTS = ('method', 'initial_stage', 'data_seen', 'teacher_data', 'epochs', 'source_licence', 'mean', 'std')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='the checkpoint to read')
    parser.add_argument('out', help='the .safetensors file to write')
    parser.add_argument(
        '--image-size', type=image_size, metavar='HxW', help='resize positions and tables to this input'
    )
    parser.add_argument(
        '--inflate',
        type=arch_args,
        metavar='JSON',
        help='make an image checkpoint one of clips or volumes of --image-size: \'{"patch": 2, "rule": "mean"}\'',
    )
    parser.add_argument(
        '--allow-missing',
        action='append',
        default=[],
        metavar='PATTERN',
        help='tensors that the file may lack; recorded',
    )
    parser.add_argument(
        '--fact',
        action='append',
        default=[],
        metavar='KEY=VALUE',
        help=f'what you know of the source: {", ".join(FACTS)}',
    )
    add_reading_options(parser)


def image_size(text: str) -> tuple[int, ...]:
    """`224` or `224x320`, height first; of clips `16x224x224`. argparse reports anything else."""
    parts = text.lower().split('x')
    if len(parts) > 3 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise argparse.ArgumentTypeError(f'{text!r} is no size; write 224, 224x320 (height x width) or 16x224x224')
    return (int(parts[0]),) * 2 if len(parts) == 1 else tuple(map(int, parts))


def run(args: argparse.Namespace) -> int:
    from pretrain.checkpoint import exchange
    from pretrain.checkpoint.load import at_size, open_checkpoint
    from pretrain.errors import ConfigError

    if Path(args.out).suffix != '.safetensors':
        raise ConfigError(f'{args.out} does not end in .safetensors; exchange files do')
    opened = open_checkpoint(args.file, args.student, args.arch_args, args.allow_missing)
    if args.inflate is not None:
        opened = _inflated(opened, args.image_size, args.inflate)
    elif args.image_size:
        opened = at_size(opened, args.image_size, args.allow_missing)
    card = with_facts(opened.card, args.fact)
    digest = exchange.write(args.out, opened.state, card)
    print(f'{args.out}: {card.family} {card.arch}, {opened.report.line()}, sha256 {digest}')
    return 0


def _inflated(opened, size: tuple[int, ...] | None, rules: dict):
    """The checkpoint over three axes. Raises ConfigError for a missing size and for rules that do not exist."""
    from pretrain.checkpoint.inflate import inflate
    from pretrain.errors import ConfigError

    if size is None or len(size) != 3:
        raise ConfigError('--inflate needs the size of the clips or volumes: --image-size 16x224x224')
    try:
        return inflate(opened, size, **rules)
    except TypeError as error:
        raise ConfigError(f'--inflate {rules}: {error}; it takes patch, rule, position, prefix, channels') from error


def with_facts(card, facts: list[str]):
    """The card with `KEY=VALUE` facts given by the user. Raises ConfigError for an unknown key or a wrong value."""
    from pydantic import ValidationError

    from pretrain.errors import ConfigError

    fields = card.model_dump()
    for fact in facts:
        key, equals, value = fact.partition('=')
        if key not in FACTS or not equals:
            raise ConfigError(f'--fact {fact!r} is not KEY=VALUE with KEY one of {", ".join(FACTS)}')
        fields[key] = value.split(',') if key in ('mean', 'std') else value
    try:
        return type(card).model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f'--fact {first["loc"][0]}={first["input"]!r}: {first["msg"]}') from error
