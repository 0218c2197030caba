"""`mimbench pretrain`: train an encoder from a recipe."""

import argparse
from pathlib import Path

from tools.verbs.options import add_run_options, parse_overrides

HELP = """Pre-train an encoder. The run directory gets checkpoints, metrics.jsonl, TensorBoard logs, reconstruction
pictures, and at the end encoder.safetensors. Started again with --resume it continues exactly where it stopped; after
SIGTERM or SIGUSR1 it saves and exits with code 75."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser)
    parser.add_argument(
        '--data',
        action='append',
        metavar='PATH',
        help='image folder, list file, .tar shards, .parquet or .npz instead of the data of the config; repeatable',
    )
    parser.add_argument(
        '--card', metavar='FILE', help='dataset_card.json, or its folder: channels, mean and std of the data'
    )
    parser.add_argument(
        '--resume', action='store_true', help='continue from the newest checkpoint of the run directory'
    )


def run(args: argparse.Namespace) -> int:
    from pretrain.data.card import load_card
    from pretrain.data.locate import joined_config
    from pretrain.engine.launch import launch, load_config
    from pretrain.engine.processes import leave_processes

    cfg = load_config(args.config, parse_overrides(args.cfg_options))
    if args.data:
        cfg.train_dataloader.dataset.source = joined_config(args.data)
        cfg.recipe = {**cfg.get('recipe', {}), 'data': ', '.join(args.data)}  # what the card calls data seen
    if args.card:
        use_card(cfg, load_card(args.card))
    if args.seed is not None:
        cfg.randomness = {'seed': args.seed}
    work_dir = args.work_dir or Path('runs') / Path(args.config).stem
    launch(cfg, work_dir, args.resume, args.launcher).train()
    leave_processes()
    return 0


def use_card(cfg, card) -> None:
    """Write what a DatasetCard says of its images into a pre-training config."""
    cfg.model.update(channels=card.channels, mean=list(card.mean), std=list(card.std))
    cfg.train_dataloader.dataset.update(channels=card.channels, value_range=card.value_range)
