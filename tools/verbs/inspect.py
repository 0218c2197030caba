"""`mimbench inspect`: what a checkpoint is, and what becomes of each of its tensors."""

import argparse
import json
import sys

HELP = 'say what a checkpoint is and account for each of its tensors'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='an exchange checkpoint, or a foreign one of any known family')
    parser.add_argument('--json', action='store_true', help='machine-readable: family, arch, card, tensors, coverage')
    add_reading_options(parser)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """What any verb that opens a checkpoint lets the user say about it."""
    parser.add_argument('--student', action='store_true', help='of a teacher-student file, take the student')
    parser.add_argument(
        '--arch-args',
        type=arch_args,
        default={},
        metavar='JSON',
        help='what the file cannot tell: \'{"num_heads": 3}\'',
    )


def arch_args(text: str) -> dict:
    """The JSON object given to `--arch-args`; argparse reports anything else."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f'{text!r} is not JSON ({error}); write \'{{"num_heads": 3}}\'') from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is not a JSON object; write \'{{"num_heads": 3}}\'')
    return value


def run(args: argparse.Namespace) -> int:
    from pretrain.checkpoint.load import open_checkpoint

    opened = open_checkpoint(args.file, student=args.student, arch_args=args.arch_args)
    if args.json:
        print(json.dumps(summary(opened), indent=2))
    elif sys.stdout.isatty():
        _print_rich(opened)
    else:
        _print_plain(opened)
    return 0


def summary(opened) -> dict:
    """`renamed` holds `{source, target}` (several sources joined by ` + `), `resized` `{target, from, to}`, `dropped`
    `{name, reason}`; the other lists hold names. `loaded` includes the renamed and the resized."""
    return {
        'family': opened.card.family,
        'arch': opened.card.arch,
        'card': opened.card.model_dump(mode='json'),
        'tensors': opened.report.tensors(),
        'coverage': opened.report.coverage,
    }


def _rows(opened) -> list[tuple[str, str]]:
    """The facts worth reading, unknown ones as such."""
    card = opened.card
    positions = card.position + (' + relative tables' if card.relative_bias and card.position != 'relative' else '')
    grid = f'{"x".join(map(str, card.grid))} tokens' if card.grid else 'any'
    return [
        ('file', str(opened.path)),
        ('sha256', opened.sha256),
        ('family', card.family),
        ('method', card.method),
        ('architecture', card.arch),
        ('arguments', json.dumps(card.arch_args)),
        ('grid', f'{grid}, {card.prefix_tokens} prefix, patch {"x".join(map(str, card.patch)) or "none"}'),
        ('positions', positions),
        ('channels', f'{card.channels}, mean {_known(card.mean)}, std {_known(card.std)}'),
        ('initial stage', card.initial_stage),
        ('data seen', f'{_known(card.data_seen)}; tokenizer or teacher: {_known(card.teacher_data)}'),
        ('epochs', _known(card.epochs)),
        ('source', f'{_known(card.source_file)}, licence {_known(card.source_licence)}'),
        ('tensors', opened.report.line()),
        ('notes', '; '.join(card.notes) or 'none'),
    ]


def _known(value) -> str:
    if isinstance(value, tuple | list):
        return ' '.join(f'{v:g}' for v in value)
    return 'unknown' if value is None else str(value)


def _reasons(opened) -> list[str]:
    """Dropped tensors, counted by reason."""
    counts: dict[str, list[str]] = {}
    for entry in opened.report.dropped:
        counts.setdefault(entry['reason'], []).append(entry['name'])
    return [f'{len(n)} dropped ({n[0]}{", ..." if len(n) > 1 else ""}): {reason}' for reason, n in counts.items()]


def _print_plain(opened) -> None:
    for name, value in _rows(opened):
        print(f'{name:14} {value}')
    for line in _reasons(opened):
        print(f'{"":14} {line}')


def _print_rich(opened) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style='bold')
    table.add_column(overflow='fold')
    for name, value in _rows(opened):
        table.add_row(name, value)
    for line in _reasons(opened):
        table.add_row('', line, style='dim')
    Console(highlight=False, markup=False).print(table)
