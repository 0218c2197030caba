"""`mimbench pretrain`: train an encoder from a recipe."""

import argparse
from pathlib import Path

from pretrain.errors import UserError
from tools.verbs.options import add_card_option, add_run_options, default_folder

HELP = """Pre-train an encoder. The run directory gets checkpoints, metrics.jsonl, TensorBoard logs, reconstruction
pictures, and at the end encoder.safetensors. Started again with --resume it continues exactly where it stopped; after
SIGTERM or SIGUSR1 it saves and exits with code 75."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        '--data',
        action='append',
        metavar='PATH',
        help='image folder, list file, .tar shards, .parquet, .npz or dataset.json instead of the data of the config; '
        'repeatable',
    )
    add_card_option(parser)
    parser.add_argument(
        '--resume', action='store_true', help='continue from the newest checkpoint of the run directory'
    )


def run(args: argparse.Namespace) -> int:
    from pretrain.data.card import load_card, use_card
    from pretrain.data.locate import place_data
    from pretrain.engine.checkpointing import finished
    from pretrain.engine.launch import launch, load_config
    from pretrain.engine.processes import leave_processes
    from pretrain.occupancy import LINGER_SECONDS, occupy
    from pretrain.overrides import parse_overrides

    cfg = load_config(args.config, parse_overrides(args.cfg_options))
    if args.data:
        place_data(cfg.train_dataloader.dataset, args.data)
        cfg.recipe = {**cfg.get('recipe', {}), 'data': ', '.join(args.data)}  # what the card calls data seen
    if args.card:
        use_card(cfg, load_card(args.card), 'train_dataloader')
    if args.seed is not None:
        cfg.randomness = {'seed': args.seed}
    work_dir = Path(args.work_dir) if args.work_dir else default_folder(args.config)
    if not args.resume and finished(work_dir / 'checkpoints'):
        raise UserError(
            f'{work_dir} holds checkpoints of an earlier run; --resume goes on with it, or take another --work-dir'
        )
    with occupy(work_dir, LINGER_SECONDS):
        launch(cfg, work_dir, args.resume, args.launcher).train()
        leave_processes()
    return 0
