"""`mimbench transfer`: measure a checkpoint on a downstream task."""

import argparse
from pathlib import Path

from tools.verbs.options import add_card_option, add_run_options, default_folder

HELP = """Measure a checkpoint, or its random control, on the task of a transfer config. The run directory gets
result.json when everything is done: scores, protocol, load report, provenance. A run that was stopped goes on when the
same command is given again; a finished one is not run again, its scores are printed.

examples:
  mimbench transfer CONFIG --checkpoint encoder.safetensors --work-dir runs/mae
  mimbench transfer CONFIG --checkpoint random --like encoder.safetensors --work-dir runs/random"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        '--checkpoint', required=True, metavar='FILE', help="a checkpoint of any known format, or 'random': the control"
    )
    parser.add_argument('--like', metavar='FILE', help='with --checkpoint random: the same network as in this file')
    parser.add_argument('--data', metavar='TRAIN', help='training data instead of that of the config')
    parser.add_argument('--val', metavar='VAL', help='validation data instead of that of the config')
    add_card_option(parser)
    parser.add_argument(
        '--allow-missing',
        action='append',
        default=[],
        metavar='PATTERN',
        help='tensors that the checkpoint may lack; recorded; repeatable',
    )
    parser.add_argument(
        '--force',
        action='store_true',
        help='forget an earlier run in the same directory, but for one that --force began and a signal stopped',
    )


def run(args: argparse.Namespace) -> int:
    from pretrain.engine.launch import load_config
    from pretrain.engine.processes import is_main
    from pretrain.engine.transfer import RANDOM, Request, run_transfer
    from pretrain.overrides import parse_overrides

    cfg = load_config(args.config, parse_overrides(args.cfg_options))
    if args.seed is not None:
        cfg.randomness = {'seed': args.seed}
    request = Request(
        checkpoint=args.checkpoint if args.checkpoint == RANDOM else recorded_path(args.checkpoint),
        work_dir=Path(args.work_dir) if args.work_dir else default_work_dir(args),
        data=args.data,
        val=args.val,
        card=args.card,
        like=args.like and recorded_path(args.like),
        allow_missing=tuple(args.allow_missing),
        force=args.force,
        launcher=args.launcher,
        command=args.command_line,
    )
    result, fresh = run_transfer(cfg, request)
    if is_main():
        print(summary(result, fresh, request.work_dir))
    return 0


def recorded_path(file: str) -> str:
    """A checkpoint's path that means the same file from any folder. A link to the file stays, for its name is shown."""
    path = Path(file)
    return str(path.parent.resolve() / path.name)


def default_work_dir(args: argparse.Namespace) -> Path:
    """`<checkpoint>-seed<n>` in the config's folder; an encoder.safetensors is named after its run directory."""
    from benchmark.store import checkpoint_name

    return default_folder(args.config) / f'{checkpoint_name(args.checkpoint)}-seed{args.seed or 0}'


def summary(result, fresh: bool, work_dir: Path) -> str:
    """The scores and where they are, in two lines."""
    scores = '  '.join(f'{name} {value:.4f}' for name, value in result.scores.items())
    state = 'done' if fresh else 'was done before (--force runs it again)'
    published = result.recipe.get('published', {}).get(result.protocol.metric)
    beside = f'  (published: {published:g})' if published is not None else ''
    return f'{scores}{beside}\n{state}: {work_dir / "result.json"}'
